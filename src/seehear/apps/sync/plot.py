"""Figures of lip-sync: agreement against delay, and the delay along a file."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seehear.apps.sync.result import SyncMeasurement
from seehear.apps.sync.verdict import SOUND_EARLY_LIMIT_MS, SOUND_LATE_LIMIT_MS, Verdict, format_delay
from seehear.report.plots import COLOURS, INK, new_figure

TRACKS_DRAWN = 5


def sync_figure(found: SyncMeasurement) -> Figure:
    """Agreement against delay with its peak and the in-sync range; below, for longer files, the delay along them."""
    along = [segment for segment in found.segments if segment.end_s > segment.start_s]
    with new_figure(2 if len(along) > 1 else 1) as (figure, axes):
        draw_curve(axes[0], found)
        if len(axes) > 1:
            draw_delay_over_time(axes[1], found)
    return figure


def draw_curve(axes: Axes, found: SyncMeasurement, *, title: str | None = None) -> None:
    """The file's curve, thin lines for the faces it comes from, the peak and the range that counts as in sync."""
    axes.set_title(title or f"{found.path.name}: {found.verdict.words}")
    axes.set_xlabel("delay of the sound in ms (right: the audio is late)")
    axes.set_ylabel("agreement of lips and sound")
    axes.axvspan(
        -SOUND_EARLY_LIMIT_MS, SOUND_LATE_LIMIT_MS, color=COLOURS[2], alpha=0.15, lw=0, label="in sync (EBU R37)"
    )
    if found.curve is None or found.delay_ms is None:
        axes.text(0.5, 0.5, found.reason, transform=axes.transAxes, ha="center", color=INK)
        return
    if len(found.tracks) > 1:
        for track in found.tracks[:TRACKS_DRAWN]:
            axes.plot(track.curve.delays_ms, track.curve.mean, color=COLOURS[4], lw=0.8, alpha=0.7)
    axes.plot(found.curve.delays_ms, found.curve.mean, color=COLOURS[0], lw=1.8)
    guess = "best guess " if found.verdict is Verdict.CANNOT_TELL else ""
    said = f"{guess}{format_delay(found.delay_ms)}, confidence {found.confidence:.2f}"
    axes.axvline(found.delay_ms, color=COLOURS[1], lw=1.4, ls="--", label=said)
    axes.margins(x=0)
    axes.legend(loc="best", fontsize="small")


def draw_delay_over_time(axes: Axes, found: SyncMeasurement) -> None:
    """The delay of every segment against time, faint where it is uncertain, with the drift line or the parts."""
    axes.set_title("along the file")
    axes.set_xlabel("time in the file in s")
    axes.set_ylabel("delay in ms")
    axes.axhspan(-SOUND_EARLY_LIMIT_MS, SOUND_LATE_LIMIT_MS, color=COLOURS[2], alpha=0.15, lw=0)
    for segment in found.segments:
        shade = 0.15 + 0.85 * segment.confidence
        axes.plot([segment.start_s, segment.end_s], [segment.delay_ms] * 2, color=COLOURS[0], lw=3, alpha=shade)
    if found.drift:
        drift = found.drift
        edges = (edge for at, _, _ in drift.jumps for edge in (at - 1e-3, at))
        times = sorted({drift.first_s, drift.last_s, *edges})
        line = [drift.delay_at(time) for time in times]
        axes.plot(times, line, color=COLOURS[1], lw=1.4, ls="--", label="drift" if found.drift.changes else "steady")
        axes.legend(loc="best", fontsize="small")
