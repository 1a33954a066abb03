"""Read-outs learn what is there to learn, by the seed, and leave the encoder alone unless told otherwise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seehear.evaluation.probes.heads import BGRUOptions, PooledHead, RecurrentHead
from seehear.evaluation.probes.interface import ClassObjective, ConcordanceObjective, Examples, Probe
from seehear.evaluation.probes.linear import REGULARISATIONS, PooledClassifier, PooledRegressor, Standardised
from seehear.evaluation.probes.training import FineTunedProbe, HeadProbe, fixed_seed
from tones import HZ, Ear, tone

FAST = BGRUOptions(hidden=8, layers=1, epochs=12, lr=0.02, batch=16)
CPU = torch.device("cpu")


def vectors(count: int, seed: int, width: int = 6) -> Examples:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, count)
    inputs = rng.standard_normal((count, width)).astype(np.float32) * 0.5
    inputs[:, 1] += targets
    inputs[:, 2] -= 2 * targets
    return Examples(list(inputs * 100 + 7), targets.tolist())


def ramps(count: int, seed: int) -> Examples:
    """Rising and falling features, of which the mean says nothing."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, count)
    inputs = []
    for target in targets:
        steps = np.linspace(-1, 1, int(rng.integers(3, 12)))[:, None] * (1 if target else -1)
        inputs.append((steps + 0.1 * rng.standard_normal((len(steps), 2))).astype(np.float32))
    return Examples(inputs, targets.tolist())


def sounds(count: int, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, count)
    made = [tone(list(HZ.values())[t], float(rng.uniform(0.2, 0.4)), seed=int(rng.integers(99))) for t in targets]
    return Examples(made, targets.tolist())


def accuracy(readout: Probe, train: Examples, dev: Examples, test: Examples, seed: int = 0) -> float:
    return float(np.mean(np.array(readout.fit(train, dev, seed)(test.inputs)) == test.targets))


def test_logistic_regression_learns() -> None:
    assert accuracy(PooledClassifier(ClassObjective(3)), vectors(90, 0), vectors(30, 1), vectors(60, 2)) > 0.85


def test_strength_is_that_which_is_best_on_the_development_part() -> None:
    from sklearn.linear_model import LogisticRegression

    train, dev = (vectors(40, seed, width=60) for seed in (5, 6))
    view = Standardised(np.stack(train.inputs))
    scores = {}
    for strength in REGULARISATIONS:
        model = LogisticRegression(C=strength, max_iter=2000).fit(view(np.stack(train.inputs)), train.targets)
        scores[strength] = ClassObjective(3).score(model.predict(view(np.stack(dev.inputs))).tolist(), dev.targets)
    said = PooledClassifier(ClassObjective(3)).fit(train, dev, 0)
    ours = ClassObjective(3).score(said(dev.inputs), dev.targets)
    assert ours >= max(scores.values()) - 0.03
    assert said([]) == []


def test_fewer_dimensions_than_examples_lose_nothing() -> None:
    train = np.stack(vectors(20, 0, width=300).inputs)
    others = np.stack(vectors(7, 1, width=300).inputs)
    view = Standardised(train)
    mean, scale = train.mean(0), 1 / train.std(0)
    standard, seen = (train - mean) * scale, view(train)
    assert seen.shape[1] < 20
    assert np.allclose(seen @ seen.T, standard @ standard.T, atol=0.1)
    assert np.allclose(view(others) @ seen.T, (others - mean) * scale @ standard.T, atol=0.1)


def test_a_constant_dimension_says_nothing() -> None:
    train = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    train[:, 1] = 1e6
    seen = Standardised(train)(train + np.float32([0, 1e3, 0]))
    assert not seen[:, 1].any()


@pytest.mark.parametrize(
    "readout", [PooledClassifier(ClassObjective(2)), PooledRegressor(ConcordanceObjective(every_step=False))]
)
def test_examples_that_are_all_alike_can_be_fitted(readout: Probe) -> None:
    alike = Examples(list(np.ones((4, 16), np.float32)), [0, 1, 0, 1])
    assert len(readout.fit(alike, alike, 0)(alike.inputs)) == 4


def test_ridge_regression_learns_a_number() -> None:
    goal = ConcordanceObjective(every_step=False)
    parts = [
        Examples(v.inputs, [float(t) for t in v.targets]) for v in (vectors(90, 0), vectors(30, 1), vectors(60, 2))
    ]
    said = PooledRegressor(goal).fit(parts[0], parts[1], 0)(parts[2].inputs)
    assert goal.score(said, parts[2].targets) > 0.8


