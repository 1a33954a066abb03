"""The weights that come with the package, on real recordings."""

import json

import pytest

import seehear
from seehear.cli import main
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
def sync(shared, capsys):
    def run(*words):
        detector = shared / "models" / "yunet_n_640_640.onnx"
        assert main(["sync", *map(str, words), "--detector", str(detector), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_a_real_clip_is_in_sync(sync, clip):
    found = sync(clip)
    assert found["verdict"] == "in-sync"
    assert found["calibrated"]
    assert found["delay_ms"] == pytest.approx(0, abs=40)


@pytest.mark.parametrize("delay_ms", [200, -333])
def test_a_real_clip_moved_is_measured_and_fixed(sync, clip, tmp_path, delay_ms):
    moved = tmp_path / "moved.mp4"
    shift_sound(clip, moved, earlier_s=-delay_ms / 1000)
    found = sync(moved, "--fix", tmp_path / "fixed.mp4")
    assert found["verdict"] == "out-of-sync"
    assert found["delay_ms"] == pytest.approx(delay_ms, abs=40)
    assert found["fixed"]["delay_ms"] == pytest.approx(0, abs=40)
    assert found["fixed"]["verdict"] == "in-sync"


def test_a_real_face_speaks_in_sync_with_real_speech(sync, clip, shared, tmp_path, capsys):
    out = tmp_path / "talking.mp4"
    speech = shared / "data" / "grid_s1" / "video" / "bbaf3s.mp4"
    detector = str(shared / "models" / "yunet_n_640_640.onnx")
    assert main(["animate", str(clip), str(speech), "--out", str(out), "--detector", detector]) == 0
    capsys.readouterr()
    assert sync(out)["delay_ms"] == pytest.approx(0, abs=80)


def test_the_packaged_match_model_does_not_rank_real_people(shared, capsys):
    clips = sorted((shared / "data" / "grid_s1" / "video").glob("*.mp4"))[:3]
    assert main(["match", *map(str, clips), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["detector"]) == ("cannot-tell", "yunet-2023mar")
    assert [candidate["probability"] for candidate in found["candidates"]] == [None, None]


def test_digits_are_told_apart_better_than_by_mfcc(shared):
    from seehear.evaluation.words import evaluate_words

    takes = sorted((shared / "data" / "fsdd").rglob("*_[012].wav"))  # three of fifty of each digit and speaker
    asked = {"format": "fsdd", "split": "leave-one-speaker-out", "against": ["mfcc", "untrained"], "seeds": 1}
    found = evaluate_words("animate-small", takes, **asked)
    assert all(one.difference > 0.03 for one in found.comparisons)
