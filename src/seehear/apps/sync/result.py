"""Results of lip-sync: what was measured, what was fixed, and how both are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from seehear.apps.sync.drift import Drift, Segment, describe_drift
from seehear.apps.sync.offset import AgreementCurve
from seehear.apps.sync.verdict import SOUND_EARLY_LIMIT_MS, SOUND_LATE_LIMIT_MS, Verdict, format_delay, format_time
from seehear.media.audio_streams import AudioStreamInfo
from seehear.metrics.calibration import CONFIDENCE_MEANING, RIGHT_WITHIN_MS
from seehear.results import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text


@dataclass(frozen=True)
class TrackDelay:
    """The delay measured on one face, from its first picture to its last.

    Attributes:
        track: number of the face in the file.
        start_s, end_s: on the file's clock.
        delay_ms: positive: the audio is late.
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


@dataclass(frozen=True, repr=False)
class SyncMeasurement(Result):
    """The delay of a file's audio, and the evidence for it.

    Attributes:
        path: the file.
        verdict: in sync, out of sync or cannot tell.
        reason: why, in one sentence.
        delay_ms: positive: the audio is late. Given with every verdict that has a curve behind it, so with
            "cannot tell" it may be a mere best guess; None where there was nothing to measure.
        confidence: the probability that ``delay_ms`` is right; 0 where there was nothing to measure.
        calibrated: whether the model brought the calibration that makes the confidence a probability.
        search_s: maximum delay that was searched, early or late.
        faces_s: seconds of faces compared with the audio, over all tracks.
        tracks: one per face, by start.
        segments: the delay along the file, in segments of at most ten seconds.
        drift: how the delay changes; None where the file is too short to say.
        detector: name of the face detector; None where no faces were looked for.
        curve: agreement against delay of the whole file, drift taken out.
        sound: which sound of the file this is about; None where there was none to measure.
        other_sounds: the others that were compared with the lips, too.
        cautions: warnings about the choice and mix of the audio, one sentence each.
        error: why the file could not be measured, one sentence; None where it was.
        code: the error's stable code.
    """

    SHOWN = ("path", "verdict", "delay_ms", "confidence")

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
    error: str | None = None
    code: str | None = None

    @classmethod
    def failed(cls, path: Path, error: str, code: str | None = None, search_s: float = 1.0) -> Self:
        """The result of a file that could not be measured."""
        cannot_tell = Verdict.CANNOT_TELL
        return cls(path, cannot_tell, error, calibrated=False, search_s=search_s, error=error, code=code)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; delays in ms (positive: the audio is late), times in s."""
        entry = {
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
        return entry | ({"error": self.error} if self.error else {})

    def to_row(self) -> dict[str, Any]:
        """One line of a CSV table."""
        sound = self.sound.to_json() if self.sound else {}
        entry = self.to_dict()
        return {key: entry[key] for key in ("file", "verdict", "delay_ms", "confidence", "reason")} | {
            "drift_ms_per_minute": (entry["drift"] or {}).get("ms_per_minute"),
            "fixed_file": None,
            "fixed_delay_ms": None,
            "audio_stream": ":".join(str(sound[key]) for key in ("stream", "channel") if sound.get(key)),
            "detector": self.detector,
        }

    def line(self) -> Text:
        """Verdict, delay, confidence and file on one line."""
        from rich.text import Text

        if self.error:
            return Text.assemble((f"{'failed':<12}", "bold red"), f"{'':>14}{'':>6}  {self.error}")
        delay = "" if self.delay_ms is None else format_delay(self.delay_ms)
        delay += "?" if delay and self.verdict is Verdict.CANNOT_TELL else ""
        line = Text.assemble(
            (f"{self.verdict.words:<12}", VERDICT_STYLES[self.verdict]),
            f"{delay:>14}{self.confidence:>6.2f}  {self.path}",
        )
        if self.delay_ms is None:
            line.append(f" ({self.reason})", style="dim")
        if self.sound and self.other_sounds:
            line.append(f" ({self.sound})", style="dim")
        return line

    def __rich__(self) -> RenderableType:
        return _with_limits(self, _table(self))

    def figure(self) -> Figure:
        """Agreement against delay and, for longer files, the delay along the file."""
        from seehear.apps.sync.plot import sync_figure

        return sync_figure(self)

    def plot(self, path: Path) -> None:
        """Write the figure as PNG.

        Raises:
            SeehearError: it cannot be written.
        """
        from seehear.report.plots import save_png

        save_png(self.figure(), path)


@dataclass(frozen=True, repr=False)
class FixResult(Result):
    """A file measured, and written again with its audio shifted into place.

    Attributes:
        measurement: of the file as it was.
        path: the new file; None where none was written.
        shifted_ms: by how much its audio was made earlier (negative: later).
        after: the new file, measured in the same way.
        left_out: what the new file could not keep of the old one, in words.
        cautions: what the user should know of the new file, a sentence each.
        error: why there is no fixed file, one sentence; None where there is one.
        code: the error's stable code.
    """

    SHOWN = ("path", "shifted_ms", "in_place")

    measurement: SyncMeasurement
    path: Path | None = None
    shifted_ms: float = 0.0
    after: SyncMeasurement | None = None
    left_out: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    error: str | None = None
    code: str | None = None

    @property
    def in_place(self) -> bool:
        """Whether the new file's audio surely is where it belongs; in the middle of the file if the delay changes."""
        return self.after is not None and is_in_place(self.after)

    @property
    def partial(self) -> bool:
        """Whether the file was measured, although it could not be fixed."""
        return self.measurement.ok

    def plot(self, path: Path) -> None:
        """Write the figure of the measurement as PNG."""
        self.measurement.plot(path)

    def to_dict(self) -> dict[str, Any]:
        """The measurement's values, and ``fixed``: the new file's."""
        entry = self.measurement.to_dict()
        if self.path and self.after:
            now = self.after.to_dict()
            entry["fixed"] = {
                "file": str(self.path),
                "shifted_ms": round(self.shifted_ms, 1),
                **{key: now[key] for key in ("delay_ms", "confidence", "verdict", "reason")},
                "left_out": list(self.left_out),
            }
        return entry | ({"error": self.error} if self.error else {})

    def to_row(self) -> dict[str, Any]:
        """One line of a CSV table."""
        fixed = self.to_dict().get("fixed", {})
        return self.measurement.to_row() | {"fixed_file": fixed.get("file"), "fixed_delay_ms": fixed.get("delay_ms")}

    def line(self) -> Text:
        """The measurement and the new file on one line."""
        line = self.measurement.line()
        if self.after:
            delay_ms = self.after.delay_ms
            now = "not measured again" if delay_ms is None else f"now {format_delay(delay_ms)}"
            line.append(f" -> {self.path}: {now}")
        return line

    def __rich__(self) -> RenderableType:
        table = _table(self.measurement)
        if self.after:
            table.add_row("fixed", self.describe())
        for caution in self.cautions:
            table.add_row("caution", caution)
        return _with_limits(self.measurement, table)

    def describe(self) -> str:
        """One sentence on what was wrong, and what is left of it in the new file."""
        if self.after is None:
            return self.error or ""
        was, after = format_delay(self.shifted_ms), self.after
        lost = f"; not kept: {', '.join(self.left_out)}" if self.left_out else ""
        if after.delay_ms is None:
            return f"the audio was {was}; {self.path} could not be measured again{lost}"
        now = format_delay(after.delay_ms)
        text = f"the audio was {was}; in {self.path} it measures {now} (confidence {after.confidence:.2f})"
        if not self.in_place:
            text = f"not fixed for sure: {text}"
        drift = after.drift
        changes = f", but changes along the file: {describe_drift(drift)}" if drift and drift.changes else ""
        return f"{text}{changes}{lost}"


