"""contrastive, AVE-Net, multi-way, the separations, confusion.

"Seeing voices and hearing voices" (Chung, Kang & Chung 2020, arXiv 2004.14326) adds to cross-modal matching a term that
"enforces intra-class feature separation within each of the modalities". Its equations could not be read by the authors
of this code. The three losses below are RECONSTRUCTIONS, three ways that such a term can be written; results obtained
with them are not results of the paper.

All three take the modality's candidates from its second embeddings (``sound2``, ``lips2``) where they are given: the
same people in another cut. Without them the candidates are the anchors themselves.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from seehear.losses.base import (
    Angular,
    Candidates,
    Loss,
    SimilarityName,
    choice_loss,
    distances,
    make_similarity,
    mean_where,
)


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


class Multiway(Loss):
    """N-way cross entropy over the candidates of a group.

        L = -1/N  sum_i  log  exp s(sound_i, lips_i) / sum_j exp s(sound_i, lips_j)

    With ``inverse-euclidean`` this is Perfect Match (Chung, Chung & Kang 2019, arXiv 1809.08001, section 2.2), with
    ``angular`` the baseline of "Seeing voices and hearing voices" (Chung, Kang & Chung 2020, arXiv 2004.14326).

    Args:
        similarity: s, see `similarity`.
        symmetric: average with the same choice made by the lips among the sounds.
        exclude: see `Loss`.
        shared: see `Loss`.
    """

    def __init__(
        self,
        similarity: SimilarityName = "angular",
        symmetric: bool = True,
        exclude: int = 0,
        shared: int | None = None,
    ) -> None:
        super().__init__(exclude)
        self.shared_dims = shared
        self.similarity = make_similarity(similarity)
        self.symmetric = symmetric
        self.distance = self.similarity.distance
        self.normalised = self.similarity.normalised

    def compare(self, sound: Tensor, lips: Tensor, sound2: Tensor, lips2: Tensor, among: Candidates) -> Tensor:
        """See `Loss.compare`."""
        across = self.similarity(sound[..., : self.shared_dims], lips[..., : self.shared_dims])  # (G, N, N)
        loss = self.choose_from(across, sound, sound2, among, among.of_sound or among)
        if self.symmetric:
            loss = (loss + self.choose_from(across.transpose(1, 2), lips, lips2, among, among)) / 2
        return loss

    def choose_from(self, across: Tensor, own: Tensor, own2: Tensor, among: Candidates, within: Candidates) -> Tensor:
        """The choice of one modality.

        Args:
            across: (G, N, N) logits, rows are the modality that chooses, columns the other one.
            own: (G, N, D) embeddings of the modality that chooses.
            own2: (G, N, D) its second embeddings; ``own`` itself where there are none.
            among: who stands against whom across the modalities.
            within: likewise within the modality that chooses.
        """
        return choice_loss(across.diagonal(dim1=1, dim2=2), across, among.negative, among.anchors)


class Separate(Multiway):
    """Multi-way matching plus a multi-way choice within each modality, each with a softmax of its own.

        L = L(sound -> lips) + L(lips -> sound) + w [ L(sound -> sound2) + L(lips -> lips2) ], each pair averaged

    Args:
        similarity: see `Multiway`. Without second embeddings an anchor is its own positive, at distance 0: then the
            inverse Euclidean similarity has nothing left to learn and is refused.
        symmetric: see `Multiway`.
        exclude: see `Loss`.
        weight: w of the choices within the modalities.
        shared: see `Loss`.
    """

    def __init__(
        self,
        similarity: SimilarityName = "angular",
        symmetric: bool = True,
        exclude: int = 0,
        weight: float = 1.0,
        shared: int | None = None,
    ) -> None:
        super().__init__(similarity, symmetric, exclude, shared)
        self.weight = weight

    def choose_from(self, across: Tensor, own: Tensor, own2: Tensor, among: Candidates, within: Candidates) -> Tensor:
        """See `Multiway.choose_from`."""
        if own2 is own and not isinstance(self.similarity, Angular):
            raise ValueError("separate needs second embeddings, or the angular similarity")
        alike = self.similarity(own, own2)  # (G, N, N)
        apart = choice_loss(alike.diagonal(dim1=1, dim2=2), alike, within.negative, within.anchors)
        return super().choose_from(across, own, own2, among, within) + self.weight * apart


class Merged(Multiway):
    """Negatives of the own modality join those of the other one in a single denominator (2N - 2 of them).

    The shape of NT-Xent (Chen et al. 2020, SimCLR, arXiv 2002.05709), with sound and lips as the two views.
    """

    def choose_from(self, across: Tensor, own: Tensor, own2: Tensor, among: Candidates, within: Candidates) -> Tensor:
        """See `Multiway.choose_from`."""
        rivals = torch.cat([across, self.similarity(own, own2)], dim=-1)  # (G, N, 2N)
        against = torch.cat([among.negative, within.negative], dim=-1)
        return choice_loss(across.diagonal(dim1=1, dim2=2), rivals, against, among.anchors)


class Substitute(Multiway):
    """The positive of the other modality against negatives of the own modality only."""

    def choose_from(self, across: Tensor, own: Tensor, own2: Tensor, among: Candidates, within: Candidates) -> Tensor:
        """See `Multiway.choose_from`."""
        return choice_loss(across.diagonal(dim1=1, dim2=2), self.similarity(own, own2), within.negative, among.anchors)


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
