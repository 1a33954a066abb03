"""Animate in training: a mouth that opens as loud as the sound is, learned, measured and shown."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from seehear.audio.augmentation import SoundAugmentationOptions
from seehear.metrics.bootstrap import singletons
from seehear.metrics.scores import MouthError
from seehear.models.animate import AnimateModel, AnimateOptions
from seehear.models.store import load
from seehear.models.validation import comparison_strip
from seehear.training.pretrain import pretrain
from seehear.training.settings import OptimOptions
from seehear.training.validation import make_validation
from talkers import DATA, ENGINE, SIDE, Talkers

SOUND = {"bands": 20, "channels": [8, 8, 8, 8], "temporal": [3], "dilations": [1], "width": 16, "dim": 8}
SOUNDS = SoundAugmentationOptions(gain_db=0, noise=0, equaliser_db=0, warp=0)
"""None: how loud it is says all."""

MODEL = AnimateOptions(sound=SOUND, region="mouth", size=SIDE, colour=False, widths=(8, 16), frames=4, sounds=SOUNDS)


class Shell:
    def to_device(self, batch):
        return batch


@pytest.mark.trains
def test_it_learns_what_the_sound_does_to_the_mouth():
    """In a hundred steps drawing is much nearer to the truth than copying."""
    torch.manual_seed(0)
    model, views = AnimateModel(MODEL), Talkers()
    probe = make_validation(Talkers(seed=1), model, DATA)
    before = probe(model.eval(), Shell()).numbers
    assert before["mouth_lower"] == pytest.approx(0, abs=1e-4)
    optimiser, rng = torch.optim.AdamW(model.parameters(), 5e-3), torch.Generator().manual_seed(0)
    video, audio = torch.from_numpy(views._video), torch.from_numpy(views._audio) / 32767
    model.train()
    for _ in range(100):
        model({"video": video, "audio": audio}, rng)["loss"].backward()
        optimiser.step()
        optimiser.zero_grad()
    with torch.no_grad():
        after = probe(model.eval(), Shell()).numbers
    assert after["mouth_lower"] > 0.3
    assert after["dev_l1"] < 0.7 * before["dev_l1"]


def test_the_probe_measures_all_lengths_and_shows_real_above_drawn():
    model = AnimateModel(MODEL).eval()
    views = Talkers(clips=6)
    views.frames[3:] = 40
    probe = make_validation(views, model, DATA)
    assert [tuple(batch["video"].shape[:2]) for batch in probe.batches] == [(4, 25)]
    with torch.no_grad():
        probed = probe(model, Shell())
    assert set(probed.numbers) == set(probe.formats) == {"mouth_lower", "dev_l1"}
    picture = probed.pictures["drawn"]
    assert picture.dtype == np.uint8
    assert picture.shape == (3 * 2 * SIDE, 10 * SIDE, 3)
    np.testing.assert_array_equal(picture[:SIDE, :SIDE, 0], views.window(0, 0, 1)[0][0])
    np.testing.assert_array_equal(picture[SIDE : 2 * SIDE, SIDE * 9 :], picture[SIDE : 2 * SIDE, :SIDE])  # untrained


def test_clips_shorter_than_a_strip_are_shown_whole():
    pictures = torch.rand(3, 1, 8, 8)
    assert comparison_strip(pictures, pictures).shape == (16, 24, 3)


def test_no_probe_without_clips():
    views = Talkers(clips=2)
    views.frames[:] = 1
    assert make_validation(views, AnimateModel(MODEL), DATA) is None


@pytest.mark.trains
def test_a_run_keeps_the_numbers_and_the_pictures(train, tmp_path):
    """``train`` puts clips in memory in the place of a corpus."""
    engine = replace(ENGINE, log_every=1)
    pretrain([tmp_path], tmp_path / "run", "animate-small", MODEL, DATA, OptimOptions(steps=4, warmup=1), engine)
    rows = list(csv.DictReader((tmp_path / "run" / "metrics.csv").open()))
    told = [row for row in rows if row["l1"]]
    assert len(told) == 4
    assert all(float(row["copied"]) > 0 for row in told)
    assert rows[0]["mouth_lower"]
    assert list((tmp_path / "run" / "pictures").glob("drawn-*.png"))
    model = load(tmp_path / "run")
    assert model.options.widths == MODEL.widths
    assert model.embed_audio(np.zeros(16000, np.float32), 16000, "features").shape == (25, 8)


def test_likeness_weighs_clips_by_their_motion_and_has_an_interval():
    found = MouthError(np.array([0.1, 0.3, 0.2]), np.array([0.2, 0.4, 0.2]), np.array([0.1, 0.1, 0.1]))
    assert found.lower == pytest.approx(1 - 0.6 / 0.8)
    figure = found.figure(singletons(3))
    assert figure.value == pytest.approx(found.lower)
    assert figure.low < found.lower < figure.high <= 1
