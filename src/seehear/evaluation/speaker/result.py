"""Results of speaker verification and of matching faces and voices; DET plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seehear.errors import os_errors_as_user_errors
from seehear.evaluation.result import LEFT_OUT_SHOWN, EvaluationResult, Measurement, format_percent_range
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
"""(threshold, false alarms, misses) of each point; see `seehear.metrics.detection`."""


def draw_det(curves: Mapping[str, Curve], file: Path) -> None:
    """Write a PNG with a curve for each name.

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
"""A figure in every bootstrap draw of people, (R,); NaN where the draw has no pair of either kind."""


@dataclass(frozen=True)
class SpeakerEvaluation(EvaluationResult):
    """Results of speaker verification.

    Attributes:
        pairs: number of target and of non-target pairs, with the first seed
        det: encoder -> detection error tradeoff with the first seed: (threshold, false alarms, misses)
        also_trained: number of tested people who are in the other part of the data too; None if it has no parts
        calibration: calibration of the model's scores, if one was fitted
        beside: EER with another scaling -> the model against each of the others by it
    """

    pairs: tuple[int, int]
    det: dict[str, Curve]
    also_trained: int | None
    calibration: dict[str, Any] | None
    beside: dict[str, tuple[Comparison, ...]]

    def measurement(self) -> Measurement:
        """Return the figures of the model, with its detection error tradeoff."""
        curve = self.det[self.rows[0].encoder]
        return replace(super().measurement(), det=[(alarms, misses) for _, alarms, misses in curve])

    def plot(self, path: Path) -> None:
        """Plot the detection error tradeoff as PNG.

        Raises:
            SeehearError: it cannot be written.
        """
        draw_det(self.det, path)

    def remarks(self) -> list[str]:
        """Return what one has to know to interpret the table."""
        speakers = "unknown speakers" if self.speakers is None else f"{self.speakers} speakers"
        setting = ", ".join(f"{key} {value}" for key, value in self.setting.items())
        lines = [
            f"{self.recordings} recordings of {speakers}; {self.pairs[0]} pairs of one person, {self.pairs[1]} of two "
            f"among {self.tested} {self.setting.get('compared', 'sides')}; {setting}.",
            describe_pair_intervals(self.rows[0].main.units, self.units),
        ]
        for figure, comparisons in self.beside.items():
            differences = [
                f"{comparison.against} {-100 * comparison.difference:+.1f} points ({-100 * comparison.high:+.1f} to "
                f"{-100 * comparison.low:+.1f}; p {comparison.p:.4f})"
                for comparison in comparisons
            ]
            if differences:
                lines.append(f"{figure}: the model is better than {', than '.join(differences)}.")
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
    """Describe intervals and p in a sentence: over how many units, and by which method."""
    how = "Student's t, bootstrap standard error" if units < MIN_PERCENTILE_UNITS else "bootstrap, two-sided"
    return (
        f"95 % intervals and p of paired differences over {count_phrase(units, kind)} ({how}), both sides of every "
        "pair drawn with them."
    )


