"""Learning rate, weight decay and the running mean of weights."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from seehear.training.optim import ParameterAverage, learning_rate, make_optimizer
from seehear.training.settings import OptimOptions


def test_learning_rate_rises_and_falls() -> None:
    o = OptimOptions(steps=110, warmup=10, lr=1.0, final=0.1)
    rates = [learning_rate(step, o) for step in range(o.steps)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[10] == 1.0
    assert rates[60] == pytest.approx(0.55)
    assert rates[-1] == pytest.approx(0.1, abs=1e-3)
    assert all(a >= b for a, b in pairwise(rates[9:]))


def test_no_warmup_and_one_step() -> None:
    assert learning_rate(0, OptimOptions(steps=1, warmup=0, lr=0.5)) == 0.5
    assert learning_rate(0, OptimOptions(steps=1, warmup=5, lr=0.5)) == pytest.approx(0.1)


def test_weight_decay_spares_biases_and_norms() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    decayed, spared = make_optimizer(model, OptimOptions(weight_decay=0.3)).param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.3, 0.0)
    assert [tuple(p.shape) for p in decayed["params"]] == [(2, 1, 3, 3)]
    assert [tuple(p.shape) for p in spared["params"]] == [(2,), (2,), (2,)]


def test_average_follows_the_formula_and_comes_and_goes() -> None:
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    average, expected = ParameterAverage(model, 0.5), 0.0
    for n, value in enumerate((1.0, 2.0, 5.0)):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update()
        decay = min(0.5, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * value
    with average.applied():
        assert model.weight.item() == pytest.approx(expected)
    assert model.weight.item() == 5.0
    with average.applied():
        assert model.weight.item() == pytest.approx(expected)


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"optim\.steps"):
        OptimOptions(steps=0)
    with pytest.raises(ValueError, match=r"optim\.ema"):
        OptimOptions(ema=1.0)
