"""Put a file's sound where it belongs: shift it by the measured delay, then measure what came out."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seehear.errors import MediaError
from seehear.media.containers import container_of, suffix_for, takes_pictures
from seehear.media.mux import shift_sound
from seehear.os_errors import require_place
from seehear.tools.confidence import RIGHT_WITHIN_MS
from seehear.tools.drift import WRONG_SPEED_MS
from seehear.tools.measurement import Measurement, drift_in_words
from seehear.tools.verdict import Verdict, delay_in_words


@dataclass(frozen=True)
class Fixed:
    """A file that was written.

    Attributes:
        path: the new file.
        shifted_ms: by how much its sound was made earlier (negative: later).
        after: the new file, measured like the old one.
        left_out: what the new file could not keep of the old one, in words.
    """

    path: Path
    shifted_ms: float
    after: Measurement
    left_out: tuple[str, ...] = ()

    def in_words(self) -> str:
        """One sentence on what was wrong and what is left of it."""
        was, after = delay_in_words(self.shifted_ms), self.after
        lost = f"; not kept: {', '.join(self.left_out)}" if self.left_out else ""
        if after.delay_ms is None:
            return f"the sound was {was}; {self.path} could not be measured again{lost}"
        now = delay_in_words(after.delay_ms)
        said = f"the sound was {was}; in {self.path} it measures {now} (confidence {after.confidence:.2f})"
        if not _in_place(after):
            said = f"not fixed for sure: {said}"
        drift = after.drift
        changes = f", but changes along the file: {drift_in_words(drift)}" if drift and drift.changes else ""
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


def fix(before: Measurement, to: Path, measure: Callable[[Path], Measurement], *, force: bool = False) -> Fixed:
    """Write ``to``: the file's picture untouched, its sound moved by the whole measured delay, and measure it.

    A file that is in sync by the verdict is shifted as well: what is left after a fix should be as little as can be
    measured, not just within what viewers tolerate. The new file is measured before it takes its name: one that cannot
    be told, or whose sound is not in place, is deleted.

    Args:
        before: what was measured on the file to be fixed.
        to: the new file; replaced if it exists.
        measure: how to measure the new file.
        force: shift by the best guess when the measurement cannot tell, and keep the file whatever it measures.

    Raises:
        MediaError: the measurement cannot tell (and no ``force``), nothing was measured, the file cannot be written, or
            what was written does not measure better (and no ``force``).
    """
    if before.delay_ms is None:
        raise MediaError(f"{before.path}: not fixed, because {before.reason}")
    if before.verdict is Verdict.CANNOT_TELL and not force:
        raise MediaError(
            f"{before.path}: not fixed, because the delay is uncertain (confidence {before.confidence:.2f}); "
            f"--force shifts by the best guess, {delay_in_words(before.delay_ms)}"
        )
    drift = before.drift
    if drift and abs(drift.ms_per_minute) >= 60 * WRONG_SPEED_MS and not force:
        raise MediaError(
            f"{before.path}: not fixed, because no one shift fits: {drift_in_words(drift)}; "
            "change the speed of the sound first, or --force shifts by the delay in the middle"
        )
    if to.is_dir():
        raise MediaError(f"{to} is a folder; give the name of a file in it")
    trial = to.with_name(f".seehear-{os.getpid()}{to.suffix}")
    try:
        try:
            written = shift_sound(before.path, trial, earlier_s=before.delay_ms / 1000)
        except MediaError as error:
            raise MediaError(str(error).replace(str(trial), str(to))) from error
        after = replace(measure(trial), path=to)
        if not force and not _in_place(after):
            raise MediaError(f"{before.path}: not fixed, because {_still_wrong(before.delay_ms, after)}")
        trial.replace(to)
    finally:
        trial.unlink(missing_ok=True)
    return Fixed(to, before.delay_ms, after, written.left_out)


def _in_place(after: Measurement) -> bool:
    """Whether the sound of a fixed file is surely where it belongs, in the middle of the file if the delay changes."""
    return (
        after.verdict is not Verdict.CANNOT_TELL
        and after.delay_ms is not None
        and abs(after.delay_ms) <= RIGHT_WITHIN_MS
    )


def _still_wrong(shifted_ms: float, after: Measurement) -> str:
    """What a fixed file measures that is not to be kept."""
    if after.delay_ms is None:
        return f"the shifted file could not be measured ({after.reason}); --force keeps it all the same"
    return (
        f"with the sound shifted by {delay_in_words(shifted_ms)} it measures {delay_in_words(after.delay_ms)} "
        f"(confidence {after.confidence:.2f}); --force keeps such a file"
    )


def destinations(files: list[Path], to: Path) -> list[Path]:
    """Where each fixed file goes: ``to`` itself for one file, of the same name in the folder ``to`` for several.

    In a folder, a file whose own container cannot be written becomes one of the first kind that takes its pictures.

    Raises:
        MediaError: two files would get the same name, one would be written over its original, ``to`` has a suffix of no
            container that can be written or of one that does not take the pictures, or its folder does not exist.
    """
    into_folder = len(files) > 1 or to.is_dir()
    if into_folder:
        to.mkdir(parents=True, exist_ok=True)
    container = "" if into_folder else container_of(to)
    places = [to / _writable_name(file) if into_folder else to for file in files]
    for place in places:
        require_place(place, "--fix")
    taken: dict[Path, Path] = {}
    for file, place in zip(files, places, strict=True):
        if place.resolve() == file.resolve():
            raise MediaError(f"{place} is the file to be fixed; give --fix another name, so that the original stays")
        if place in taken:
            raise MediaError(f"{taken[place]} and {file} would both be written to {place}; fix them one at a time")
        taken[place] = file
    if not into_folder:
        _require_taken(files[0], to, container)
    return places


def _require_taken(file: Path, to: Path, container: str) -> None:
    """That a container takes the pictures of a file; one that cannot be read is told of when it is measured.

    Raises:
        MediaError: it does not.
    """
    try:
        if takes_pictures(file, container):
            return
        suffix = suffix_for(file)
    except MediaError:
        return
    way_out = f"give --fix a name that ends in {suffix}" if suffix else "convert it to H.264 in .mp4 first"
    raise MediaError(f"{to}: this container does not take the pictures of {file}; {way_out}")


def _writable_name(file: Path) -> str:
    suffix = None
    with suppress(MediaError):
        suffix = suffix_for(file)
    return f"{file.stem}{suffix}" if suffix and suffix != file.suffix.lower() else file.name
