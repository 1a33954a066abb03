"""Evaluating a model that animates: a model that copies is no better than copying, one that knows is perfect."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from seehear.clip import Clip
from seehear.errors import CorpusError, ModelError
from seehear.pretext.animate import AnimateModel, AnimateOptions, planes
from seehear.tasks import animate
from seehear.tasks.animate import AnimateResult, evaluate_animate, full_size, measure

SOUND = {"bands": 20, "channels": [8, 8, 8, 8], "temporal": [3], "dilations": [1], "width": 16, "dim": 8}


def clip(frames: int = 40, seed: int = 0) -> Clip:
    """A picture as bright as its sound is loud, frame by frame."""
    rng = np.random.default_rng(seed)
    loud = rng.random(frames)
    video = np.broadcast_to((60 + 120 * loud)[:, None, None, None], (frames, 32, 32, 3)).astype(np.uint8)
    audio = (loud.repeat(640) * rng.uniform(-0.5, 0.5, frames * 640)).astype(np.float32)
    return Clip(video.copy(), np.zeros((frames, 5, 2), np.float32), audio, {"source": "x", "start_s": 0, "track": 0})


class Judge:
    """A sync model that compares brightness with loudness."""

    distance = "cosine"

    def embed_lips(self, video: torch.Tensor) -> torch.Tensor:
        return self._windows(video.float().mean((2, 3, 4)))

    def embed_sound(self, audio: torch.Tensor) -> torch.Tensor:
        return self._windows(audio.unflatten(1, (-1, 640)).square().mean(2).sqrt())

    def _windows(self, signal: torch.Tensor) -> torch.Tensor:
        windows = signal.unfold(1, 5, 1)
        return windows - windows.mean(2, keepdim=True)


def made(**given) -> AnimateModel:
    torch.manual_seed(0)
    return AnimateModel(AnimateOptions(sound=SOUND, size=16, widths=(8, 8), **given)).eval()


class Knows:
    """Draws the truth."""

    def __init__(self, model: AnimateModel, clips: list[Clip]) -> None:
        self.__dict__.update(options=model.options, view=model.view, parameters=model.parameters)
        self._clips = {c.audio.tobytes(): c for c in clips}

    def animate(self, still, audio):
        truth = self._clips[audio.numpy().tobytes()]
        seen = animate.find_view(self.view).function(truth)
        yield planes(torch.from_numpy(seen).unsqueeze(0))[0]


@pytest.mark.parametrize("region", ["face", "mouth"])
def test_who_copies_is_no_better_than_copying_and_who_knows_is_perfect(region):
    clips = [clip(seed=seed) for seed in range(4)]
    model = made(region=region)
    copied = measure(model, clips)
    assert copied.lower == pytest.approx(0, abs=1e-6)
    assert copied.drawn == pytest.approx(copied.copied)
    known = measure(Knows(model, clips), clips)
    assert (known.lower, known.drawn, known.whole) == (1, 0, 0)
    assert known.copied == copied.copied


def test_a_sync_model_says_whether_drawn_lips_fit_the_sound():
    clips = [clip(60, seed) for seed in range(5)]
    placed = measure(Knows(made(), clips), clips, Judge()).placed
    assert (placed.drawn, placed.real, placed.clips) == (1, 1, 5)
    copied = measure(made(), clips, Judge()).placed
    assert copied.real == 1
    assert copied.drawn == copied.still < 1


def test_clips_too_short_for_the_sync_model_are_left_out():
    clips = [clip(20)]
    assert measure(made(), clips, Judge()).placed is None


@pytest.mark.parametrize("region", ["face", "mouth"])
def test_what_is_drawn_goes_where_it_was_cut(region):
    model, film = made(region=region), clip(3)
    still = full_size(film, torch.zeros(3, 3, 16, 16), model)
    np.testing.assert_array_equal(still, np.broadcast_to(film.video[:1], film.video.shape))
    brighter = full_size(film, torch.full((3, 3, 16, 16), 20 / 255), model).numpy().astype(int) - still.numpy()
    assert np.array_equal(np.unique(brighter), [20] if region == "face" else [0, 20])
    assert brighter[..., 0].mean() == pytest.approx(20 if region == "face" else 5)
    np.testing.assert_array_equal(full_size(film, None, model), film.video)


def test_the_verb_tells_both(monkeypatch):
    clips = [clip(60, seed) for seed in range(3)]

    class Few(list):
        frames = np.array([60, 60, 60])

        def with_sound(self):
            return self

        def with_faces(self):
            return self

        def subset(self, rows):
            few = Few(self[int(row)] for row in rows)
            few.frames = self.frames[: len(few)]
            return few

    monkeypatch.setattr(animate, "Corpus", lambda path: Few(clips))
    monkeypatch.setattr("seehear.training.run.load", lambda name, device=None: made())
    monkeypatch.setattr("seehear.training.run.load_sync", lambda name: Judge())
    said = evaluate_animate("run", "corpus", split="all", sync="sync-small")
    assert "0.0% lower" in said
    assert "(chance 9.7%, 3 clips)" in said
    told = json.loads(evaluate_animate("run", "corpus", split="all", clips=2, json=True))
    assert told["clips"] == 2
    assert told["placed"] is None


def test_a_model_that_cannot_draw_is_refused(monkeypatch):
    monkeypatch.setattr("seehear.training.run.load", lambda name, device=None: SimpleNamespace(name="sync"))
    with pytest.raises(ModelError, match="is a sync model and cannot draw"):
        evaluate_animate("run", "corpus")
    with pytest.raises(CorpusError, match="--clips must be 1 or more"):
        evaluate_animate("run", "corpus", clips=0)


def test_the_result_says_its_interval():
    result = AnimateResult(0.3, 0.25, 0.35, 0.02, 0.03, 0.01, 12)
    assert "30.0% lower (95 % interval 25.0% to 35.0%, 12 clips)" in str(result)
