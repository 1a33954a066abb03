"""The demo's animation: train a model, measure it, and animate a face."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from seehear.apps.animate import animate
from seehear.apps.sync.measure_file import MeasureOptions, measure_file
from seehear.apps.sync.result import SyncMeasurement, Verdict, format_delay
from seehear.clip import Clip
from seehear.data.corpus import Corpus
from seehear.data.views import find_view
from seehear.demo.stages import difference, jpeg, verdict
from seehear.demo.sync import SEARCH_S, TrainedModel
from seehear.errors import CorpusError
from seehear.evaluation.animate import ANOTHER, AnimateEvaluation
from seehear.evaluation.animate import measure_animation as measure_drawn
from seehear.evaluation.cross_validation import Protocol
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.result import EvaluationResult, format_percent_range
from seehear.evaluation.runner import BEST_BASELINE, classify, compared_encoders
from seehear.evaluation.words import LABEL as WORD
from seehear.evaluation.words import isolated_words
from seehear.machine import single_thread
from seehear.metrics.bootstrap import count_phrase
from seehear.models.animate import AnimateModel, to_planes
from seehear.models.interface import LipSyncModel
from seehear.models.store import load
from seehear.report.html import Block, Filmstrip, Section, SvgFigure, Table, Text, Video
from seehear.report.plots import INK, new_figure, to_svg
from seehear.training.checkpoint import read_metrics
from seehear.training.pretrain import pretrain
from seehear.training.settings import read_settings

Pictures = NDArray[np.uint8]


PRESET = "animate-small"


HELD_OUT = 4
"""Hold out every n-th speaker, without labels; with every eighth there would be too few for the probes."""


AGAINST = ("animate-small", "untrained", "logmel", "mfcc")
"""Encoders to compare with; the package's weights were trained for longer than these few minutes."""


ENGLISH = "language=en-us|en-us-nyc|en-gb-x-rp|en-gb-scotland"


WORDS = 10


FEWEST = 5  # minimum number of examples per word


COMPARED = 48  # number of held-out clips for the evaluation


SHOWN_CLIPS, SHOWN_FRAMES = 2, 8  # number of clips and frames shown on the page


@dataclass(frozen=True)
class FrameStrip:
    """Frames of one held-out clip, RGB (n, S, S, 3): real ones, and those generated from the first and the audio."""

    real: Pictures
    drawn: Pictures


@dataclass(frozen=True)
class SpeechProbes:
    """Results of probes on the frozen audio encoder.

    Attributes:
        emotion: emotion recognition; a message if there is too little data.
        words: word recognition; likewise.
    """

    emotion: EvaluationResult | str
    words: EvaluationResult | str


@dataclass(frozen=True)
class AnimatedFilm:
    """A video of an unseen person, and the animation of its first frame by its audio.

    Attributes:
        real, drawn: lip-sync measurement of the video and the animation, by the demo's sync model.
    """

    real: SyncMeasurement
    drawn: SyncMeasurement


@dataclass(frozen=True)
class HeldOutAnimation:
    """Quality of the animation of held-out people.

    Attributes:
        result: error reduction of generated mouths, with their own and with other audio.
        strips: examples.
    """

    result: AnimateEvaluation
    strips: Sequence[FrameStrip]


