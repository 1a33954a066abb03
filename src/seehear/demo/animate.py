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
from seehear.apps.sync.result import SyncMeasurement
from seehear.apps.sync.verdict import Verdict, format_delay
from seehear.clip import Clip
from seehear.data.corpus import Corpus
from seehear.data.views import find_view
from seehear.demo.stages import difference, jpeg, verdict
from seehear.demo.sync import SEARCH_S, TrainedModel
from seehear.errors import CorpusError
from seehear.evaluation.animate import ANOTHER, AnimateEvaluation, measure_animation
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
from seehear.models.store import load_animate_model
from seehear.progress import Progress
from seehear.report.html import Block, Filmstrip, Section, SvgFigure, Table, Text, Video
from seehear.report.plots import INK, new_figure, to_svg
from seehear.training.checkpoint import read_metrics
from seehear.training.pretrain import pretrain
from seehear.training.settings import read_settings

Frames = NDArray[np.uint8]


PRESET = "animate-small"


HELD_OUT = 4
"""Hold out every n-th speaker, without labels; with every eighth there would be too few for the probes."""


BASELINES = ("animate-small", "untrained", "logmel", "mfcc")
"""Encoders to compare with; the package's weights were trained for longer than these few minutes."""


ENGLISH = "language=en-us|en-us-nyc|en-gb-x-rp|en-gb-scotland"


WORDS = 10


MIN_EXAMPLES = 5  # per word


EVALUATED_CLIPS = 48  # number of held-out clips for the evaluation


SHOWN_CLIPS, SHOWN_FRAMES = 2, 8  # number of clips and frames shown on the page


@dataclass(frozen=True)
class FrameStrip:
    """Frames of one held-out clip, RGB (n, S, S, 3): real ones, and those generated from the first and the audio."""

    real: Frames
    generated: Frames


@dataclass(frozen=True)
class SpeechProbes:
    """Results of probes on the frozen audio encoder.

    Attributes:
        emotion: emotion recognition; a message if there is too little data
        words: word recognition; likewise
    """

    emotion: EvaluationResult | str
    words: EvaluationResult | str


@dataclass(frozen=True)
class AnimatedVideo:
    """A video of an unseen person, and the animation of its first frame by its audio.

    Attributes:
        real, generated: lip-sync measurement of the video and the animation, by the demo's sync model
    """

    real: SyncMeasurement
    generated: SyncMeasurement


@dataclass(frozen=True)
class HeldOutAnimation:
    """Quality of the animation of held-out people.

    Attributes:
        result: error reduction of generated mouths, with their own and with other audio
        strips: examples
    """

    result: AnimateEvaluation
    strips: Sequence[FrameStrip]


