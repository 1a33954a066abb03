"""Batches of windows: shuffled by a seed, resumable at any batch."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.clip import SAMPLES_PER_FRAME
from seehear.data.views import FULL_SCALE, ClipViews, Pictures
from seehear.errors import CorpusError

BUCKET = 5  # frames: windows of short clips are cut to a multiple of this, so that they can share batches


class ClipWindow(NamedTuple):
    """Frames [start, start + frames) of a clip."""

    clip: int
    start: int
    frames: int


Batch = dict[str, Tensor]
"""``video`` uint8 (B, T or stills, ...), ``audio`` float32 (B, T * 640), ``seen`` bool (B,), ``clip`` int64 (B,) and
``start`` int64 (B,) in frames."""


class WindowBatches:
    """An endless stream of batches; in every epoch each clip is cut into as many windows as fit, at a random phase.

    All windows of a batch have the same length. Its content, including stills, depends only on the seed, the epoch and
    its position, so a state of two numbers resumes the stream exactly. Several processes share each batch: together
    they see what one process with a batch as large would, and a stream may be resumed by another number of processes.
    A thread copies the next batches in advance.
    """

    def __init__(
        self,
        views: ClipViews,
        batch_size: int,
        *,
        frames: int = 75,
        min_frames: int | None = None,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        ahead: int = 2,
        stills: int | None = None,
        apart: bool = False,
    ) -> None:
        """Begin the stream.

        Args:
            views: the clips
            batch_size: windows in a batch of this process
            frames: length of a window
            min_frames: minimum length of a clip; clips shorter than ``frames`` give batches of shorter windows. By
                default ``frames``: all windows have the same length.
            seed: of the order and the phases
            rank: number of this process
            world: number of processes that train together
            ahead: number of batches prepared in advance
            stills: number of frames sampled from the whole clip of a window, instead of the frames of the window
            apart: whether a batch (of all processes together) must not have two windows of one source

        Raises:
            CorpusError: too few clips for a batch
        """
        self.views = views
        self.batch_size = batch_size
        self.frames = frames
        self.min_frames = frames if min_frames is None else min(min_frames, frames)
        self.seed = seed
        self.rank = rank
        self.world = world
        self.ahead = ahead
        self.stills = stills
        self.apart = apart
        self.epoch = 0
        self.position = 0
        self._plan: tuple[int, list[list[ClipWindow]]] = (-1, [])
        if not self._epoch_batches(0):
            fit = np.flatnonzero(views.frames >= self.min_frames)
            of = f" of {len(np.unique(views.sources[fit]))} sources" if apart else ""
            raise CorpusError(
                f"{len(fit)} clips{of} of at least {self.min_frames} frames do not make a batch of {batch_size} for "
                f"each of {world} processes; prepare more video, or give a smaller --data.batch or --data.min-frames"
            )

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return len(self._epoch_batches(self.epoch))

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches from the current state on, without end."""
        epoch, position = self.epoch, self.position
        coming: deque[tuple[tuple[int, int], Future[Batch]]] = deque()
        with ThreadPoolExecutor(1, "batches") as thread:
            while True:
                while len(coming) <= self.ahead:
                    windows = self._epoch_batches(epoch)[position]
                    made = thread.submit(self._collate, windows, (epoch, position))
                    position += 1
                    if position == len(self._epoch_batches(epoch)):
                        epoch, position = epoch + 1, 0
                    coming.append(((epoch, position), made))
                (self.epoch, self.position), batch = coming.popleft()
                yield batch.result()

    def state_dict(self) -> dict[str, int]:
        """Return the position of the next batch for the consumer; batches prepared in advance do not count."""
        return {"epoch": self.epoch, "position": self.position, **self._identity()}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Set the position; iterate again afterwards.

        Raises:
            CorpusError: the state is of a stream with other clips or options
        """
        was, now = _without_processes(state), _without_processes(self._identity())
        for name, value in now.items():
            if was[name] != value:
                raise CorpusError(
                    f"the training was stopped with {name} {was[name]} and cannot be resumed with {value}; "
                    "give the same corpus and options, or start a new run"
                )
        self.epoch, self.position = state["epoch"], state["position"]

    def _identity(self) -> dict[str, int]:
        """Return the values for which a state stands for the same batch."""
        return {
            "seed": self.seed,
            "batch_size": self.batch_size,
            "frames": self.frames,
            "min_frames": self.min_frames,
            "world": self.world,
            "clips": len(self.views),
            "total_frames": int(self.views.frames.sum()),
        }

    def _epoch_batches(self, epoch: int) -> list[list[ClipWindow]]:
        """Return the batches of an epoch, each of all processes together."""
        if self._plan[0] != epoch:
            rng = np.random.default_rng([self.seed, epoch])
            windows = cut_windows(self.views.frames, self.frames, self.min_frames, rng)
            sources = self.views.sources if self.apart else None
            self._plan = (epoch, group_into_batches(windows, self.batch_size * self.world, rng, sources))
        return self._plan[1]

    def _collate(self, whole: list[ClipWindow], place: tuple[int, int]) -> Batch:
        """Copy this process's part of a batch; the stills depend on ``place``, the epoch and the position."""
        own = slice(self.rank * self.batch_size, (self.rank + 1) * self.batch_size)
        windows, frames = whole[own], whole[0].frames
        stills = self._sample_stills(whole, place)[own] if self.stills else []
        video = torch.empty((len(windows), self.stills or frames, *self.views.shape), dtype=torch.uint8)
        audio = torch.empty((len(windows), frames * SAMPLES_PER_FRAME), dtype=torch.float32)
        for i, window in enumerate(windows):
            pictures, sound = self.views.window(*window)
            np.copyto(video[i].numpy(), self._frames(window.clip, stills[i]) if self.stills else pictures)
            np.multiply(sound, np.float32(1 / FULL_SCALE), out=audio[i].numpy())
        clips = np.array([window.clip for window in windows])
        return {
            "video": video,
            "audio": audio,
            "seen": torch.from_numpy(self.views.seen[clips]),
            "clip": torch.from_numpy(clips),
            "start": torch.tensor([window.start for window in windows]),
        }

    def _sample_stills(self, windows: list[ClipWindow], place: tuple[int, int]) -> list[NDArray[np.int64]]:
        """Return frame numbers for each window in random order, without repetition if its clip has enough frames."""
        rng = np.random.default_rng([self.seed, *place, 0])
        lengths = [int(self.views.frames[window.clip]) for window in windows]
        return [rng.choice(length, self.stills, replace=length < (self.stills or 0)) for length in lengths]

    def _frames(self, clip: int, numbers: NDArray[np.int64]) -> list[Pictures]:
        return [self.views.window(clip, int(number), 1)[0][0] for number in numbers]


