"""`SyncMeasurement`, `Verdict`, its table, line and plot."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seehear.apps.sync.drift import WRONG_SPEED_MS, Drift, Segment
from seehear.apps.sync.offset import AgreementCurve
from seehear.media.audio_streams import AudioStreamInfo
from seehear.metrics.calibration import MEANING, RIGHT_WITHIN_MS
from seehear.report.plots import COLOURS, INK, new_figure


@dataclass(frozen=True)
class FixResult:
    """A file that was written.

    Attributes:
        path: the new file.
        shifted_ms: by how much its sound was made earlier (negative: later).
        after: the new file, measured like the old one.
        left_out: what the new file could not keep of the old one, in words.
    """

    path: Path
    shifted_ms: float
    after: SyncMeasurement
    left_out: tuple[str, ...] = ()

    def in_words(self) -> str:
        """One sentence on what was wrong and what is left of it."""
        was, after = format_delay(self.shifted_ms), self.after
        lost = f"; not kept: {', '.join(self.left_out)}" if self.left_out else ""
        if after.delay_ms is None:
            return f"the sound was {was}; {self.path} could not be measured again{lost}"
        now = format_delay(after.delay_ms)
        said = f"the sound was {was}; in {self.path} it measures {now} (confidence {after.confidence:.2f})"
        if not _in_place(after):
            said = f"not fixed for sure: {said}"
        drift = after.drift
        changes = f", but changes along the file: {describe_drift(drift)}" if drift and drift.changes else ""
        return f"{said}{changes}{lost}"

    def to_json(self) -> dict[str, Any]:
        """The entry ``fixed`` of a file's JSON object."""
        now = self.after.to_json()
        return {
            "file": str(self.path),
            "shifted_ms": round(self.shifted_ms, 1),
            **{key: now[key] for key in ("delay_ms", "confidence", "verdict", "reason")},
            "left_out": list(self.left_out),
        }


def _in_place(after: SyncMeasurement) -> bool:
    """Whether the sound of a fixed file is surely where it belongs, in the middle of the file if the delay changes."""
    return (
        after.verdict is not Verdict.CANNOT_TELL
        and after.delay_ms is not None
        and abs(after.delay_ms) <= RIGHT_WITHIN_MS
    )


@dataclass(frozen=True)
class FileMeasurement:
    """What became of a job: a measurement, or the sentence that says why not; both where only the fix failed.

    ``search_s`` is the job's: how far it looked, or would have.
    """

    path: Path
    measurement: SyncMeasurement | None = None
    fixed: FixResult | None = None
    error: str | None = None
    search_s: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """One object of the ``--json`` output; a file that could not be read has the same keys, and ``error``."""
        measured = self.measurement or SyncMeasurement(
            self.path, Verdict.CANNOT_TELL, self.error or "", calibrated=False, search_s=self.search_s
        )
        entry = measured.to_json()
        if self.fixed:
            entry["fixed"] = self.fixed.to_json()
        if self.error:
            entry["error"] = self.error
        return entry


SOUND_EARLY_LIMIT_MS = 40.0


SOUND_LATE_LIMIT_MS = 60.0
"""In sync is: sound at most 40 ms early or 60 ms late, end to end (EBU Recommendation R37-2007)."""


CANNOT_TELL_BELOW = 0.5
"""Least confidence for a verdict: the stated delay is more likely right (within 40 ms) than wrong."""


class Verdict(StrEnum):
    """The three answers; the values are those of the JSON output."""

    IN_SYNC = "in-sync"
    OUT_OF_SYNC = "out-of-sync"
    CANNOT_TELL = "cannot-tell"

    @property
    def words(self) -> str:
        """For people: without the hyphen."""
        return self.value.replace("-", " ")


def classify_delay(delay_ms: float, confidence: float) -> Verdict:
    """The verdict on a delay (positive: sound is late) that holds with this confidence."""
    if confidence < CANNOT_TELL_BELOW:
        return Verdict.CANNOT_TELL
    if -SOUND_EARLY_LIMIT_MS <= delay_ms <= SOUND_LATE_LIMIT_MS:
        return Verdict.IN_SYNC
    return Verdict.OUT_OF_SYNC


def format_delay(delay_ms: float) -> str:
    """The delay with its sign in words: ``120 ms late``, ``40 ms early``, ``0 ms off``."""
    rounded = round(delay_ms)
    if rounded == 0:
        return "0 ms off"
    return f"{abs(rounded)} ms {'late' if rounded > 0 else 'early'}"


