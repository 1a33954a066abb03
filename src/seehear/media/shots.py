"""Shot cuts, found while the pictures stream past.

Each picture is shrunk to a thumbnail of its luma, and two neighbours are compared by the correlation of their
thumbnails, which a change of light or a fade hardly touches. A cut is a jump that stands out from its surroundings:
large in itself, far larger than what the shot has shown lately, larger than its neighbours in time (a quick movement
lasts longer), and not undone right afterwards (a flash is).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS

THUMBNAIL = 32
"""Long side of the compared thumbnails, in pixels."""

LOOKAHEAD = 2
"""A picture's cut is decided when this many pictures after it are known: a flash lasts one or two."""

FLAT = 100.0
"""Luma variance (grey levels squared) of a thumbnail with hardly any content, to which correlation is blind."""

SMALLEST_CUT = 0.012
"""Least dissimilarity of a cut. Two takes of one person on one set differ by 0.003 to 0.2, other shots by 0.2 to 1.3;
within a shot of a talking head neighbours differ by 0.0001, and by 0.006 at most."""

SURE_CUT = 0.1
"""Least dissimilarity of a cut while it is not known yet what is usual."""

STANDS_OUT = 6.0
"""A cut's dissimilarity is this many times what is usual, ..."""

USUAL = 80
"""... this percentile of the last steps."""

REPEAT = 1e-6
"""A step of less is no step: at low frame rates the same picture comes several times."""

KNOWN = 12
"""Steps that must have been seen to know what is usual."""

NEIGHBOURS = 3.0
"""A cut's dissimilarity is this many times that of the steps right before and after it."""


class HasLuma(Protocol):
    """What shots are found in: `seehear.media.decode.Picture`, or anything with its brightness."""

    def small_luma(self, long_side: int) -> tuple[NDArray[np.uint8], float]: ...


P = TypeVar("P", bound=HasLuma)


def split_shots(pictures: Iterable[P]) -> Iterator[tuple[P, bool]]:
    """Pass pictures on, each with whether it is the first of a shot (as the very first picture is).

    Pictures come out `LOOKAHEAD` later than they went in; memory is that of a few pictures.
    """
    finder = _CutFinder()
    waiting: deque[tuple[P, NDArray[np.float64]]] = deque()

    def decide() -> tuple[P, bool]:
        picture, thumbnail = waiting.popleft()
        return picture, finder.is_first(thumbnail, [later for _, later in waiting])

    for picture in pictures:
        waiting.append((picture, _thumbnail(picture)))
        if len(waiting) > LOOKAHEAD:
            yield decide()
    while waiting:
        yield decide()


class _CutFinder:
    """Remembers what the current shot has looked like lately, and how much pictures have differed."""

    def __init__(self) -> None:
        self.before: deque[NDArray[np.float64]] = deque(maxlen=LOOKAHEAD + 1)
        self.steps: deque[float] = deque(maxlen=FPS)

    def is_first(self, thumbnail: NDArray[np.float64], after: list[NDArray[np.float64]]) -> bool:
        """Whether a shot begins with this picture, given the `LOOKAHEAD` that follow (fewer at the end)."""
        step = _dissimilarity(self.before[-1], thumbnail) if self.before else 0.0
        first = not self.before or (step >= SMALLEST_CUT and self._is_cut(step, thumbnail, after))
        if first:
            self.before.clear()
        elif step > REPEAT:
            self.steps.append(step)
        self.before.append(thumbnail)
        return first

    def _is_cut(self, step: float, thumbnail: NDArray[np.float64], after: list[NDArray[np.float64]]) -> bool:
        known = len(self.steps) >= KNOWN
        if step < (STANDS_OUT * float(np.percentile(self.steps, USUAL)) if known else SURE_CUT):
            return False
        beside = [_dissimilarity(thumbnail, after[0])] if after else []
        beside += [self.steps[-1]] if len(self.before) > 1 and self.steps else []
        if beside and step < NEIGHBOURS * max(beside):
            return False
        earlier = list(self.before)
        undone = [_dissimilarity(earlier[-1], later) for later in after]  # this picture begins a flash
        undone += [_dissimilarity(early, thumbnail) for early in earlier[:-1]]  # it is the first after one
        return not undone or min(undone) > step / 2


def _thumbnail(picture: HasLuma) -> NDArray[np.float64]:
    """Thumbnail of a picture as a vector of length 1, such that scalar products are correlations."""
    small = picture.small_luma(THUMBNAIL)[0].astype(np.float64).ravel()
    centred = (small - small.mean()) / np.sqrt(small.size)
    vector = np.append(centred, np.sqrt(FLAT))  # a common part, in which flat pictures agree
    return np.asarray(vector / np.linalg.norm(vector))


def _dissimilarity(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """0 for the same picture up to brightness and contrast, about 1 for unrelated ones, up to 2."""
    return 1.0 - float(a @ b)
