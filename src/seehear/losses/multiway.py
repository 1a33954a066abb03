"""Multi-way matching: which of the N candidates is mine?"""

from __future__ import annotations

from torch import Tensor

from seehear.losses.base import Loss
from seehear.losses.candidates import Candidates, choose
from seehear.losses.similarity import SimilarityName, make_similarity


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
        self.shared = shared
        self.similarity = make_similarity(similarity)
        self.symmetric = symmetric
        self.distance = self.similarity.distance
        self.normalised = self.similarity.normalised

    def compare(self, sound: Tensor, lips: Tensor, sound2: Tensor, lips2: Tensor, among: Candidates) -> Tensor:
        """See `Loss.compare`."""
        across = self.similarity(sound[..., : self.shared], lips[..., : self.shared])  # (G, N, N)
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
        return choose(across.diagonal(dim1=1, dim2=2), across, among.negative, among.anchors)
