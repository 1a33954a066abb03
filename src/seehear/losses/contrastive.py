"""The contrastive loss of SyncNet."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from seehear.losses.base import Loss
from seehear.losses.candidates import Candidates, mean_where
from seehear.losses.similarity import distances


class Contrastive(Loss):
    """Matching pairs together, others at least a margin apart (Chung & Zisserman 2016, "Out of time", section 3).

        L = 1 / 2N  sum  y d^2 + (1 - y) max(m - d, 0)^2,      d = ||sound - lips||

    The paper draws one negative pair (same clip, other time) for each positive one. Here all negatives of a clip take
    part, and their mean counts as much as that of the positives: the expectation of the paper's loss.

    Args:
        margin: m. The paper's value is not known. With a margin near the distances of a new network (1) the embeddings
            shrink to a point: after 150 steps of sync on synthetic people the offset was right in 9 % of the windows
            (guessing: 10 %), with 4 in 28 %, with 20 in 53 %.
        exclude: see `Loss`.
    """

    distance = "euclidean"

    def __init__(self, margin: float = 20.0, exclude: int = 0) -> None:
        super().__init__(exclude)
        self.margin = margin

    def compare(self, sound: Tensor, lips: Tensor, sound2: Tensor, lips2: Tensor, among: Candidates) -> Tensor:
        """See `Loss.compare`."""
        apart = distances(sound, lips)  # (G, N, N)
        together = mean_where(apart.diagonal(dim1=1, dim2=2).square(), among.valid)
        too_near = mean_where(F.relu(self.margin - apart).square(), among.negative)
        return (together + too_near) / 4  # 1 / 2N of N pairs, half of them positive
