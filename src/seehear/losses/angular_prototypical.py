"""Angular prototypical loss: which speaker of the batch is it, told by the mean of the others' other utterances?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.losses.similarity import Angular


class AngularPrototypical(nn.Module):
    """Each speaker's last utterance chooses among the centroids of the other utterances of every speaker.

        L = -1/N  sum_j  log  e^{S_jj} / sum_k e^{S_jk},   S_jk = w cos(x_jM, c_k) + b,   c_k = mean of x_k1 .. x_kM-1

    Chung, Huh, Mun, Lee, Heo, Choe, Ham, Jung, Lee & Han (2020), "In defence of metric learning for speaker
    recognition", arXiv 2003.11982. w (at first 10) and b (-5) are learned; w is kept positive.
    """

    def __init__(self) -> None:
        super().__init__()
        self.similarity = Angular()

    def forward(self, embeddings: Tensor) -> Tensor:
        """The loss, a float32 scalar.

        Args:
            embeddings: (speakers, utterances, dim), at least two utterances each.

        Raises:
            ValueError: there is one utterance of each only.
        """
        if embeddings.shape[1] < 2:
            raise ValueError("a prototype is made of other utterances: two or more of each speaker are needed")
        with torch.autocast(embeddings.device.type, enabled=False):
            embeddings = embeddings.float()
            query, prototypes = embeddings[:, -1], embeddings[:, :-1].mean(1)
            logits = self.similarity(query, prototypes)  # (speakers, speakers)
            return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
