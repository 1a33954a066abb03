"""Losses with speaker labels: AM-softmax and angular prototypical."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.losses.base import Angular


class AMSoftmax(nn.Module):
    """Cross entropy over scaled cosines to one learned direction per class, with a margin on the correct class.

        L = -1/N  sum_i  log  e^{s (cos_iy - m)} / (e^{s (cos_iy - m)} + sum_{j != y} e^{s cos_ij})

    Wang, Cheng, Liu & Liu (2018), "Additive margin softmax for face verification", arXiv 1801.05599. Their s is 30. Our
    margin is smaller than theirs, which was tuned on faces, because there are fewer speakers.

    Args:
        dim: width of an embedding.
        classes: number of training speakers.
        margin: m.
        scale: s.
    """

    def __init__(self, dim: int, classes: int, margin: float = 0.2, scale: float = 30.0) -> None:
        super().__init__()
        if margin < 0 or scale <= 0 or classes < 2:
            raise ValueError(f"a margin of {margin}, a scale of {scale} and {classes} classes give no loss")
        self.margin, self.scale = margin, scale
        self.directions = nn.Parameter(torch.empty(classes, dim))
        nn.init.xavier_normal_(self.directions)

    def forward(self, embeddings: Tensor, speakers: Tensor) -> Tensor:
        """Compute the loss, a float32 scalar.

        Args:
            embeddings: (N, dim), not necessarily normalised.
            speakers: class indices, (N,).
        """
        with torch.autocast(embeddings.device.type, enabled=False):
            cosines = F.normalize(embeddings.float(), dim=1) @ F.normalize(self.directions, dim=1).mT  # (N, classes)
            logits = cosines - self.margin * F.one_hot(speakers, cosines.shape[1])
            return F.cross_entropy(self.scale * logits, speakers)


class AngularPrototypical(nn.Module):
    """Classifies each speaker's last utterance by the centroids of the other utterances of all speakers.

        L = -1/N  sum_j  log  e^{S_jj} / sum_k e^{S_jk},   S_jk = w cos(x_jM, c_k) + b,   c_k = mean of x_k1 .. x_kM-1

    Chung, Huh, Mun, Lee, Heo, Choe, Ham, Jung, Lee & Han (2020), "In defence of metric learning for speaker
    recognition", arXiv 2003.11982. w (initially 10) and b (-5) are learned; w is kept positive.
    """

    def __init__(self) -> None:
        super().__init__()
        self.similarity = Angular()

    def forward(self, embeddings: Tensor) -> Tensor:
        """Compute the loss, a float32 scalar.

        Args:
            embeddings: (speakers, utterances, dim), at least two utterances each.

        Raises:
            ValueError: there is only one utterance per speaker.
        """
        if embeddings.shape[1] < 2:
            raise ValueError("a prototype is made of other utterances: two or more of each speaker are needed")
        with torch.autocast(embeddings.device.type, enabled=False):
            embeddings = embeddings.float()
            query, prototypes = embeddings[:, -1], embeddings[:, :-1].mean(1)
            logits = self.similarity(query, prototypes)  # (speakers, speakers)
            return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
