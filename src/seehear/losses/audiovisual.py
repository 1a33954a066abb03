"""Losses between audio and lips: contrastive, AVE-Net, multi-way, three separation losses and confusion.

"Seeing voices and hearing voices" (Chung, Kang & Chung 2020, arXiv 2004.14326) adds to cross-modal matching a term that
"enforces intra-class feature separation within each of the modalities". The authors of this code could not read its
equations. The three separation losses below are RECONSTRUCTIONS, three ways to write such a term; results obtained with
them are not results of the paper.

All three take the candidates of a modality from its second embeddings (``sound2``, ``lips2``) if there are any: the
same people in another segment. Otherwise the anchors themselves are the candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    """Pulls matching pairs together and pushes others a margin apart (Chung & Zisserman 2016, "Out of time", 3).

        L = 1 / 2N  sum  y d^2 + (1 - y) max(m - d, 0)^2,      d = ||sound - lips||

    The paper samples one negative pair (same clip, other time) per positive. Here all negatives of a clip are used, and
    their mean has the same weight as the positives: the expectation of the paper's loss.

    Args:
        margin: m. The paper's value is not known. With a margin near the distances of a new network (1) the embeddings
            collapse: after 150 steps of sync on synthetic people the offset was right in 9 % of the windows (chance:
            10 %), with 4 in 28 %, with 20 in 53 %.
        exclude: see `Loss`.
    """

    name = "contrastive"
    paper = "Chung & Zisserman 2016"
    distance = "euclidean"

    def __init__(self, margin: float = 20.0, exclude: int = 0) -> None:
        super().__init__(exclude)
        self.margin = margin

    def compare(self, sound: Tensor, lips: Tensor, sound2: Tensor, lips2: Tensor, among: Candidates) -> Tensor:
        """See `Loss.compare`."""
        apart = distances(sound, lips)  # (G, N, N)
        positive = mean_where(apart.diagonal(dim1=1, dim2=2).square(), among.valid)
        negative = mean_where(F.relu(self.margin - apart).square(), among.negative)
        return (positive + negative) / 4  # 1 / 2N of N pairs, half of them positive


class AVENet(Loss):
    """Binary classification of pairs as matching or not (Arandjelović & Zisserman 2018, "Objects that sound", 3.1).

    Both embeddings are L2-normalised. Their Euclidean distance goes through one fully connected layer into a two-way
    softmax. As the distance is its only input, the layer can learn just a threshold and a slope. Positives and
    negatives have half the weight each, as if one negative were sampled per positive.

    The layer starts as a threshold in the middle of the possible distances (0 to 2) with the correct sign; with random
    initialisation the sign is wrong half of the time.
    """

    name = "avenet"
    paper = "Arandjelović & Zisserman 2018"
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
        similarity: s, see `make_similarity`.
        symmetric: average the losses of both directions, audio to lips and lips to audio.
        exclude: see `Loss`.
        shared: see `Loss.shared_dims`.
    """

    name = "multiway"
    paper = "Chung, Chung & Kang 2019"
    angular = True
    separates = "none"

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
        """Loss in one direction.

        Args:
            across: (G, N, N) logits; rows are the anchors' modality, columns the other one.
            own: (G, N, D) embeddings of the anchors' modality.
            own2: (G, N, D) its second embeddings; ``own`` itself if there are none.
            among: candidates across the modalities.
            within: candidates within the anchors' modality.
        """
        return choice_loss(across.diagonal(dim1=1, dim2=2), across, among.negative, among.anchors)


