"""Put a file's sound where it belongs: shift it by the measured delay, then measure what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seehear.errors import MediaError
from seehear.media.mux import shift_sound
from seehear.media.shift import CONTAINERS
from seehear.os_errors import require_place
from seehear.tools.measurement import Measurement, drift_in_words
from seehear.tools.verdict import Verdict, delay_in_words


@dataclass(frozen=True)
class Fixed:
    """A file that was written.

    Attributes:
        path: the new file.
        shifted_ms: by how much its sound was made earlier (negative: later).
        after: the new file, measured like the old one.
    """

    path: Path
    shifted_ms: float
    after: Measurement

    def in_words(self) -> str:
        """One sentence on what was wrong and what is left of it."""
        if self.after.delay_ms is None:
            return f"the sound was {delay_in_words(self.shifted_ms)}; {self.path} could not be measured again"
        was, now = delay_in_words(self.shifted_ms), delay_in_words(self.after.delay_ms)
        said = f"the sound was {was}; in {self.path} it measures {now} (confidence {self.after.confidence:.2f})"
        drift = self.after.drift
        return f"{said}, but changes along the file: {drift_in_words(drift)}" if drift and drift.changes else said

    def to_json(self) -> dict[str, Any]:
        """The entry ``fixed`` of a file's JSON object."""
        now = self.after.to_json()
        return {
            "file": str(self.path),
            "shifted_ms": round(self.shifted_ms, 1),
            **{key: now[key] for key in ("delay_ms", "confidence", "verdict", "reason")},
        }


def fix(before: Measurement, to: Path, measure: Callable[[Path], Measurement], *, force: bool = False) -> Fixed:
    """Write ``to``: the file's picture untouched, its sound moved by the whole measured delay, and measure it.

    A file that is in sync by the verdict is shifted as well: what is left after a fix should be as little as can be
    measured, not just within what viewers tolerate.

    Args:
        before: what was measured on the file to be fixed.
        to: the new file; replaced if it exists.
        measure: how to measure the new file.
        force: shift by the best guess when the measurement cannot tell.

    Raises:
        MediaError: the measurement cannot tell (and no ``force``), nothing was measured, or the file cannot be written.
    """
    if before.delay_ms is None:
        raise MediaError(f"{before.path}: not fixed, because {before.reason}")
    if before.verdict is Verdict.CANNOT_TELL and not force:
        raise MediaError(
            f"{before.path}: not fixed, because the delay is uncertain (confidence {before.confidence:.2f}); "
            f"--force shifts by the best guess, {delay_in_words(before.delay_ms)}"
        )
    shift_sound(before.path, to, earlier_s=before.delay_ms / 1000)
    return Fixed(to, before.delay_ms, measure(to))


def destinations(files: list[Path], to: Path) -> list[Path]:
    """Where each fixed file goes: ``to`` itself for one file, of the same name in the folder ``to`` for several.

    In a folder, a file whose container cannot be written (.avi, .wmv) becomes an .mkv, which takes any kind of stream.

    Raises:
        MediaError: two files would get the same name, one would be written over its original, ``to`` has a suffix of no
            container that can be written, or its folder does not exist.
    """
    into_folder = len(files) > 1 or to.is_dir()
    if into_folder:
        to.mkdir(parents=True, exist_ok=True)
    places = [to / _writable_name(file) if into_folder else to for file in files]
    if not into_folder and to.suffix.lower() not in CONTAINERS:
        raise MediaError(f"{to} would need a suffix out of {' '.join(CONTAINERS)}; .mkv takes any kind of stream")
    for place in places:
        require_place(place, "--fix")
    taken: dict[Path, Path] = {}
    for file, place in zip(files, places, strict=True):
        if place.resolve() == file.resolve():
            raise MediaError(f"{place} is the file to be fixed; give --fix another name, so that the original stays")
        if place in taken:
            raise MediaError(f"{taken[place]} and {file} would both be written to {place}; fix them one at a time")
        taken[place] = file
    return places


def _writable_name(file: Path) -> str:
    return file.name if file.suffix.lower() in CONTAINERS else f"{file.stem}.mkv"
