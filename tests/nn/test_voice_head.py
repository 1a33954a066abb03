"""Pooling over time against slow loops."""

from __future__ import annotations

import math

import pytest
import torch

from seehear.nn.layers import VoiceHead

KINDS = ["mean", "mean+deviation", "attentive"]


def features(seed: int = 0) -> torch.Tensor:
    return torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("pooling", KINDS)
def test_pooling_moment_by_moment(pooling: str) -> None:
    torch.manual_seed(0)
    head, given = VoiceHead(5, 4, pooling), features()
    for item, pooled in zip(given, head.pool(given), strict=True):
        says = [float(head.attention(moment).detach()) if head.attention else 0.0 for moment in item]
        total = sum(math.exp(value) for value in says)
        weights = [math.exp(value) / total for value in says]
        mean = [sum(w * float(x[d]) for w, x in zip(weights, item, strict=True)) for d in range(5)]
        spread = [sum(w * (float(x[d]) - mean[d]) ** 2 for w, x in zip(weights, item, strict=True)) for d in range(5)]
        expected = mean if pooling == "mean" else mean + [math.sqrt(value + 1e-5) for value in spread]
        assert pooled.tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("pooling", KINDS)
def test_what_never_changes_has_gradients(pooling: str) -> None:
    given = torch.ones(2, 6, 5, requires_grad=True)
    VoiceHead(5, 4, pooling).eval()(given).sum().backward()
    assert given.grad is not None
    assert given.grad.isfinite().all()


@pytest.mark.parametrize("pooling", KINDS)
def test_the_order_of_moments_says_nothing_of_who_it_is(pooling: str) -> None:
    head, given = VoiceHead(5, 4, pooling).eval(), features()
    torch.testing.assert_close(head(given.flip(1)), head(given))
    assert head(given).shape == (3, 4)


def test_a_single_moment_is_enough() -> None:
    assert VoiceHead(5, 4, "attentive").eval()(features()[:, :1]).isfinite().all()
