"""Which frames of a clip a word is read from."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from seehear.bounds import require_at_least
from seehear.clip import FPS

SHORTEST = 2
"""Frames of the shortest word that is read."""


@dataclass(frozen=True)
class WindowOptions:
    """The frames that a word is read from.

    Attributes:
        frames: so many around the middle of the word, such as the 29 of LRW's clips; by default the word and its
            margin, and all of a clip that is of one word.
        margin: frames on either side of a word that is cut out of a sentence: lips move before the sound begins.
        boundaries: tell the read-out which of the frames are the word's own, where its times are known (word boundary
            indicators, arXiv 2209.01383).
    """

    frames: int | None = None
    margin: int = 4
    boundaries: bool = True

    def __post_init__(self) -> None:
        require_at_least("window", self, margin=0)
        if self.frames is not None:
            require_at_least("window", self, frames=SHORTEST)

    def told(self) -> str:
        """What a result says of it."""
        around = f"{self.frames} around its middle" if self.frames else f"its own and {self.margin} on either side"
        return around + (", boundaries told" if self.boundaries else "")


class Window(NamedTuple):
    """Frames [first, stop) of a clip; those whose middle is in [begins, ends) are the word's own."""

    clip: int
    first: int
    stop: int
    begins: float
    ends: float

    def moved(self, by: int, length: int) -> Window:
        """The same so many frames later, as far as there are any in a clip of this length."""
        by = max(-self.first, min(by, length - self.stop))
        return self._replace(first=self.first + by, stop=self.stop + by)

    def counted_from(self, frame: int) -> Window:
        """The same in a part of the clip that begins at this frame."""
        shifted = {"first": self.first - frame, "stop": self.stop - frame}
        return self._replace(begins=self.begins - frame, ends=self.ends - frame, **shifted)


def window(
    clip: int, length: int, between_s: tuple[float, float] | None, whole: bool, options: WindowOptions
) -> Window:
    """Where a word is read.

    Args:
        clip: its row in the corpus.
        length: of the clip, in frames.
        between_s: when the word begins and ends, where that is known.
        whole: whether the clip is of this word alone.
        options: how much is read.

    Returns:
        At least `SHORTEST` frames, where the clip has them.
    """
    begins, ends = (FPS * s for s in between_s) if between_s else (0.0, float(length))
    if options.frames:
        first = round((begins + ends - options.frames) / 2)
        stop = first + options.frames
    elif whole:
        first, stop = 0, length
    else:
        first, stop = floor(begins) - options.margin, ceil(ends) + options.margin
    first = max(0, min(first, length - SHORTEST))
    stop = min(length, max(stop, first + SHORTEST))
    return Window(clip, first, stop, begins, ends)


def cut(features: Tensor, where: Window, boundaries: bool) -> Tensor:
    """The features of a word.

    Args:
        features: (T, D), of its clip.
        where: the frames.
        boundaries: add a feature that is 1 in frames that are the word's own, else 0.

    Returns:
        (stop - first, D or D + 1).
    """
    seen = features[where.first : where.stop]
    if not boundaries:
        return seen
    middle = torch.arange(where.first, where.stop, device=seen.device) + 0.5
    own = (middle >= where.begins) & (middle < where.ends)
    return F.pad(seen, (0, 1)) + F.pad(own[:, None].to(seen), (seen.shape[1], 0))
