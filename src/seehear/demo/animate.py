"""The demo's animation: a still face is made to speak, and what the ear that learned to do that is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.clip import Clip
from seehear.corpus.store import Corpus
from seehear.corpus.views import find_view
from seehear.demo.stages import one_thread
from seehear.demo.sync import SEARCH_S, Learned
from seehear.errors import CorpusError
from seehear.pretext.animate import AnimateModel, planes
from seehear.pretext.lipsync import LipSync
from seehear.tasks.animate import AnimateResult
from seehear.tasks.animate import measure as measure_drawn
from seehear.tasks.classification import classify
from seehear.tasks.isolated import LABEL as WORD
from seehear.tasks.isolated import isolated_words
from seehear.tasks.measuring import contenders
from seehear.tasks.recordings import Recordings
from seehear.tasks.result import Result
from seehear.tasks.trials import Protocol
from seehear.tools.animate import animate
from seehear.tools.measure import MeasureOptions, measure
from seehear.tools.measurement import Measurement
from seehear.training.journal import read_metrics
from seehear.training.presets import settings
from seehear.training.pretrain import pretrain
from seehear.training.run import load

Pictures = NDArray[np.uint8]

PRESET = "animate-small"
HELD_OUT = 4
"""One speaker in so many is neither learned from nor has labels; one in eight would leave too few to read out on."""

AGAINST = ("animate-small", "untrained", "logmel", "mfcc")
"""The weights of the package know what more than these few minutes teach."""

ENGLISH = "language=en-us|en-us-nyc|en-gb-x-rp|en-gb-scotland"
WORDS = 10
FEWEST = 5  # examples of a word
COMPARED = 48  # held-out clips whose drawn and real pictures are compared
SHOWN_CLIPS, SHOWN_FRAMES = 2, 8  # of them, to be looked at


@dataclass(frozen=True)
class Strip:
    """Frames of one held-out clip, RGB (n, S, S, 3) each: real ones, and those drawn from the first and the sound."""

    real: Pictures
    drawn: Pictures


@dataclass(frozen=True)
class Ear:
    """What the encoder of sound is worth, its weights frozen.

    Attributes:
        emotion: which one is heard; a sentence where there is too little to tell.
        words: which one is said; likewise.
    """

    emotion: Result | str
    words: Result | str


@dataclass(frozen=True)
class Spoken:
    """A film of somebody never seen, and what was made of its first picture and its sound.

    Attributes:
        real, drawn: lip-sync of the film and of what was made, by the model that the demo trained for that.
    """

    real: Measurement
    drawn: Measurement


@dataclass(frozen=True)
class Drawn:
    """How well held-out people are drawn.

    Attributes:
        result: by how much drawn mouths are nearer to the real ones, with their own sound and with others.
        strips: some of them.
    """

    result: AnimateResult
    strips: Sequence[Strip]


def learn_to_animate(corpus: Path, run: Path, *, steps: int, seed: int) -> Learned:
    """A small model learns to draw a face from a still of it and the sound."""
    preset = settings(PRESET)
    data = replace(preset.data, split_by="speaker", dev_every=HELD_OUT, min_frames=50)
    optim = replace(preset.optim, steps=steps, seed=seed, warmup=min(preset.optim.warmup, steps // 4))
    engine = replace(preset.engine, probe_every=max(1, steps // 5))
    summary = pretrain([corpus], run, preset=PRESET, data=data, optim=optim, engine=engine)
    return Learned(summary, read_metrics(run / "metrics.csv"))


def draw_held_out(run: Path, held_out: Corpus) -> Drawn:
    """Pictures of held-out people, drawn from the first one and the sound."""
    model = load(run)
    assert isinstance(model, AnimateModel)
    places = np.linspace(0, len(held_out) - 1, min(COMPARED, len(held_out))).astype(int).tolist()
    shown = places[:: max(1, len(places) // SHOWN_CLIPS)][:SHOWN_CLIPS]
    strips = [Strip(*map(_pictures, _draw(model, held_out[place]))) for place in shown]
    return Drawn(measure_drawn(model, held_out.subset(places)), strips)


def hear(run: Path, corpus: Path) -> Ear:
    """What can be read out of the frozen encoder of sound, on people whose faces and labels it has never seen."""
    with one_thread():
        recordings = Recordings.of(corpus).audible()
        _part(recordings, set(Corpus(corpus).split("dev", HELD_OUT, "speaker").labels("speaker")))
        protocol = Protocol(split="official", seeds=1)
        named = contenders(str(run), AGAINST, "frozen")

        def told_apart(task: str, label: str, chosen: Callable[[], Recordings]) -> Result | str:
            try:
                return classify(task, chosen(), label, named, "pooled", protocol)
            except CorpusError as error:  # a demo with few people; the page says so
                return str(error)

        return Ear(
            told_apart("emotion", "emotion", lambda: recordings),
            told_apart("words", WORD, lambda: isolated_words(recordings.where([ENGLISH]), WORDS, FEWEST)),
        )


def speak(film: Path, folder: Path, run: Path, lips: LipSync) -> Spoken:
    """The first picture of a film is made to say what the film says, and lip-sync is measured on what came of it."""
    made = folder / "spoken.mp4"
    with one_thread():
        animate(film, film, out=made, model=str(run))
        return Spoken(*(measure(path, lips, MeasureOptions(SEARCH_S)) for path in (film, made)))


def _part(recordings: Recordings, held_out: set[str | None]) -> None:
    """Makes the read-out's division the pretext's own: it is tested on people that neither of them has learned from."""
    for recording in recordings:
        part = "test" if recording.speaker in held_out else "train"
        recording.labels = {**recording.labels, "part": part}


def _draw(model: AnimateModel, clip: Clip) -> tuple[Tensor, Tensor]:
    """Real and drawn pictures of a clip, (1, T, planes, S, S) in 0..1."""
    video = torch.from_numpy(find_view(model.view).function(clip)).unsqueeze(0)
    with torch.inference_mode():
        drawn = model({"video": video, "audio": torch.from_numpy(clip.audio).unsqueeze(0)})["drawn"]
    return planes(video), drawn


def _pictures(video: Tensor) -> Pictures:
    """Some frames, spread over the clip: (1, T, 3, S, S) in 0..1 -> RGB uint8 (n, S, S, 3)."""
    which = torch.linspace(0, video.shape[1] - 1, min(SHOWN_FRAMES, video.shape[1])).round().long()
    return np.asarray(video[0, which].clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).numpy())
