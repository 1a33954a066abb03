"""`EvaluationResult`: tables, remarks and verdicts; `Measurement`: the figures that benchmarks keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seehear.evaluation import find_score
from seehear.metrics.bootstrap import MIN_PERCENTILE_UNITS, Comparison, Estimate, count_phrase, to_plain_dict
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


LEFT_OUT_SHOWN = 5


NO_INTERVAL = "-"
"""Shown instead, if only one unit was tested."""


CONFUSION_CLASSES = 12  # more do not fit a terminal; --json has them all


NOISY_DB = 0.0
"""Signal-to-noise ratio at which the loss by noise is reported."""


@dataclass(frozen=True)
class Measurement:
    """The figures of one model, as benchmarks keep them: what `measurement` of the result of a task returns.

    Attributes:
        scores: score -> value, without noise; the first is the one that the task is about
        recordings: number of recordings or clips
        tested: how many of them were tested
        units: what the draws are of: speakers, people, sources
        unit_count: number of units that were tested
        draws: the first score in each bootstrap draw of the units, (R,); NaN where it is undefined
        chance: score -> its chance level, where there is one
        by_snr: signal-to-noise ratio (dB) -> first score
        confusion: confusion matrix, a row for each true class; None where there are no classes
        classes: in the order of the confusion matrix
        det: detection error tradeoff: (false alarms, misses); None where nothing is detected
        setting: what decides the numbers besides the model and the data
    """

    scores: Mapping[str, float]
    recordings: int
    tested: int
    units: str
    unit_count: int
    draws: NDArray[np.float64]
    chance: Mapping[str, float] = field(default_factory=dict)
    by_snr: Mapping[float, float] = field(default_factory=dict)
    confusion: Sequence[Sequence[int]] | None = None
    classes: Sequence[str] = ()
    det: Sequence[tuple[float, float]] | None = None
    setting: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One encoder.

    Attributes:
        encoder: its name
        mode: frozen, finetuned or scratch
        figures: score -> value without noise; the first is the one that the task is about
        by_snr: signal-to-noise ratio (dB) -> value of that score; empty without noise
        confusion: confusion matrix with a row for each true class, counts over all seeds; None if there are no classes
        layers: layers that were read (of the best baseline: encoders), and the number of folds of each
        by_layer: the first score if one layer is read in all folds, without noise, for all compared layers in the order
            of the encoder. With a quick probe, the last layer is always included.
    """

    encoder: str
    mode: str
    figures: dict[str, Estimate]
    by_snr: dict[float, Estimate]
    confusion: list[list[int]] | None = None
    layers: dict[str, int] = field(default_factory=dict)
    by_layer: dict[str, Estimate] = field(default_factory=dict)

    @property
    def main(self) -> Estimate:
        """The score that the task is about."""
        return next(iter(self.figures.values()))

    @property
    def loss_by_noise(self) -> float | None:
        """Relative loss of the score from clean to 0 dB; None if that was not measured."""
        noisy = self.by_snr.get(NOISY_DB)
        return (self.main.value - noisy.value) / self.main.value if noisy and self.main.value else None


