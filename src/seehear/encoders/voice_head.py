"""From what is heard at every moment to one embedding of whose voice it is."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

Pooling = Literal["mean", "mean+deviation", "attentive"]

FLOOR = 1e-5
"""Added to variances: the square root has no gradient at 0."""


class VoiceHead(nn.Module):
    """Pooling over time, then a linear layer.

    ``mean``: as in the papers (arXiv 2002.08742, section 3). ``mean+deviation``: statistics pooling (Snyder et al.
    2017, "Deep neural network embeddings for text-independent speaker verification", section 3). ``attentive``: both,
    weighted by a small network that says how much each moment tells (Okabe et al. 2018, arXiv 1803.10963, section 3).
    Means and deviations are of different sizes, and are brought to one by a batch norm before the linear layer.
    """

    def __init__(self, inputs: int, dim: int, pooling: Pooling = "mean+deviation") -> None:
        """Makes the layers.

        Args:
            inputs: width of the features.
            dim: width of an embedding.
            pooling: see above.
        """
        super().__init__()
        self.pooling = pooling
        self.attention: nn.Module | None = None
        if pooling == "attentive":
            hidden = max(1, inputs // 4)
            self.attention = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, 1))
        pooled = inputs if pooling == "mean" else 2 * inputs
        self.norm: nn.Module = nn.Identity() if pooling == "mean" else nn.BatchNorm1d(pooled)
        self.linear = nn.Linear(pooled, dim)

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, inputs) -> (B, dim)."""
        return cast(Tensor, self.linear(self.norm(self.pool(features))))

    def pool(self, features: Tensor) -> Tensor:
        """(B, T, inputs) -> (B, inputs), or (B, 2 inputs) where the deviation stands beside the mean."""
        if self.pooling == "mean":
            return features.mean(1)
        features = features.float()  # the square of what is nearly its mean needs its digits
        if self.attention is None:
            weights = features.new_full((1, features.shape[1], 1), 1 / features.shape[1])
        else:
            weights = self.attention(features).float().softmax(1)
        mean = (weights * features).sum(1)
        variance = (weights * (features - mean.unsqueeze(1)).square()).sum(1)
        return torch.cat([mean, (variance + FLOOR).sqrt()], dim=-1)
