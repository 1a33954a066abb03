import json
import re

import numpy as np
import pytest

from seehear.apps.sync.calibrate import calibrate
from seehear.apps.sync.fit_calibration import DelayedSound, fit_model_calibration
from seehear.apps.sync.offset import DelayPeak
from seehear.clip import SAMPLE_RATE, Clip
from seehear.errors import CorpusError, ModelError


@pytest.fixture(scope="module")
def clips(lamp_signal):
    """Six lamps of three seconds, in sync."""
    made = []
    for seed in range(6):
        bright = lamp_signal(3, seed)
        shown = bright[2000 + 40 * np.arange(75) + 20]
        video = np.broadcast_to((40 + 170 * shown).astype(np.uint8)[:, None, None, None], (75, 32, 32, 3)).copy()
        times = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
        loud = np.interp(times * 1000 + 2000, np.arange(len(bright)), bright)
        audio = (0.5 * loud * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
        made.append(Clip(video, np.zeros((75, 5, 2), np.float32), audio, {"source": "", "start_s": 0.0, "track": 0}))
    return made


def test_known_sound_is_the_samples_at_their_time():
    samples = np.arange(1, 1001, dtype=np.float32)
    sound = DelayedSound(samples, 0.01)  # begins at sample 160
    np.testing.assert_array_equal(sound.between(0, 0.02), [*[0] * 160, *range(1, 161)])
    np.testing.assert_array_equal(sound.between(0.01, 0.01 + 1000 / 16000), samples)
    np.testing.assert_array_equal(sound.between(-0.02, -0.01), np.zeros(160))
    np.testing.assert_array_equal(sound.between(0.07, 0.08)[-120:], np.zeros(120))
    assert sound.duration_s == pytest.approx(0.01 + 1000 / 16000)


def test_a_good_model_is_sure_where_it_is_right(lamp_model, clips):
    calibration = fit_model_calibration(lamp_model, clips, examples=150, seed=1)
    assert calibration.examples > 140
    plain, faint = DelayPeak(0, 1, 15, 30, 75), DelayPeak(0, 0.1, 0.5, 0.5, 15)
    assert calibration(plain) > 0.9
    assert calibration(faint) < 0.5


def test_a_run_is_calibrated_on_what_its_training_kept(lamp_model, clips, tmp_path, monkeypatch):
    asked = []

    class FakeCorpus(list):
        def __init__(self, *paths):
            super().__init__(clips)

        def split(self, *how):
            asked.append(how)
            return self

        def with_faces(self):
            return self

        def with_sound(self):
            return self if len(asked) < 3 else self[:1]

    lamp_model.config = {"trained": {"split_by": "speaker", "dev_every": 3}}
    monkeypatch.setattr("seehear.data.corpus.Corpus", FakeCorpus)
    monkeypatch.setattr("seehear.models.store.load_sync_model", lambda run: lamp_model)
    (tmp_path / "config.json").write_text("{}")
    result = calibrate(tmp_path, [tmp_path], examples=40)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["sync_calibration"] == result.calibration.to_config()
    assert result.to_dict() == {"model": str(tmp_path)} | config
    assert f"{result.calibration.examples} measurements" in str(result)
    calibrate(tmp_path, [tmp_path], split_by="source", dev_every=5, examples=40)
    assert asked == [("dev", 3, "speaker"), ("dev", 5, "source")]
    with pytest.raises(CorpusError, match="fewer than two clips with audio"):
        calibrate(tmp_path, [tmp_path])


def test_calibration_is_the_same_from_the_same_seed(lamp_model, clips):
    first, second = (fit_model_calibration(lamp_model, clips, examples=40, seed=3) for _ in range(2))
    assert first == second


def test_a_model_that_is_wrong_every_time_is_refused_and_its_config_left_alone(
    lamp_model, clips, tmp_path, monkeypatch
):
    def wrong(model, held_out, *, examples, progress):
        raise ValueError("a calibration needs both right and wrong measurements")

    held_out = type("Held", (list,), {"split": lambda self, *how: self, "with_faces": lambda self: self})
    held_out.with_sound = lambda self: self
    lamp_model.config = {"trained": {"split_by": "speaker", "dev_every": 3}}
    monkeypatch.setattr("seehear.data.corpus.Corpus", lambda *paths: held_out(clips))
    monkeypatch.setattr("seehear.models.store.load_sync_model", lambda run: lamp_model)
    monkeypatch.setattr("seehear.apps.sync.fit_calibration.fit_model_calibration", wrong)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=re.escape(str(tmp_path))):
        calibrate(tmp_path, [tmp_path])
    assert (tmp_path / "config.json").read_text() == "{}"
