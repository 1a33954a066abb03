"""Measurements for people: a clear block for one file, a line each for many."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seehear.tools.batch import Outcome
from seehear.tools.confidence import MEANING
from seehear.tools.measurement import Measurement, drift_in_words
from seehear.tools.verdict import (
    SOUND_EARLY_LIMIT_MS,
    SOUND_LATE_LIMIT_MS,
    Verdict,
    delay_in_words,
    time_in_words,
)

COLOURS = {Verdict.IN_SYNC: "green", Verdict.OUT_OF_SYNC: "red", Verdict.CANNOT_TELL: "yellow"}
TRACKS_SHOWN = 12


def show_one(console: Console, outcome: Outcome) -> None:
    """Everything about one file, with units, signs and scales in words."""
    found = outcome.measurement
    if found is None:
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    table.add_row("file", Text(str(found.path), overflow="fold"))
    table.add_row("verdict", Text(f"{found.verdict.words}: {found.reason}", style=COLOURS[found.verdict]))
    if found.delay_ms is not None:
        table.add_row("delay", _delay(found))
        table.add_row("confidence", f"{found.confidence:.2f} ({_scale(found)})")
        table.add_row("measured on", f"{_tracks_in_words(found)}, delays up to {found.search_s:g} s either way")
        table.add_row("drift", drift_in_words(found.drift) if found.drift else "the file is too short to say")
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


def show_line(console: Console, outcome: Outcome) -> None:
    """One file of many on one line: verdict, delay, confidence, file."""
    found = outcome.measurement
    if found is None:
        line = Text.assemble((f"{'failed':<12}", "bold red"), f"{'':>14}{'':>6}  {outcome.error}")
    else:
        delay = "" if found.delay_ms is None else delay_in_words(found.delay_ms)
        delay += "?" if delay and found.verdict is Verdict.CANNOT_TELL else ""
        line = Text.assemble(
            (f"{found.verdict.words:<12}", COLOURS[found.verdict]), f"{delay:>14}{found.confidence:>6.2f}  {found.path}"
        )
        if found.delay_ms is None:
            line.append(f" ({found.reason})", style="dim")
        if found.sound and found.other_sounds:
            line.append(f" ({found.sound})", style="dim")
        if outcome.fixed:
            line.append(f" -> {outcome.fixed.path}: {_after(outcome)}")
    console.print(line, soft_wrap=True)


def _sounds_in_words(found: Measurement) -> str:
    """Which of a file's sounds was chosen, and how well the others agree with the lips."""
    others = ", ".join(f"{other.part.short} {other.confidence:.2f}" for other in found.other_sounds)
    best = "" if found.verdict is Verdict.CANNOT_TELL else " agrees best with the lips"
    return f"{found.sound}{best}; confidence of the others: {others}"


def _after(outcome: Outcome) -> str:
    assert outcome.fixed is not None
    after = outcome.fixed.after
    return "not measured again" if after.delay_ms is None else f"now {delay_in_words(after.delay_ms)}"


def _delay(found: Measurement) -> str:
    assert found.delay_ms is not None
    guess = " (a guess, not a finding)" if found.verdict is Verdict.CANNOT_TELL else ""
    return f"{found.delay_ms:+.1f} ms, positive: the sound comes after the picture{guess}"


def _scale(found: Measurement) -> str:
    return MEANING if found.calibrated else f"rough: the model is not calibrated for this; meant as the {MEANING}"


def _tracks_in_words(found: Measurement) -> str:
    tracks = "1 face track" if len(found.tracks) == 1 else f"{len(found.tracks)} face tracks"
    finder = f" ({found.detector})" if found.detector else ""
    return f"{tracks}, {found.faces_s:.1f} s of faces{finder}"


def _add_tracks(table: Table, found: Measurement) -> None:
    if len(found.tracks) < 2:
        return
    for place, track in enumerate(found.tracks[:TRACKS_SHOWN]):
        span = f"{time_in_words(track.start_s)} to {time_in_words(track.end_s)}"
        said = f"{span}  {delay_in_words(track.delay_ms):>13}  confidence {track.confidence:.2f}"
        table.add_row("tracks" if place == 0 else "", said)
    if len(found.tracks) > TRACKS_SHOWN:
        table.add_row("", f"and {len(found.tracks) - TRACKS_SHOWN} more (--json lists them all)")
