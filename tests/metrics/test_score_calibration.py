"""Scores that are read as probabilities: known answers, slow oracles, and what is no calibration."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seehear.errors import SeehearError
from seehear.metrics.calibration import CALIBRATION_FILE, ScoreCalibration, cllr


def gaussians(count: int = 20000, apart: float = 2.0, scale: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Scores of two normal distributions whose log-likelihood ratio is apart / scale * score, and which is which."""
    rng = np.random.default_rng(0)
    targets = np.arange(count) % 5 == 0
    return scale * (rng.standard_normal(count) + np.where(targets, apart, -apart) / 2), targets


def test_fit_finds_the_likelihood_ratio_of_two_normal_distributions() -> None:
    told = ScoreCalibration.fit(*gaussians(), data="made")
    assert told.slope == pytest.approx(2 / 0.1, rel=0.03)
    assert told.offset == pytest.approx(0, abs=0.05)
    assert told.eer_threshold == pytest.approx(0, abs=0.005)
    assert told.eer == pytest.approx(0.1587, abs=0.005)  # the normal distribution below -1
    assert (told.trials, told.data, told.prior) == (20000, "made", 0.5)
    assert told.cllr is not None
    assert 0 < told.cllr < 1


def test_probability_is_the_share_of_one_speaker_at_the_prior() -> None:
    told = ScoreCalibration(slope=3.0, offset=-1.0, eer_threshold=0.3, eer=0.1, prior=0.2)
    for score in (-0.5, 0.0, 0.7):
        odds = np.exp(3 * score - 1) * 0.2 / 0.8
        assert told.probability(score) == pytest.approx(odds / (1 + odds))
    assert (told.probability(1e6), told.probability(-1e6)) == (1.0, 0.0)


def test_cllr_is_the_mean_cost_written_out() -> None:
    ratios, targets = np.array([2.0, -0.5, -3.0, 0.3, 1.0]), np.array([True, True, False, False, False])
    missed = np.mean([np.log2(1 + np.exp(-x)) for x in (2.0, -0.5)])
    alarmed = np.mean([np.log2(1 + np.exp(x)) for x in (-3.0, 0.3, 1.0)])
    assert cllr(ratios, targets) == pytest.approx((missed + alarmed) / 2)
    assert cllr(np.zeros(5), targets) == pytest.approx(1.0)


def test_scores_that_tell_perfectly_have_a_finite_slope() -> None:
    told = ScoreCalibration.fit([0.1, 0.2, 0.3, 0.8, 0.9], [False, False, False, True, True])
    assert np.isfinite(told.slope)
    assert (told.eer, told.eer_threshold) == (0.0, pytest.approx(0.55))


def test_scores_that_are_all_alike_say_nothing() -> None:
    told = ScoreCalibration.fit([0.4] * 6, [True, False] * 3)
    assert told.probability(0.4) == pytest.approx(0.5)
    assert told.eer == 0.5


def test_it_is_read_as_it_was_written_from_a_file_and_from_a_model(tmp_path: Path) -> None:
    told = ScoreCalibration.fit(*gaussians(500), model="some", seconds=3.0)
    assert told.write(tmp_path / "c.json") == tmp_path / "c.json"
    assert told.write(tmp_path) == tmp_path / CALIBRATION_FILE
    assert ScoreCalibration.read(tmp_path / "c.json") == ScoreCalibration.read(tmp_path) == told
    assert ScoreCalibration.from_dict(told.to_dict()) == told


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 100_000, json.dumps({"slope": 1, "offset": 0, "eer_threshold": 0}), '{"slope": "steep"}']
    + [json.dumps({"slope": 1, "offset": 0, "eer_threshold": 0, "eer": 0.1, **more}) for more in
       ({"prior": 1}, {"colour": 1}, {"data": 5}, {"slope": float("nan")})],
)  # fmt: skip
def test_what_is_no_calibration_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(SeehearError, match=r"c\.json") as refusal:
        ScoreCalibration.read(tmp_path / "c.json")
    assert refusal.value.code == "invalid-calibration"


def test_no_calibration_and_nothing_to_fit_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(SeehearError, match=r"none\.json") as refusal:
        ScoreCalibration.read(tmp_path / "none.json")
    assert refusal.value.code == "no-calibration"
    with pytest.raises(SeehearError, match="same speaker and of different speakers"):
        ScoreCalibration.fit([0.1, 0.2], [True, True])
    with pytest.raises(SeehearError, match="does not exist"):
        ScoreCalibration.fit([0.1, 0.2], [True, False]).write(tmp_path / "no" / "c.json")
