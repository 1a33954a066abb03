"""Confusion: embeddings that are to say nothing about a choice."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from seehear.losses.candidates import Candidates, mean_where


class Confusion(nn.Module):
    """How far the choice among candidates is from a guess.

        L = -1/N  sum_i  1/M sum_j  log  exp s(x_i, y_j) / sum_k exp s(x_i, y_k)   -   log M

    The cross entropy of the uniform distribution with the softmax over i's own partner and its M - 1 negatives, less
    what it is at its least: 0 where all of them seem equally near. Nagrani, Chung, Albanie & Zisserman 2020 (arXiv
    2002.08742, section 3) ask it of embeddings of content about who speaks, and of embeddings of identity about when.

    The numbers of the similarity itself (scale and bias of `Angular`) are not moved: with a scale of 0 everything would
    seem equally near, and nothing were learned.
    """

    def __init__(self, symmetric: bool = True) -> None:
        """``symmetric``: averaged with the same choice made the other way."""
        super().__init__()
        self.symmetric = symmetric

    def forward(self, x: Tensor, y: Tensor, similarity: nn.Module, among: Candidates) -> Tensor:
        """The loss, a float32 scalar.

        Args:
            x: (G, N, D) embeddings.
            y: (G, N, D) embeddings of the other modality; the partner of each x has its index.
            similarity: (G, N, D) and (G, N, D) -> logits (G, N, N).
            among: who stands against whom.
        """
        with torch.autocast(x.device.type, enabled=False):
            still = {name: values.detach() for name, values in similarity.named_parameters()}
            logits: Tensor = functional_call(similarity, still, (x.float(), y.float()))
            loss = _from_uniform(logits, among)
            return (loss + _from_uniform(logits.mT, among)) / 2 if self.symmetric else loss


def _from_uniform(logits: Tensor, among: Candidates) -> Tensor:
    own = torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)
    asked = (among.negative | own) & among.valid.unsqueeze(2)
    count = asked.sum(-1).clamp_min(1)
    against = ~asked & among.valid.unsqueeze(2)  # where nobody asks nothing is masked: no logarithm of 0
    total = torch.logsumexp(logits.masked_fill(against, -torch.inf), dim=-1)
    mean = logits.masked_fill(~asked, 0.0).sum(-1) / count
    return mean_where(total - mean - count.log(), among.anchors)
