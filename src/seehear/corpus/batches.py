"""Batches of windows of clips for training: shuffled by a seed, resumable to the very batch, made ahead of need."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seehear.clip import SAMPLES_PER_FRAME
from seehear.corpus.views import FULL_SCALE, ClipViews
from seehear.errors import CorpusError

BUCKET = 5  # frames: windows of short clips are cut to a multiple of this, so that they fill batches together


class Window(NamedTuple):
    """Frames [start, start + frames) of a clip."""

    clip: int
    start: int
    frames: int


Batch = dict[str, Tensor]
"""``video`` uint8 (B, T, ...), ``audio`` float32 (B, T * 640), ``clip`` int64 (B,), ``start`` int64 (B,) in frames."""


class WindowBatches:
    """An endless stream of batches; in every epoch each clip is cut into as many windows as fit, at a random phase.

    All windows of a batch have one length. What a batch holds depends on the seed, the epoch and its position alone,
    so a state of two numbers resumes the stream exactly. The next batches are copied by a thread meanwhile.
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
    ) -> None:
        """Sets the stream to its beginning.

        Args:
            views: the clips.
            batch_size: windows in a batch.
            frames: length of a window.
            min_frames: shorter clips are left out; those between this and ``frames`` come in batches of their own,
                of shorter windows. By default ``frames``: all windows are alike.
            seed: of the order and the phases.
            rank: which of ``world`` processes this is; each gets every world-th batch.
            world: how many processes train together.
            ahead: batches made ahead.

        Raises:
            CorpusError: not one batch comes together.
        """
        self.views = views
        self.batch_size = batch_size
        self.frames = frames
        self.min_frames = frames if min_frames is None else min(min_frames, frames)
        self.seed = seed
        self.rank = rank
        self.world = world
        self.ahead = ahead
        self.epoch = 0
        self.position = 0
        self._plan: tuple[int, list[list[Window]]] = (-1, [])
        if not self._epoch_batches(0):
            fit = int((views.frames >= self.min_frames).sum())
            raise CorpusError(
                f"{fit} clips of at least {self.min_frames} frames do not make a batch of {batch_size} for each of "
                f"{world} processes; prepare more video, or give a smaller --data.batch or --data.min-frames"
            )

    def __len__(self) -> int:
        """Batches an epoch."""
        return len(self._epoch_batches(self.epoch))

    def __iter__(self) -> Iterator[Batch]:
        """Goes on from the present state, without end."""
        epoch, position = self.epoch, self.position
        coming: deque[tuple[tuple[int, int], Future[Batch]]] = deque()
        with ThreadPoolExecutor(1, "batches") as thread:
            while True:
                while len(coming) <= self.ahead:
                    windows = self._epoch_batches(epoch)[position]
                    position += 1
                    if position == len(self._epoch_batches(epoch)):
                        epoch, position = epoch + 1, 0
                    coming.append(((epoch, position), thread.submit(self._collate, windows)))
                (self.epoch, self.position), batch = coming.popleft()
                yield batch.result()

    def state_dict(self) -> dict[str, int]:
        """Where the stream is: the next batch, as far as the consumer knows. Batches made ahead do not count."""
        return {"epoch": self.epoch, "position": self.position, **self._frame()}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Goes to a state; iterate anew afterwards.

        Raises:
            CorpusError: the state is of a stream over other clips or with other options.
        """
        for name, value in self._frame().items():
            if state[name] != value:
                raise CorpusError(
                    f"the training was stopped with {name} {state[name]} and cannot go on with {value}; "
                    "give the same corpus and options, or start a new run"
                )
        self.epoch, self.position = state["epoch"], state["position"]

    def _frame(self) -> dict[str, int]:
        """What must be the same for a state to mean the same batch."""
        return {
            "seed": self.seed,
            "batch_size": self.batch_size,
            "frames": self.frames,
            "min_frames": self.min_frames,
            "world": self.world,
            "clips": len(self.views),
            "total_frames": int(self.views.frames.sum()),
        }

    def _epoch_batches(self, epoch: int) -> list[list[Window]]:
        """All batches of an epoch for this process."""
        if self._plan[0] != epoch:
            rng = np.random.default_rng([self.seed, epoch])
            windows = cut(self.views.frames, self.frames, self.min_frames, rng)
            batches = group(windows, self.batch_size, rng)
            usable = len(batches) // self.world * self.world  # the processes must take the same number of steps
            self._plan = (epoch, batches[self.rank : usable : self.world])
        return self._plan[1]

    def _collate(self, windows: list[Window]) -> Batch:
        frames = windows[0].frames
        video = torch.empty((len(windows), frames, *self.views.shape), dtype=torch.uint8)
        audio = torch.empty((len(windows), frames * SAMPLES_PER_FRAME), dtype=torch.float32)
        for i, window in enumerate(windows):
            pictures, sound = self.views.window(*window)
            np.copyto(video[i].numpy(), pictures)
            np.multiply(sound, np.float32(1 / FULL_SCALE), out=audio[i].numpy())
        return {
            "video": video,
            "audio": audio,
            "clip": torch.tensor([window.clip for window in windows]),
            "start": torch.tensor([window.start for window in windows]),
        }


def cut(lengths: np.ndarray[Any, Any], frames: int, min_frames: int, rng: np.random.Generator) -> list[Window]:
    """Cuts each clip into windows of ``frames`` that do not overlap; a clip shorter than that gives one, shorter."""
    windows = []
    for clip, length in enumerate(lengths.tolist()):
        if length < min_frames:
            continue
        size = frames if length >= frames else max(length // BUCKET * BUCKET, min_frames)
        count = length // size
        phase = int(rng.integers(length - count * size + 1))
        windows += [Window(clip, phase + i * size, size) for i in range(count)]
    return windows


def group(windows: list[Window], batch_size: int, rng: np.random.Generator) -> list[list[Window]]:
    """Shuffles windows into full batches of one length each.

    Windows that are left over are cut to the next shorter length and join those; at the last some are left out.
    """
    by_length: dict[int, list[Window]] = {}
    for window in windows:
        by_length.setdefault(window.frames, []).append(window)
    batches: list[list[Window]] = []
    over: list[Window] = []
    for length in sorted(by_length, reverse=True):
        pool = by_length[length] + [_shortened(window, length, rng) for window in over]
        pool = [pool[i] for i in rng.permutation(len(pool))]
        full = len(pool) // batch_size * batch_size
        batches += [pool[i : i + batch_size] for i in range(0, full, batch_size)]
        over = pool[full:]
    return [batches[i] for i in rng.permutation(len(batches))]


def _shortened(window: Window, frames: int, rng: np.random.Generator) -> Window:
    return Window(window.clip, window.start + int(rng.integers(window.frames - frames + 1)), frames)