def estimate_over_seeds(
    values: Sequence[float], drawn: Sequence[Drawn], units: int, bounds: Bounds = UNIT_BOUNDS
) -> Estimate:
    """Return the mean of a figure over seeds, with its 95 % interval from the same draws of people with every seed.

    Args:
        values: with each seed
        drawn: bootstrap draws with each seed
        units: number of people
        bounds: of the figure
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
    """Compare the model with another encoder, both with the same draws of people.

    Scores of two models are on different scales and cannot be swapped, so instead of a permutation test, p comes
    from the share of draws in which the difference has the other sign: see `p_value`.
    """
    differences = np.mean(drawn, axis=0) - np.mean(other_drawn, axis=0)
    value = float(np.mean(ours) - np.mean(theirs))
    low, high = interval(value, differences, units, difference_bounds(UNIT_BOUNDS))
    return Comparison(name, value, low, high, p_value(value, differences, units), None, units)


ALL = "all"
"""In `FaceVoiceRow.within`: all people, not those who share labels."""

SEEN, UNSEEN = "seen-heard", "unseen-unheard"
"""In `FaceVoiceRow.people`: whether training had them."""

SHOWN = (2, 5, 10)
"""Values of N in the table."""


@dataclass(frozen=True)
class FaceVoiceRow:
    """One model with one group of people.

    Attributes:
        people: ``seen-heard``, which are in the training data, or ``unseen-unheard``
        within: what the two of every pair and all distractors share: nothing (``all``), or labels such as ``sex``
        encoder: name of the model
        figures: ``AUC``, ``EER``, and ``voice to face, 1 of N`` and ``face to voice, 1 of N`` for each N for which
            there are enough distractors
        pairs: number of target and of non-target pairs
        against: AUC of the evaluated model minus that of this one; None for the evaluated model
    """

    people: str
    within: str
    encoder: str
    figures: dict[str, Estimate]
    pairs: tuple[int, int]
    against: Comparison | None

    def score_name(self, figure: str, usual: str) -> str:
        """Return the name of a figure as a score of the whole result: ``AUC``, ``AUC within sex``, ``AUC, seen-heard``.

        Args:
            figure: key of `figures`
            usual: people whose scores do not name them
        """
        name = figure if self.within == ALL else f"{figure} within {self.within}"
        return name if self.people == usual else f"{name}, {self.people}"


@dataclass(frozen=True, repr=False)
class FaceVoiceEvaluation(Result):
    """Results of matching faces and voices.

    Attributes:
        data: the corpus
        rows: by people, then group, then model, the evaluated one first
        chance: figure -> its chance level
        clips: number of clips, by people
        persons: number of people, by people
        setting: whatever else decides the numbers
        remarks: what one has to know to interpret them
    """

    data: str
    rows: tuple[FaceVoiceRow, ...]
    chance: dict[str, float]
    clips: dict[str, int]
    persons: dict[str, int]
    setting: dict[str, Any]
    remarks: tuple[str, ...]

    def row(self, people: str, within: str, encoder: str) -> FaceVoiceRow:
        """Return one of the rows.

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if (row.people, row.within, row.encoder) == (people, within, encoder):
                return row
        raise KeyError((people, within, encoder))

    def measurement(self) -> Measurement:
        """Return the figures of the model, first those of unseen people and of all of them."""
        rows = sorted(
            (row for row in self.rows if row.encoder == self.rows[0].encoder),
            key=lambda row: (row.people == SEEN, row.within != ALL),
        )
        first = rows[0]
        scores: dict[str, float] = {}
        chance: dict[str, float] = {}
        for row in rows:
            for name, figure in row.figures.items():
                score = row.score_name(name, first.people)
                scores[score] = figure.value
                chance |= {score: self.chance[name]} if name in self.chance else {}
        return Measurement(
            scores=scores,
            recordings=sum(self.clips.values()),
            tested=self.clips[first.people],
            units="people",
            unit_count=self.persons[first.people],
            draws=first.figures["AUC"].draws,
            chance=chance,
            setting=self.setting | {"people": dict(self.persons)},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return to_plain_dict(self)

    WIDTH = 120

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        return Group(self.table(), self.matching_table(), *(Text(line) for line in self.notes()))

    def table(self) -> Table:
        """Return a table of verification, with intervals."""
        from rich.table import Table

        title = f"faces and voices of {self.data} (chance: AUC 50.0%, EER 50.0%, 1 of N 1/N)"
        columns = ["people", "within", "encoder", "AUC ± std", "95 % interval", "EER", "model is better by", "p"]
        table = Table(*columns, title=title)
        for row in self.rows:
            auc, comparison = row.figures["AUC"], row.against
            gain = (
                f"{100 * comparison.difference:+.1f} ({100 * comparison.low:+.1f} to {100 * comparison.high:+.1f})"
                if comparison
                else ""
            )
            table.add_row(
                row.people, row.within, row.encoder, f"{auc.value:.1%} ± {100 * auc.std:.1f}",
                format_percent_range(auc.low, auc.high), f"{row.figures['EER'].value:.1%}", gain,
                f"{comparison.p:.4f}" if comparison else "",
            )  # fmt: skip
        return table

    def matching_table(self) -> Table:
        """Return a table of 1-of-N matching in percent, for some N; `to_dict` has all of them."""
        from rich.table import Table

        ways = [f"{way}, 1 of {count}" for way in ("voice to face", "face to voice") for count in SHOWN]
        columns = [f"1 of {count}" for count in SHOWN] * 2
        title = "matching, percent: first voice to face, then face to voice"
        table = Table("people", "within", "encoder", *columns, title=title)
        for row in self.rows:
            table.add_row(row.people, row.within, row.encoder, *(_percent(row.figures.get(way)) for way in ways))
        return table

    def notes(self) -> list[str]:
        """Return what one has to know to interpret the tables."""
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
