"""The two-way loss of AVE-Net."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.losses.base import Loss
from seehear.losses.candidates import Candidates, mean_where
from seehear.losses.similarity import distances


class AVENet(Loss):
    """Do these two belong together? (Arandjelović & Zisserman 2018, "Objects that sound", section 3.1.)

    Both embeddings are L2-normalised, their Euclidean distance goes through one fully connected layer into a two-way
    softmax. The distance is the layer's only input: a threshold and a slope are all that it can learn, so that the
    embeddings must do the work. Positives and negatives weigh half each, as if one negative were drawn a positive.

    The layer starts as a threshold in the middle of the distances of unit vectors (0 to 2), the right way round;
    a random start turns the task upside down half of the time.
    """

    distance = "euclidean"
    normalised = True

    def __init__(self, exclude: int = 0) -> None:
        super().__init__(exclude)
        self.decide = nn.Linear(1, 2)
        with torch.no_grad():
            self.decide.weight.copy_(torch.tensor([[1.0], [-1.0]]))
            self.decide.bias.copy_(torch.tensor([-1.0, 1.0]))

    def compare(self, sound: Tensor, lips: Tensor, sound2: Tensor, lips2: Tensor, among: Candidates) -> Tensor:
        """See `Loss.compare`."""
        apart = distances(F.normalize(sound, dim=-1), F.normalize(lips, dim=-1))
        other, same = (-F.log_softmax(self.decide(apart.unsqueeze(-1)), dim=-1)).unbind(-1)  # (G, N, N) each
        return (mean_where(same.diagonal(dim1=1, dim2=2), among.valid) + mean_where(other, among.negative)) / 2
