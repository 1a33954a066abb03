import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.apps.sync.offset import OUTLIERS, PHASES, SHARPNESS, STEP_MS, AgreementCurve, agreement_by_delay, find_peak


def embeddings(rng, count, dims=16):
    values = rng.normal(size=(count, dims)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def slow_curve(similar, heard):
    """The definition, one frame and one delay at a time."""
    frames, reach = len(similar), (similar.shape[1] // PHASES - len(similar)) // 2
    similar = similar - similar.mean(axis=0)
    similar = similar / np.std([row[heard] for row in similar])
    total = np.zeros(2 * reach * PHASES + 1)
    used = 0
    for t in range(frames):
        row = {k: similar[t, PHASES * t + k] for k in range(len(total)) if heard[PHASES * t + k]}
        used += bool(row)
        chances = {k: np.exp(SHARPNESS * value) for k, value in row.items()}
        agree = {
            k: np.log(OUTLIERS + (1 - OUTLIERS) * chance / (sum(chances.values()) / len(row)))
            for k, chance in chances.items()
        }
        for k, value in agree.items():
            total[k] += value - sum(agree.values()) / len(row)
    return total, used


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_curve_is_its_definition(frames, reach, seed):
    rng = np.random.default_rng(seed)
    similar = embeddings(rng, frames) @ embeddings(rng, (frames + 2 * reach) * PHASES).T
    heard = rng.random(similar.shape[1]) < 0.8
    curve = agreement_by_delay(similar, heard)
    total, used = slow_curve(similar.astype(float), heard)
    np.testing.assert_allclose(curve.total, total, atol=1e-4)
    assert curve.frames == used


def walk(rng, seconds, dims=16):
    """Embeddings 1000 a second that change smoothly, as speech does: correlated over about 100 ms."""
    steps = rng.normal(size=(int(seconds * 1000) + 400, dims))
    smooth = np.stack([np.convolve(column, np.hanning(200), "same") for column in steps.T], axis=1)
    return (smooth / np.linalg.norm(smooth, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("delay_ms", [-437, -40, 0, 3, 17, 120, 250, 611])
def test_delay_is_found_with_its_sign_between_the_points(delay_ms):
    rng = np.random.default_rng(1)
    speech = walk(rng, 14)
    frames, reach = 200, 25
    lips = speech[3000 + 40 * np.arange(frames)]
    heard_at = 3000 - 40 * reach + 10 * np.arange((frames + 2 * reach) * PHASES)
    sound = speech[heard_at - delay_ms]  # late sound: what is heard at t was said at t - delay
    peak = find_peak(agreement_by_delay(lips @ sound.T))
    assert abs(peak.delay_ms - delay_ms) < 2
    assert peak.margin > 10


def test_unrelated_sound_has_no_clear_peak():
    rng = np.random.default_rng(2)
    clear = []
    for _ in range(10):
        lips, sound = walk(rng, 5)[::40][:100], walk(rng, 7)[::10][: 150 * PHASES]
        clear.append(find_peak(agreement_by_delay(lips @ sound.T)).margin)
    assert np.median(clear) < 5


def test_a_frame_that_resembles_every_sound_does_not_tilt_the_curve():
    rng = np.random.default_rng(3)
    speech = walk(rng, 10)
    lips, sound = speech[2000 + 40 * np.arange(100)], speech[1000 + 10 * np.arange(150 * PHASES)]
    common = np.ones(16, np.float32) / 2
    plain = find_peak(agreement_by_delay(lips @ sound.T))
    tilted = find_peak(agreement_by_delay((lips + common) @ (sound + common).T))
    assert tilted.delay_ms == pytest.approx(plain.delay_ms, abs=1)


def test_delays_without_sound_say_nothing():
    rng = np.random.default_rng(4)
    frames, reach = 50, 60
    similar = embeddings(rng, frames) @ embeddings(rng, (frames + 2 * reach) * PHASES).T
    heard = np.arange(similar.shape[1]) < (reach + frames) * PHASES  # the sound ends with the picture
    curve = agreement_by_delay(similar, heard)
    assert (curve.total[curve.delays_ms >= frames * 40] == 0).all()
    assert (curve.total[curve.delays_ms <= 0] != 0).all()
    assert find_peak(agreement_by_delay(similar, np.zeros(similar.shape[1], bool))) is None


def test_delays_without_sound_do_not_make_a_peak_clear():
    rng = np.random.default_rng(7)
    curve = AgreementCurve(np.convolve(rng.normal(size=201), np.ones(6), "same"), 10)
    narrow = AgreementCurve(np.where(np.abs(curve.delays_ms) <= 400, curve.total, 0), 10)
    whole = AgreementCurve(narrow.total[60:-60], 10)
    assert find_peak(narrow).margin <= find_peak(whole).margin


def test_one_frame_cannot_outvote_many():
    rng = np.random.default_rng(6)
    speech = walk(rng, 10)
    lips, sound = speech[2000 + 40 * np.arange(100)], speech[1000 + 10 * np.arange(150 * PHASES)]
    similar = lips @ sound.T
    similar[10:14] -= 0.8 * similar[10:14]
    similar[10:14, 60 * PHASES : 62 * PHASES] = 3.0  # a few frames that are very sure of something else
    assert find_peak(agreement_by_delay(similar)).delay_ms == pytest.approx(0, abs=3)


def test_curves_add_weigh_and_move():
    curve = AgreementCurve(np.arange(9.0), 1)
    np.testing.assert_array_equal((curve + curve.weighted(2)).mean, curve.mean)
    assert (curve + curve.weighted(2)).frames == 3
    later = curve.moved(2 * STEP_MS)
    np.testing.assert_array_equal(later.total, [0, 0, 0, 1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(curve.moved(-STEP_MS).total, [1, 2, 3, 4, 5, 6, 7, 8, 0])
    np.testing.assert_array_equal(curve.delays_ms, np.arange(-40, 41, 10))


@pytest.mark.parametrize("points", [8, 9, 10, 1000])
def test_a_curve_moved_out_of_its_range_says_nothing(points):
    curve = AgreementCurve(np.arange(1, 10.0), 1)
    assert curve.moved(points * STEP_MS).total.tolist() == [0] * 8 + [1.0 if points == 8 else 0.0]
    assert curve.moved(-points * STEP_MS).total.tolist() == [9.0 if points == 8 else 0.0] + [0] * 8


def test_lips_that_the_sound_does_not_surround_are_refused():
    rng = np.random.default_rng(5)
    with pytest.raises(ValueError, match="evenly"):
        agreement_by_delay(embeddings(rng, 10) @ embeddings(rng, 41).T)
