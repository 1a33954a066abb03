"""Evaluating a model that animates: a model that copies is no better than copying, one that knows is perfect."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from seehear.clip import Clip
from seehear.data import views
from seehear.errors import CorpusError, ModelError
from seehear.evaluation import animate
from seehear.evaluation.animate import (
    ANOTHER,
    SILENCE,
    AnimateEvaluation,
    evaluate_animate,
    fit_length,
    full_size,
    measure_animation,
    other_clip,
)
from seehear.metrics.bootstrap import units_of
from seehear.models.animate import AnimateModel, AnimateOptions, to_planes

SOUND = {"bands": 20, "channels": [8, 8, 8, 8], "temporal": [3], "dilations": [1], "width": 16, "dim": 8}


def clip(frames: int = 40, seed: int = 0, source: str | None = None) -> Clip:
    """A picture as bright as its sound is loud, frame by frame."""
    rng = np.random.default_rng(seed)
    loud = rng.random(frames)
    video = np.broadcast_to((60 + 120 * loud)[:, None, None, None], (frames, 32, 32, 3)).astype(np.uint8)
    audio = (loud.repeat(640) * rng.uniform(-0.5, 0.5, frames * 640)).astype(np.float32)
    return Clip(
        video.copy(),
        np.zeros((frames, 5, 2), np.float32),
        audio,
        {"source": source or f"film {seed}", "start_s": 0, "track": 0},
    )


class Few(list):
    """As much of a corpus as is asked for."""

    detectors = ("yunet-2023mar",)

    def __init__(self, clips: list[Clip], speakers: list[str] | None = None) -> None:
        super().__init__(clips)
        self._speakers = speakers
        self.frames = np.array([one.frames for one in clips], np.int32)

    @property
    def manifest(self) -> pa.Table:
        columns = {"source": [one.meta["source"] for one in self]}
        return pa.table(columns | ({"label_speaker": self._speakers} if self._speakers else {}))

    def with_sound(self):
        return self

    def with_faces(self):
        return self

    def subset(self, rows):
        speakers = [self._speakers[int(row)] for row in rows] if self._speakers else None
        return Few([self[int(row)] for row in rows], speakers)


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
    """Draws the truth of the clip whose sound it hears, and with silence the still."""

    def __init__(self, model: AnimateModel, clips: list[Clip]) -> None:
        self.__dict__.update(options=model.options, input_view=model.input_view, parameters=model.parameters)
        self._clips = {float(c.audio[:100].sum()): c for c in clips}

    def animate(self, still, audio):
        if not audio.any():
            yield still.expand(len(audio) // 640, *still.shape)
            return
        truth = self._clips[float(audio[:100].numpy().sum())]
        seen = views.find_view(self.input_view).function(truth)
        yield to_planes(torch.from_numpy(seen).unsqueeze(0))[0]


@pytest.mark.parametrize("region", ["face", "mouth"])
def test_who_copies_is_no_better_than_copying_and_who_knows_is_perfect(region):
    clips = Few([clip(seed=seed) for seed in range(4)])
    model = made(region=region)
    copied = measure_animation(model, clips)
    assert copied.lower == pytest.approx(0, abs=1e-6)
    assert copied.drawn == pytest.approx(copied.copied)
    known = measure_animation(Knows(model, clips), clips)
    assert (known.lower, known.drawn, known.whole) == (1, 0, 0)
    assert known.copied == copied.copied


def test_a_sync_model_says_whether_drawn_lips_fit_the_sound():
    clips = Few([clip(60, seed) for seed in range(5)])
    placed = measure_animation(Knows(made(), clips), clips, Judge()).placed
    assert (placed.drawn.value, placed.real.value, placed.clips) == (1, 1, 5)
    assert placed.another.value < 1  # lips that fit another clip's sound do not fit this one's
    assert placed.drawn.low == pytest.approx(0.025**0.2)  # five of five are not surely all
    copied = measure_animation(made(), clips, Judge()).placed
    assert copied.real.value == 1
    assert copied.drawn.value == copied.still.value < 1


def test_clips_too_short_for_the_sync_model_are_left_out():
    clips = Few([clip(20)])
    assert measure_animation(made(), clips, Judge()).placed is None


@pytest.mark.parametrize("region", ["face", "mouth"])
def test_what_is_drawn_goes_where_it_was_cut(region):
    model, film = made(region=region), clip(3)
    still = full_size(film, torch.zeros(3, 3, 16, 16), model)
    np.testing.assert_array_equal(still, np.broadcast_to(film.video[:1], film.video.shape))
    brighter = full_size(film, torch.full((3, 3, 16, 16), 20 / 255), model).numpy().astype(int) - still.numpy()
    assert np.array_equal(np.unique(brighter), [20] if region == "face" else [0, 20])
    assert brighter[..., 0].mean() == pytest.approx(20 if region == "face" else 5)
    np.testing.assert_array_equal(full_size(film, None, model), film.video)


def test_whole_evaluation(monkeypatch):
    clips = [clip(60, seed) for seed in range(3)]
    monkeypatch.setattr(animate, "Corpus", lambda path: Few(clips))
    monkeypatch.setattr("seehear.models.store.load", lambda name, device=None: made())
    monkeypatch.setattr(animate, "load_sync_model", lambda name: Judge())
    result = evaluate_animate("run", "corpus", split="all", sync_model="sync-small")
    assert result.lower == pytest.approx(0, abs=1e-6)
    assert result.to_dict()["chance_placed"] == pytest.approx(3 / 31)
    assert result.placed.clips == 3
    said = str(result)
    assert "0.0% lower" in said
    assert "(chance 9.7%, 3 clips)" in said
    assert "with another clip's sound" in said
    plain = evaluate_animate("run", "corpus", split="all", clips=2).to_dict()
    assert (plain["clips"], plain["placed"]) == (2, None)


def test_a_model_that_cannot_draw_is_refused():
    with pytest.raises(ModelError, match="sync-small") as refusal:
        evaluate_animate("sync-small", "corpus")
    assert refusal.value.code == "cannot-draw"
    with pytest.raises(CorpusError, match="--clips must be 1 or more"):
        evaluate_animate("run", "corpus", clips=0)


def test_what_another_sound_does_as_well_is_not_heard():
    """A mouth that opens halfway whatever is said is nearer than a shut one, and its own sound adds nothing."""
    clips = Few([clip(seed=seed) for seed in range(6)])

    class Halfway(Knows):
        def animate(self, still, audio):
            yield (still + 0.5 * (130 / 255 - still)).expand(len(audio) // 640, *still.shape)

    deaf = measure_animation(Halfway(made(), clips), clips)
    assert deaf.lower > 0.1
    assert [one.sound for one in deaf.controls] == [ANOTHER, SILENCE]
    for control in deaf.controls:
        assert control.lower.value == pytest.approx(deaf.lower)
        assert control.gain.difference == pytest.approx(0, abs=1e-9)
        assert control.gain.p > 0.5
    hears = measure_animation(Knows(made(), clips), clips)
    wrong = hears.control(ANOTHER)
    assert wrong.lower.value < 0.5
    assert wrong.gain.difference == pytest.approx(1 - wrong.lower.value)
    assert wrong.gain.low > 0
    assert wrong.gain.p < 0.05
    assert f"own sound less another clip's sound: {100 * wrong.gain.difference:+.1f} points" in str(hears)


def test_the_other_sound_is_another_persons_always_the_same_and_long_enough():
    frames = np.array([40, 30, 40, 50, 20, 40], np.int32)
    people = units_of(list("aabbcc"), ["x"] * 6)
    chosen = other_clip(frames, people)
    assert np.array_equal(chosen, other_clip(frames, people))
    assert (people.of[chosen] != people.of).all()
    assert (frames[chosen] >= np.minimum(frames, 40)).all()
    assert chosen[3] in (0, 5)  # none of the others' is as long: the longest of them, again and again
    assert len(fit_length(clip(40).audio, 50 * 640)) == 50 * 640
    assert other_clip(frames, units_of([None] * 6, ["x"] * 6)) is None


def test_people_are_the_units_where_they_are_known():
    clips = [clip(seed=seed, source=f"film {seed}") for seed in range(6)]
    named = measure_animation(made(), Few(clips, list("aabbcc")))
    assert (named.units, named.unit_count) == ("speakers", 3)
    assert (measure_animation(made(), Few(clips)).units, measure_animation(made(), Few(clips)).unit_count) == (
        "sources",
        6,
    )
    alone = measure_animation(made(), Few([clip(seed=seed, source="one film") for seed in range(3)]))
    assert [one.sound for one in alone.controls] == [SILENCE]
    assert "only 1 source file tested" in str(alone)


def test_the_result_says_its_interval_and_over_whom():
    result = AnimateEvaluation(0.3, 0.25, 0.35, 0.02, 0.03, 0.01, 12, "speakers", 12)
    assert "30.0% lower (25.0% to 35.0%), 12 clips" in str(result)
    assert "95 % intervals over 12 speakers" in str(result)
