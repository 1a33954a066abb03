"""`diarize`: who speaks when in a video, and who it is.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from seehear.apps.sync.measure import FaceFinder
from seehear.errors import SeehearError
from seehear.parallel_files import PathLike
from seehear.progress import Progress

if TYPE_CHECKING:
    from seehear.apps.diarization.result import Diarization
    from seehear.models.interface import LipSyncModel


@overload
def diarize(  # type: ignore[overload-overlap]  # a str is a sequence of str
    files: PathLike,
    *,
    model: str | Path | LipSyncModel = ...,
    identity: str | None = ...,
    enroll: Sequence[str] | Mapping[str, Path] = ...,
    delay_ms: float | None = ...,
    audio_stream: str | None = ...,
    workers: int | None = ...,
    sandbox: bool = ...,
    faces: FaceFinder = ...,
    detector: Path | None = ...,
    progress: Progress | None = ...,
) -> Diarization: ...


@overload
def diarize(
    files: Sequence[PathLike],
    *,
    model: str | Path | LipSyncModel = ...,
    identity: str | None = ...,
    enroll: Sequence[str] | Mapping[str, Path] = ...,
    delay_ms: float | None = ...,
    audio_stream: str | None = ...,
    workers: int | None = ...,
    sandbox: bool = ...,
    faces: FaceFinder = ...,
    detector: Path | None = ...,
    progress: Progress | None = ...,
) -> Iterator[Diarization]: ...


def diarize(
    files: PathLike | Sequence[PathLike],
    *,
    model: str | Path | LipSyncModel = "sync-small",
    identity: str | None = None,
    enroll: Sequence[str] | Mapping[str, Path] = (),
    delay_ms: float | None = None,
    audio_stream: str | None = None,
    workers: int | None = None,
    sandbox: bool = False,
    faces: FaceFinder = "yunet",
    detector: Path | None = None,
    progress: Progress | None = None,
) -> Diarization | Iterator[Diarization]:
    """Find which of the faces in a video speaks when, and who it is.

    The lips of every face are compared with the audio; where there is no speech nobody speaks. People are called person
    1, person 2, ... in order of appearance: tracks of one person are found by the face (SFace), or, without a model
    that knows faces, by their place within a shot; the result says which. Of several files, one that cannot be read
    gives a result with ``error`` set, and the others go on; a single path raises.

    Args:
        files: a video file, or a sequence of them.
        model: name or folder of a sync model, hf:owner/name on the Hugging Face hub, or a loaded model.
        identity: name or folder of a match model that distinguishes people by face instead of SFace, and knows voices:
            one trained on videos of people like these, such as match-small for those of "seehear avatars". By default
            SFace knows faces and match-small voices. "none": people are distinguished by their places.
        enroll: NAME=FILE of people to be named, FILE being a picture of the face or a recording of the voice.
        delay_ms: how late the audio is, -1000 to 1000; by default it is measured.
        audio_stream: which stream of audio, from 1, and perhaps which channel: 2 or 2:left; by default the one that
            agrees best with the lips.
        workers: processes for several files; by default one per core.
        sandbox: read a single file in a worker process, which is stopped if it takes too much memory or time, as
            several files always are.
        faces: find faces with YuNet, or take the whole frame as a face crop.
        detector: YuNet's .onnx file; by default the cached one, or downloaded.
        progress: called with the share that is done, 0 to 1, and the file.

    Returns:
        One result for a path; for a sequence an iterator over results, in its order.

    Raises:
        SeehearError: an option out of range, a name without a file, or fewer than one worker.
        MediaError: the single file cannot be read.
        ModelError: there is no such model.
    """
    from seehear.apps.diarization.active_speaker import DiarizationOptions
    from seehear.apps.diarization.diarize_file import ModelNames, diarize_files
    from seehear.apps.diarization.people import parse_enrolments
    from seehear.media.audio_streams import AudioStreamChoice

    options = DiarizationOptions(delay_ms, faces, detector, AudioStreamChoice.parse(audio_stream))
    known = tuple(enroll.items() if isinstance(enroll, Mapping) else parse_enrolments(enroll))
    if known and identity == "none":
        raise SeehearError("--enroll needs models that know faces and voices; leave out --identity none")
    return diarize_files(files, ModelNames(model, identity, known), options, workers, progress, sandbox)
