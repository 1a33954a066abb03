"""What a voice has in common with a face: a few numbers made of its embedding."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

HIDDEN = 256


class CommonGround(nn.Module):
    """Two layers with dropout between the embedding of a voice and the few numbers that a face may tell of it.

    The embedding comes in without its graph. A voice tower that learns from faces as well learns the training's own
    pairs by heart, and then says less of people whom it has never met.
    """

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.4) -> None:
        """Makes the layers.

        Args:
            inputs: width of a voice's embedding.
            outputs: numbers in common.
            dropout: share of the inputs that are left out in training; of the hidden numbers, half of that.
        """
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm1d(inputs, affine=False),
            nn.Dropout(dropout),
            nn.Linear(inputs, HIDDEN),
            nn.BatchNorm1d(HIDDEN),
            nn.ReLU(),
            nn.Dropout(dropout / 2),
            nn.Linear(HIDDEN, outputs),
        )

    def forward(self, voice: Tensor) -> Tensor:
        """(B, inputs) -> (B, outputs)."""
        return cast(Tensor, self.layers(voice.detach()))
