"""Features at any rate over slots of time, against integrals that are taken sample by sample."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seehear.nn.hub import output_rate, to_rate

TICKS = 20_000  # a second


def slow(features: Tensor, rate: float, grid: int, slots: int) -> Tensor:
    """Means over thousands of moments of each slot."""
    moments = (torch.arange(slots * TICKS // grid, dtype=torch.float64) + 0.5) / TICKS
    heard = (moments * rate).floor().long().clamp_max(features.shape[1] - 1)
    return features[:, heard].unflatten(1, (slots, -1)).mean(2)


@pytest.mark.parametrize(
    ("rate", "grid"),
    [(200.0, 100), (100.0, 100), (99.0, 100), (86.1, 50), (50.0, 50), (49.95, 50), (49.0, 25), (25.0, 25), (12.5, 25)],
)
def test_the_grid_is_the_finest_that_invents_nothing(rate: float, grid: int) -> None:
    assert output_rate(rate) == grid


@settings(max_examples=40, deadline=None)
@given(st.floats(3, 300), st.sampled_from([25, 50, 100]), st.integers(1, 30), st.integers(1, 40))
def test_slots_are_means_of_the_time_they_share(rate: float, grid: int, count: int, slots: int) -> None:
    features = torch.randn(2, count, 3, generator=torch.Generator().manual_seed(count)).double()
    found = to_rate(features, rate, grid, slots)
    assert found.shape == (2, slots, 3)
    # the oracle counts 200 moments of a slot and more: one at each border may be on the other side
    torch.testing.assert_close(found, slow(features, rate, grid, slots), atol=0.05, rtol=0)


@pytest.mark.parametrize("rate", [25, 50, 100])
def test_the_same_rate_leaves_features_as_they_are(rate: int) -> None:
    features = torch.randn(2, 9, 4)
    assert torch.equal(to_rate(features, rate, rate, 9), features)
    longer = to_rate(features, rate, rate, 11)
    assert torch.equal(longer, torch.cat([features, features[:, -1:], features[:, -1:]], 1))
    assert torch.equal(to_rate(features, rate, rate, 7), features[:, :7])


def test_time_is_kept() -> None:
    """What rises with time rises at the same times after it; a drift of a feature in a thousand would be seen."""
    rate = 49.95
    times = (torch.arange(999.0) + 0.5) / rate  # the middles of features of 20 s
    middles = (torch.arange(1000.0) + 0.5) / 50
    found = to_rate(times[None, :, None], rate, 50, 1000)[0, :, 0]
    assert (found - middles).abs().max() < 0.011  # half a slot


def test_gradients_pass() -> None:
    features = torch.randn(1, 7, 2, requires_grad=True)
    to_rate(features, 70.0, 50, 5).sum().backward()
    assert features.grad is not None
    assert torch.allclose(features.grad.sum(), torch.tensor(10.0))
