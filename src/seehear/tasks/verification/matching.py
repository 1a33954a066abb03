"""1-of-N matching: how often the right one scores highest among N, in expectation over all who might stand beside it.

Nobody is drawn to stand there: where L of m rivals score less than the right one, N - 1 of them are all among those L
with the probability L / m * (L - 1) / (m - 1) * ...
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def chances_of_first(below: Numbers, rivals: Numbers, most: int) -> Iterator[tuple[int, Numbers]]:
    """How probable it is that the right one is chosen among N, for N = 2 up to the most.

    Args:
        below: rivals that score less, (...); not whole where rivals are weighted.
        rivals: all of them, (...).
        most: the last N, the right one included.

    Yields:
        N and the probability, (...), not a number where there are too few rivals.
    """
    right = np.ones_like(below)
    for taken in range(most - 1):
        left = rivals - taken
        share = np.divide(np.maximum(below - taken, 0), left, out=np.full_like(right, np.nan), where=left >= 1 - 1e-9)
        right = right * share
        yield taken + 2, right
