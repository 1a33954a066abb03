"""The verb ``seehear speaking``: which face speaks when, and who it is; as a table, JSON, RTTM or an annotated film."""

from __future__ import annotations

import json as json_format
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from seehear.errors import SeehearError
from seehear.os_errors import require_place

if TYPE_CHECKING:
    from seehear.pretext.identity import IdentityModel
    from seehear.tools.conversation import WatchOptions
    from seehear.tools.face_model import FaceModel
    from seehear.tools.in_order import Tried
    from seehear.tools.known import Known
    from seehear.tools.listen import LipsAndSound
    from seehear.tools.spoken import Spoken

USUAL_IDENTITY = "match-small"


def speaking(
    files: list[Path],
    *,
    model: str = "sync-small",
    identity: str | None = None,
    known: list[str] = [],  # noqa: B006  # read only; the command line needs a list
    json: bool = False,
    moments: bool = False,
    rttm: Path | None = None,
    video: Path | None = None,
    delay_ms: float | None = None,
    audio_stream: str | None = None,
    workers: int | None = None,
    faces: Literal["yunet", "whole-frame"] = "yunet",
    detector: Path | None = None,
) -> int:
    """Which of the faces in a video speaks at each moment, and who it is.

    The lips of every face are compared with the sound; where there is no speech nobody speaks. People are called
    person 1, person 2, ... in order of appearance: tracks of one person are found by the face (SFace), or, without a
    model that knows faces, by their place within a shot; the output says which. Prints a table of turns for one file
    and a line each for several. The exit code is 0 when every file was read, 2 when one could not be.

    Args:
        files: Video files.
        model: Name or folder of a trained sync model, or hf:owner/name on the Hugging Face hub.
        identity: Name or folder of a match model that tells people apart by face instead of SFace, and knows voices:
            one that has learned from films of people like these, such as match-small for those of "seehear avatars".
            By default SFace knows faces and match-small voices. "none": people are told apart by their places.
        known: NAME=FILE of people to be named, FILE being a picture of the face or a recording of the voice.
        json: Print one JSON object per file and line instead.
        moments: With --json, also say of every face and picture whether it speaks, and how probably.
        rttm: Also write the turns of all files here, in the format that diarisation is scored in.
        video: Also write an MP4 with a frame around every face, green while it speaks; one file only.
        delay_ms: How late the sound is, -1000 to 1000; by default it is measured.
        audio_stream: Which stream of sound, from 1, and perhaps which channel: 2 or 2:left; by default the one that
            agrees best with the lips.
        workers: Processes for several files; by default one per core.
        faces: Find faces with YuNet, or take the whole frame to be a face crop already.
        detector: YuNet's .onnx file; by default the cached one, or fetched.
    """
    if video and len(files) > 1:
        raise SeehearError("--video draws one file; give one file, or leave --video out")
    if moments and not json:
        raise SeehearError("--moments belongs to --json; give both")
    _check_place("--rttm", rttm)
    stems = Counter(file.stem for file in files)
    if rttm and (twice := [stem for stem, count in stems.items() if count > 1]):
        raise SeehearError(f"RTTM tells films apart by name, and several are called {twice[0]}; rename all but one")
    _check_place("--video", video, files[0])
    from seehear.crew import worker_count
    from seehear.media.sound_part import Wanted
    from seehear.tools.conversation import WatchOptions
    from seehear.tools.known import pairs_of
    from seehear.tools.show_speaking import show_film, show_turns

    options, names = WatchOptions(delay_ms, faces, detector, Wanted.parse(audio_stream)), tuple(pairs_of(known))
    if names and identity == "none":
        raise SeehearError("--known needs models that know faces and voices; leave out --identity none")
    _loaded(model, identity, names, detector)  # here, even if others do the work: a wrong model is one error
    work = partial(_work, model, identity, names, options)
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    done: list[Tried[Spoken]] = []
    for tried in _through(files, work, min(worker_count(workers), len(files))):
        done.append(tried)
        if json and tried.found:
            print(json_format.dumps(tried.found.to_json(moments=moments), ensure_ascii=False), flush=True)  # noqa: T201
        elif json:
            print(json_format.dumps({"file": str(tried.path), "error": tried.error}, ensure_ascii=False), flush=True)  # noqa: T201
        elif len(files) > 1:
            show_film(out, tried)
        elif tried.found:
            show_turns(out, tried.found)
    _write(done, rttm, video)
    failed = [tried for tried in done if tried.error]
    for tried in failed if json or len(files) == 1 else []:
        err.print(f"seehear: {tried.error}", markup=False, soft_wrap=True)
    return 2 if failed else 0


def _check_place(flag: str, path: Path | None, source: Path | None = None) -> None:
    """Before anything is computed, that a file can be written there."""
    require_place(path, flag)
    if path is None:
        return
    if flag == "--video" and path.suffix.lower() not in (".mp4", ".m4v", ".mov"):
        raise SeehearError(f"{flag} {path} would be an MP4 file; give it a name that ends in .mp4")
    if source and path.exists() and source.exists() and path.samefile(source):
        raise SeehearError(f"{flag} {path} is the film itself; give it another name")


def _through(files: list[Path], work: Callable[[Path], Spoken], workers: int) -> Iterator[Tried[Spoken]]:
    from seehear.tools.in_order import in_order, tried

    if workers > 1:
        yield from in_order(files, work, workers)
        return
    for file in files:
        yield tried(file, work, among_others=len(files) > 1)


def _work(
    model: str, identity: str | None, known: tuple[tuple[str, Path], ...], options: WatchOptions, path: Path
) -> Spoken:
    """One file; a process loads its models once."""
    from seehear.tools.spoken import listen_to

    models = _loaded(model, identity, known, options.detector)
    return listen_to(path, models.sync, options, models.voices, models.known, threads=1, faces=models.faces)


@dataclass(frozen=True)
class _Models:
    """All that a film is listened to with."""

    sync: LipsAndSound
    voices: IdentityModel | None
    faces: FaceModel | None
    known: list[Known]


@cache
def _loaded(model: str, identity: str | None, known: tuple[tuple[str, Path], ...], detector: Path | None) -> _Models:
    from seehear.tools.batch import use_one_thread
    from seehear.tools.face_model import LearnedFaces, load_face_model
    from seehear.tools.known import learn_known
    from seehear.training.run import load_identity, load_sync, packaged

    use_one_thread()
    named = USUAL_IDENTITY if identity is None and USUAL_IDENTITY in packaged() else identity
    voices = load_identity(named) if named and named != "none" else None
    faces: FaceModel | None = None
    if identity and voices:
        faces = LearnedFaces(voices, identity)
    elif identity != "none":
        faces = load_face_model()
    return _Models(load_sync(model), voices, faces, learn_known(known, voices, faces, detector))


def _write(done: list[Tried[Spoken]], rttm: Path | None, video: Path | None) -> None:
    from seehear.tools.annotate import write_annotated
    from seehear.tools.rttm import write_rttm

    if rttm:
        write_rttm(rttm, (line for tried in done if tried.found for line in tried.found.rttm()))
    if video and done[0].found:
        write_annotated(done[0].found, video)
