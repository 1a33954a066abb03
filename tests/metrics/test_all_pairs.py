"""All pairs in blocks against a loop over them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seehear.metrics import pairs
from seehear.metrics.detection import ErrorCounts
from seehear.metrics.pairs import count_all_pairs


def voices(count: int, speakers: int, dim: int = 16, noise: float = 1.0) -> tuple[torch.Tensor, list[str]]:
    """Unit vectors around directions, in a random order."""
    generator = torch.Generator().manual_seed(0)
    people = torch.randint(speakers, (count,), generator=generator)
    around = torch.randn(speakers, dim, generator=generator)[people]
    vectors = around + noise * torch.randn(count, dim, generator=generator)
    return F.normalize(vectors, dim=1), [f"s{number}" for number in people.tolist()]


def looped(embeddings: torch.Tensor, people: list[str], parts: list[int] | None = None) -> ErrorCounts:
    """Every pair by itself."""
    scores, targets = [], []
    for i, j in combinations(range(len(people)), 2):
        if parts and people[i] == people[j] and parts[i] == parts[j]:
            continue
        scores.append(float(embeddings[i] @ embeddings[j]))
        targets.append(people[i] == people[j])
    return ErrorCounts.from_scores(scores, targets)


@pytest.mark.parametrize(("rows", "columns"), [(256, 2048), (7, 20), (16, 16)])
@pytest.mark.parametrize("speakers", [2, 30, 400])
def test_counts_are_those_of_a_loop(monkeypatch: pytest.MonkeyPatch, rows: int, columns: int, speakers: int) -> None:
    monkeypatch.setattr(pairs, "ROWS", rows)
    monkeypatch.setattr(pairs, "COLUMNS", columns)
    embeddings, people = voices(150, speakers)
    counted, truth = count_all_pairs(embeddings, people), looped(embeddings, people)
    assert (counted.targets.sum(), counted.others.sum()) == (truth.targets.sum(), truth.others.sum())
    assert float(counted.eer) == pytest.approx(float(truth.eer), abs=1e-4)
    assert float(counted.auc) == pytest.approx(float(truth.auc), abs=1e-4)
    for prior in (0.01, 0.05):
        assert float(counted.min_dcf(prior)) == pytest.approx(float(truth.min_dcf(prior)), abs=2e-3)


def test_distances_are_counted_as_a_loop_counts_them() -> None:
    embeddings, people = voices(150, 30)
    embeddings = embeddings * torch.linspace(1, 3, 150)[:, None]
    one, other = np.triu_indices(150, 1)
    who = np.array(people)
    apart = torch.cdist(embeddings, embeddings, compute_mode="donot_use_mm_for_euclid_dist").numpy()[one, other]
    exact = ErrorCounts.from_scores(-apart, who[one] == who[other])
    counted = count_all_pairs(embeddings, people, distance="euclidean")
    assert counted.targets.sum() == exact.targets.sum()
    assert float(counted.eer) == pytest.approx(float(exact.eer), abs=1e-4)
    assert counted.eer_threshold == pytest.approx(exact.eer_threshold, abs=1e-3)


def test_equal_error_rate_of_many_pairs_is_exact_to_a_ten_thousandth() -> None:
    embeddings, people = voices(2000, 100, dim=32, noise=1.5)
    one, other = np.triu_indices(2000, 1)
    who = np.array(people)
    exact = ErrorCounts.from_scores((embeddings @ embeddings.mT).numpy()[one, other], who[one] == who[other])
    counted = count_all_pairs(embeddings, people)
    assert float(counted.eer) == pytest.approx(float(exact.eer), abs=1e-4)
    assert counted.eer_threshold == pytest.approx(exact.eer_threshold, abs=1e-3)


def test_scores_that_crowd_together_are_told_apart() -> None:
    embeddings, people = voices(300, 30)
    crowded = F.normalize(torch.cat([0.01 * embeddings, torch.ones(300, 1)], 1), dim=1)  # cosines of 0.9998 and up
    truth = looped(crowded.double(), people)
    assert float(count_all_pairs(crowded, people).eer) == pytest.approx(float(truth.eer), abs=5e-3)


def test_pairs_of_one_piece_are_left_out() -> None:
    embeddings, people = voices(80, 4)
    parts = [number % 5 for number in range(80)]
    counted, truth = count_all_pairs(embeddings, people, parts), looped(embeddings, people, parts)
    assert (counted.targets.sum(), counted.others.sum()) == (truth.targets.sum(), truth.others.sum())
    assert float(counted.eer) == pytest.approx(float(truth.eer), abs=1e-4)


def test_order_does_not_matter() -> None:
    embeddings, people = voices(120, 10)
    there, back = count_all_pairs(embeddings, people), count_all_pairs(embeddings.flip(0), people[::-1])
    assert float(there.eer) == pytest.approx(float(back.eer), abs=1e-4)


@pytest.mark.parametrize(("count", "labels"), [(1, 1), (5, 4)])
def test_what_makes_no_pairs_is_refused(count: int, labels: int) -> None:
    with pytest.raises(ValueError, match="labels"):
        count_all_pairs(torch.zeros(count, 3), ["a"] * labels)
