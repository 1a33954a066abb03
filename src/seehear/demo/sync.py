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
from seehear.apps.sync.result import FixResult, SyncMeasurement, format_delay
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
from seehear.metrics.calibration import MEANING, RIGHT_WITHIN_MS, DelayCalibration
from seehear.models.interface import LipSyncModel
from seehear.models.store import load_sync_model
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
        summary: its summary.
        metrics: rows of the run's metrics.csv.
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
        accuracy: accuracy by the papers' protocol.
        trials: random delays, true and measured.
    """

    accuracy: SyncEvaluation
    trials: Sequence[DelayTrial]


@dataclass(frozen=True)
class RepairDemo:
    """A video that was put out of sync and repaired.

    Attributes:
        delay_ms: delay of the audio in ``late``.
        late: the video out of sync.
        before: measurement of it.
        fixed: the repaired video.
    """

    delay_ms: float
    late: Path
    before: SyncMeasurement
    fixed: FixResult


def learn_sync(corpus: Path, run: Path, *, steps: int, seed: int) -> TrainedModel:
    """Train a small model on lip-sync."""
    data = DataOptions(split_by="speaker", min_frames=50)
    optim, engine = OptimOptions(steps=steps, seed=seed), EngineOptions(probe_every=max(1, steps // 8))
    summary = pretrain([corpus], run, data=data, optim=optim, engine=engine)
    return TrainedModel(summary, read_metrics(run / "metrics.csv"))


def measure_model(run: Path, corpus: Path, held_out: Corpus, *, seed: int) -> SyncScores:
    """Evaluate the model on held-out people, and calibrate its confidence."""
    with single_thread():
        accuracy = evaluate_sync_clips(load_sync_model(run), with_progress("the papers' protocol", held_out))
        with suppress(ModelError):  # after a few steps it may always be wrong: then the confidence stays approximate
            calibrate(run, [corpus], split_by="speaker", examples=CALIBRATION_EXAMPLES)
        return SyncScores(accuracy, _trials(load_sync_model(run), held_out, seed))


def repair(film: Path, folder: Path, model: LipSyncModel) -> RepairDemo:
    """Delay the audio of a video, then detect and fix the delay."""
    late, fixed = folder / "late.mp4", folder / "fixed.mp4"
    with single_thread():
        shift_sound(film, late, earlier_s=-DELAY_MS / 1000)
        before = measure_file(late, model, MeasureOptions(SEARCH_S))
        repaired = fix_measured(
            before, fixed, lambda path: measure_file(path, model, MeasureOptions(SEARCH_S)), force=True
        )
    return RepairDemo(DELAY_MS, late, before, repaired)


def _trials(model: LipSyncModel, held_out: Corpus, seed: int) -> list[DelayTrial]:
    """Shift the audio of held-out clips by random delays and measure them."""
    rng = np.random.default_rng(seed)
    calibration = DelayCalibration.from_config(model.config)
    clips = np.linspace(0, len(held_out) - 1, min(TRIALS, len(held_out))).astype(int).tolist()
    trials = []
    for clip in with_progress("random delays", clips):
        trials += _trial(model, held_out[clip], float(rng.uniform(-MAX_TRIAL_S, MAX_TRIAL_S)), calibration)
    return trials


def _trial(model: SyncEmbedder, clip: Clip, delay_s: float, calibration: Callable[..., float]) -> list[DelayTrial]:
    at_zero = replace(clip, meta={**clip.meta, "start_s": 0.0})
    agreement = measure_agreement(model, at_zero, DelayedSound(clip.audio, delay_s), round(SEARCH_S * FPS))
    peak = find_peak(agreement.curve)
    return [DelayTrial(1000 * delay_s, peak.delay_ms, calibration(peak))] if peak else []


def sync_sections(learned: TrainedModel, worth: SyncScores, repair: RepairDemo) -> list[Section]:
    """Sections on training, accuracy, delays and repair."""
    return [_learning(learned, worth), _accuracy(worth.accuracy), _delays(worth.trials), _repair(repair)]


def _learning(learned: TrainedModel, worth: SyncScores) -> Section:
    summary = learned.summary
    text = (
        f"{summary.steps} steps of training took {summary.seconds:.0f} s: {summary.frames / summary.seconds:,.0f} "
        f"frames of video a second through a model of {summary.parameters / 1e6:.2f} million parameters. Nobody told "
        "it anything: sound and picture of one moment belong together, those of different moments do not."
    )
    curves = _learning_curves(learned.metrics, worth.accuracy.chance)
    return Section("Learning", [Text(text), SvgFigure(curves, "Loss, and accuracy on held-out people.")])


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
        "The protocol of the papers: the sound is tried at 31 offsets, -15 to +15 frames; the nearest one is right "
        "if it is within one frame of the truth. More frames, more evidence."
    )
    caption = " ".join([f"{accuracy.clips} clips of people who were not trained on.", *accuracy.remarks()])
    table = Table(("frames", "accuracy", "95 % interval", "chance"), rows, caption)
    return Section("What it is worth", [Text(text), table])


def _delays(trials: Sequence[DelayTrial]) -> Section:
    true = np.array([trial.true_ms for trial in trials])
    measured = np.array([trial.measured_ms for trial in trials])
    right = np.abs(measured - true) <= RIGHT_WITHIN_MS
    confidence = np.array([trial.confidence for trial in trials])
    with new_figure(height=3.4) as (figure, (axes,)):
        axes.plot([-650, 650], [-650, 650], color=INK, lw=0.8, alpha=0.4)
        axes.scatter(true[right], measured[right], s=22, color=COLOURS[0], label=f"within {RIGHT_WITHIN_MS:.0f} ms")
        axes.scatter(true[~right], measured[~right], s=26, color=COLOURS[1], marker="x", label="wrong")
        axes.set_xlabel("true delay in ms (right: the sound is late)")
        axes.set_ylabel("measured delay in ms")
        axes.legend(loc="upper left", fontsize="small")
    text = (
        f"The sound of {len(true)} held-out clips was moved by a random delay and the delay was measured: "
        f"{right.mean():.0%} within {RIGHT_WITHIN_MS:.0f} ms, the median error is "
        f"{np.median(np.abs(measured - true)):.0f} ms. The stated confidence, a {MEANING}, is {confidence.mean():.2f} "
        "on average."
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
        f"The sound of one clip was made {repair.delay_ms:.0f} ms late. Measured: {format_delay(before.delay_ms)}, "
        f"confidence {before.confidence:.2f}. Shifted back by that, the picture stream copied untouched, and measured "
        f"again: {after.reason} (confidence {after.confidence:.2f})."
    )
    with new_figure(2, height=2.2) as (figure, (above, below)):
        draw_curve(above, before, title="before")
        draw_curve(below, after, title="after")
    videos = [
        Video(repair.late.read_bytes(), f"Before: the sound is {repair.delay_ms:.0f} ms late."),
        Video(fixed.read_bytes(), "After."),
    ]
    return Section("Fixing a film", [Text(text), *videos, SvgFigure(to_svg(figure), "Agreement of lips and sound.")])


SECONDS = 16.0


CAST = 20  # number of people from whom two are sampled


SHOWN = 6  # number of frames on the page


PLACES = ("left", "right")


@dataclass(frozen=True)
class DialogueDemo:
    """A video of two people, with true and detected speech.

    Attributes:
        film: the video with a box around every face, green during speech.
        frames: some frames, RGB (H, W, 3), with their times in seconds.
        truth: whether the person on the left, and the one on the right, speaks in each frame, bool (2, N).
        found: the detected speech, likewise.
    """

    film: Path
    frames: list[tuple[float, NDArray[np.uint8]]]
    truth: NDArray[np.bool_]
    found: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """Fraction of the frames that are right for both people."""
        return float((self.truth == self.found).all(0).mean())

    @property
    def guessed(self) -> float:
        """Maximum accuracy of a constant prediction."""
        return float(np.unique(self.truth, axis=1, return_counts=True)[1].max() / self.truth.shape[1])


def run_dialogue(folder: Path, lips: LipSyncModel, *, seed: int) -> DialogueDemo:
    """Synthesise a dialogue of two unseen people and find the active speaker with a sync model."""
    dialogue = plan_dialogue(seed + 1, 0, CAST, SECONDS)  # people of another seed are different
    film, drawn = folder / "duet.mp4", folder / "who-speaks.mp4"
    camera = dialogue.takes[0].camera
    write_video_file(
        film, dialogue.pictures(), dialogue.sound, crf=camera.crf, preset=camera.preset, bit_rate=dialogue.room.bit_rate
    )
    with single_thread():
        spoken = diarize_file(film, lips)
        write_annotated_video(spoken, drawn)
    truth = dialogue.speakers()[None] == np.arange(len(PLACES))[:, None]
    found = _found(spoken, truth.shape[1], dialogue.takes[0].framing.width)
    return DialogueDemo(drawn, list(_frames(spoken, truth.shape[1])), truth, found)


def _found(spoken: Diarization, frames: int, width: int) -> NDArray[np.bool_]:
    """Detected speech in each frame, left and right of the middle at ``width`` px, (2, frames)."""
    found = np.zeros((len(PLACES), frames), bool)
    for track, speaks in zip(spoken.film.tracks, spoken.film.speaks, strict=True):
        middle = float((track.boxes[:, 0] + track.boxes[:, 2] / 2).mean())
        stop = min(track.stop, frames)
        found[int(middle > width), track.start : stop] |= speaks[: stop - track.start]
    return found


def _frames(spoken: Diarization, count: int) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Yield frames across the video, with annotations."""
    indices = set(((np.arange(SHOWN) + 0.5) * count / SHOWN).astype(int).tolist())
    with open_media(spoken.film.path) as media:
        for picture in media.pictures():
            if picture.index in indices:
                rgb = picture.crop(np.eye(2, 3), picture.shape)
                yield picture.index / FPS, draw_annotations(rgb, spoken, picture.index)


