"""Cached views: the video region and audio of each clip for training, in memory-mapped files.

Decoding a clip of 3 s takes as long as a training step on it; reading its mouth region from a mapped file is free.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.atomic_io import write_text
from seehear.clip import SAMPLES_PER_FRAME, Clip
from seehear.data.corpus import Corpus, CorpusRoot
from seehear.data.manifest import face_kind
from seehear.data.staging import corpus_os_errors
from seehear.errors import CorpusError
from seehear.media.crops import mouth_region
from seehear.media.weights import cache_folder
from seehear.parallel import ReportProgress, run_tasks, worker_count
from seehear.progress import Progress, Stage

Pictures = NDArray[np.uint8]


Sound = NDArray[np.int16]


FULL_SCALE = 32767  # int16 of a sample of 1.0


_CLIPS_PER_TASK = 32


@dataclass(frozen=True)
class CachedView:
    """The part of each clip's video that is cached.

    Attributes:
        name: plain letters; part of the name of the cache folder
        version: increased when the function changes, so that old caches are not used
        function: function of a module: clip -> uint8 (T, ...), with the same shape after T for all clips
    """

    name: str
    version: int
    function: Callable[[Clip], Pictures]


def mouth(clip: Clip) -> Pictures:
    """Return the mouth region, RGB, (T, S/2, S/2, 3)."""
    return mouth_region(clip.video)


def mouth_luma(clip: Clip) -> Pictures:
    """Return the mouth region, BT.601 luma, (T, S/2, S/2): a third of the bytes."""
    region = np.ascontiguousarray(mouth_region(clip.video))
    frames, height, width, _ = region.shape
    grey = cv2.cvtColor(region.reshape(frames * height, width, 3), cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, dtype=np.uint8).reshape(frames, height, width)


def face(clip: Clip) -> Pictures:
    """Return the whole crop, RGB, (T, S, S, 3)."""
    return clip.video


def scaled_region(clip: Clip, region: str, size: int, colour: bool) -> Pictures:
    """Return a region resized by area averaging: RGB (T, size, size, 3), or luma (T, size, size)."""
    pictures = clip.video if region == "face" else mouth_region(clip.video)
    how = cv2.INTER_AREA if size <= pictures.shape[1] else cv2.INTER_LINEAR
    scaled = []
    for picture in pictures:
        smaller = cv2.resize(np.ascontiguousarray(picture), (size, size), interpolation=how)
        scaled.append(smaller if colour else cv2.cvtColor(smaller, cv2.COLOR_RGB2GRAY))
    return np.asarray(scaled, dtype=np.uint8)


def no_pictures(clip: Clip) -> Pictures:
    """Return an empty array, (T, 0)."""
    return np.zeros((clip.frames, 0), dtype=np.uint8)


VIEWS = {
    view.name: view
    for view in (CachedView("mouth", 1, mouth), CachedView("mouth-luma", 1, mouth_luma), CachedView("face", 1, face))
}


SOUND = CachedView("sound", 1, no_pictures)
"""View of an audio-only corpus, whatever the view of others."""


PLACEHOLDER = Clip(
    np.zeros((1, 128, 128, 3), np.uint8), np.zeros((1, 5, 2), np.float32), np.zeros(SAMPLES_PER_FRAME, np.float32)
)
"""A black face of the default size; gives the shape of the view if all clips are audio only."""


_SCALED = re.compile(r"(face|mouth)-(\d+)(-luma)?")


def find_view(name: str) -> CachedView:
    """Return one of `VIEWS`, or a region at a size in RGB or luma, such as ``face-64`` or ``mouth-48-luma``.

    Raises:
        KeyError: no such view
    """
    match = _SCALED.fullmatch(name)
    if not match:
        return VIEWS[name]
    region, size, grey = match.groups()
    return CachedView(name, 1, partial(scaled_region, region=region, size=int(size), colour=not grey))


class ClipViews:
    """Views and audio of the clips of a corpus, with the same indices as the clips.

    Attributes:
        shape: shape of a frame
        frames: int32 (clips,), length of each clip
        seen: bool (clips,), False for audio-only clips, whose frames are black
        sources: int64 (clips,), the same number for clips of the same source
        faces: whether the faces are drawn or filmed; None if there are none
        detectors: names of the face detectors
    """

    def __init__(
        self,
        corpus: Corpus,
        view: CachedView | str = "mouth",
        folder: Path | None = None,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Open the cached views of a corpus; create them if they do not exist.

        Views are of whole corpora, so training and development part share them. They are identified by the SHA-256 of
        the manifest and the name and version of the view. Of an audio-only corpus only the audio is cached; its frames
        are black, in the shape of the joined corpora.

        Args:
            corpus: one or several joined corpora, or a part of them
            view: name for `find_view`, or your own view
            folder: cache folder; by default ``views`` in the corpus, or the user's cache if that cannot be written
            workers: processes that decode; by default one a core.
            progress: called with the share that is decoded, 0 to 1, and a text.

        Raises:
            CorpusError: a clip cannot be read, the disk is full, or joined corpora differ in the shape of the view
        """
        view = find_view(view) if isinstance(view, str) else view
        self._corpus = corpus.manifest["corpus"].to_numpy()
        maps = {
            number: _open_or_make(root, view if root.has_video else SOUND, folder, worker_count(workers), progress)
            for number, root in enumerate(corpus.roots)
            if number in self._corpus
        }
        shapes = {pictures.shape[1:] for number, (pictures, _, _) in maps.items() if corpus.roots[number].has_video}
        if len(shapes) > 1:
            raise CorpusError(f"{corpus} have faces of different sizes; prepare them with the same --size")
        self.shape: tuple[int, ...] = shapes.pop() if shapes else view.function(PLACEHOLDER).shape[1:]
        self.frames: NDArray[np.int32] = corpus.frames
        self.seen: NDArray[np.bool_] = corpus.has_video
        names = corpus.manifest["source"].to_numpy(zero_copy_only=False)
        self.sources: NDArray[np.int64] = np.unique(names, return_inverse=True)[1] * len(corpus.roots) + self._corpus
        self.faces = face_kind(corpus.manifest)
        self.detectors = corpus.detectors
        self._maps = maps
        self._black = np.zeros(self.shape, dtype=np.uint8)
        rows = corpus.manifest["row"].to_numpy()
        self._starts = np.array([maps[c][2][r] for c, r in zip(self._corpus, rows, strict=True)], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[Pictures, Sound]:
        """Return a clip: uint8 (T, ...) and int16 (T * 640,), read-only views of the mapped files."""
        return self.window(index, 0, int(self.frames[index]))

    def window(self, index: int, start: int, frames: int) -> tuple[Pictures, Sound]:
        """Return frames [start, start + frames) of a clip, with their audio."""
        if start < 0 or start + frames > self.frames[index]:
            raise IndexError(f"frames {start} to {start + frames} of a clip of {self.frames[index]}")
        pictures, sound, _ = self._maps[self._corpus[index]]
        first = self._starts[index] + start
        last = first + frames
        window = pictures[first:last] if self.seen[index] else np.broadcast_to(self._black, (frames, *self.shape))
        return window, sound[first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME]


_Maps = tuple[Pictures, Sound, NDArray[np.int64]]  # all pictures, all sound, first frame of each clip


def _open_or_make(
    root: CorpusRoot, view: CachedView, folder: Path | None, workers: int, progress: Progress | None
) -> _Maps:
    digest = hashlib.sha256(f"{root.identity} {view.name} {view.version}".encode()).hexdigest()[:12]
    name = f"{view.name}-{view.version}-{digest}"
    places = [folder] if folder else [*([root.folder / "views"] if root.folder else []), cache_folder() / "views"]
    for place in places:
        if (place / name / "index.json").exists():
            return _open(place / name)
    place = next((p for p in places if _writable(p)), places[-1])
    with corpus_os_errors(place), _locked(place, name):
        if not (place / name / "index.json").exists():  # another process may have made it while this one waited
            _make(root, view, place / name, workers, progress)
    return _open(place / name)


def _open(folder: Path) -> _Maps:
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    lengths = np.array(index["frames"], dtype=np.int64)
    total, shape = int(lengths.sum()), tuple(index["shape"])
    try:
        pictures = (
            np.zeros((total, *shape), dtype=np.uint8)  # an empty file cannot be mapped
            if 0 in shape
            else np.memmap(folder / "video.u8", dtype=np.uint8, mode="r", shape=(total, *shape))
        )
        sound = np.memmap(folder / "audio.i16", dtype=np.int16, mode="r", shape=(total * SAMPLES_PER_FRAME,))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{folder} is damaged ({error}); remove it, and it will be created again") from error
    return np.asarray(pictures), np.asarray(sound), np.concatenate([[0], np.cumsum(lengths)[:-1]])


def _make(root: CorpusRoot, view: CachedView, folder: Path, workers: int, progress: Progress | None) -> None:
    """Create the files in a temporary folder and rename it."""
    table = root.table()
    lengths = table["frames"].to_numpy().astype(np.int64)
    total = int(lengths.sum())
    shape = view.function(Corpus(root.name)[0]).shape[1:]
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # from a process that was killed; this one has the lock
    temporary.mkdir(parents=True)
    try:
        _allocate(temporary / "video.u8", total * int(np.prod(shape)))
        _allocate(temporary / "audio.i16", total * SAMPLES_PER_FRAME * 2)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        tasks = [(i, min(i + _CLIPS_PER_TASK, len(lengths))) for i in range(0, len(lengths), _CLIPS_PER_TASK)]
        work = partial(_write_clips, root=root.name, view=view, shape=shape, starts=starts, folder=temporary)
        stage = Stage(progress, f"decoding the {view.name} of {root.name}", total)
        done = 0
        for message in run_tasks(tasks, work, workers):
            if message.kind == "died":
                raise CorpusError(f"the process that decoded {root.name} {message.value}; try fewer --workers")
            if message.kind == "told":
                done += message.value
                stage.update(done, f"{done / max(stage.elapsed_s, 1e-3):.0f} frames/s")
        write_text(temporary / "index.json", json.dumps({"shape": shape, "frames": lengths.tolist()}))
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_clips(
    task: tuple[int, int],
    tell: ReportProgress,
    *,
    root: str,
    view: CachedView,
    shape: tuple[int, ...],
    starts: NDArray[np.int64],
    folder: Path,
) -> None:
    """Decode clips into their positions in the two files."""
    corpus = _corpus(root)
    with (folder / "video.u8").open("r+b") as video, (folder / "audio.i16").open("r+b") as audio:
        for index in range(*task):
            clip = corpus[index]
            pictures = np.ascontiguousarray(view.function(clip))
            if pictures.dtype != np.uint8 or pictures.shape != (clip.frames, *shape):
                raise CorpusError(
                    f"the view {view.name} of clip {index} of {root} is {pictures.dtype} {pictures.shape}, "
                    f"not uint8 {(clip.frames, *shape)}; a view must have one shape"
                )
            video.seek(int(starts[index]) * int(np.prod(shape)))
            video.write(pictures.data)
            audio.seek(int(starts[index]) * SAMPLES_PER_FRAME * 2)
            audio.write(np.rint(clip.audio.clip(-1, 1) * FULL_SCALE).astype(np.int16).data)
            tell(clip.frames)


@lru_cache(maxsize=1)
def _corpus(root: str) -> Corpus:
    """Open the corpus once per process."""
    return Corpus(root)


def _allocate(path: Path, size: int) -> None:
    """Create a file with allocated disk space, so that a full disk is detected here and not during a mapped write."""
    with path.open("wb") as file:
        if size:
            os.posix_fallocate(file.fileno(), 0, size)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


@contextmanager
def _locked(place: Path, name: str) -> Iterator[None]:
    """Lock a view: one process creates it, others wait and then find it complete."""
    place.mkdir(parents=True, exist_ok=True)
    with (place / f".{name}.lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
