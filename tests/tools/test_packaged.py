"""The weights that come with the package, on real recordings."""

import json

import pytest

import seehear
from seehear.cli import main
from seehear.media.mux import shift_sound
from seehear.tools.confidence import Calibration

MOST_BYTES = 10_000_000


def test_the_packaged_model_is_small_calibrated_and_has_a_card():
    from importlib.resources import files

    folder = files("seehear") / "weights" / "sync-small"
    assert "sync-small" in (folder / "README.md").read_text(encoding="utf-8")
    assert len((folder / "model.safetensors").read_bytes()) < MOST_BYTES
    assert Calibration.from_config(seehear.load("sync-small").config).fitted


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