class Separate(Multiway):
    """Multi-way matching plus a multi-way loss within each modality, each with its own softmax.

        L = L(sound -> lips) + L(lips -> sound) + w [ L(sound -> sound2) + L(lips -> lips2) ], each pair averaged

    Args:
        similarity: see `Multiway`. Without second embeddings an anchor is its own positive, at distance 0. The inverse
            Euclidean similarity then has nothing to learn and raises an error.
        symmetric: see `Multiway`.
        exclude: see `Loss`.
        weight: w, the weight of the losses within the modalities.
        shared: see `Loss.shared_dims`.
    """

    name = separates = "separate"
    paper = "after Chung, Kang & Chung 2020"

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

    @classmethod
    def check(cls, options: Mapping[str, Any], section: str, second_embeddings: bool) -> None:
        """See `Loss.check`."""
        super().check(options, section, second_embeddings)
        if not second_embeddings and options.get("similarity", "angular") != "angular":
            raise ValueError(f"{section}.loss {cls.name} needs {section}.similarity angular: each clip has one segment")

    def choose_from(self, across: Tensor, own: Tensor, own2: Tensor, among: Candidates, within: Candidates) -> Tensor:
        """See `Multiway.choose_from`."""
        if own2 is own and not isinstance(self.similarity, Angular):
            raise ValueError("separate needs second embeddings, or the angular similarity")
        similarities = self.similarity(own, own2)  # (G, N, N)
        separation = choice_loss(similarities.diagonal(dim1=1, dim2=2), similarities, within.negative, within.anchors)
        return super().choose_from(across, own, own2, among, within) + self.weight * separation


class Merged(Multiway):
    """Multi-way matching with negatives of both modalities in one denominator (2N - 2 of them).

    The form of NT-Xent (Chen et al. 2020, SimCLR, arXiv 2002.05709), with audio and lips as the two views.
    """

    name = separates = "merged"
    paper = "after Chung, Kang & Chung 2020"

    def choose_from(self, across: Tensor, own: Tensor, own2: Tensor, among: Candidates, within: Candidates) -> Tensor:
        """See `Multiway.choose_from`."""
        rivals = torch.cat([across, self.similarity(own, own2)], dim=-1)  # (G, N, 2N)
        against = torch.cat([among.negative, within.negative], dim=-1)
        return choice_loss(across.diagonal(dim1=1, dim2=2), rivals, against, among.anchors)


class Substitute(Multiway):
    """Contrasts the positive of the other modality with negatives of the own modality only."""

    name = separates = "substitute"
    paper = "after Chung, Kang & Chung 2020"

    def choose_from(self, across: Tensor, own: Tensor, own2: Tensor, among: Candidates, within: Candidates) -> Tensor:
        """See `Multiway.choose_from`."""
        return choice_loss(across.diagonal(dim1=1, dim2=2), self.similarity(own, own2), within.negative, among.anchors)


class Confusion(nn.Module):
    """Penalises any deviation of the softmax over candidates from uniform.

        L = -1/N  sum_i  1/M sum_j  log  exp s(x_i, y_j) / sum_k exp s(x_i, y_k)   -   log M

    The cross entropy between the uniform distribution and the softmax over i's partner and its M - 1 negatives, minus
    its minimum: 0 if all of them are equally similar. Nagrani, Chung, Albanie & Zisserman 2020 (arXiv 2002.08742,
    section 3) apply it to content embeddings over speakers, and to identity embeddings over time.

    The parameters of the similarity (scale and bias of `Angular`) get no gradient from it: with a scale of 0 all
    candidates would be equally similar, and the encoders would learn nothing.
    """

    def __init__(self, symmetric: bool = True) -> None:
        """``symmetric``: average the losses of both directions."""
        super().__init__()
        self.symmetric = symmetric

    def forward(self, x: Tensor, y: Tensor, similarity: nn.Module, among: Candidates) -> Tensor:
        """Compute the loss, a float32 scalar.

        Args:
            x: (G, N, D) embeddings.
            y: (G, N, D) embeddings of the other modality; partners have the same index.
            similarity: maps (G, N, D) and (G, N, D) to logits (G, N, N).
            among: the candidates.
        """
        with torch.autocast(x.device.type, enabled=False):
            frozen = {name: values.detach() for name, values in similarity.named_parameters()}
            logits: Tensor = functional_call(similarity, frozen, (x.float(), y.float()))
            loss = _from_uniform(logits, among)
            return (loss + _from_uniform(logits.mT, among)) / 2 if self.symmetric else loss


def _from_uniform(logits: Tensor, among: Candidates) -> Tensor:
    own = torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)
    included = (among.negative | own) & among.valid.unsqueeze(2)
    count = included.sum(-1).clamp_min(1)
    excluded = ~included & among.valid.unsqueeze(2)  # rows of padding stay unmasked: their logsumexp must be finite
    total = torch.logsumexp(logits.masked_fill(excluded, -torch.inf), dim=-1)
    mean = logits.masked_fill(~included, 0.0).sum(-1) / count
    return mean_where(total - mean - count.log(), among.anchors)