def is_in_place(measurement: SyncMeasurement) -> bool:
    """Whether the audio surely is within `RIGHT_WITHIN_MS` of where it belongs."""
    return (
        measurement.verdict is not Verdict.CANNOT_TELL
        and measurement.delay_ms is not None
        and abs(measurement.delay_ms) <= RIGHT_WITHIN_MS
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


def _table(found: SyncMeasurement) -> Table:
    """Everything about one file, with units, signs and scales in words."""
    from rich.table import Table
    from rich.text import Text

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
    return table


def _with_limits(found: SyncMeasurement, table: Table) -> RenderableType:
    """The table, and what counts as in sync where there is a verdict."""
    from rich.console import Group
    from rich.text import Text

    if found.verdict is Verdict.CANNOT_TELL:
        return table
    limits = f"audio up to {SOUND_EARLY_LIMIT_MS:.0f} ms early or {SOUND_LATE_LIMIT_MS:.0f} ms late (EBU R37)"
    return Group(table, Text(f"In sync means: {limits}.", style="dim"))


def _sounds_in_words(found: SyncMeasurement) -> str:
    """Which of a file's sounds was chosen, and how well the others agree with the lips."""
    others = ", ".join(f"{other.part.label} {other.confidence:.2f}" for other in found.other_sounds)
    best = "" if found.verdict is Verdict.CANNOT_TELL else " agrees best with the lips"
    return f"{found.sound}{best}; confidence of the others: {others}"


def _delay(found: SyncMeasurement) -> str:
    assert found.delay_ms is not None
    guess = " (a guess, not a finding)" if found.verdict is Verdict.CANNOT_TELL else ""
    return f"{found.delay_ms:+.1f} ms, positive: the audio is late{guess}"


def _scale(found: SyncMeasurement) -> str:
    if found.calibrated:
        return CONFIDENCE_MEANING
    return f"rough: the model is not calibrated for this; meant as the {CONFIDENCE_MEANING}"


def _tracks_in_words(found: SyncMeasurement) -> str:
    tracks = "1 face track" if len(found.tracks) == 1 else f"{len(found.tracks)} face tracks"
    finder = f" ({found.detector})" if found.detector else ""
    return f"{tracks}, {found.faces_s:.1f} s of faces{finder}"


def _add_tracks(table: Table, found: SyncMeasurement) -> None:
    if len(found.tracks) < 2:
        return
    for place, track in enumerate(found.tracks[:TRACKS_SHOWN]):
        span = f"{format_time(track.start_s)} to {format_time(track.end_s)}"
        text = f"{span}  {format_delay(track.delay_ms):>13}  confidence {track.confidence:.2f}"
        table.add_row("tracks" if place == 0 else "", text)
    if len(found.tracks) > TRACKS_SHOWN:
        table.add_row("", f"and {len(found.tracks) - TRACKS_SHOWN} more (--json lists them all)")
