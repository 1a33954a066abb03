"""The losses of speakers with labels against slow loops, and what they want."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from seehear.losses.speaker import AMSoftmax, AngularPrototypical


def cosine(x: torch.Tensor, y: torch.Tensor) -> float:
    return float((x @ y / (x.norm() * y.norm())).detach())


@pytest.mark.parametrize("margin", [0.0, 0.2, 0.5])
def test_am_softmax_is_its_equation_written_out(margin: float) -> None:
    torch.manual_seed(0)
    loss = AMSoftmax(dim=5, classes=4, margin=margin, scale=7.0)
    x, y = 3 * torch.randn(6, 5), torch.tensor([0, 1, 2, 3, 3, 1])
    total = 0.0
    for one, right in zip(x, y.tolist(), strict=True):
        powers = [math.exp(7.0 * (cosine(one, loss.directions[k]) - (margin if k == right else 0))) for k in range(4)]
        total -= math.log(powers[right] / sum(powers)) / len(x)
    assert float(loss(x, y)) == pytest.approx(total, abs=1e-5)


def test_am_softmax_does_not_mind_lengths_and_falls_when_names_are_right() -> None:
    torch.manual_seed(0)
    loss = AMSoftmax(dim=8, classes=3)
    x, y = torch.randn(9, 8), torch.arange(9) % 3
    assert float(loss(x, y)) == pytest.approx(float(loss(5 * x, y)), rel=1e-5)
    right, wrong = loss.directions.detach()[y], loss.directions.detach()[(y + 1) % 3]
    assert float(loss(right, y)) < float(loss(wrong, y))


@pytest.mark.parametrize("options", [{"margin": -0.1}, {"scale": 0.0}, {"classes": 1}])
def test_am_softmax_refuses_what_is_no_loss(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give no loss"):
        AMSoftmax(**({"dim": 4, "classes": 3} | options))


@pytest.mark.parametrize("utterances", [2, 4])
def test_angular_prototypical_is_its_equation_written_out(utterances: int) -> None:
    torch.manual_seed(1)
    loss = AngularPrototypical()
    x = torch.randn(5, utterances, 6)
    total = 0.0
    for j in range(5):
        logits = []
        for k in range(5):
            centroid = torch.zeros(6)
            for m in range(utterances - 1):
                centroid += x[k, m] / (utterances - 1)
            logits.append(10.0 * cosine(x[j, -1], centroid) - 5.0)
        total -= (logits[j] - math.log(sum(map(math.exp, logits)))) / 5
    assert float(loss(x)) == pytest.approx(total, abs=1e-5)


def test_angular_prototypical_is_chance_for_equal_voices_and_falls_for_own_ones() -> None:
    loss = AngularPrototypical()
    same = torch.ones(7, 3, 4)
    assert float(loss(same)) == pytest.approx(math.log(7), rel=1e-5)
    own = F.one_hot(torch.arange(7)).float()[:, None].expand(7, 3, 7)
    assert float(loss(own)) < 0.01


def test_a_prototype_needs_another_utterance() -> None:
    with pytest.raises(ValueError, match="two or more"):
        AngularPrototypical()(torch.randn(4, 1, 3))


def test_both_have_gradients_for_all_that_is_learned() -> None:
    torch.manual_seed(2)
    x = torch.randn(4, 2, 6, requires_grad=True)
    named, prototypical = AMSoftmax(6, 4), AngularPrototypical()
    (named(x[:, 0], torch.arange(4)) + prototypical(x)).backward()
    for learned in (x, named.directions, prototypical.similarity.scale):
        assert learned.grad is not None
        assert learned.grad.abs().sum() > 0