def learn_to_animate(corpus: Path, run: Path, *, steps: int, seed: int) -> TrainedModel:
    """Train a small model to generate a face from a still and the audio."""
    preset = read_settings(PRESET)
    data = replace(preset.data, split_by="speaker", dev_every=HELD_OUT, min_frames=50)
    optim = replace(preset.optim, steps=steps, seed=seed, warmup=min(preset.optim.warmup, steps // 4))
    engine = replace(preset.engine, probe_every=max(1, steps // 5))
    summary = pretrain([corpus], run, preset=PRESET, data=data, optim=optim, engine=engine)
    return TrainedModel(summary, read_metrics(run / "metrics.csv"))


def draw_held_out(run: Path, held_out: Corpus) -> HeldOutAnimation:
    """Animate held-out people from their first frame and the audio."""
    model = load(run)
    assert isinstance(model, AnimateModel)
    clips = np.linspace(0, len(held_out) - 1, min(COMPARED, len(held_out))).astype(int).tolist()
    shown = clips[:: max(1, len(clips) // SHOWN_CLIPS)][:SHOWN_CLIPS]
    strips = [FrameStrip(*map(_sample_frames, _generate(model, held_out[clip]))) for clip in shown]
    return HeldOutAnimation(measure_drawn(model, held_out.subset(clips)), strips)


def probe_speech(run: Path, corpus: Path) -> SpeechProbes:
    """Probe the frozen audio encoder on people whose faces and labels it has never seen."""
    with single_thread():
        recordings = Recordings.of(corpus).with_readable_sound()
        _set_parts(recordings, set(Corpus(corpus).split("dev", HELD_OUT, "speaker").labels("speaker")))
        protocol = Protocol(split="official", seeds=1)
        named = compared_encoders(str(run), AGAINST, "frozen")

        def evaluate(task: str, label: str, chosen: Callable[[], Recordings]) -> EvaluationResult | str:
            try:
                return classify(task, chosen(), label, named, "pooled", protocol)
            except CorpusError as error:  # a demo with few people; the page says so
                return str(error)

        return SpeechProbes(
            evaluate("emotion", "emotion", lambda: recordings),
            evaluate("words", WORD, lambda: isolated_words(recordings.where([ENGLISH]), WORDS, FEWEST)),
        )


def animate_film(film: Path, folder: Path, run: Path, lips: LipSyncModel) -> AnimatedFilm:
    """Animate the first frame of a video by its audio, and measure the lip-sync of both."""
    animated = folder / "spoken.mp4"
    with single_thread():
        animate(film, film, out=animated, model=str(run))
        return AnimatedFilm(*(measure_file(path, lips, MeasureOptions(SEARCH_S)) for path in (film, animated)))


def _set_parts(recordings: Recordings, held_out: set[str | None]) -> None:
    """Use the same split for the probes as for the training, so that test people are new to both."""
    for recording in recordings:
        part = "test" if recording.speaker in held_out else "train"
        recording.labels = {**recording.labels, "part": part}


def _generate(model: AnimateModel, clip: Clip) -> tuple[Tensor, Tensor]:
    """Real and generated frames of a clip, (1, T, planes, S, S) in 0..1."""
    video = torch.from_numpy(find_view(model.input_view).function(clip)).unsqueeze(0)
    with torch.inference_mode():
        drawn = model({"video": video, "audio": torch.from_numpy(clip.audio).unsqueeze(0)})["drawn"]
    return to_planes(video), drawn


def _sample_frames(video: Tensor) -> Pictures:
    """Frames across the clip: (1, T, 3, S, S) in 0..1 -> RGB uint8 (n, S, S, 3)."""
    which = torch.linspace(0, video.shape[1] - 1, min(SHOWN_FRAMES, video.shape[1])).round().long()
    return np.asarray(video[0, which].clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).numpy())


CALLED = {
    "animate-small": "the package's animate-small, which has learned for longer",
    "untrained": "the same encoder, untrained",
    "logmel": "log-mel (80)",
    "mfcc": "MFCC with deltas (39)",
    BEST_BASELINE: "the better of these two, by people who are not tested",
}


def animate_sections(
    learned: TrainedModel, ear: SpeechProbes, drawn: HeldOutAnimation, spoken: AnimatedFilm
) -> list[Section]:
    """Sections on the training, the animation of an unseen person, and the probes."""
    return [_learning(learned, drawn), _speaking(spoken), _probe_section(ear)]


def _learning(learned: TrainedModel, drawn: HeldOutAnimation) -> Section:
    summary, result = learned.summary, drawn.result
    text = (
        f"A second model, of {summary.parameters / 1e6:.2f} million parameters, gets one picture of a person and the "
        f"sound, and draws the video ({summary.steps} steps in {summary.seconds:.0f} s). To draw the mouth it has "
        "to hear what is said, and how. Nobody told it that either."
    )
    evaluation = (
        f"On {result.clips} clips of people it has never seen, the drawn mouth differs from the real one by "
        f"{100 * result.drawn:.2f} % of full scale, the still picture left as it is by {100 * result.copied:.2f} %. So "
        f"drawing is {abs(result.lower):.1%} {'nearer' if result.lower >= 0 else 'farther off'} (95 % interval "
        f"{format_percent_range(result.low, result.high)} over {count_phrase(result.unit_count, result.units)}; 0 % "
        f"would be no better than a still).{_own_sound_gain(result)}"
    )
    caption = "Above: difference from the real pictures while it learned. Below: by how much the mouth is nearer."
    curves = SvgFigure(_curves(learned.metrics), caption)
    strips: list[Block] = []
    for strip in drawn.strips:
        strips.append(Filmstrip([jpeg(picture) for picture in strip.real], "Real."))
        strips.append(Filmstrip([jpeg(picture) for picture in strip.drawn], "Drawn from the first one and the sound."))
    return Section("A still face learns to speak", [Text(text), curves, Text(evaluation), *strips])


def _own_sound_gain(result: AnimateEvaluation) -> str:
    """Sentence on the part of the gain that is due to the clip's own audio."""
    wrong = result.control(ANOTHER)
    if wrong is None:
        return ""
    return (
        f" Part of that is not heard: drawn with another clip's sound it is {wrong.lower.value:+.1%}. What its own "
        f"sound adds, in points: {difference(wrong.gain)}."
    )


def _curves(metrics: Sequence[Mapping[str, float]]) -> str:
    with new_figure(2, height=2.0) as (figure, (l1, nearer)):
        for name, label in (
            ("l1", "drawn, trained on"),
            ("copied", "the still, trained on"),
            ("dev_l1", "drawn, held out"),
        ):
            _plot(l1, metrics, name, label, 100)
        _plot(nearer, metrics, "mouth_lower", "held-out mouths", 100)
        nearer.axhline(0, color=INK, lw=1, ls=":", label="the still, left as it is")
        l1.set_ylabel("L1, % of full scale")
        nearer.set_ylabel("nearer than the still, %")
        nearer.set_xlabel("training step")
        for axes in (l1, nearer):
            axes.legend(fontsize="small")
    return to_svg(figure)


def _plot(axes: Axes, metrics: Sequence[Mapping[str, float]], name: str, label: str, factor: float) -> None:
    rows = [(row["step"], factor * row[name]) for row in metrics if name in row]
    if rows:
        axes.plot(*zip(*rows, strict=True), label=label, marker="." if len(rows) < 30 else None)


def _speaking(spoken: AnimatedFilm) -> Section:
    text = (
        "The first picture of a film of somebody whom neither model has seen, and the film's sound, are all that the "
        "drawn film is made of. What cannot be heard stays as it was: nobody hears a blink, or a turn of the head. The "
        "lip-sync model above, which has never met a drawn mouth, was asked about both: the sound of the real film is "
        f"{_measured(spoken.real)}, that of the drawn one {_measured(spoken.drawn)}."
    )
    videos = [Video(spoken.real.path.read_bytes(), "Real."), Video(spoken.drawn.path.read_bytes(), "Drawn.")]
    return Section("Somebody speaks", [Text(text), *videos])


def _measured(found: SyncMeasurement) -> str:
    if found.delay_ms is None:
        return "beyond measuring"
    guess = "perhaps " if found.verdict is Verdict.CANNOT_TELL else ""
    return f"{guess}{format_delay(found.delay_ms)} (confidence {found.confidence:.2f})"


def _probe_section(ear: SpeechProbes) -> Section:
    text = (
        "Whoever draws a face from a voice must have understood something of it. The encoder of sound is frozen; what "
        "it hears of a clip (mean and deviation in four parts of it) goes into a logistic regression, trained with the "
        "labels of people that the model was trained on and tested on people it has never met. The same for sounds as "
        "they are, and for an encoder with random weights, which is no weak rival."
    )
    return Section(
        "What its ear knows", [Text(text), *_probe_blocks("Emotions", ear.emotion), *_probe_blocks("Words", ear.words)]
    )


def _probe_blocks(what: str, result: EvaluationResult | str) -> list[Block]:
    if isinstance(result, str):
        return [Text(f"{what}: too little data to tell. {result[:1].upper()}{result[1:]}.")]
    compared = {one.against: one for one in result.comparisons}
    rows = [
        (
            CALLED.get(row.encoder, "animate"),
            f"{row.main.value:.1%}",
            f"{row.main.low:.1%} to {row.main.high:.1%}",
            f"{row.figures['F1'].value:.2f}",
            difference(compared[row.encoder]) if row.encoder in compared else "",
        )
        for row in result.rows
    ]
    caption = (
        f"{what}: {len(result.classes)} classes, chance {result.chance['accuracy']:.1%}; {result.tested} recordings "
        f"tested. Differences in points, with 95 % intervals over "
        f"{count_phrase(result.rows[0].main.units, result.units)}."
    )
    table = Table(("encoder, frozen", "accuracy", "95 % interval", "F1", "animate is better by"), rows, caption)
    return [table, Text(verdict(what, "animate", result.comparisons, CALLED))]
