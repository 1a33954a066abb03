"""The demo's lip-sync: train a model, measure and fix a delay, and find the active speaker in a dialogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.apps.diarization.annotate import draw_annotations, write_annotated_video
from seehear.apps.diarization.diarize_file import diarize_file
from seehear.apps.diarization.result import Diarization
from seehear.apps.sync.calibrate import calibrate
from seehear.apps.sync.fit_calibration import DelayedSound
from seehear.apps.sync.fix_file import fix_measured
from seehear.apps.sync.measure_file import MeasureOptions, measure_file
from seehear.apps.sync.offset import SyncEmbedder, find_peak, measure_agreement
from seehear.apps.sync.plot import draw_curve
from seehear.apps.sync.result import FixResult, SyncMeasurement
from seehear.apps.sync.verdict import format_delay
from seehear.avatars.dialogue import plan_dialogue
from seehear.avatars.files import write_video_file
from seehear.clip import FPS, Clip
from seehear.data.corpus import Corpus
from seehear.demo.stages import jpeg, with_progress
from seehear.errors import ModelError
from seehear.evaluation.result import format_percent_range
from seehear.evaluation.sync import SyncEvaluation, evaluate_sync_clips
from seehear.machine import single_thread
from seehear.media.decode import open_media
from seehear.media.shift import shift_sound
from seehear.metrics.calibration import CONFIDENCE_MEANING, RIGHT_WITHIN_MS, DelayCalibration
from seehear.models.interface import LipSyncModel
from seehear.models.store import load_sync_model
from seehear.progress import Progress
from seehear.report.html import Gallery, Section, SvgFigure, Table, Text, Video
from seehear.report.plots import COLOURS, INK, new_figure, to_svg
from seehear.training.checkpoint import read_metrics
from seehear.training.pretrain import PretrainResult, pretrain
from seehear.training.settings import DataOptions, EngineOptions, OptimOptions

DELAY_MS = 230.0
"""Delay in the demo, audio late: clearly visible, and not a whole number of frames."""


TRIALS = 60
"""Number of held-out clips with a random delay in the plot of measured and true delays."""


MAX_TRIAL_S = 0.6


SEARCH_S = 1.0


CALIBRATION_EXAMPLES = 400


@dataclass(frozen=True)
class TrainedModel:
    """Result of a training.

    Attributes:
        summary: its summary
        metrics: rows of the run's metrics.csv
    """

    summary: PretrainResult
    metrics: Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class DelayTrial:
    """One held-out clip with shifted audio: true delay, measured delay (ms) and confidence."""

    true_ms: float
    measured_ms: float
    confidence: float


@dataclass(frozen=True)
class SyncScores:
    """Quality of a sync model on held-out people.

    Attributes:
        accuracy: accuracy by the papers' protocol
        trials: random delays, true and measured
    """

    accuracy: SyncEvaluation
    trials: Sequence[DelayTrial]


@dataclass(frozen=True)
class RepairDemo:
    """A video that was put out of sync and repaired.

    Attributes:
        delay_ms: delay of the audio in ``late``
        late: the video out of sync
        before: measurement of it
        fixed: the repaired video
    """

    delay_ms: float
    late: Path
    before: SyncMeasurement
    fixed: FixResult


def train_sync(corpus: Path, run: Path, *, steps: int, seed: int, progress: Progress | None) -> TrainedModel:
    """Train a small model on lip-sync."""
    data = DataOptions(split_by="speaker", min_frames=50)
    optim, engine = OptimOptions(steps=steps, seed=seed), EngineOptions(probe_every=max(1, steps // 8))
    summary = pretrain([corpus], run, data=data, optim=optim, engine=engine, progress=progress)
    return TrainedModel(summary, read_metrics(run / "metrics.csv"))


def measure_model(run: Path, corpus: Path, held_out: Corpus, *, seed: int, progress: Progress | None) -> SyncScores:
    """Evaluate the model on held-out people, and calibrate its confidence."""
    with single_thread():
        clips = with_progress("the papers' protocol", held_out, progress)
        accuracy = evaluate_sync_clips(load_sync_model(run), clips)
        with suppress(ModelError):  # after a few steps it may always be wrong: then the confidence stays approximate
            calibrate(run, [corpus], split_by="speaker", examples=CALIBRATION_EXAMPLES, progress=progress)
        return SyncScores(accuracy, _trials(load_sync_model(run), held_out, seed, progress))


def repair(video: Path, folder: Path, model: LipSyncModel) -> RepairDemo:
    """Delay the audio of a video, then detect and fix the delay."""
    late, fixed = folder / "late.mp4", folder / "fixed.mp4"
    with single_thread():
        shift_sound(video, late, earlier_s=-DELAY_MS / 1000)
        before = measure_file(late, model, MeasureOptions(SEARCH_S))
        repaired = fix_measured(
            before, fixed, lambda path: measure_file(path, model, MeasureOptions(SEARCH_S)), force=True
        )
    return RepairDemo(DELAY_MS, late, before, repaired)


def _trials(model: LipSyncModel, held_out: Corpus, seed: int, progress: Progress | None) -> list[DelayTrial]:
    """Shift the audio of held-out clips by random delays and measure them."""
    rng = np.random.default_rng(seed)
    calibration = DelayCalibration.from_config(model.config)
    clips = np.linspace(0, len(held_out) - 1, min(TRIALS, len(held_out))).astype(int).tolist()
    trials = []
    for clip in with_progress("random delays", clips, progress):
        trials += _trial(model, held_out[clip], float(rng.uniform(-MAX_TRIAL_S, MAX_TRIAL_S)), calibration)
    return trials


def _trial(model: SyncEmbedder, clip: Clip, delay_s: float, calibration: Callable[..., float]) -> list[DelayTrial]:
    at_zero = replace(clip, meta={**clip.meta, "start_s": 0.0})
    agreement = measure_agreement(model, at_zero, DelayedSound(clip.audio, delay_s), round(SEARCH_S * FPS))
    peak = find_peak(agreement.curve)
    return [DelayTrial(1000 * delay_s, peak.delay_ms, calibration(peak))] if peak else []


def sync_sections(trained: TrainedModel, scores: SyncScores, repair: RepairDemo) -> list[Section]:
    """Sections on training, accuracy, delays and repair."""
    return [_training(trained, scores), _accuracy(scores.accuracy), _delays(scores.trials), _repair(repair)]


def _training(trained: TrainedModel, scores: SyncScores) -> Section:
    summary = trained.summary
    text = (
        f"{summary.steps} training steps took {summary.seconds:.0f} s: {summary.frames / summary.seconds:,.0f} video "
        f"frames per second through a model of {summary.parameters / 1e6:.2f} million parameters. Training needs no "
        "labels: audio and video of the same time belong together, others do not."
    )
    curves = _learning_curves(trained.metrics, scores.accuracy.chance)
    return Section("Training", [Text(text), SvgFigure(curves, "Loss, and accuracy on held-out people.")])


def _learning_curves(metrics: Sequence[Mapping[str, float]], chance: float) -> str:
    with new_figure(2, height=2.0) as (figure, (loss, accuracy)):
        for axes, names in ((loss, ["loss"]), (accuracy, ["sync_k5", "sync_k15"])):
            for name in names:
                rows = [(row["step"], row[name]) for row in metrics if name in row]
                label = name.replace("sync_k", "") + " frames" if name.startswith("sync") else name
                axes.plot(*zip(*rows, strict=True), label=label, marker="." if len(rows) < 30 else None)
        accuracy.axhline(chance, color=INK, lw=1, ls=":", label="chance")
        accuracy.set_ylim(0, 1.02)
        loss.set_ylabel("loss")
        accuracy.set_ylabel("sync accuracy")
        accuracy.set_xlabel("training step")
        accuracy.legend(loc="lower right", fontsize="small")
    return to_svg(figure)


def _accuracy(accuracy: SyncEvaluation) -> Section:
    rows = [
        (
            str(entry.frames),
            f"{entry.accuracy:.1%}",
            format_percent_range(entry.low, entry.high),
            f"{accuracy.chance:.1%}",
        )
        for entry in accuracy.by_length
    ]
    text = (
        "The papers' protocol: audio is compared at 31 offsets, -15 to +15 frames; the best one is correct if it is "
        "within one frame of the truth. More frames give more evidence."
    )
    caption = " ".join([f"{accuracy.clips} clips of held-out people.", *accuracy.remarks()])
    table = Table(("frames", "accuracy", "95 % interval", "chance"), rows, caption)
    return Section("Accuracy", [Text(text), table])


def _delays(trials: Sequence[DelayTrial]) -> Section:
    true = np.array([trial.true_ms for trial in trials])
    measured = np.array([trial.measured_ms for trial in trials])
    correct = np.abs(measured - true) <= RIGHT_WITHIN_MS
    confidence = np.array([trial.confidence for trial in trials])
    with new_figure(height=3.4) as (figure, (axes,)):
        axes.plot([-650, 650], [-650, 650], color=INK, lw=0.8, alpha=0.4)
        axes.scatter(true[correct], measured[correct], s=22, color=COLOURS[0], label=f"within {RIGHT_WITHIN_MS:.0f} ms")
        axes.scatter(true[~correct], measured[~correct], s=26, color=COLOURS[1], marker="x", label="wrong")
        axes.set_xlabel("true delay in ms (positive: audio is late)")
        axes.set_ylabel("measured delay in ms")
        axes.legend(loc="upper left", fontsize="small")
    text = (
        f"The audio of {len(true)} held-out clips was shifted by a random delay, which was then measured: "
        f"{correct.mean():.0%} are within {RIGHT_WITHIN_MS:.0f} ms, and the median error is "
        f"{np.median(np.abs(measured - true)):.0f} ms. The stated confidence, a {CONFIDENCE_MEANING}, is "
        f"{confidence.mean():.2f} on average."
    )
    return Section(
        "Measuring a delay", [Text(text), SvgFigure(to_svg(figure), "Each point is a clip of three seconds.")]
    )


def _repair(repair: RepairDemo) -> Section:
    before, after, fixed = repair.before, repair.fixed.after, repair.fixed.path
    assert before.delay_ms is not None
    assert after is not None
    assert fixed is not None
    text = (
        f"The audio of one clip was delayed by {repair.delay_ms:.0f} ms. Measured: {format_delay(before.delay_ms)}, "
        f"confidence {before.confidence:.2f}. It was shifted back by that, without re-encoding the video, and measured "
        f"again: {after.reason} (confidence {after.confidence:.2f})."
    )
    with new_figure(2, height=2.2) as (figure, (above, below)):
        draw_curve(above, before, title="before")
        draw_curve(below, after, title="after")
    videos = [
        Video(repair.late.read_bytes(), f"Before: the audio is {repair.delay_ms:.0f} ms late."),
        Video(fixed.read_bytes(), "After."),
    ]
    return Section("Fixing a video", [Text(text), *videos, SvgFigure(to_svg(figure), "Agreement of lips and audio.")])


SECONDS = 16.0


CAST = 20  # number of people from whom two are sampled


SHOWN = 6  # number of frames on the page


SIDES = ("left", "right")


@dataclass(frozen=True)
class DialogueDemo:
    """A video of two people, with true and detected speech.

    Attributes:
        video: the video with a box around every face, green during speech
        frames: some frames, RGB (H, W, 3), with their times in seconds
        truth: whether the person on the left, and the one on the right, speaks in each frame, bool (2, N)
        detected: the detected speech, likewise
    """

    video: Path
    frames: list[tuple[float, NDArray[np.uint8]]]
    truth: NDArray[np.bool_]
    detected: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """Fraction of the frames that are correct for both people."""
        return float((self.truth == self.detected).all(0).mean())

    @property
    def constant_accuracy(self) -> float:
        """Maximum accuracy of a constant prediction."""
        return float(np.unique(self.truth, axis=1, return_counts=True)[1].max() / self.truth.shape[1])


def run_dialogue(folder: Path, lips: LipSyncModel, *, seed: int) -> DialogueDemo:
    """Synthesise a dialogue of two unseen people and find the active speaker with a sync model."""
    dialogue = plan_dialogue(seed + 1, 0, CAST, SECONDS)  # people of another seed are different
    video, annotated = folder / "duet.mp4", folder / "who-speaks.mp4"
    camera, bit_rate = dialogue.takes[0].camera, dialogue.room.bit_rate
    write_video_file(
        video, dialogue.pictures(), dialogue.sound, crf=camera.crf, preset=camera.preset, bit_rate=bit_rate
    )
    with single_thread():
        diarization = diarize_file(video, lips)
        write_annotated_video(diarization, annotated)
    truth = dialogue.speakers()[None] == np.arange(len(SIDES))[:, None]
    detected = _speech_by_side(diarization, truth.shape[1], dialogue.takes[0].framing.width)
    return DialogueDemo(annotated, list(_frames(diarization, truth.shape[1])), truth, detected)


def _speech_by_side(diarization: Diarization, frames: int, width: int) -> NDArray[np.bool_]:
    """Detected speech in each frame, left and right of the middle at ``width`` px, (2, frames)."""
    detected = np.zeros((len(SIDES), frames), bool)
    for track, speaks in zip(diarization.analysis.tracks, diarization.analysis.speaks, strict=True):
        middle = float((track.boxes[:, 0] + track.boxes[:, 2] / 2).mean())
        stop = min(track.stop, frames)
        detected[int(middle > width), track.start : stop] |= speaks[: stop - track.start]
    return detected


def _frames(diarization: Diarization, count: int) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Yield frames across the video, with annotations."""
    indices = set(((np.arange(SHOWN) + 0.5) * count / SHOWN).astype(int).tolist())
    with open_media(diarization.analysis.path) as media:
        for frame in media.pictures():
            if frame.index in indices:
                rgb = frame.crop(np.eye(2, 3), frame.shape)
                yield frame.index / FPS, draw_annotations(rgb, diarization, frame.index)


