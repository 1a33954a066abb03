import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.tools.offset import PHASES, STEP_MS, Curve, find_peak, similarity_by_delay


def embeddings(rng, count, dims=16):
    values = rng.normal(size=(count, dims)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def slow_curve(lips, sound, heard):
    """The definition, one frame and one delay at a time."""
    frames, reach = len(lips), (len(sound) // PHASES - len(lips)) // 2
    similar = np.array([[float(a @ b) for b in sound] for a in lips])
    similar -= similar.mean(axis=0, keepdims=True)
    total, count = np.zeros(2 * reach * PHASES + 1), np.zeros(2 * reach * PHASES + 1)
    for t in range(frames):
        row = {k: similar[t, PHASES * t + k] for k in range(len(total)) if heard[PHASES * t + k]}
        level = sum(row.values()) / max(len(row), 1)
        for k, value in row.items():
            total[k] += value - level
            count[k] += 1
    return total, count


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_curve_is_its_definition(frames, reach, seed):
    rng = np.random.default_rng(seed)
    lips, sound = embeddings(rng, frames), embeddings(rng, (frames + 2 * reach) * PHASES)
    heard = rng.random(len(sound)) < 0.8
    curve = similarity_by_delay(lips @ sound.T, heard)
    total, count = slow_curve(lips, sound, heard)
    np.testing.assert_allclose(curve.total, total, atol=1e-5)
    np.testing.assert_array_equal(curve.count, count)
    assert curve.frames == frames


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
    peak = find_peak(similarity_by_delay(lips @ sound.T))
    assert abs(peak.delay_ms - delay_ms) < 2
    assert peak.clearness > 10


def test_unrelated_sound_has_no_clear_peak():
    rng = np.random.default_rng(2)
    clear = []
    for _ in range(10):
        lips, sound = walk(rng, 5)[::40][:100], walk(rng, 7)[::10][: 150 * PHASES]
        clear.append(find_peak(similarity_by_delay(lips @ sound.T)).clearness)
    assert np.median(clear) < 5


def test_a_frame_that_resembles_every_sound_does_not_tilt_the_curve():
    rng = np.random.default_rng(3)
    speech = walk(rng, 10)
    lips, sound = speech[2000 + 40 * np.arange(100)], speech[1000 + 10 * np.arange(150 * PHASES)]
    common = np.ones(16, np.float32) / 2
    plain = find_peak(similarity_by_delay(lips @ sound.T))
    tilted = find_peak(similarity_by_delay((lips + common) @ (sound + common).T))
    assert tilted.delay_ms == pytest.approx(plain.delay_ms, abs=1)


def test_delays_without_sound_are_not_searched():
    rng = np.random.default_rng(4)
    frames, reach = 50, 25
    lips, sound = embeddings(rng, frames), embeddings(rng, (frames + 2 * reach) * PHASES)
    heard = np.arange(len(sound)) < (reach + frames) * PHASES  # the sound ends with the picture
    curve = similarity_by_delay(lips @ sound.T, heard)
    assert np.isnan(curve.mean[curve.delays_ms > 0.65 * frames * 40]).all()
    assert np.isfinite(curve.mean[curve.delays_ms <= 0]).all()
    silent = similarity_by_delay(lips @ sound.T, np.zeros(len(sound), bool))
    assert find_peak(silent) is None


def test_curves_add_weigh_and_move():
    curve = Curve(np.arange(9.0), np.ones(9), 1)
    np.testing.assert_array_equal((curve + curve.weighted(2)).mean, curve.mean)
    assert (curve + curve.weighted(2)).frames == 3
    later = curve.moved(2 * STEP_MS)
    np.testing.assert_array_equal(later.total[2:], curve.total[:-2])
    assert later.count[:2].sum() == 0
    np.testing.assert_array_equal(curve.moved(-STEP_MS).total[:-1], curve.total[1:])
    np.testing.assert_array_equal(curve.delays_ms, np.arange(-40, 41, 10))


def test_lips_that_the_sound_does_not_surround_are_refused():
    rng = np.random.default_rng(5)
    with pytest.raises(ValueError, match="evenly"):
        similarity_by_delay(embeddings(rng, 10) @ embeddings(rng, 41).T)
