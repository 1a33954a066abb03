from types import SimpleNamespace

import numpy as np
import pytest

from seehear.benchmark.page_samples import SECONDS, _first_seconds, _side_by_side, generated_videos
from seehear.clip import FPS, SAMPLES_PER_FRAME, Clip
from seehear.models.store import load_animate_model


def clip(frames):
    rng = np.random.default_rng(0)
    video = np.repeat(rng.integers(0, 255, (1, 128, 128, 3), dtype=np.uint8), frames, axis=0)
    sound = rng.normal(0, 0.1, frames * SAMPLES_PER_FRAME).astype(np.float32)
    return Clip(video, np.zeros((frames, 5, 2), np.float32), sound)


def test_filmed_and_drawn_stand_side_by_side():
    shown, model = clip(4), load_animate_model("animate-small")
    films = _side_by_side([model, model], shown)
    assert films.shape == (4, 128, 3 * 128, 3)
    assert films.dtype == np.uint8
    assert np.array_equal(films[:, :, :128], shown.video)
    assert np.array_equal(films[:, :, 128:256], films[:, :, 256:])
    assert np.array_equal(films[:, :32, 128:256], shown.video[:, :32])  # nothing moves above the mouth
    assert not np.array_equal(films[:, :, 128:256], shown.video)


def test_long_clips_are_cut():
    short = _first_seconds(clip(SECONDS * FPS + 10))
    assert short.frames == SECONDS * FPS
    assert len(short.audio) == SECONDS * FPS * SAMPLES_PER_FRAME


@pytest.mark.parametrize("task", ["emotion", "sync"])
def test_only_animation_is_drawn(task):
    found = SimpleNamespace(measured=lambda table, row: [("cell", "outcome")])
    assert generated_videos(found, SimpleNamespace(task=task, rows=("animate",))) == []