def conversation_section(dialogue: DialogueDemo) -> Section:
    """Section with the annotated video, and detected and true speech over time."""
    seconds = dialogue.truth.shape[1] / FPS
    text = (
        f"Two unseen people take turns for {seconds:.0f} s. The lip-sync model above compares the lips of each face "
        "with the audio, without knowing the number of people or the turns. "
        f"In {dialogue.accuracy:.1%} of the frames it is right about both. A constant prediction would be right in "
        f"{dialogue.constant_accuracy:.1%} at most."
    )
    frames = [(jpeg(frame), f"{time_s:.1f} s") for time_s, frame in dialogue.frames]
    return Section(
        "Who speaks?",
        [
            Text(text),
            SvgFigure(_timeline(dialogue), "Who speaks when: detected (green), and true."),
            Gallery(frames, "Green: speaking. The bar shows the probability.", wide=True),
            Video(dialogue.video.read_bytes(), "The whole dialogue."),
        ],
    )


def _timeline(dialogue: DialogueDemo) -> str:
    names = [f"{side}, {kind}" for side in SIDES for kind in ("detected", "true")]
    with new_figure(height=1.9) as (figure, (axes,)):
        for side, rows in enumerate(zip(dialogue.detected, dialogue.truth, strict=True)):
            for row, (speaks, colour) in enumerate(zip(rows, (COLOURS[2], COLOURS[4]), strict=True)):
                bars = [(start / FPS, (stop - start) / FPS) for start, stop in _speech_segments(speaks)]
                axes.broken_barh(bars, (2 * side + row - 0.35, 0.7), color=colour)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0, dialogue.truth.shape[1] / FPS)
        axes.set_xlabel("time in s")
        axes.grid(visible=False, axis="y")
    return to_svg(figure)


def _speech_segments(speaks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end (exclusive) of each segment of speech, in frames."""
    edges = np.flatnonzero(np.diff(speaks, prepend=False, append=False)).tolist()
    return [(start, stop) for start, stop in list(pairwise(edges))[::2]]
