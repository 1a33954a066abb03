"""Verdicts on a delay, and delays in words."""

from __future__ import annotations

from enum import StrEnum

SOUND_EARLY_LIMIT_MS, SOUND_LATE_LIMIT_MS = 40.0, 60.0
"""In sync: audio at most 40 ms early or 60 ms late, end to end (EBU Recommendation R37-2007)."""


CANNOT_TELL_BELOW = 0.5
"""Minimum confidence for a verdict: the delay is more likely right (within 40 ms) than wrong."""


class Verdict(StrEnum):
    """The three answers; the values are those of the JSON output."""

    IN_SYNC = "in-sync"
    OUT_OF_SYNC = "out-of-sync"
    CANNOT_TELL = "cannot-tell"

    @property
    def words(self) -> str:
        """The value without hyphens."""
        return self.value.replace("-", " ")


def classify_delay(delay_ms: float, confidence: float) -> Verdict:
    """Return the verdict on a delay (positive: audio is late) with this confidence."""
    if confidence < CANNOT_TELL_BELOW:
        return Verdict.CANNOT_TELL
    if -SOUND_EARLY_LIMIT_MS <= delay_ms <= SOUND_LATE_LIMIT_MS:
        return Verdict.IN_SYNC
    return Verdict.OUT_OF_SYNC


def format_delay(delay_ms: float) -> str:
    """Return the delay with its sign in words: ``120 ms late``, ``40 ms early``, ``0 ms off``."""
    rounded = round(delay_ms)
    if rounded == 0:
        return "0 ms off"
    return f"{abs(rounded)} ms {'late' if rounded > 0 else 'early'}"


def format_time(seconds: float) -> str:
    """Return a time in a file as mm:ss, or h:mm:ss from an hour on."""
    whole = round(seconds)
    minutes, seconds_left = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours}:{minutes_left:02}:{seconds_left:02}" if hours else f"{minutes}:{seconds_left:02}"
