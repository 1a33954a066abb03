"""`fix_sync`: measure videos, and write them again with their audio shifted into place.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from seehear.apps.sync.measure import FaceFinder, check_search
from seehear.parallel_files import PathLike
from seehear.progress import Progress

if TYPE_CHECKING:
    from seehear.apps.sync.result import FixResult
    from seehear.models.interface import LipSyncModel


@overload
def fix_sync(  # type: ignore[overload-overlap]  # a str is a sequence of str
    files: PathLike,
    out: PathLike,
    *,
    model: str | Path | LipSyncModel = ...,
    force: bool = ...,
    search_s: float = ...,
    audio_stream: str | None = ...,
    workers: int | None = ...,
    sandbox: bool = ...,
    faces: FaceFinder = ...,
    detector: Path | None = ...,
    progress: Progress | None = ...,
) -> FixResult: ...


@overload
def fix_sync(
    files: Sequence[PathLike],
    out: PathLike,
    *,
    model: str | Path | LipSyncModel = ...,
    force: bool = ...,
    search_s: float = ...,
    audio_stream: str | None = ...,
    workers: int | None = ...,
    sandbox: bool = ...,
    faces: FaceFinder = ...,
    detector: Path | None = ...,
    progress: Progress | None = ...,
) -> Iterator[FixResult]: ...


def fix_sync(
    files: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    model: str | Path | LipSyncModel = "sync-small",
    force: bool = False,
    search_s: float = 1.0,
    audio_stream: str | None = None,
    workers: int | None = None,
    sandbox: bool = False,
    faces: FaceFinder = "yunet",
    detector: Path | None = None,
    progress: Progress | None = None,
) -> FixResult | Iterator[FixResult]:
    """Write files again with their audio shifted into place, the pictures untouched, and measure the new files.

    A new file that does not measure better is deleted again. Of several files, one that cannot be fixed gives a result
    with ``error`` set, and the others go on; a single path raises.

    Args:
        files: a video file, or a sequence of them.
        out: the new file; for a sequence of several, or where it is a folder, the folder for them.
        model: name or folder of a sync model, hf:owner/name on the Hugging Face hub, or a loaded model.
        force: shift by the best guess where the measurement cannot tell, and keep the file whatever it measures.
        search_s: delays up to this many seconds are compared, early and late; 0.1 to 30.
        audio_stream: stream to measure, from 1, and perhaps its channel: 2 or 2:left; by default the one that agrees
            best with the lips. All streams are shifted.
        workers: processes for several files; by default one per core.
        sandbox: read a single file in a worker process, which is stopped if it takes too much memory or time, as
            several files always are.
        faces: find faces with YuNet, or take the whole frame as a face crop.
        detector: YuNet's .onnx file; by default the cached one, or downloaded.
        progress: called with the share that is done, 0 to 1, and the file.

    Returns:
        One result for a path; for a sequence an iterator over results, in its order.

    Raises:
        SeehearError: an option out of range, or fewer than one worker.
        MediaError: two files would get one name, a file would be written over its original, a container cannot hold the
            pictures; or the single file cannot be fixed.
        ModelError: there is no such model, or it has not learned sync.
    """
    from seehear.apps.sync.fix_file import FixOptions, fix_files, output_paths
    from seehear.apps.sync.measure_file import MeasureOptions
    from seehear.media.audio_streams import AudioStreamChoice

    check_search(search_s)
    paths = [Path(files)] if isinstance(files, (str, os.PathLike)) else [Path(file) for file in files]
    outputs = dict(zip(paths, output_paths(paths, Path(out)), strict=True))
    measure = MeasureOptions(search_s, faces, detector, AudioStreamChoice.parse(audio_stream))
    return fix_files(files, model, FixOptions(measure, outputs, force), workers, progress, sandbox)