def conversation_section(conversed: DialogueDemo) -> Section:
    """Section with the annotated video, and detected and true speech over time."""
    seconds = conversed.truth.shape[1] / FPS
    text = (
        f"Two people who are in no other film take turns for {seconds:.0f} s. The lip-sync model above compares the "
        "lips of each face with the sound; nobody told it how many people there are, or when one of them ends. "
        f"In {conversed.accuracy:.1%} of the pictures it is right about both of them. Saying the same of every picture "
        f"would be right in {conversed.guessed:.1%} at best."
    )
    frames = [(jpeg(picture), f"{time_s:.1f} s") for time_s, picture in conversed.frames]
    return Section(
        "Who speaks?",
        [
            Text(text),
            SvgFigure(_time_line(conversed), "Who speaks when: what was found (green), and the truth."),
            Gallery(frames, "Green: speaks. The bar is how probable that is.", wide=True),
            Video(conversed.film.read_bytes(), "All of it."),
        ],
    )


def _time_line(conversed: DialogueDemo) -> str:
    names = [f"{place}, {which}" for place in PLACES for which in ("found", "truth")]
    with new_figure(height=1.9) as (figure, (axes,)):
        for place, rows in enumerate(zip(conversed.found, conversed.truth, strict=True)):
            for row, (speaks, colour) in enumerate(zip(rows, (COLOURS[2], COLOURS[4]), strict=True)):
                spans = [(start / FPS, (stop - start) / FPS) for start, stop in _stretches(speaks)]
                axes.broken_barh(spans, (2 * place + row - 0.35, 0.7), color=colour)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0, conversed.truth.shape[1] / FPS)
        axes.set_xlabel("time in s")
        axes.grid(visible=False, axis="y")
    return to_svg(figure)


def _stretches(speaks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end (exclusive) of each segment of speech, in frames."""
    edges = np.flatnonzero(np.diff(speaks, prepend=False, append=False)).tolist()
    return [(start, stop) for start, stop in list(pairwise(edges))[::2]]
