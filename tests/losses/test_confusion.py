"""Confusion: 0 where nothing can be told, else the cross entropy with a guess, and no way out by the scale."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from seehear.losses.audiovisual import Confusion
from seehear.losses.base import Angular, InverseEuclidean, candidates


def drawn(groups: int = 2, count: int = 5, width: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    x, y = torch.randn(2, groups, count, width, generator=rng)
    return x, y


def slow(x: Tensor, y: Tensor, exclude: int) -> float:
    """The definition in loops, in double precision, for cosines times 10 less 5."""
    total, count = 0.0, 0
    for group in range(len(x)):
        for i in range(x.shape[1]):
            asked = [j for j in range(x.shape[1]) if j == i or abs(i - j) > exclude]
            cosines = [float(torch.cosine_similarity(x[group, i], y[group, j], dim=0)) for j in asked]
            logits = [10 * cosine - 5 for cosine in cosines]
            whole = sum(math.exp(logit) for logit in logits)
            total += -sum(math.log(math.exp(logit) / whole) for logit in logits) / len(asked) - math.log(len(asked))
            count += 1
    return total / count


@pytest.mark.parametrize("exclude", [0, 1])
def test_is_the_cross_entropy_with_a_guess(exclude: int) -> None:
    x, y = drawn()
    among = candidates(x, exclude=exclude)
    one_way = Confusion(symmetric=False)(x, y, Angular(), among)
    assert one_way.item() == pytest.approx(slow(x, y, exclude), abs=1e-5)
    both = Confusion()(x, y, Angular(), among)
    assert both.item() == pytest.approx((slow(x, y, exclude) + slow(y, x, exclude)) / 2, abs=1e-5)


@pytest.mark.parametrize("similarity", [Angular(), InverseEuclidean()])
def test_nothing_to_tell_costs_nothing(similarity: torch.nn.Module) -> None:
    x, y = drawn()
    same = y[:, :1].expand_as(y)
    assert Confusion(symmetric=False)(x, same, similarity, candidates(x)).item() == pytest.approx(0, abs=1e-5)
    assert Confusion()(x, y, similarity, candidates(x)).item() > 0.001


def test_padding_and_lone_candidates_say_nothing() -> None:
    x, y = drawn()
    valid = torch.tensor([[True] * 3 + [False] * 2, [True] + [False] * 4])
    masked = Confusion()(x, y, Angular(), candidates(x, valid))
    alone = Confusion()(x[:1, :3], y[:1, :3], Angular(), candidates(x[:1, :3]))
    torch.testing.assert_close(masked, alone)


def test_it_moves_the_embeddings_and_not_the_scale() -> None:
    x, y = (values.requires_grad_() for values in drawn())
    similarity = Angular()
    Confusion()(x, y, similarity, candidates(x, torch.tensor([[True] * 4 + [False]] * 2))).backward()
    assert similarity.scale.grad is None
    for values in (x, y):
        assert values.grad is not None
        assert values.grad.isfinite().all()
        assert values.grad[:, :4].abs().sum() > 0
        assert values.grad[:, 4].abs().sum() == 0