def format_time(seconds: float) -> str:
    """A place in a file as mm:ss, or h:mm:ss from an hour on."""
    whole = round(seconds)
    minutes, seconds_left = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours}:{minutes_left:02}:{seconds_left:02}" if hours else f"{minutes}:{seconds_left:02}"


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
    curve: AgreementCurve = field(repr=False)


@dataclass(frozen=True)
class OtherSound:
    """What was measured on a sound of the file that agrees less with the lips than the one that was chosen.

    Attributes:
        part: which sound.
        delay_ms: its best delay; None where there was nothing to measure.
        confidence: the probability that this delay is right.
    """

    part: AudioStreamInfo
    delay_ms: float | None
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """An entry of ``other_sounds``."""
        delay_ms, confidence = _rounded(self.delay_ms), round(self.confidence, 4)
        return {**self.part.to_json(), "delay_ms": delay_ms, "confidence": confidence}


@dataclass(frozen=True)
class SyncMeasurement:
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
    curve: AgreementCurve | None = field(default=None, repr=False)
    sound: AudioStreamInfo | None = None
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


def describe_drift(drift: Drift) -> str:
    """The drift as a clause: ``none``, ``+12.0 ms a minute ...`` or ``changes at 3:20 ...``."""
    if drift.jumps:
        return "; ".join(
            f"changes at {format_time(at)} from {format_delay(before)} to {format_delay(after)}"
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
        f"{format_delay(drift.at_start_ms)} at {format_time(drift.first_s)}, "
        f"{format_delay(drift.at_end_ms)} at {format_time(drift.last_s)}, the end of what was measured{speed}"
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


VERDICT_STYLES = {Verdict.IN_SYNC: "green", Verdict.OUT_OF_SYNC: "red", Verdict.CANNOT_TELL: "yellow"}


TRACKS_SHOWN = 12


def show_one(console: Console, outcome: FileMeasurement) -> None:
    """Everything about one file, with units, signs and scales in words."""
    found = outcome.measurement
    if found is None:
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    table.add_row("file", Text(str(found.path), overflow="fold"))
    table.add_row("verdict", Text(f"{found.verdict.words}: {found.reason}", style=VERDICT_STYLES[found.verdict]))
    if found.delay_ms is not None:
        table.add_row("delay", _delay(found))
        table.add_row("confidence", f"{found.confidence:.2f} ({_scale(found)})")
        table.add_row("measured on", f"{_tracks_in_words(found)}, delays up to {found.search_s:g} s either way")
        table.add_row("drift", describe_drift(found.drift) if found.drift else "the file is too short to say")
        _add_tracks(table, found)
    if found.other_sounds and found.sound:
        table.add_row("sound", Text(_sounds_in_words(found)))
    for caution in found.cautions:
        table.add_row("caution", Text(caution, style="yellow"))
    if outcome.fixed:
        table.add_row("fixed", Text(outcome.fixed.in_words()))
    console.print(table)
    if found.verdict is not Verdict.CANNOT_TELL:
        limits = f"sound up to {SOUND_EARLY_LIMIT_MS:.0f} ms early or {SOUND_LATE_LIMIT_MS:.0f} ms late (EBU R37)"
        console.print(f"In sync means: {limits}.", style="dim")


def show_line(console: Console, outcome: FileMeasurement) -> None:
    """One file of many on one line: verdict, delay, confidence, file."""
    found = outcome.measurement
    if found is None:
        line = Text.assemble((f"{'failed':<12}", "bold red"), f"{'':>14}{'':>6}  {outcome.error}")
    else:
        delay = "" if found.delay_ms is None else format_delay(found.delay_ms)
        delay += "?" if delay and found.verdict is Verdict.CANNOT_TELL else ""
        line = Text.assemble(
            (f"{found.verdict.words:<12}", VERDICT_STYLES[found.verdict]),
            f"{delay:>14}{found.confidence:>6.2f}  {found.path}",
        )
        if found.delay_ms is None:
            line.append(f" ({found.reason})", style="dim")
        if found.sound and found.other_sounds:
            line.append(f" ({found.sound})", style="dim")
        if outcome.fixed:
            line.append(f" -> {outcome.fixed.path}: {_after(outcome)}")
    console.print(line, soft_wrap=True)


def _sounds_in_words(found: SyncMeasurement) -> str:
    """Which of a file's sounds was chosen, and how well the others agree with the lips."""
    others = ", ".join(f"{other.part.short} {other.confidence:.2f}" for other in found.other_sounds)
    best = "" if found.verdict is Verdict.CANNOT_TELL else " agrees best with the lips"
    return f"{found.sound}{best}; confidence of the others: {others}"


def _after(outcome: FileMeasurement) -> str:
    assert outcome.fixed is not None
    after = outcome.fixed.after
    return "not measured again" if after.delay_ms is None else f"now {format_delay(after.delay_ms)}"


def _delay(found: SyncMeasurement) -> str:
    assert found.delay_ms is not None
    guess = " (a guess, not a finding)" if found.verdict is Verdict.CANNOT_TELL else ""
    return f"{found.delay_ms:+.1f} ms, positive: the sound comes after the picture{guess}"


def _scale(found: SyncMeasurement) -> str:
    return MEANING if found.calibrated else f"rough: the model is not calibrated for this; meant as the {MEANING}"


def _tracks_in_words(found: SyncMeasurement) -> str:
    tracks = "1 face track" if len(found.tracks) == 1 else f"{len(found.tracks)} face tracks"
    finder = f" ({found.detector})" if found.detector else ""
    return f"{tracks}, {found.faces_s:.1f} s of faces{finder}"


def _add_tracks(table: Table, found: SyncMeasurement) -> None:
    if len(found.tracks) < 2:
        return
    for place, track in enumerate(found.tracks[:TRACKS_SHOWN]):
        span = f"{format_time(track.start_s)} to {format_time(track.end_s)}"
        said = f"{span}  {format_delay(track.delay_ms):>13}  confidence {track.confidence:.2f}"
        table.add_row("tracks" if place == 0 else "", said)
    if len(found.tracks) > TRACKS_SHOWN:
        table.add_row("", f"and {len(found.tracks) - TRACKS_SHOWN} more (--json lists them all)")


TRACKS_DRAWN = 5


def sync_figure(found: SyncMeasurement) -> Figure:
    """Agreement against delay with its peak and the in-sync range; below, for longer files, the delay along them."""
    along = [segment for segment in found.segments if segment.end_s > segment.start_s]
    with new_figure(2 if len(along) > 1 else 1) as (figure, axes):
        draw_curve(axes[0], found)
        if len(axes) > 1:
            draw_delay_over_time(axes[1], found)
    return figure


def draw_curve(axes: Axes, found: SyncMeasurement, *, title: str | None = None) -> None:
    """The file's curve, thin lines for the faces it comes from, the peak and the range that counts as in sync."""
    axes.set_title(title or f"{found.path.name}: {found.verdict.words}")
    axes.set_xlabel("delay of the sound in ms (right: the sound is late)")
    axes.set_ylabel("agreement of lips and sound")
    axes.axvspan(
        -SOUND_EARLY_LIMIT_MS, SOUND_LATE_LIMIT_MS, color=COLOURS[2], alpha=0.15, lw=0, label="in sync (EBU R37)"
    )
    if found.curve is None or found.delay_ms is None:
        axes.text(0.5, 0.5, found.reason, transform=axes.transAxes, ha="center", color=INK)
        return
    if len(found.tracks) > 1:
        for track in found.tracks[:TRACKS_DRAWN]:
            axes.plot(track.curve.delays_ms, track.curve.mean, color=COLOURS[4], lw=0.8, alpha=0.7)
    axes.plot(found.curve.delays_ms, found.curve.mean, color=COLOURS[0], lw=1.8)
    guess = "best guess " if found.verdict is Verdict.CANNOT_TELL else ""
    said = f"{guess}{format_delay(found.delay_ms)}, confidence {found.confidence:.2f}"
    axes.axvline(found.delay_ms, color=COLOURS[1], lw=1.4, ls="--", label=said)
    axes.margins(x=0)
    axes.legend(loc="best", fontsize="small")


def draw_delay_over_time(axes: Axes, found: SyncMeasurement) -> None:
    """The delay of every stretch against time, faint where it is uncertain, with the drift line or the parts."""
    axes.set_title("along the file")
    axes.set_xlabel("time in the file in s")
    axes.set_ylabel("delay in ms")
    axes.axhspan(-SOUND_EARLY_LIMIT_MS, SOUND_LATE_LIMIT_MS, color=COLOURS[2], alpha=0.15, lw=0)
    for segment in found.segments:
        shade = 0.15 + 0.85 * segment.confidence
        axes.plot([segment.start_s, segment.end_s], [segment.delay_ms] * 2, color=COLOURS[0], lw=3, alpha=shade)
    if found.drift:
        drift = found.drift
        edges = (edge for at, _, _ in drift.jumps for edge in (at - 1e-3, at))
        times = sorted({drift.first_s, drift.last_s, *edges})
        line = [drift.delay_at(time) for time in times]
        axes.plot(times, line, color=COLOURS[1], lw=1.4, ls="--", label="drift" if found.drift.changes else "steady")
        axes.legend(loc="best", fontsize="small")
