import numpy as np
import pytest

from seehear.apps.sync.offset import DelayPeak
from seehear.errors import ModelError
from seehear.metrics.calibration import UNCALIBRATED, DelayCalibration, fit_delay_calibration


def peaks(rng, count, margin):
    return [
        DelayPeak(0.0, 0.5, max(0.1, rng.normal(margin, 2)), max(0.0, rng.normal(margin / 3, 1)), 50)
        for _ in range(count)
    ]


def test_a_fitted_calibration_says_what_happens():
    rng = np.random.default_rng(0)
    examples = [peak for clear in (2, 4, 6, 8, 12) for peak in peaks(rng, 400, clear)]
    chance = np.array([1 / (1 + np.exp(8 - 5 * np.log1p(peak.margin))) for peak in examples])
    right = rng.random(len(examples)) < chance
    calibration = fit_delay_calibration(examples, list(right))
    stated = np.array([calibration(peak) for peak in examples])
    for low in (0.0, 0.25, 0.5, 0.75):
        inside = (stated >= low) & (stated < low + 0.25)
        assert stated[inside].mean() == pytest.approx(right[inside].mean(), abs=0.06)


def test_a_clearer_peak_is_never_less_sure():
    for calibration in (UNCALIBRATED, DelayCalibration(-8, 3, 2, 100)):
        sure = [calibration(DelayPeak(0, 0.5, clear, clear / 3, 50)) for clear in np.linspace(0, 40, 30)]
        assert sure == sorted(sure)
        assert 0 < sure[0] < 0.05
        assert sure[-1] > 0.9


def test_perfectly_separable_examples_still_give_an_answer():
    rng = np.random.default_rng(1)
    calibration = fit_delay_calibration(peaks(rng, 20, 40) + peaks(rng, 20, 1), [True] * 20 + [False] * 20)
    assert np.isfinite([calibration.bias, calibration.margin, calibration.evidence]).all()


def test_one_sided_examples_are_refused():
    with pytest.raises(ValueError, match="both correct and wrong"):
        fit_delay_calibration(peaks(np.random.default_rng(2), 5, 3), [True] * 5)


def test_a_calibration_survives_the_config():
    calibration = DelayCalibration(-7.0, 2.5, 1.0, 300)
    assert DelayCalibration.from_config({"sync_calibration": calibration.to_config()}) == calibration
    assert DelayCalibration.from_config({}) is UNCALIBRATED
    with pytest.raises(ModelError, match="sync_calibration"):
        DelayCalibration.from_config({"sync_calibration": {"slope": 1}})


def test_a_farther_search_is_less_sure_and_says_that_it_is_rough():
    calibration, peak = DelayCalibration(-7.0, 2.5, 1.0, 300, search_s=1.0), DelayPeak(0.0, 0.5, 9.0, 3.0, 50)
    assert calibration.for_search_range(0.5) == calibration.for_search_range(1.0) == calibration
    farther = calibration.for_search_range(5.0)
    assert calibration.fitted
    assert not farther.fitted
    odds, fewer = (p / (1 - p) for p in (calibration(peak), farther(peak)))
    assert odds / fewer == pytest.approx(5)


def test_a_calibration_without_a_search_was_fitted_at_one_second():
    entry = {"bias": -7.0, "margin": 2.5, "evidence": 1.0, "examples": 300}
    assert DelayCalibration.from_config({"sync_calibration": entry}).search_s == 1.0


def test_more_of_a_statistic_never_counts_against_a_peak() -> None:
    # the evidence says all; the margin, which goes with it, would get a negative coefficient
    evidence = np.array([0.5, 1, 2, 4, 8, 16])
    margin = evidence + np.array([0.3, 0.2, 0.4, 0.0, -0.5, -1.0])
    peaks = [DelayPeak(0, 1, float(m), float(e), 25) for m, e in zip(margin, evidence, strict=True)]
    fitted = fit_delay_calibration(peaks, [False, False, False, True, True, True])
    assert fitted.margin >= 0
    assert fitted.evidence > 0
