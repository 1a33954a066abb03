"""The page that the demo ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from seehear.clip import Clip
from seehear.media.crops import mouth_region
from seehear.report import Figure, Filmstrip, Section, Table, Text, Video, write_report
from seehear.report.plots import COLOURS, INK, drawing, to_svg
from seehear.tasks.sync import SyncAccuracy
from seehear.tools.confidence import MEANING, RIGHT_WITHIN_MS
from seehear.tools.fix import Fixed
from seehear.tools.measurement import Measurement
from seehear.tools.plot import draw_curve
from seehear.tools.verdict import delay_in_words
from seehear.training.pretrain import Summary

HOW_TO_GO_ON = """\
# is a film of yours in sync? (a model trained on real speech comes with seehear)
seehear sync film.mp4
seehear sync film.mp4 --fix film-in-sync.mp4
seehear sync *.mp4 --json

# learn from recordings of your own
seehear prepare videos/ corpus/
seehear pretrain corpus/ run/
seehear evaluate sync run/ corpus/
seehear sync film.mp4 --model run/"""


@dataclass(frozen=True)
class Trial:
    """One held-out clip with its sound moved: the true delay, the measured one (ms) and the confidence in it."""

    true_ms: float
    measured_ms: float
    confidence: float


@dataclass(frozen=True)
class DemoFacts:
    """All that the page tells.

    Attributes:
        films, speakers: how many videos of how many synthetic people were made.
        people: how many of them were held out.
        summary: of the training.
        metrics: rows of the run's metrics.csv.
        accuracy: on the held-out people.
        faces: some of their clips, to be looked at.
        trials: random delays, true and measured.
        delay_ms: by how much the sound of ``late`` was made late.
        late: that clip.
        before: what was measured on it.
        fixed: what was made of it.
        seconds: that each stage took, by name.
    """

    films: int
    speakers: int
    people: int
    summary: Summary
    metrics: Sequence[Mapping[str, float]]
    accuracy: SyncAccuracy
    faces: Sequence[Clip]
    trials: Sequence[Trial]
    delay_ms: float
    late: Path
    before: Measurement
    fixed: Fixed
    seconds: Mapping[str, float]


def write_page(path: Path, facts: DemoFacts) -> None:
    """Tell the demo's story as one HTML file."""
    best = facts.accuracy.by_length[-1]
    lead = (
        f"A model that has seen nothing but {facts.speakers - facts.people} synthetic people finds the moment of sound "
        f"that belongs to a moment of lips in {best.accuracy:.1%} of cases ({best.frames} frames, chance "
        f"{facts.accuracy.chance:.1%}) on {facts.people} people it has never seen."
    )
    sections = [_people(facts), _learning(facts), _worth(facts), _delays(facts), _repair(facts), _next(facts)]
    write_report(path, "seehear: the demo", lead, sections)


def _people(facts: DemoFacts) -> Section:
    pictures = [_jpeg(clip.video[clip.frames // 2]) for clip in facts.faces]
    mouths = [_jpeg(frame) for frame in mouth_region(facts.faces[0].video[10:50:4])]
    said = (
        f"{facts.films} films of {facts.speakers} people were drawn and spoken by this machine, with text, voice, face "
        "and emotion labelled. They were prepared like any video: faces found, followed, straightened and cut out."
    )
    strips = [
        Filmstrip(pictures, "Held-out people, as the model sees faces (128 x 128 pixels, 25 a second)."),
        Filmstrip(mouths, "One of them speaking: the region that the lip encoder looks at, every fourth frame."),
    ]
    return Section("Synthetic people", [Text(said), *strips])


def _learning(facts: DemoFacts) -> Section:
    summary = facts.summary
    said = (
        f"{summary.steps} steps of training took {summary.seconds:.0f} s: {summary.frames / summary.seconds:,.0f} "
        f"frames of video a second through a model of {summary.parameters / 1e6:.2f} million parameters. Nobody told "
        "it anything: sound and picture of one moment belong together, those of different moments do not."
    )
    return Section("Learning", [Text(said), Figure(_learning_curves(facts), "Loss, and accuracy on held-out people.")])


def _learning_curves(facts: DemoFacts) -> str:
    with drawing(2, height=2.0) as (figure, (loss, accuracy)):
        for axes, names in ((loss, ["loss"]), (accuracy, ["sync_k5", "sync_k15"])):
            for name in names:
                rows = [(row["step"], row[name]) for row in facts.metrics if name in row]
                label = name.replace("sync_k", "") + " frames" if name.startswith("sync") else name
                axes.plot(*zip(*rows, strict=True), label=label, marker="." if len(rows) < 30 else None)
        accuracy.axhline(facts.accuracy.chance, color=INK, lw=1, ls=":", label="chance")
        accuracy.set_ylim(0, 1.02)
        loss.set_ylabel("loss")
        accuracy.set_ylabel("sync accuracy")
        accuracy.set_xlabel("training step")
        accuracy.legend(loc="lower right", fontsize="small")
    return to_svg(figure)


def _worth(facts: DemoFacts) -> Section:
    rows = [
        (
            str(entry.frames),
            f"{entry.accuracy:.1%}",
            f"{entry.low:.1%} to {entry.high:.1%}",
            f"{facts.accuracy.chance:.1%}",
        )
        for entry in facts.accuracy.by_length
    ]
    said = (
        "The protocol of the papers: the sound is tried at 31 offsets, -15 to +15 frames; the nearest one is right "
        "if it is within one frame of the truth. More frames, more evidence."
    )
    caption = f"{facts.accuracy.clips} clips of people who were not trained on."
    table = Table(("frames", "accuracy", "95 % interval", "chance"), rows, caption)
    return Section("What it is worth", [Text(said), table])


def _delays(facts: DemoFacts) -> Section:
    true = np.array([trial.true_ms for trial in facts.trials])
    measured = np.array([trial.measured_ms for trial in facts.trials])
    right = np.abs(measured - true) <= RIGHT_WITHIN_MS
    confidence = np.array([trial.confidence for trial in facts.trials])
    with drawing(height=3.4) as (figure, (axes,)):
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
    return Section("Measuring a delay", [Text(said), Figure(to_svg(figure), "Each point is a clip of three seconds.")])


def _repair(facts: DemoFacts) -> Section:
    before, after = facts.before, facts.fixed.after
    assert before.delay_ms is not None
    said = (
        f"The sound of one clip was made {facts.delay_ms:.0f} ms late. Measured: {delay_in_words(before.delay_ms)}, "
        f"confidence {before.confidence:.2f}. Shifted back by that, the picture stream copied untouched, and measured "
        f"again: {after.reason} (confidence {after.confidence:.2f})."
    )
    with drawing(2, height=2.2) as (figure, (above, below)):
        draw_curve(above, before, title="before")
        draw_curve(below, after, title="after")
    videos = [
        Video(facts.late.read_bytes(), f"Before: the sound is {facts.delay_ms:.0f} ms late."),
        Video(facts.fixed.path.read_bytes(), "After."),
    ]
    return Section("Fixing a film", [Text(said), *videos, Figure(to_svg(figure), "Agreement of lips and sound.")])


def _next(facts: DemoFacts) -> Section:
    rows = [(name, f"{seconds:.0f} s") for name, seconds in facts.seconds.items()]
    table = Table(("stage", "took"), rows, "Of this run; what an earlier run had done took no time.")
    return Section("Where the time went, and how to go on", [table, Text(HOW_TO_GO_ON, code=True)])


def _jpeg(picture: np.ndarray) -> bytes:
    """RGB uint8 (H, W, 3) as JPEG."""
    done, coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert done
    return bytes(coded)