def train_animate(corpus: Path, run: Path, *, steps: int, seed: int, progress: Progress | None) -> TrainedModel:
    """Train a small model to generate a face from a still and the audio."""
    preset = read_settings(PRESET)
    data = replace(preset.data, split_by="speaker", dev_every=HELD_OUT, min_frames=50)
    optim = replace(preset.optim, steps=steps, seed=seed, warmup=min(preset.optim.warmup, steps // 4))
    engine = replace(preset.engine, probe_every=max(1, steps // 5))
    summary = pretrain([corpus], run, preset=PRESET, data=data, optim=optim, engine=engine, progress=progress)
    return TrainedModel(summary, read_metrics(run / "metrics.csv"))


def animate_held_out(run: Path, held_out: Corpus, progress: Progress | None) -> HeldOutAnimation:
    """Animate held-out people from their first frame and the audio."""
    model = load_animate_model(run)
    clips = np.linspace(0, len(held_out) - 1, min(EVALUATED_CLIPS, len(held_out))).astype(int).tolist()
    shown = clips[:: max(1, len(clips) // SHOWN_CLIPS)][:SHOWN_CLIPS]
    strips = [FrameStrip(*map(_sample_frames, _generate(model, held_out[clip]))) for clip in shown]
    return HeldOutAnimation(measure_animation(model, held_out.subset(clips), progress=progress), strips)


def probe_speech(run: Path, corpus: Path, progress: Progress | None) -> SpeechProbes:
    """Probe the frozen audio encoder on people whose faces and labels it has never seen."""
    with single_thread():
        recordings = Recordings.of(corpus).with_readable_sound(progress)
        _set_parts(recordings, set(Corpus(corpus).split("dev", HELD_OUT, "speaker").labels("speaker")))
        protocol = Protocol(split="official", seeds=1)
        encoders = compared_encoders(str(run), BASELINES, "frozen")

        def evaluate(task: str, label: str, chosen: Callable[[], Recordings]) -> EvaluationResult | str:
            try:
                return classify(task, chosen(), label, encoders, "pooled", protocol, progress)
            except CorpusError as error:  # a demo with few people; the report shows the message
                return str(error)

        return SpeechProbes(
            evaluate("emotion", "emotion", lambda: recordings),
            evaluate("words", WORD, lambda: isolated_words(recordings.where([ENGLISH]), WORDS, MIN_EXAMPLES)),
        )


def animate_video(video: Path, folder: Path, run: Path, lips: LipSyncModel) -> AnimatedVideo:
    """Animate the first frame of a video by its audio, and measure the lip-sync of both."""
    animated = folder / "spoken.mp4"
    with single_thread():
        animate(video, video, out=animated, model=str(run))
        return AnimatedVideo(*(measure_file(path, lips, MeasureOptions(SEARCH_S)) for path in (video, animated)))


def _set_parts(recordings: Recordings, held_out: set[str | None]) -> None:
    """Use the same split for the probes as for the training, so that test people are new to both."""
    for recording in recordings:
        part = "test" if recording.speaker in held_out else "train"
        recording.labels = {**recording.labels, "part": part}


def _generate(model: AnimateModel, clip: Clip) -> tuple[Tensor, Tensor]:
    """Real and generated frames of a clip, (1, T, planes, S, S) in 0..1."""
    video = torch.from_numpy(find_view(model.input_view).function(clip)).unsqueeze(0)
    with torch.inference_mode():
        generated = model({"video": video, "audio": torch.from_numpy(clip.audio).unsqueeze(0)})["drawn"]
    return to_planes(video), generated


def _sample_frames(video: Tensor) -> Frames:
    """Frames across the clip: (1, T, 3, S, S) in 0..1 -> RGB uint8 (n, S, S, 3)."""
    indices = torch.linspace(0, video.shape[1] - 1, min(SHOWN_FRAMES, video.shape[1])).round().long()
    return np.asarray(video[0, indices].clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).numpy())


DISPLAY_NAMES = {
    "animate-small": "the packaged animate-small, trained for longer",
    "untrained": "the same encoder, untrained",
    "logmel": "log-mel (80)",
    "mfcc": "MFCC with deltas (39)",
    BEST_BASELINE: "the better of these two, selected on people outside the test set",
}


def animate_sections(
    trained: TrainedModel, probes: SpeechProbes, held_out: HeldOutAnimation, animated: AnimatedVideo
) -> list[Section]:
    """Sections on the training, the animation of an unseen person, and the probes."""
    return [_training(trained, held_out), _animation(animated), _probe_section(probes)]


def _training(trained: TrainedModel, held_out: HeldOutAnimation) -> Section:
    summary, result = trained.summary, held_out.result
    text = (
        f"A second model, of {summary.parameters / 1e6:.2f} million parameters, generates the video from one frame of "
        f"a person and the audio ({summary.steps} steps in {summary.seconds:.0f} s). To generate the mouth it must "
        "encode what is said, and how. No labels were used here either."
    )
    evaluation = (
        f"On {result.clips} clips of unseen people, the generated mouth differs from the real one by "
        f"{100 * result.drawn:.2f} % of full scale, the unchanged still by {100 * result.copied:.2f} %. The error of "
        f"the generated mouth is {abs(result.lower):.1%} {'lower' if result.lower >= 0 else 'higher'} (95 % interval "
        f"{format_percent_range(result.low, result.high)} over {count_phrase(result.unit_count, result.units)}; 0 % "
        f"would be no better than a still).{_own_audio_gain(result)}"
    )
    caption = "Above: error while training. Below: error reduction over the still."
    curves = SvgFigure(_curves(trained.metrics), caption)
    strips: list[Block] = []
    for strip in held_out.strips:
        strips.append(Filmstrip([jpeg(frame) for frame in strip.real], "Real."))
        strips.append(Filmstrip([jpeg(frame) for frame in strip.generated], "Generated from the first frame."))
    return Section("Animating a still face", [Text(text), curves, Text(evaluation), *strips])


def _own_audio_gain(result: AnimateEvaluation) -> str:
    """Sentence on the part of the gain that is due to the clip's own audio."""
    control = result.control(ANOTHER)
    if control is None:
        return ""
    return (
        " Part of this does not depend on the audio: with the audio of another clip it is "
        f"{control.lower.value:+.1%}. Gain from the clip's own audio, in points: {difference(control.gain)}."
    )


def _curves(metrics: Sequence[Mapping[str, float]]) -> str:
    with new_figure(2, height=2.0) as (figure, (l1, reduction)):
        for name, label in (
            ("l1", "generated, training"),
            ("copied", "still, training"),
            ("dev_l1", "generated, held out"),
        ):
            _plot(l1, metrics, name, label, 100)
        _plot(reduction, metrics, "mouth_lower", "held-out mouths", 100)
        reduction.axhline(0, color=INK, lw=1, ls=":", label="unchanged still")
        l1.set_ylabel("L1, % of full scale")
        reduction.set_ylabel("error reduction, %")
        reduction.set_xlabel("training step")
        for axes in (l1, reduction):
            axes.legend(fontsize="small")
    return to_svg(figure)


def _plot(axes: Axes, metrics: Sequence[Mapping[str, float]], name: str, label: str, factor: float) -> None:
    rows = [(row["step"], factor * row[name]) for row in metrics if name in row]
    if rows:
        axes.plot(*zip(*rows, strict=True), label=label, marker="." if len(rows) < 30 else None)


def _animation(animated: AnimatedVideo) -> Section:
    text = (
        "This video is generated from the first frame and the audio of a video of a person unseen by both models. What "
        "cannot be heard stays as in the still, such as blinks and head turns. The lip-sync model above, which has "
        "never seen a generated mouth, measured both: the audio of the real video is "
        f"{_delay_text(animated.real)}, that of the generated one {_delay_text(animated.generated)}."
    )
    real, generated = animated.real.path.read_bytes(), animated.generated.path.read_bytes()
    return Section("Animating an unseen person", [Text(text), Video(real, "Real."), Video(generated, "Generated.")])


def _delay_text(measurement: SyncMeasurement) -> str:
    if measurement.delay_ms is None:
        return "not measurable"
    hedge = "maybe " if measurement.verdict is Verdict.CANNOT_TELL else ""
    return f"{hedge}{format_delay(measurement.delay_ms)} (confidence {measurement.confidence:.2f})"


def _probe_section(probes: SpeechProbes) -> Section:
    text = (
        "To generate a face from a voice, the audio encoder must capture some of its content. It is frozen; its "
        "features of a clip (mean and deviation over four segments) are classified by logistic regression, trained on "
        "labels of the model's training people and tested on unseen ones. Handcrafted features and an untrained "
        "encoder, which is a strong baseline, are compared in the same way."
    )
    blocks = [*_probe_blocks("Emotions", probes.emotion), *_probe_blocks("Words", probes.words)]
    return Section("What its audio encoder learned", [Text(text), *blocks])


def _probe_blocks(what: str, result: EvaluationResult | str) -> list[Block]:
    if isinstance(result, str):
        return [Text(f"{what}: too little data. {result[:1].upper()}{result[1:]}.")]
    comparisons = {comparison.against: comparison for comparison in result.comparisons}
    rows = [
        (
            DISPLAY_NAMES.get(row.encoder, "animate"),
            f"{row.main.value:.1%}",
            f"{row.main.low:.1%} to {row.main.high:.1%}",
            f"{row.figures['F1'].value:.2f}",
            difference(comparisons[row.encoder]) if row.encoder in comparisons else "",
        )
        for row in result.rows
    ]
    caption = (
        f"{what}: {len(result.classes)} classes, chance {result.chance['accuracy']:.1%}; {result.tested} recordings "
        f"tested. Differences in points, with 95 % intervals over "
        f"{count_phrase(result.rows[0].main.units, result.units)}."
    )
    table = Table(("encoder, frozen", "accuracy", "95 % interval", "F1", "gain of animate"), rows, caption)
    return [table, Text(verdict(what, "animate", result.comparisons, DISPLAY_NAMES))]
