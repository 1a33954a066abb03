"""Tables of verification and of faces and voices; DET plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seehear.errors import os_errors_as_user_errors
from seehear.evaluation.result import LEFT_OUT_SHOWN, EvaluationResult, format_percent_range
from seehear.metrics.bootstrap import (
    MIN_PERCENTILE_UNITS,
    UNIT_BOUNDS,
    Bounds,
    Comparison,
    Estimate,
    count_phrase,
    difference_bounds,
    interval,
    p_value,
    to_plain_dict,
)
from seehear.report.plots import det_axes, new_figure, save_png
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


Curve = Sequence[tuple[float, float, float]]
"""(threshold, false alarms, misses), as `Counts.det` gives it."""


def draw_det(curves: Mapping[str, Curve], file: Path) -> None:
    """Writes a PNG with a curve for each name.

    Raises:
        SeehearError: it cannot be written.
    """
    errors = [rate for curve in curves.values() for point in curve for rate in point[1:]]
    with new_figure(width=5.2, height=5.2) as (figure, (axes,)):
        placed = det_axes(axes, min(errors, default=0.01))
        for name, curve in curves.items():
            _, alarms, misses = np.array(curve).reshape(-1, 3).T
            marker = "o" if len(curve) == 1 else None
            axes.plot(placed(alarms), placed(misses), label=name, marker=marker)
        axes.legend()
        with os_errors_as_user_errors(file):
            save_png(figure, file)


Drawn = NDArray[np.float64]
"""A figure in every draw of people, (R,); not a number where nobody was drawn whom it tells of."""


@dataclass(frozen=True)
class SpeakerEvaluation(EvaluationResult):
    """A table of errors.

    Attributes:
        pairs: of one person and of two, with the first seed.
        det: contender -> its curve of detection errors with the first seed: (threshold, false alarms, misses).
        also_trained: of those tested, people who are in the other part of the data too; None where it has no parts.
        calibration: what was fitted to the model's scores, if anything was.
        beside: EER with another scaling -> the model against each of the others in that.
    """

    pairs: tuple[int, int]
    det: dict[str, Curve]
    also_trained: int | None
    calibration: dict[str, Any] | None
    beside: dict[str, tuple[Comparison, ...]]

    def plot(self, path: Path) -> None:
        """Draw the curves of detection errors as PNG.

        Raises:
            SeehearError: it cannot be written.
        """
        draw_det(self.det, path)

    def remarks(self) -> list[str]:
        """What has to be known to believe the table."""
        speakers = "unknown speakers" if self.speakers is None else f"{self.speakers} speakers"
        setting = ", ".join(f"{key} {value}" for key, value in self.setting.items())
        lines = [
            f"{self.recordings} recordings of {speakers}; {self.pairs[0]} pairs of one person, {self.pairs[1]} of two "
            f"among {self.tested} {self.setting.get('compared', 'sides')}; {setting}.",
            describe_pair_intervals(self.rows[0].main.units, self.units),
        ]
        for figure, comparisons in self.beside.items():
            said = [
                f"{told.against} {-100 * told.difference:+.1f} points ({-100 * told.high:+.1f} to "
                f"{-100 * told.low:+.1f}; p {told.p:.4f})"
                for told in comparisons
            ]
            if said:
                lines.append(f"{figure}: the model is better than {', than '.join(said)}.")
        if self.also_trained:
            lines.append(f"{self.also_trained} of the {self.units} tested are in the other part of the data as well.")
        if self.calibration:
            lines.append(
                f"Calibrated on the model's plain scores: Cllr {self.calibration['cllr']:.3f}, "
                f"EER {self.calibration['eer']:.1%} at a score of {self.calibration['eer_threshold']:.3f}."
            )
        if self.left_out:
            lines.append(f"Left out: {len(self.left_out)} recordings.")
            lines += [f"  {name}: {reason}" for name, reason in list(self.left_out.items())[:LEFT_OUT_SHOWN]]
        return lines


def describe_pair_intervals(units: int, kind: str) -> str:
    """What intervals and p are, in a sentence: over how many of what, and by which method."""
    how = "Student's t, bootstrap standard error" if units < MIN_PERCENTILE_UNITS else "bootstrap, two-sided"
    return (
        f"95 % intervals and p of paired differences over {count_phrase(units, kind)} ({how}), both sides of every "
        "pair drawn with them."
    )


def estimate_over_seeds(
    values: Sequence[float], drawn: Sequence[Drawn], units: int, bounds: Bounds = UNIT_BOUNDS
) -> Estimate:
    """A figure over its seeds, with the 95 % interval of its mean over the same draws of people with every seed.

    Args:
        values: with each seed.
        drawn: likewise.
        units: how many people there are.
        bounds: of the figure.
    """
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    draws, value = np.mean(drawn, axis=0), float(np.mean(values))
    return Estimate(value, std, *interval(value, draws, units, bounds), tuple(values), units, draws)


def compare_over_seeds(
    name: str,
    ours: Sequence[float],
    drawn: Sequence[Drawn],
    theirs: Sequence[float],
    other_drawn: Sequence[Drawn],
    units: int,
) -> Comparison:
    """The model against another contender, both with the same draws of people.

    Scores of two models are on scales of their own and cannot be swapped, so instead of a permutation the draws are
    asked how likely a difference of the other sign is: see `p_value`.
    """
    differences = np.mean(drawn, axis=0) - np.mean(other_drawn, axis=0)
    value = float(np.mean(ours) - np.mean(theirs))
    low, high = interval(value, differences, units, difference_bounds(UNIT_BOUNDS))
    return Comparison(name, value, low, high, p_value(value, differences, units), None, units)


SHOWN = (2, 5, 10)
"""Ns of the table."""


@dataclass(frozen=True)
class FaceVoiceRow:
    """One contender with some people.

    Attributes:
        people: ``seen-heard``, which training had, or ``unseen-unheard``.
        within: what the two of every pair, and all rivals, share: nothing (``all``), or labels such as ``sex``.
        encoder: name of the contender.
        figures: ``AUC``, ``EER``, and ``voice to face, 1 of N`` and ``face to voice, 1 of N`` for each N for
            which there are enough rivals.
        pairs: of one person and of two.
        against: the model's AUC less this contender's; None for the model.
    """

    people: str
    within: str
    encoder: str
    figures: dict[str, Estimate]
    pairs: tuple[int, int]
    against: Comparison | None


@dataclass(frozen=True, repr=False)
class FaceVoiceEvaluation(Result):
    """The whole table.

    Attributes:
        data: the corpus.
        rows: people, then groups, then contenders, the model first.
        chance: figure -> what guessing gets.
        clips: that were used, by people.
        persons: how many there are, by people.
        setting: whatever else decides the numbers.
        remarks: what has to be known to believe them.
    """

    data: str
    rows: tuple[FaceVoiceRow, ...]
    chance: dict[str, float]
    clips: dict[str, int]
    persons: dict[str, int]
    setting: dict[str, Any]
    remarks: tuple[str, ...]

    def row(self, people: str, within: str, encoder: str) -> FaceVoiceRow:
        """One of the rows.

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if (row.people, row.within, row.encoder) == (people, within, encoder):
                return row
        raise KeyError((people, within, encoder))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return to_plain_dict(self)

    WIDTH = 120

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        return Group(self.table(), self.matching_table(), *(Text(line) for line in self.notes()))

    def table(self) -> Table:
        """Verification, with intervals."""
        from rich.table import Table

        title = f"faces and voices of {self.data} (guessing: AUC 50.0%, EER 50.0%, 1 of N 1/N)"
        columns = ["people", "within", "encoder", "AUC ± std", "95 % interval", "EER", "model is better by", "p"]
        table = Table(*columns, title=title)
        for row in self.rows:
            auc, told = row.figures["AUC"], row.against
            gain = f"{100 * told.difference:+.1f} ({100 * told.low:+.1f} to {100 * told.high:+.1f})" if told else ""
            table.add_row(
                row.people, row.within, row.encoder, f"{auc.value:.1%} ± {100 * auc.std:.1f}",
                format_percent_range(auc.low, auc.high), f"{row.figures['EER'].value:.1%}", gain,
                f"{told.p:.4f}" if told else "",
            )  # fmt: skip
        return table

    def matching_table(self) -> Table:
        """1-of-N, in percent, for some of the Ns; `to_dict` has all of them."""
        from rich.table import Table

        ways = [f"{way}, 1 of {count}" for way in ("voice to face", "face to voice") for count in SHOWN]
        columns = [f"1 of {count}" for count in SHOWN] * 2
        title = "matching, percent: first voice to face, then face to voice"
        table = Table("people", "within", "encoder", *columns, title=title)
        for row in self.rows:
            table.add_row(row.people, row.within, row.encoder, *(_percent(row.figures.get(way)) for way in ways))
        return table

    def notes(self) -> list[str]:
        """What has to be known to believe the tables."""
        setting = ", ".join(f"{key} {value}" for key, value in self.setting.items())
        there = "; ".join(f"{name}: {self.clips[name]} clips of {self.persons[name]} people" for name in self.clips)
        return [
            f"{there}; {setting}.",
            "Voice and face of one person are of different sources, or else clips, where there are several.",
            *(f"{name}: {describe_pair_intervals(count, 'people')}" for name, count in self.persons.items()),
            *self.remarks,
        ]


def _percent(figure: Estimate | None) -> str:
    return f"{100 * figure.value:.1f}" if figure else "-"
