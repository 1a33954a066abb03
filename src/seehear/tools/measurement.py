"""What `seehear sync` finds out about one file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seehear.media.sound_part import SoundPart
from seehear.tools.drift import WRONG_SPEED_MS, Drift, Segment
from seehear.tools.offset import Curve
from seehear.tools.verdict import Verdict, delay_in_words, time_in_words


@dataclass(frozen=True)
class TrackDelay:
    """The delay measured on one face, from its first picture to its last.

    Attributes:
        track: number of the face in the file.
        start_s, end_s: on the file's clock.
        delay_ms: positive: the sound is late.
        confidence: the probability that this delay is right; low for somebody who does not speak.
        curve: agreement against delay, summed over the face's pieces.
    """

    track: int
    start_s: float
    end_s: float
    delay_ms: float
    confidence: float
    curve: Curve = field(repr=False)


@dataclass(frozen=True)
class OtherSound:
    """What was measured on a sound of the file that agrees less with the lips than the one that was chosen.

    Attributes:
        part: which sound.
        delay_ms: its best delay; None where there was nothing to measure.
        confidence: the probability that this delay is right.
    """

    part: SoundPart
    delay_ms: float | None
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """An entry of ``other_sounds``."""
        delay_ms, confidence = _rounded(self.delay_ms), round(self.confidence, 4)
        return {**self.part.to_json(), "delay_ms": delay_ms, "confidence": confidence}


@dataclass(frozen=True)
class Measurement:
    """The delay of a file's sound and what it rests on.

    Attributes:
        path: the file.
        verdict: in sync, out of sync or cannot tell.
        reason: why, in one sentence.
        delay_ms: positive: the sound is late. Given with every verdict that has a curve behind it, so with
            "cannot tell" it may be a mere best guess; None where there was nothing to measure.
        confidence: the probability that ``delay_ms`` is right; 0 where there was nothing to measure.
        calibrated: whether the model brought the calibration that makes the confidence a probability.
        search_s: delays up to this were looked at, both ways.
        faces_s: seconds of faces that were listened to, over all tracks.
        tracks: one per face, by start.
        segments: the delay along the file, in stretches of at most ten seconds.
        drift: how the delay changes; None where the file is too short to say.
        detector: name of the face detector; None where no faces were looked for.
        curve: agreement against delay of the whole file, drift taken out.
        sound: which sound of the file this is about; None where there was none to measure.
        other_sounds: the others that were compared with the lips, too.
        cautions: what the user should know of how the sound was chosen or mixed, a sentence each.
    """

    path: Path
    verdict: Verdict
    reason: str
    delay_ms: float | None = None
    confidence: float = 0.0
    calibrated: bool = True
    search_s: float = 1.0
    faces_s: float = 0.0
    tracks: tuple[TrackDelay, ...] = ()
    segments: tuple[Segment, ...] = ()
    drift: Drift | None = None
    detector: str | None = None
    curve: Curve | None = field(default=None, repr=False)
    sound: SoundPart | None = None
    other_sounds: tuple[OtherSound, ...] = ()
    cautions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "file": str(self.path),
            "delay_ms": _rounded(self.delay_ms),
            "confidence": round(self.confidence, 4),
            "verdict": self.verdict.value,
            "reason": self.reason,
            "tracks": [
                {
                    "track": track.track,
                    "start_s": round(track.start_s, 3),
                    "end_s": round(track.end_s, 3),
                    "delay_ms": _rounded(track.delay_ms),
                    "confidence": round(track.confidence, 4),
                }
                for track in self.tracks
            ],
            "drift": None if self.drift is None else _drift_json(self.drift),
            "search_s": self.search_s,
            "faces_s": round(self.faces_s, 2),
            "calibrated": self.calibrated,
            "sound": None if self.sound is None else self.sound.to_json(),
            "other_sounds": [other.to_json() for other in self.other_sounds],
            "cautions": list(self.cautions),
            "detector": self.detector,
        }


def drift_in_words(drift: Drift) -> str:
    """The drift as a clause: ``none``, ``+12.0 ms a minute ...`` or ``changes at 3:20 ...``."""
    if drift.jumps:
        return "; ".join(
            f"changes at {time_in_words(at)} from {delay_in_words(before)} to {delay_in_words(after)}"
            for at, before, after in drift.jumps
        )
    if drift.ms_per_minute == 0:
        return "none: the delay is the same from start to end"
    speed = ""
    if abs(drift.ms_per_minute) >= 60 * WRONG_SPEED_MS:
        percent = 100 * (1 / (1 + drift.ms_per_minute / 60_000) - 1)
        speed = f"; the sound plays {abs(percent):.1f} % too {'fast' if percent > 0 else 'slow'}"
    return (
        f"{drift.ms_per_minute:+.1f} ms a minute: "
        f"{delay_in_words(drift.at_start_ms)} at {time_in_words(drift.first_s)}, "
        f"{delay_in_words(drift.at_end_ms)} at {time_in_words(drift.last_s)}, the end of what was measured{speed}"
    )


def _drift_json(drift: Drift) -> dict[str, Any]:
    return {
        "ms_per_minute": round(drift.ms_per_minute, 3),
        "at_start_ms": _rounded(drift.at_start_ms),
        "at_end_ms": _rounded(drift.at_end_ms),
        "changes": [
            {"at_s": round(at, 2), "before_ms": _rounded(before), "after_ms": _rounded(after)}
            for at, before, after in drift.jumps
        ],
    }


def _rounded(delay_ms: float | None) -> float | None:
    return None if delay_ms is None else round(delay_ms, 1) + 0.0  # + 0.0: no negative zero
