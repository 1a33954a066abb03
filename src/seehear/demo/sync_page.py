"""What the demo's page tells of lip-sync."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seehear.demo.sync import Learned, Repair, Trial, Worth
from seehear.report import Figure, Section, Table, Text, Video
from seehear.report.plots import COLOURS, INK, drawing, to_svg
from seehear.tasks.result import percent_range
from seehear.tasks.sync import SyncAccuracy
from seehear.tools.confidence import MEANING, RIGHT_WITHIN_MS
from seehear.tools.plot import draw_curve
from seehear.tools.verdict import delay_in_words


def sync_sections(learned: Learned, worth: Worth, repair: Repair) -> list[Section]:
    """Learning, what it is worth, measuring, fixing."""
    return [_learning(learned, worth), _worth(worth.accuracy), _delays(worth.trials), _repair(repair)]


def _learning(learned: Learned, worth: Worth) -> Section:
    summary = learned.summary
    said = (
        f"{summary.steps} steps of training took {summary.seconds:.0f} s: {summary.frames / summary.seconds:,.0f} "
        f"frames of video a second through a model of {summary.parameters / 1e6:.2f} million parameters. Nobody told "
        "it anything: sound and picture of one moment belong together, those of different moments do not."
    )
    curves = _learning_curves(learned.metrics, worth.accuracy.chance)
    return Section("Learning", [Text(said), Figure(curves, "Loss, and accuracy on held-out people.")])


def _learning_curves(metrics: Sequence[Mapping[str, float]], chance: float) -> str:
    with drawing(2, height=2.0) as (figure, (loss, accuracy)):
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


def _worth(accuracy: SyncAccuracy) -> Section:
    rows = [
        (
            str(entry.frames),
            f"{entry.accuracy:.1%}",
            percent_range(entry.low, entry.high),
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


def _delays(trials: Sequence[Trial]) -> Section:
    true = np.array([trial.true_ms for trial in trials])
    measured = np.array([trial.measured_ms for trial in trials])
    right = np.abs(measured - true) <= RIGHT_WITHIN_MS
    confidence = np.array([trial.confidence for trial in trials])
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


def _repair(repair: Repair) -> Section:
    before, after = repair.before, repair.fixed.after
    assert before.delay_ms is not None
    said = (
        f"The sound of one clip was made {repair.delay_ms:.0f} ms late. Measured: {delay_in_words(before.delay_ms)}, "
        f"confidence {before.confidence:.2f}. Shifted back by that, the picture stream copied untouched, and measured "
        f"again: {after.reason} (confidence {after.confidence:.2f})."
    )
    with drawing(2, height=2.2) as (figure, (above, below)):
        draw_curve(above, before, title="before")
        draw_curve(below, after, title="after")
    videos = [
        Video(repair.late.read_bytes(), f"Before: the sound is {repair.delay_ms:.0f} ms late."),
        Video(repair.fixed.path.read_bytes(), "After."),
    ]
    return Section("Fixing a film", [Text(said), *videos, Figure(to_svg(figure), "Agreement of lips and sound.")])