@pytest.mark.trains
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_recurrent_head_hears_order(cell: str) -> None:
    options = BGRUOptions(cell=cell, hidden=8, layers=1, epochs=12, lr=0.02, batch=16)  # type: ignore[arg-type]
    readout = HeadProbe(lambda width: RecurrentHead(width, 2, options), ClassObjective(2), options, CPU)
    assert accuracy(readout, ramps(60, 0), ramps(20, 1), ramps(40, 2)) > 0.95


@pytest.mark.trains
def test_the_seed_decides() -> None:
    readout = HeadProbe(lambda width: RecurrentHead(width, 1, FAST), ConcordanceObjective(every_step=False), FAST, CPU)
    train, dev = (Examples(r.inputs, [float(t) for t in r.targets]) for r in (ramps(30, 0), ramps(10, 1)))
    before = torch.random.get_rng_state()
    one, again, other = (readout.fit(train, dev, seed)(dev.inputs) for seed in (0, 0, 1))
    assert one == again
    assert one != other
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.trains
def test_the_best_epoch_is_kept() -> None:
    """With a rate that destroys what was learned, the development part decides."""
    options = BGRUOptions(hidden=8, layers=1, epochs=8, lr=0.02, batch=16, decay_every=4, decay=200.0)
    readout = HeadProbe(lambda width: RecurrentHead(width, 2, options), ClassObjective(2), options, CPU)
    assert accuracy(readout, ramps(60, 0), ramps(20, 1), ramps(40, 2)) > 0.9


@pytest.mark.trains
@pytest.mark.parametrize("recurrent", [True, False])
def test_the_whole_network_learns_and_the_encoder_given_stays(recurrent: bool) -> None:
    with fixed_seed(0):
        ear = Ear()
    before = {name: weight.clone() for name, weight in ear.state_dict().items()}

    def head(width: int) -> RecurrentHead | PooledHead:
        return RecurrentHead(width, 3, FAST) if recurrent else PooledHead(width, 3)

    readout = FineTunedProbe(ear, None, head, ClassObjective(3), FAST, encoder_lr=0.5, device=CPU)
    assert accuracy(readout, sounds(60, 0), sounds(20, 1), sounds(40, 2)) > 0.9
    assert all(torch.equal(before[name], weight) for name, weight in ear.state_dict().items())


@pytest.mark.trains
def test_an_encoder_that_may_not_move_does_not() -> None:
    with fixed_seed(0):
        ear = Ear()
    kept: list[torch.Tensor] = []

    class Watching(PooledHead):
        def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            kept.append(features.detach()[:1, :1].clone())
            return super().forward(features, lengths)

    same = Examples([tone(300, 0.2)] * 4, [0, 1, 0, 1])
    FineTunedProbe(ear, None, lambda width: Watching(width, 2), ClassObjective(2), FAST, 0.0, CPU).fit(same, same, 0)
    assert all(torch.equal(kept[0], seen) for seen in kept)
    kept.clear()
    FineTunedProbe(ear, None, lambda width: Watching(width, 2), ClassObjective(2), FAST, 1.0, CPU).fit(same, same, 0)
    assert not torch.equal(kept[0], kept[-1])


def known(values: list[float]) -> NDArray[np.float64]:
    return np.array(values)


def test_the_loss_of_a_number_is_its_concordance() -> None:
    goal = ConcordanceObjective(every_step=True)
    out = torch.tensor([[1.0, 2.0, 9.0], [3.0, 5.0, 4.0]])[..., None]
    truths = [known([1.5, np.nan]), known([2.0, 5.0, 4.5])]
    x, y = np.array([1.0, 3.0, 5.0, 4.0]), np.array([1.5, 2.0, 5.0, 4.5])
    ccc = 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    lengths = torch.tensor([2, 3])
    assert goal.loss(out, lengths, truths).item() == pytest.approx(1 - (ccc + 1) / 2, abs=1e-5)
    assert goal.score(goal.decode(out, lengths), truths) == pytest.approx(ccc, abs=1e-6)


def test_nothing_known_is_nothing_learned() -> None:
    goal = ConcordanceObjective(every_step=True)
    out = torch.randn(1, 3, 1, requires_grad=True)
    goal.loss(out, torch.tensor([3]), [np.full(3, np.nan)]).backward()
    assert out.grad is not None
    assert not out.grad.any()
