"""How alike two embeddings are: the logit of one candidate in a multi-way choice, and plain distances."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SimilarityName = Literal["angular", "inverse-euclidean"]

Distance = Literal["cosine", "euclidean"]
"""What two embeddings are compared by once training is over."""

SMALLEST_DISTANCE = 1e-3
"""Distances are clamped here: the square root has no gradient at 0, and 1/0 is no logit."""


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distance of every x to every y.

    Args:
        x: (..., N, D).
        y: (..., M, D).

    Returns:
        (..., N, M), at least `SMALLEST_DISTANCE`.
    """
    squared = x.square().sum(-1).unsqueeze(-1) + y.square().sum(-1).unsqueeze(-2) - 2 * x @ y.transpose(-1, -2)
    return squared.clamp_min(SMALLEST_DISTANCE**2).sqrt()


class InverseEuclidean(nn.Module):
    """s(x, y) = 1 / ||x - y||: the similarity of Perfect Match (Chung, Chung & Kang 2019, arXiv 1809.08001)."""

    distance: Distance = "euclidean"
    normalised = False

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits (..., N, M) of x (..., N, D) against y (..., M, D)."""
        return distances(x, y).reciprocal()


class Angular(nn.Module):
    """s(x, y) = w cos(x, y) + b with w learned.

    The angular variant of the cross-modal matching loss (Chung, Kang & Chung 2020, arXiv 2004.14326, as written
    down by arXiv 2005.08606). w starts at 10 and b at -5, as in the code of the same group. w is kept positive:
    a negative one would turn the choice upside down. b moves all logits of one softmax alike: its gradient is 0 but for
    rounding, so it is frozen, and kept only because published models carry it.
    """

    distance: Distance = "cosine"
    normalised = True
    smallest_scale = 1e-2

    def __init__(self, scale: float = 10.0, bias: float = -5.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.bias = nn.Parameter(torch.tensor(bias), requires_grad=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits (..., N, M) of x (..., N, D) against y (..., M, D)."""
        cosine = F.normalize(x, dim=-1) @ F.normalize(y, dim=-1).transpose(-1, -2)
        return self.scale.clamp_min(self.smallest_scale) * cosine + self.bias


def make_similarity(name: SimilarityName) -> Angular | InverseEuclidean:
    """The similarity of that name."""
    return Angular() if name == "angular" else InverseEuclidean()