def _without_processes(state: dict[str, int]) -> dict[str, int]:
    """Return a state without the number of processes, with the batch of all of them."""
    return {**state, "batch_size": state["batch_size"] * state["world"], "world": 1}


def cut_windows(
    lengths: np.ndarray[Any, Any], frames: int, min_frames: int, rng: np.random.Generator
) -> list[ClipWindow]:
    """Cut each clip into windows of ``frames`` without overlap; a shorter clip gives one shorter window."""
    windows = []
    for clip, length in enumerate(lengths.tolist()):
        if length < min_frames:
            continue
        size = frames if length >= frames else max(length // BUCKET * BUCKET, min_frames)
        count = length // size
        phase = int(rng.integers(length - count * size + 1))
        windows += [ClipWindow(clip, phase + i * size, size) for i in range(count)]
    return windows


def group_into_batches(
    windows: list[ClipWindow], batch_size: int, rng: np.random.Generator, sources: NDArray[np.int64] | None = None
) -> list[list[ClipWindow]]:
    """Shuffle windows into full batches of equal length.

    Windows that do not fill a batch are cut to the next shorter length and join those; the last ones are left out.

    Args:
        windows: windows of any lengths
        batch_size: windows in a batch
        rng: for the order
        sources: source of each clip; if given, no batch has two windows of one source
    """
    by_length: dict[int, list[ClipWindow]] = {}
    for window in windows:
        by_length.setdefault(window.frames, []).append(window)
    batches: list[list[ClipWindow]] = []
    over: list[ClipWindow] = []
    for length in sorted(by_length, reverse=True):
        pool = by_length[length] + [_shortened(window, length, rng) for window in over]
        pool = [pool[i] for i in rng.permutation(len(pool))]
        full, over = (
            fill_batches(pool, batch_size) if sources is None else deal_by_source(pool, batch_size, sources, rng)
        )
        batches += full
    return [batches[i] for i in rng.permutation(len(batches))]


def fill_batches(pool: list[ClipWindow], batch_size: int) -> tuple[list[list[ClipWindow]], list[ClipWindow]]:
    """Split shuffled windows into full batches and the rest."""
    full = len(pool) // batch_size * batch_size
    return [pool[i : i + batch_size] for i in range(0, full, batch_size)], pool[full:]


def deal_by_source(
    pool: list[ClipWindow], batch_size: int, sources: NDArray[np.int64], rng: np.random.Generator
) -> tuple[list[list[ClipWindow]], list[ClipWindow]]:
    """Distribute shuffled windows source by source, so that no batch has two windows of one source.

    Each of n batches takes at most one window of a source, so at most n windows of a source are used. There are as many
    batches as can be filled.

    Args:
        pool: windows of one length
        batch_size: windows in a batch
        sources: source of each clip
        rng: samples the windows to leave out

    Returns:
        Full batches, and the remaining windows.
    """
    by_source: dict[int, list[ClipWindow]] = defaultdict(list)
    for window in pool:
        by_source[int(sources[window.clip])].append(window)
    counts_by_source = np.array([len(own) for own in by_source.values()], dtype=np.int64)
    # The windows that n batches can take are concave in n, those that they need linear: bisect for the largest n.
    counts = range(1, len(pool) // batch_size + 1)
    count = bisect_left(counts, True, key=lambda n: bool(np.minimum(counts_by_source, n).sum() < n * batch_size))
    taken = [window for own in by_source.values() for window in own[:count]]
    over = [window for own in by_source.values() for window in own[count:]]
    spare = np.zeros(len(taken), dtype=bool)
    spare[rng.permutation(len(taken))[: len(taken) - count * batch_size]] = True
    over += [window for window, left in zip(taken, spare, strict=True) if left]
    taken = [window for window, left in zip(taken, spare, strict=True) if not left]
    return [taken[number::count] for number in range(count)], over


def _shortened(window: ClipWindow, frames: int, rng: np.random.Generator) -> ClipWindow:
    return ClipWindow(window.clip, window.start + int(rng.integers(window.frames - frames + 1)), frames)
