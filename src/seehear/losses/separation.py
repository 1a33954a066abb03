"""Multi-way matching that also keeps the things within one modality apart.

"Seeing voices and hearing voices" (Chung, Kang & Chung 2020, arXiv 2004.14326) adds to cross-modal matching a term that
"enforces intra-class feature separation within each of the modalities". Its equations could not be read by the authors
of this code. The three losses below are RECONSTRUCTIONS, three ways that such a term can be written; results obtained
with them are not results of the paper.

All three take the modality's candidates from its second embeddings (``sound2``, ``lips2``) where they are given: the
same people in another cut. Without them the candidates are the anchors themselves.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seehear.losses.candidates import Candidates, choose
from seehear.losses.multiway import Multiway
from seehear.losses.similarity import Angular, SimilarityName


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
        apart = choose(alike.diagonal(dim1=1, dim2=2), alike, within.negative, within.anchors)
        return super().choose_from(across, own, own2, among, within) + self.weight * apart


class Merged(Multiway):
    """Negatives of the own modality join those of the other one in a single denominator (2N - 2 of them).

    The shape of NT-Xent (Chen et al. 2020, SimCLR, arXiv 2002.05709), with sound and lips as the two views.
    """

    def choose_from(self, across: Tensor, own: Tensor, own2: Tensor, among: Candidates, within: Candidates) -> Tensor:
        """See `Multiway.choose_from`."""
        rivals = torch.cat([across, self.similarity(own, own2)], dim=-1)  # (G, N, 2N)
        against = torch.cat([among.negative, within.negative], dim=-1)
        return choose(across.diagonal(dim1=1, dim2=2), rivals, against, among.anchors)


class Substitute(Multiway):
    """The positive of the other modality against negatives of the own modality only."""

    def choose_from(self, across: Tensor, own: Tensor, own2: Tensor, among: Candidates, within: Candidates) -> Tensor:
        """See `Multiway.choose_from`."""
        return choose(across.diagonal(dim1=1, dim2=2), self.similarity(own, own2), within.negative, among.anchors)
