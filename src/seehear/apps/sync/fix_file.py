"""Write one file again with its audio shifted, the video untouched, and measure the new file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seehear.apps.sync.drift import WRONG_SPEED_MS, describe_drift
from seehear.apps.sync.measure_file import MeasureOptions, load_once, measure_file
from seehear.apps.sync.result import FixResult, SyncMeasurement, is_in_place
from seehear.apps.sync.verdict import Verdict, format_delay
from seehear.errors import MediaError, SeehearError, as_user_error, check_writable
from seehear.machine import decoder_threads, single_thread
from seehear.media.remux import container_of, suffix_for, takes_pictures
from seehear.media.shift import shift_sound
from seehear.models.interface import LipSyncModel
from seehear.models.store import ModelVersion, model_version
from seehear.parallel_files import PathLike, run_files
from seehear.progress import Progress


def fix_measured(
    before: SyncMeasurement, to: Path, measure: Callable[[Path], SyncMeasurement], *, force: bool = False
) -> FixResult:
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
            f"--force shifts by the best guess, {format_delay(before.delay_ms)}"
        )
    drift = before.drift
    if drift and abs(drift.ms_per_minute) >= 60 * WRONG_SPEED_MS and not force:
        raise MediaError(
            f"{before.path}: not fixed, because no one shift fits: {describe_drift(drift)}; "
            "change the speed of the audio first, or --force shifts by the delay in the middle"
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
        if not force and not is_in_place(after):
            raise MediaError(f"{before.path}: not fixed, because {_still_wrong(before.delay_ms, after)}")
        trial.replace(to)
    finally:
        trial.unlink(missing_ok=True)
    return FixResult(before, to, before.delay_ms, after, written.left_out)


def _still_wrong(shifted_ms: float, after: SyncMeasurement) -> str:
    """Describe why a fixed file is not kept."""
    if after.delay_ms is None:
        return f"the shifted file could not be measured ({after.reason}); --force keeps it all the same"
    return (
        f"with the sound shifted by {format_delay(shifted_ms)} it measures {format_delay(after.delay_ms)} "
        f"(confidence {after.confidence:.2f}); --force keeps such a file"
    )


def output_paths(files: list[Path], to: Path) -> list[Path]:
    """Return the path of each fixed file: ``to`` for one file; the same names in the folder ``to`` for several.

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
        check_writable(place, "--out")
    taken: dict[Path, Path] = {}
    for file, place in zip(files, places, strict=True):
        if place.resolve() == file.resolve():
            raise MediaError(f"{place} is the file to be fixed; give --out another name, so that the original stays")
        if place in taken:
            raise MediaError(f"{taken[place]} and {file} would both be written to {place}; fix them one at a time")
        taken[place] = file
    if not into_folder:
        _require_taken(files[0], to, container)
    return places


def _require_taken(file: Path, to: Path, container: str) -> None:
    """That a container takes the pictures of a file; a file that cannot be read is reported when it is measured.

    Raises:
        MediaError: it does not.
    """
    try:
        if takes_pictures(file, container):
            return
        suffix = suffix_for(file)
    except MediaError:
        return
    way_out = f"give --out a name that ends in {suffix}" if suffix else "convert it to H.264 in .mp4 first"
    raise MediaError(f"{to}: this container does not take the video of {file}; {way_out}")


def _writable_name(file: Path) -> str:
    suffix = None
    with suppress(MediaError):
        suffix = suffix_for(file)
    return f"{file.stem}{suffix}" if suffix and suffix != file.suffix.lower() else file.name


@dataclass(frozen=True)
class FixOptions:
    """Options of a fix.

    Attributes:
        measure: how the files are measured, before and after.
        outputs: where each fixed file goes.
        force: fix by the best guess even where the measurement cannot tell.
    """

    measure: MeasureOptions
    outputs: dict[Path, Path]
    force: bool = False


def fix_files(
    files: PathLike | Sequence[PathLike],
    model: str | Path | LipSyncModel,
    options: FixOptions,
    workers: int | None = None,
    progress: Progress | None = None,
    sandbox: bool = False,
) -> FixResult | Iterator[FixResult]:
    """Fix a file, or a sequence of files in worker processes; see `fix_sync`."""
    version = model_version(model)
    load_once(model, version)  # here, even if processes will do the work: a wrong model is one error, not one per file
    result = run_files(
        files,
        partial(_fix_with, model, version, options),
        lambda file: FixResult(
            SyncMeasurement.failed(file.path, file.error or "", file.code, options.measure.search_s),
            error=file.error,
            code=file.code,
        ),
        workers,
        progress,
        here=isinstance(model, LipSyncModel),
        sandbox=sandbox,
    )
    if isinstance(result, FixResult) and result.error:
        raise MediaError(result.error, code=result.code)
    return result


def _fix_with(
    model: str | Path | LipSyncModel,
    version: ModelVersion,
    options: FixOptions,
    path: Path,
    report: Callable[[float], None] | None = None,
) -> FixResult:
    """Measure a file and fix it; where only the fix fails, the result holds the measurement and the error."""
    with single_thread():
        loaded, threads = load_once(model, version), decoder_threads()
        before = measure_file(path, loaded, options.measure, report, threads)
        same = replace(options.measure, sound=before.sound.choice if before.sound else options.measure.sound)
        again = partial(measure_file, model=loaded, options=same, threads=threads)
        place = options.outputs[path]
        try:
            return replace(
                fix_measured(before, place, again, force=options.force), cautions=_other_container(path, place)
            )
        except SeehearError as error:
            return FixResult(before, error=str(error), code=error.code)
        except OSError as error:
            sentence = as_user_error(error)
            if sentence is None:
                raise
            return FixResult(before, error=str(sentence), code=sentence.code)


def _other_container(path: Path, place: Path) -> tuple[str, ...]:
    """Return a caution if the fixed file has another container, because its own cannot be written."""
    if place.parent == path.parent or place.suffix.lower() == path.suffix.lower():
        return ()
    return (f"{path} cannot be written as the kind of file it is; it is fixed as {place}",)
