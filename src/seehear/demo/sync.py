"""Its lip-sync and its conversation: learned, measured, fixed, who speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.apps.diarization.annotate import draw_annotations, write_annotated_video
from seehear.apps.diarization.diarize import diarize_file
from seehear.apps.diarization.result import Diarization
from seehear.apps.sync.calibrate import DelayedSound, calibrate
from seehear.apps.sync.fix import fix_measured
from seehear.apps.sync.measure import MeasureOptions, measure_file
from seehear.apps.sync.offset import SyncEmbedder, find_peak, measure_agreement
from seehear.apps.sync.plot import draw_curve
from seehear.apps.sync.result import FixResult, SyncMeasurement, format_delay
from seehear.avatars.dialogue import plan_dialogue
from seehear.avatars.files import write_video_file
from seehear.clip import FPS, Clip
from seehear.data.corpus import Corpus
from seehear.demo.stages import jpeg, one_thread, with_progress
from seehear.errors import ModelError
from seehear.evaluation.result import format_percent_range
from seehear.evaluation.sync import SyncEvaluation, evaluate_sync_clips
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
"""By how much the demo makes the sound of a clip late: everybody sees that, and it is no whole number of frames."""


TRIALS = 60
"""Held-out clips whose sound is moved by a random delay, to draw measured against true."""


MAX_TRIAL_S = 0.6


SEARCH_S = 1.0


CALIBRATION_EXAMPLES = 400


@dataclass(frozen=True)
class TrainedModel:
    """What came of a training.

    Attributes:
        summary: of it.
        metrics: rows of the run's metrics.csv.
    """

    summary: PretrainResult
    metrics: Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class DelayTrial:
    """One held-out clip with its sound moved: the true delay, the measured one (ms) and the confidence in it."""

    true_ms: float
    measured_ms: float
    confidence: float


@dataclass(frozen=True)
class SyncScores:
    """What a lip-sync model is worth on held-out people.

    Attributes:
        accuracy: by the protocol of the papers.
        trials: random delays, true and measured.
    """

    accuracy: SyncEvaluation
    trials: Sequence[DelayTrial]


@dataclass(frozen=True)
class RepairDemo:
    """A film that was put out of sync and back.

    Attributes:
        delay_ms: by how much the sound of ``late`` was made late.
        late: that film.
        before: what was measured on it.
        fixed: what was made of it.
    """

    delay_ms: float
    late: Path
    before: SyncMeasurement
    fixed: FixResult


def learn_sync(corpus: Path, run: Path, *, steps: int, seed: int) -> TrainedModel:
    """A small model learns which sound belongs to which lips."""
    data = DataOptions(split_by="speaker", min_frames=50)
    optim, engine = OptimOptions(steps=steps, seed=seed), EngineOptions(probe_every=max(1, steps // 8))
    summary = pretrain([corpus], run, data=data, optim=optim, engine=engine)
    return TrainedModel(summary, read_metrics(run / "metrics.csv"))


def measure_model(run: Path, corpus: Path, held_out: Corpus, *, seed: int) -> SyncScores:
    """How well it does on held-out people; its confidence becomes a probability on the way."""
    with one_thread():
        accuracy = evaluate_sync_clips(load_sync_model(run), with_progress("the papers' protocol", held_out))
        with suppress(ModelError):  # after a few steps it may be wrong every time: then its confidence stays rough
            calibrate(run, [corpus], split_by="speaker", examples=CALIBRATION_EXAMPLES)
        return SyncScores(accuracy, _trials(load_sync_model(run), held_out, seed))


def repair(film: Path, folder: Path, model: LipSyncModel) -> RepairDemo:
    """Make the sound of a film late, find that, and fix it."""
    late, fixed = folder / "late.mp4", folder / "fixed.mp4"
    with one_thread():
        shift_sound(film, late, earlier_s=-DELAY_MS / 1000)
        before = measure_file(late, model, MeasureOptions(SEARCH_S))
        repaired = fix_measured(
            before, fixed, lambda path: measure_file(path, model, MeasureOptions(SEARCH_S)), force=True
        )
    return RepairDemo(DELAY_MS, late, before, repaired)


def _trials(model: LipSyncModel, held_out: Corpus, seed: int) -> list[DelayTrial]:
    """Held-out clips with their sound moved by random delays: what is true and what is measured."""
    rng = np.random.default_rng(seed)
    calibration = DelayCalibration.from_config(model.config)
    places = np.linspace(0, len(held_out) - 1, min(TRIALS, len(held_out))).astype(int).tolist()
    trials = []
    for place in with_progress("random delays", places):
        trials += _trial(model, held_out[place], float(rng.uniform(-MAX_TRIAL_S, MAX_TRIAL_S)), calibration)
    return trials


def _trial(model: SyncEmbedder, clip: Clip, delay_s: float, calibration: Callable[..., float]) -> list[DelayTrial]:
    at_zero = replace(clip, meta={**clip.meta, "start_s": 0.0})
    heard = measure_agreement(model, at_zero, DelayedSound(clip.audio, delay_s), round(SEARCH_S * FPS))
    peak = find_peak(heard.curve)
    return [DelayTrial(1000 * delay_s, peak.delay_ms, calibration(peak))] if peak else []


def sync_sections(learned: TrainedModel, worth: SyncScores, repair: RepairDemo) -> list[Section]:
    """Learning, what it is worth, measuring, fixing."""
    return [_learning(learned, worth), _worth(worth.accuracy), _delays(worth.trials), _repair(repair)]


def _learning(learned: TrainedModel, worth: SyncScores) -> Section:
    summary = learned.summary
    said = (
        f"{summary.steps} steps of training took {summary.seconds:.0f} s: {summary.frames / summary.seconds:,.0f} "
        f"frames of video a second through a model of {summary.parameters / 1e6:.2f} million parameters. Nobody told "
        "it anything: sound and picture of one moment belong together, those of different moments do not."
    )
    curves = _learning_curves(learned.metrics, worth.accuracy.chance)
    return Section("Learning", [Text(said), SvgFigure(curves, "Loss, and accuracy on held-out people.")])


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


def _worth(accuracy: SyncEvaluation) -> Section:
    rows = [
        (
            str(entry.frames),
            f"{entry.accuracy:.1%}",
            format_percent_range(entry.low, entry.high),
            f"{accuracy.chance:.1%}",
        )
        for entry in accuracy.by_length
    ]
    said = (
        "The protocol of the papers: the sound is tried at 31 offsets, -15 to +15 frames; the nearest one is right "
        "if it is within one frame of the truth. More frames, more evidence."
    )
    caption = " ".join([f"{accuracy.clips} clips of people who were not trained on.", *accuracy.remarks()])
    table = Table(("frames", "accuracy", "95 % interval", "chance"), rows, caption)
    return Section("What it is worth", [Text(said), table])


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
    said = (
        f"The sound of {len(true)} held-out clips was moved by a random delay and the delay was measured: "
        f"{right.mean():.0%} within {RIGHT_WITHIN_MS:.0f} ms, the median error is "
        f"{np.median(np.abs(measured - true)):.0f} ms. The stated confidence, a {MEANING}, is {confidence.mean():.2f} "
        "on average."
    )
    return Section(
        "Measuring a delay", [Text(said), SvgFigure(to_svg(figure), "Each point is a clip of three seconds.")]
    )


def _repair(repair: RepairDemo) -> Section:
    before, after, fixed = repair.before, repair.fixed.after, repair.fixed.path
    assert before.delay_ms is not None
    assert after is not None
    assert fixed is not None
    said = (
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
    return Section("Fixing a film", [Text(said), *videos, SvgFigure(to_svg(figure), "Agreement of lips and sound.")])


SECONDS = 16.0


CAST = 20  # people from whom two are drawn


SHOWN = 6  # frames


PLACES = ("left", "right")


@dataclass(frozen=True)
class DialogueDemo:
    """A film of two people, what is true of it and what was found.

    Attributes:
        film: with a frame around every face, green while it speaks.
        frames: some pictures of it, RGB (H, W, 3), and their times in seconds.
        truth: whether the one on the left, and the one on the right, speaks at each picture, bool (2, N).
        found: what was said of that, likewise.
    """

    film: Path
    frames: list[tuple[float, NDArray[np.uint8]]]
    truth: NDArray[np.bool_]
    found: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """Share of the pictures of which everything that is said is right: who speaks, and that nobody else does."""
        return float((self.truth == self.found).all(0).mean())

    @property
    def guessed(self) -> float:
        """What saying the same of every picture would reach at best."""
        return float(np.unique(self.truth, axis=1, return_counts=True)[1].max() / self.truth.shape[1])


def run_dialogue(folder: Path, lips: LipSyncModel, *, seed: int) -> DialogueDemo:
    """Two people who are in no training film talk, and a model of lip-sync finds out who speaks when."""
    duet = plan_dialogue(seed + 1, 0, CAST, SECONDS)  # people of another seed are others
    film, drawn = folder / "duet.mp4", folder / "who-speaks.mp4"
    camera = duet.takes[0].camera
    write_video_file(
        film, duet.pictures(), duet.sound, crf=camera.crf, preset=camera.preset, bit_rate=duet.room.bit_rate
    )
    with one_thread():
        spoken = diarize_file(film, lips)
        write_annotated_video(spoken, drawn)
    truth = duet.speakers()[None] == np.arange(len(PLACES))[:, None]
    found = _found(spoken, truth.shape[1], duet.takes[0].framing.width)
    return DialogueDemo(drawn, list(_frames(spoken, truth.shape[1])), truth, found)


def _found(spoken: Diarization, frames: int, width: int) -> NDArray[np.bool_]:
    """Whether somebody was said to speak at each of so many pictures left and right of the middle, at ``width`` px."""
    found = np.zeros((len(PLACES), frames), bool)
    for track, speaks in zip(spoken.film.tracks, spoken.film.speaks, strict=True):
        middle = float((track.boxes[:, 0] + track.boxes[:, 2] / 2).mean())
        stop = min(track.stop, frames)
        found[int(middle > width), track.start : stop] |= speaks[: stop - track.start]
    return found


def _frames(spoken: Diarization, count: int) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Pictures spread over the film, with what is drawn on them."""
    wanted = set(((np.arange(SHOWN) + 0.5) * count / SHOWN).astype(int).tolist())
    with open_media(spoken.film.path) as media:
        for picture in media.pictures():
            if picture.index in wanted:
                rgb = picture.crop(np.eye(2, 3), picture.shape)
                yield picture.index / FPS, draw_annotations(rgb, spoken, picture.index)


def conversation_section(conversed: DialogueDemo) -> Section:
    """A film with frames around the faces, and who speaks when against the truth."""
    seconds = conversed.truth.shape[1] / FPS
    said = (
        f"Two people who are in no other film take turns for {seconds:.0f} s. The lip-sync model above compares the "
        "lips of each face with the sound; nobody told it how many people there are, or when one of them ends. "
        f"In {conversed.accuracy:.1%} of the pictures it is right about both of them. Saying the same of every picture "
        f"would be right in {conversed.guessed:.1%} at best."
    )
    frames = [(jpeg(picture), f"{time_s:.1f} s") for time_s, picture in conversed.frames]
    return Section(
        "Who speaks?",
        [
            Text(said),
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
    """First picture of each stretch of speech, and the one after its last."""
    edges = np.flatnonzero(np.diff(speaks, prepend=False, append=False)).tolist()
    return [(start, stop) for start, stop in list(pairwise(edges))[::2]]
