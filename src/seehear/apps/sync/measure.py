"""`measure_sync`: is the audio of a video in sync with the lips?

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from seehear.clip import FPS, SAMPLE_RATE
from seehear.errors import SeehearError
from seehear.parallel_files import PathLike
from seehear.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seehear.apps.sync.result import SyncMeasurement
    from seehear.models.interface import LipSyncModel

FaceFinder = Literal["yunet", "whole-frame"]


@overload
def measure_sync(  # type: ignore[overload-overlap]  # a str is a sequence of str
    files: PathLike,
    *,
    model: str | Path | LipSyncModel = ...,
    search_s: float = ...,
    audio_stream: str | None = ...,
    workers: int | None = ...,
    sandbox: bool = ...,
    faces: FaceFinder = ...,
    detector: Path | None = ...,
    progress: Progress | None = ...,
) -> SyncMeasurement: ...


@overload
def measure_sync(
    files: Sequence[PathLike],
    *,
    model: str | Path | LipSyncModel = ...,
    search_s: float = ...,
    audio_stream: str | None = ...,
    workers: int | None = ...,
    sandbox: bool = ...,
    faces: FaceFinder = ...,
    detector: Path | None = ...,
    progress: Progress | None = ...,
) -> Iterator[SyncMeasurement]: ...


@overload
def measure_sync(
    *,
    video: NDArray[np.uint8],
    audio: NDArray[np.floating] | NDArray[np.integer],
    fps: float = ...,
    sample_rate: int = ...,
    model: str | Path | LipSyncModel = ...,
    search_s: float = ...,
    faces: FaceFinder = ...,
    detector: Path | None = ...,
    progress: Progress | None = ...,
) -> SyncMeasurement: ...


def measure_sync(
    files: PathLike | Sequence[PathLike] | None = None,
    *,
    model: str | Path | LipSyncModel = "sync-small",
    search_s: float = 1.0,
    audio_stream: str | None = None,
    workers: int | None = None,
    sandbox: bool = False,
    faces: FaceFinder = "yunet",
    detector: Path | None = None,
    video: NDArray[np.uint8] | None = None,
    audio: NDArray[np.floating] | NDArray[np.integer] | None = None,
    fps: float = FPS,
    sample_rate: int = SAMPLE_RATE,
    progress: Progress | None = None,
) -> SyncMeasurement | Iterator[SyncMeasurement]:
    """Measure whether the audio is in sync with the lips, and by how much it is early or late.

    The delay is positive when the audio is late. Of several files, one that cannot be read gives a result with
    ``error`` set, and the others go on; a single path raises. Memory does not grow with the length of a file.

    Args:
        files: a video file, or a sequence of them.
        model: name or folder of a sync model, hf:owner/name on the Hugging Face hub, or a loaded model.
        search_s: delays up to this many seconds are compared, early and late; 0.1 to 30.
        audio_stream: stream to measure, from 1, and perhaps its channel: 2 or 2:left; by default the one that agrees
            best with the lips.
        workers: processes for several files; by default one per core.
        sandbox: read a single file in a worker process, which is stopped if it takes too much memory or time, as
            several files always are.
        faces: find faces with YuNet, or take the whole frame as a face crop.
        detector: YuNet's .onnx file; by default the cached one, or downloaded.
        video: instead of files, frames in memory: RGB uint8 (T, H, W, 3).
        audio: its audio, (N,) or (N, channels), floats in [-1, 1] or integers.
        fps: frames a second of ``video``.
        sample_rate: samples a second of ``audio``, Hz.
        progress: called with the share that is done, 0 to 1, and the file.

    Returns:
        One measurement for a path or arrays; for a sequence an iterator over measurements, in its order.

    Raises:
        SeehearError: an option out of range, neither files nor arrays, or fewer than one worker.
        MediaError: the single file cannot be read, or an array is not of the form above.
        ModelError: there is no such model, or it has not learned sync.
    """
    from seehear.apps.sync.measure_file import MeasureOptions, measure_arrays, measure_files
    from seehear.media.audio_streams import AudioStreamChoice

    check_search(search_s)
    options = MeasureOptions(search_s, faces, detector, AudioStreamChoice.parse(audio_stream))
    if (files is None) == (video is None or audio is None):
        raise SeehearError("measure_sync takes files, or video and audio in memory; give one of the two")
    if video is not None and audio is not None:
        return measure_arrays(video, audio, model, options, fps, sample_rate, progress)
    assert files is not None
    return measure_files(files, model, options, workers, progress, sandbox)


def check_search(search_s: float) -> None:
    """Refuse a search range that cannot be measured.

    Raises:
        SeehearError: it is less than 0.1 s or more than 30 s.
    """
    if not 0.1 <= search_s <= 30:
        raise SeehearError(f"--search-s must be from 0.1 to 30 seconds, not {search_s:g}")
