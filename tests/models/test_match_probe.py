"""The probe of match: its numbers against loops, what it shows where nobody is seen, and chance before learning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from seehear.models.match import MatchModel
from seehear.models.validation import MatchValidation, pairwise_accuracy
from seehear.training.validation import make_validation
from talkers import DATA, MATCH, People

FABRIC = Fabric(accelerator="cpu", devices=1)


class Told(nn.Module):
    """Says the embeddings that it was told, whatever it is shown."""

    def __init__(self, **embeddings: Tensor) -> None:
        super().__init__()
        self.embeddings = embeddings

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return self.embeddings


def embeddings(count: int) -> dict[str, Tensor]:
    """Unit vectors, alike within a person as far as noise allows."""
    rng = torch.Generator().manual_seed(0)
    people = torch.randn(count, 4, generator=rng)
    noisy = {name: people + torch.randn(count, 4, generator=rng) for name in ("voice", "voice2", "face", "face2")}
    return {name: nn.functional.normalize(x, dim=1) for name, x in noisy.items()}


def test_its_numbers_pair_by_pair() -> None:
    told, sources, seen = embeddings(8), np.array([0, 1, 2, 2, 3, 4, 5, 6]), torch.arange(8) != 5
    probe = MatchValidation([{"seen": seen}], sources, MatchModel(MATCH))
    found = probe(Told(**told), FABRIC).numbers
    aucs, of_twos = [], []
    for name in ("face", "face2"):
        scores = (told["voice"] @ told[name].T).tolist()
        ones = [i for i in range(8) if seen[i]]
        others = [(i, j) for i in ones for j in ones if sources[i] != sources[j]]
        aucs.append(np.mean([scores[i][i] > scores[k][j] for i in ones for k, j in others]))
        of_twos.append(np.mean([scores[i][i] > scores[i][j] for i, j in others]))
    assert found["face_voice_auc"] == pytest.approx(np.mean(aucs))
    assert found["face_of_2"] == pytest.approx(np.mean(of_twos))
    voices = told["voice"] @ told["voice2"].T
    own = voices.diagonal().tolist()
    others = [float(voices[i, j]) for i in range(8) for j in range(8) if sources[i] != sources[j]]
    gaps = [
        (np.mean([s < t for s in own]), np.mean([s >= t for s in others])) for t in sorted([*own, *others, 2.0])
    ]  # at every threshold: own ones that are missed, others that are taken
    low = max(min(pair) for pair in gaps)
    high = min(max(pair) for pair in gaps)
    assert low - 1e-9 <= found["voice_eer"] <= high + 1e-9


def test_ties_are_half_right() -> None:
    scores = np.array([[1.0, 1.0, 0.0], [0.0, 0.5, 1.0], [0.0, 0.0, 0.0]], dtype=np.float32)
    everybody = np.ones((3, 3), dtype=bool)
    assert pairwise_accuracy(scores, everybody) == pytest.approx((0.5 + 1 + 1 + 0 + 0.5 + 0.5) / 6)


def test_a_model_that_knows_nothing_is_at_chance() -> None:
    torch.manual_seed(0)
    probe = make_validation(People(), MatchModel(MATCH).eval(), replace(DATA, probe_clips=24))
    assert isinstance(probe, MatchValidation)
    assert (tuple(probe.formats), probe.reference) == (("face_voice_auc", "face_of_2", "voice_eer"), "chance 50.0%")
    with torch.no_grad():
        once, again = (probe(probe.model, FABRIC) for _ in range(2))
    assert once == again
    assert once.numbers["face_of_2"] == pytest.approx(0.5, abs=0.3)


def test_where_nobody_is_seen_voices_are_told_apart() -> None:
    views = People()
    views.seen[:] = False
    probe = make_validation(views, MatchModel(MATCH).eval(), DATA)
    assert probe is not None
    assert tuple(probe.formats) == ("voice_eer",)
    with torch.no_grad():
        assert set(probe(probe.model, FABRIC).numbers) == {"voice_eer"}  # type: ignore[attr-defined]


def test_what_is_too_little_is_not_measured() -> None:
    views, model = People(), MatchModel(MATCH)
    assert make_validation(views, model, replace(DATA, probe_clips=0)) is None
    assert make_validation(views, model, replace(DATA, min_frames=99)) is None
    views.sources[:] = 0
    assert make_validation(views, model, DATA) is None
