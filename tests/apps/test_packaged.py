"""The weights that come with the package, on real recordings."""

import pytest

import seehear
from seehear.apps.animate import animate
from seehear.apps.match import match
from seehear.apps.sync.fix import fix_sync
from seehear.apps.sync.measure import measure_sync
from seehear.apps.sync.verdict import Verdict
from seehear.media.shift import shift_sound
from seehear.metrics.calibration import DelayCalibration

MOST_BYTES = 10_000_000


@pytest.mark.parametrize("name", ["sync-small", "animate-small"])
def test_packaged_models_are_small_and_have_a_card(name):
    from importlib.resources import files

    folder = files("seehear") / "weights" / name
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert name in card
    assert "@" not in card  # what was measured is filled in
    assert len((folder / "model.safetensors").read_bytes()) < MOST_BYTES


def test_the_packaged_sync_model_is_calibrated():
    assert DelayCalibration.from_config(seehear.load("sync-small").config).fitted


@pytest.fixture
def clip(shared):
    return sorted((shared / "data" / "grid_s1" / "video").glob("*.mp4"))[0]


@pytest.fixture
def detector(shared):
    return shared / "models" / "yunet_n_640_640.onnx"


def test_a_real_clip_is_in_sync(clip, detector):
    found = measure_sync(clip, detector=detector)
    assert found.verdict is Verdict.IN_SYNC
    assert found.calibrated
    assert found.delay_ms == pytest.approx(0, abs=40)


@pytest.mark.parametrize("delay_ms", [200, -333])
def test_a_real_clip_moved_is_measured_and_fixed(clip, detector, tmp_path, delay_ms):
    moved = tmp_path / "moved.mp4"
    shift_sound(clip, moved, earlier_s=-delay_ms / 1000)
    found = fix_sync(moved, tmp_path / "fixed.mp4", detector=detector)
    assert found.measurement.verdict is Verdict.OUT_OF_SYNC
    assert found.measurement.delay_ms == pytest.approx(delay_ms, abs=40)
    assert found.after.delay_ms == pytest.approx(0, abs=40)
    assert found.after.verdict is Verdict.IN_SYNC


def test_a_real_face_speaks_in_sync_with_real_speech(clip, detector, shared, tmp_path):
    out = tmp_path / "talking.mp4"
    speech = shared / "data" / "grid_s1" / "video" / "bbaf3s.mp4"
    animate(clip, speech, out=out, detector=detector)
    assert measure_sync(out, detector=detector).delay_ms == pytest.approx(0, abs=80)


def test_the_packaged_match_model_does_not_rank_real_people(shared):
    clips = sorted((shared / "data" / "grid_s1" / "video").glob("*.mp4"))[:3]
    found = match(clips[0], clips[1:])
    assert (found.verdict, found.detector) == ("cannot-tell", "yunet-2023mar")
    assert [candidate.probability for candidate in found.candidates] == [None, None]


def test_digits_are_told_apart_better_than_by_mfcc(shared):
    from seehear.evaluation import evaluate

    takes = sorted((shared / "data" / "fsdd").rglob("*_[012].wav"))  # three of fifty of each digit and speaker
    asked = {"dataset": "fsdd", "split": "leave-one-speaker-out", "baselines": ["mfcc", "untrained"], "seeds": 1}
    found = evaluate("words", "animate-small", takes, **asked)
    assert all(one.difference > 0.03 for one in found.comparisons)