@dataclass(frozen=True, repr=False)
class EvaluationResult(Result):
    """The results of a model and its baselines.

    Attributes:
        task: name of the task
        data: where the recordings are from
        rows: the model first, then its baselines
        comparisons: the model against each of the others, by the first score
        higher_is_better: of the first score
        chance: score -> its chance level; empty where there is none
        classes: in the order of the confusion matrices
        recordings: number of recordings
        tested: number of recordings in a test part of any seed
        speakers: number of speakers; None if not all are known
        units: what the intervals and tests resample: speakers, or sources if not all speakers are known
        setting: probe, split, share of the labels, seeds and whatever else decides the numbers
        left_out: recording -> reason
    """

    task: str
    data: str
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
    higher_is_better: bool
    chance: dict[str, float]
    classes: tuple[str, ...]
    recordings: int
    tested: int
    speakers: int | None
    units: str
    setting: dict[str, Any]
    left_out: dict[str, str]

    def row(self, encoder: str) -> Row:
        """Return the row of an encoder.

        Raises:
            KeyError: it was not measured.
        """
        for row in self.rows:
            if row.encoder == encoder:
                return row
        raise KeyError(encoder)

    def measurement(self) -> Measurement:
        """Return the figures of the model."""
        row = self.rows[0]
        return Measurement(
            scores={name: figure.value for name, figure in row.figures.items()},
            recordings=self.recordings,
            tested=self.tested,
            units=self.units,
            unit_count=row.main.units,
            draws=row.main.draws,
            chance=self.chance,
            by_snr={snr: figure.value for snr, figure in row.by_snr.items()},
            confusion=row.confusion,
            classes=self.classes,
            setting=self.setting | {"left out": len(self.left_out)},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with the loss by noise of each row."""
        plain_values = to_plain_dict(self)
        for row, plain in zip(self.rows, plain_values["rows"], strict=True):
            plain["loss_by_noise"] = row.loss_by_noise
            plain["by_snr"] = {f"{snr:g}": to_plain_dict(figure) for snr, figure in row.by_snr.items()}
        return plain_values

    SHOWN = ("task", "data", "model", "score")
    WIDTH = 120

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.rows[0].encoder

    @property
    def score(self) -> float:
        """The model's first score."""
        return self.rows[0].main.value

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        parts: list[RenderableType] = [self.table()]
        if any(_has_layers(row) for row in self.rows):
            parts.append(self.layer_table())
        if self.rows[0].by_snr:
            parts.append(self.noise_table())
        if self.rows[0].confusion and len(self.classes) <= CONFUSION_CLASSES:
            # as a title it would be wrapped to the width of a narrow table
            parts.append(Text(f"{self.rows[0].encoder}: what (rows) is taken for what, in percent"))
            parts.append(self.confusion_table())
        return Group(*parts, *(Text(line) for line in self.remarks()))

    def table(self) -> Table:
        """Return a table of every encoder without noise, and of the model against each of the others."""
        from rich.table import Table

        names = list(self.rows[0].figures)
        chance = ", ".join(f"{name} {value:.1%}" for name, value in self.chance.items())
        title = f"{self.task} on {self.data}" + (f" (chance: {chance})" if chance else "")
        columns = ["encoder", f"{names[0]} ± std", "95 % interval", *names[1:], "model is better by", "p"]
        table = Table(*columns, title=title)
        by_encoder = {comparison.against: comparison for comparison in self.comparisons}
        for row in self.rows:
            rest = [_number(names[i], row.figures[names[i]].value) for i in range(1, len(names))]
            table.add_row(
                _called(row), _mean(names[0], row.main), _range(names[0], row.main.low, row.main.high), *rest,
                *self._against(names[0], by_encoder.get(row.encoder)),
            )  # fmt: skip
        return table

    def layer_table(self) -> Table:
        """Return a table of the layers that were read, and of the score of each if it is read in all folds."""
        from rich.table import Table

        name = next(iter(self.rows[0].figures))
        title = f"layers: chosen in each fold on its development part, and {name} if one is read in all folds"
        table = Table("encoder", "read (folds)", "last layer", "95 % interval", "every layer", title=title)
        for row in filter(_has_layers, self.rows):
            last = list(row.by_layer.values())[-1:]
            figures = [cell for one in last for cell in (_number(name, one.value), _range(name, one.low, one.high))]
            read = ", ".join(f"{layer} {count}" for layer, count in row.layers.items())
            every = ", ".join(f"{layer} {_number(name, one.value)}" for layer, one in row.by_layer.items())
            table.add_row(_called(row), read, *(figures or ["", ""]), every)
        return table

    def noise_table(self) -> Table:
        """Return a table of the first score at every signal-to-noise ratio."""
        from rich.table import Table

        name = next(iter(self.rows[0].figures))
        ratios = list(self.rows[0].by_snr)
        loss = [f"{'loss' if self.higher_is_better else 'rise'} at {NOISY_DB:g} dB"] if NOISY_DB in ratios else []
        title = f"{name} with {self.setting.get('noise')}, by signal-to-noise ratio"
        table = Table("encoder", "clean", *(f"{snr:g} dB" for snr in ratios), *loss, title=title)
        for row in self.rows:
            scores = [_number(name, figure.value) for figure in (row.main, *row.by_snr.values())]
            table.add_row(_called(row), *scores, *([self._lost(row)] if loss else []))
        return table

    def confusion_table(self) -> Table:
        """Return the model's confusion matrix: a row for each true class, in percent."""
        from rich.table import Table

        confused = self.rows[0].confusion or []
        table = Table("", *self.classes)
        for name, counts in zip(self.classes, confused, strict=True):
            table.add_row(name, *(f"{100 * count / max(1, sum(counts)):.0f}" for count in counts))
        return table

    def remarks(self) -> list[str]:
        """Return what one has to know to interpret the table."""
        speakers = "unknown speakers" if self.speakers is None else f"{self.speakers} speakers"
        setting = ", ".join(f"{key} {value}" for key, value in self.setting.items())
        lines = [
            f"{self.recordings} recordings of {speakers}, {self.tested} of them tested; {setting}.",
            describe_intervals(self.rows[0].main.units, self.units),
        ]
        met = sum(any(counts) for counts in self.rows[0].confusion or [])
        if met < len(self.classes):
            lines.append(f"Only {met} of {len(self.classes)} classes are in the test part: the figures say little.")
        if self.left_out:
            shown = list(self.left_out.items())[:LEFT_OUT_SHOWN]
            lines.append(f"Left out: {len(self.left_out)} recordings.")
            lines += [f"  {name}: {reason}" for name, reason in shown]
        return lines

    def verdicts(self) -> list[str]:
        """Return a sentence for each baseline: by how much the model is better or worse, and whether that is
        significant."""
        name = next(iter(self.rows[0].figures))
        return [self._verdict(name, comparison) for comparison in self.comparisons]

    def _verdict(self, name: str, comparison: Comparison) -> str:
        gain, p = self._against(name, comparison)
        verdict = f"{self.rows[0].encoder} against {comparison.against}, {name}: better by {gain}, p {p}"
        if isnan(comparison.low):
            return f"{verdict}: nothing can be said with {count_phrase(comparison.units, self.units)}"
        if comparison.low <= 0 <= comparison.high:
            return f"{verdict}: NOT SURE, the 95 % interval over {count_phrase(comparison.units, self.units)} holds 0"
        better = (comparison.low > 0) == self.higher_is_better
        return f"{verdict}: surely {'better' if better else 'WORSE'}, the interval leaves 0 out"

    def _lost(self, row: Row) -> str:
        """Format the relative loss of a score, or the rise of an error rate; a dash if there was nothing to lose."""
        if row.loss_by_noise is None:
            return "-"
        return f"{row.loss_by_noise if self.higher_is_better else -row.loss_by_noise:.1%}"

    def _against(self, name: str, comparison: Comparison | None) -> Sequence[str]:
        if comparison is None:
            return "", ""
        sign = 1 if self.higher_is_better else -1
        ends = sorted((sign * comparison.low, sign * comparison.high))
        score = find_score(name)
        gain = score.format(sign * comparison.difference, "+")
        if not isnan(comparison.low):
            gain += f" ({score.format(ends[0], '+')} to {score.format(ends[1], '+')})"
        seeds = "" if comparison.p_seeds is None else f" / {comparison.p_seeds:.3f}"
        return gain, NO_INTERVAL if isnan(comparison.low) else f"{comparison.p:.4f}{seeds}"


def _has_layers(row: Row) -> bool:
    return len(row.layers) > 1 or len(row.by_layer) > 1


def _called(row: Row) -> str:
    return row.encoder if row.mode == "frozen" or row.mode == row.encoder else f"{row.encoder} ({row.mode})"


def _number(name: str, value: float) -> str:
    score = find_score(name)
    return f"{score.format(value)}{'%' if score.percent else ''}"


def _mean(name: str, figure: Estimate) -> str:
    return f"{_number(name, figure.value)} ± {find_score(name).format(figure.std)}"


def _range(name: str, low: float, high: float) -> str:
    return NO_INTERVAL if isnan(low) else f"{_number(name, low)} to {_number(name, high)}"


def format_percent_range(low: float, high: float) -> str:
    """Format an interval of a share: ``86.6% to 94.2%``, or a dash if there is none."""
    return _range("accuracy", low, high)


def describe_interval(units: int, kind: str) -> str:
    """Describe the intervals of a score in a sentence: over how many units, and by which method."""
    over = count_phrase(units, kind)
    if units < 2:
        return f"No interval: all is of {over}, and nobody can say how others would do."
    method = "t with bootstrap standard error" if units < MIN_PERCENTILE_UNITS else "bootstrap"
    return f"95 % intervals over {over} ({method})."


def describe_intervals(units: int, kind: str, seeds: bool = True) -> str:
    """Describe intervals and p in a sentence or two: over how many units, and by which method.

    Args:
        units: how many people or sources were tested
        kind: which of them
        seeds: whether there may be a second p, over seeds
    """
    over = count_phrase(units, kind)
    if units < 2:
        return f"No interval and no p: only {over} tested, and nobody can say how others would do."
    few = units < MIN_PERCENTILE_UNITS
    how, test = ("t with bootstrap standard error", "t-test") if few else ("bootstrap", "permutation test")
    behind = "; behind the slash, paired t-test over seeds" if seeds else ""
    return f"95 % intervals over {over} ({how}). p: paired {test} over them{behind}."
