"""`EvaluationResult`: tables, remarks, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any

from seehear.metrics.bootstrap import MIN_PERCENTILE_UNITS, Comparison, Estimate, count_phrase, to_plain_dict
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


LEFT_OUT_SHOWN = 5


NO_INTERVAL = "-"
"""In its place, where only one unit was tested."""


CONFUSION_CLASSES = 12  # more do not fit a terminal; --json has them all


NOISY_DB = 0.0
"""Ratio at which the loss by noise is reported."""


@dataclass(frozen=True)
class Row:
    """One encoder.

    Attributes:
        encoder: its name.
        mode: frozen, finetuned or scratch.
        figures: score -> how high, without noise; the first is the one that the task is about.
        by_snr: ratio of sound to noise (dB) -> the same score there; empty without noise.
        confusion: truth (row) by what was said, counts over all seeds; None where there are no classes.
        layers: that were read (of the best baseline: whose features), and in how many folds each.
        by_layer: the first score if one layer is read in all folds, without noise: of all layers that were looked at,
            in the order of the encoder. Of a read-out that is quick, the last is always there.
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
        """Relative loss of the score from clean to 0 dB; None where that was not measured."""
        noisy = self.by_snr.get(NOISY_DB)
        return (self.main.value - noisy.value) / self.main.value if noisy and self.main.value else None


@dataclass(frozen=True, repr=False)
class EvaluationResult(Result):
    """The whole table.

    Attributes:
        task: its name.
        data: where the recordings are from.
        rows: the model first, then those it is compared with.
        comparisons: the model against each of the others, in the first score.
        higher_is_better: of the first score.
        chance: score -> what guessing gets; empty where that says nothing.
        classes: what is told apart, in the order of the confusion matrices.
        recordings: that were used.
        tested: that were in a test part with any seed.
        speakers: different ones; None where that is not known of all.
        units: what the intervals and tests draw: speakers, or sources where speakers are not known of all.
        setting: read-out, split, share of the labels, seeds and whatever else decides the numbers.
        left_out: recording -> reason.
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
        """The row of an encoder.

        Raises:
            KeyError: it was not measured.
        """
        for row in self.rows:
            if row.encoder == encoder:
                return row
        raise KeyError(encoder)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the loss by noise of each row too."""
        told = to_plain_dict(self)
        for row, plain in zip(self.rows, told["rows"], strict=True):
            plain["loss_by_noise"] = row.loss_by_noise
            plain["by_snr"] = {f"{snr:g}": to_plain_dict(figure) for snr, figure in row.by_snr.items()}
        return told

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
            # as a title it would be wrapped to a narrow table
            parts.append(Text(f"{self.rows[0].encoder}: what (rows) is taken for what, in percent"))
            parts.append(self.confusion_table())
        return Group(*parts, *(Text(line) for line in self.remarks()))

    def table(self) -> Table:
        """Every encoder without noise, and the model against each of the others."""
        from rich.table import Table

        names = list(self.rows[0].figures)
        chance = ", ".join(f"{name} {value:.1%}" for name, value in self.chance.items())
        title = f"{self.task} on {self.data}" + (f" (guessing: {chance})" if chance else "")
        columns = ["encoder", f"{names[0]} ± std", "95 % interval", *names[1:], "model is better by", "p"]
        table = Table(*columns, title=title)
        told = {comparison.against: comparison for comparison in self.comparisons}
        for row in self.rows:
            rest = [_number(names[i], row.figures[names[i]].value) for i in range(1, len(names))]
            table.add_row(
                _called(row), _mean(names[0], row.main), _range(names[0], row.main.low, row.main.high), *rest,
                *self._against(names[0], told.get(row.encoder)),
            )  # fmt: skip
        return table

    def layer_table(self) -> Table:
        """Which layer was read in how many folds, and what is told from each if it is read in all of them."""
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
        """The first score at every ratio of sound to noise."""
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
        """What the model took for what: a row a true class, its shares in percent."""
        from rich.table import Table

        confused = self.rows[0].confusion or []
        table = Table("", *self.classes)
        for name, counts in zip(self.classes, confused, strict=True):
            table.add_row(name, *(f"{100 * count / max(1, sum(counts)):.0f}" for count in counts))
        return table

    def remarks(self) -> list[str]:
        """What has to be known to believe the table."""
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
        """In words, for each of the others: by how much the model is better or worse, and whether that is sure."""
        name = next(iter(self.rows[0].figures))
        return [self._verdict(name, told) for told in self.comparisons]

    def _verdict(self, name: str, told: Comparison) -> str:
        gain, p = self._against(name, told)
        said = f"{self.rows[0].encoder} against {told.against}, {name}: better by {gain}, p {p}"
        if isnan(told.low):
            return f"{said}: nothing can be said with {count_phrase(told.units, self.units)}"
        if told.low <= 0 <= told.high:
            return f"{said}: NOT SURE, the 95 % interval over {count_phrase(told.units, self.units)} holds 0"
        better = (told.low > 0) == self.higher_is_better
        return f"{said}: surely {'better' if better else 'WORSE'}, the interval leaves 0 out"

    def _lost(self, row: Row) -> str:
        """The relative loss of a score, or the rise of an error rate; a dash where there was nothing to lose."""
        if row.loss_by_noise is None:
            return "-"
        return f"{row.loss_by_noise if self.higher_is_better else -row.loss_by_noise:.1%}"

    def _against(self, name: str, told: Comparison | None) -> Sequence[str]:
        if told is None:
            return "", ""
        sign = 1 if self.higher_is_better else -1
        ends = sorted((sign * told.low, sign * told.high))
        gain = _signed(name, sign * told.difference)
        if not isnan(told.low):
            gain += f" ({_signed(name, ends[0])} to {_signed(name, ends[1])})"
        seeds = "" if told.p_seeds is None else f" / {told.p_seeds:.3f}"
        return gain, NO_INTERVAL if isnan(told.low) else f"{told.p:.4f}{seeds}"


def _has_layers(row: Row) -> bool:
    return len(row.layers) > 1 or len(row.by_layer) > 1


def _called(row: Row) -> str:
    return row.encoder if row.mode == "frozen" or row.mode == row.encoder else f"{row.encoder} ({row.mode})"


PLAIN = frozenset({"CCC", "valence CCC", "arousal CCC", "F1", "minDCF 0.01", "minDCF 0.05"})
"""Scores that are customarily told as they are; the others are told in percent."""


def _number(name: str, value: float) -> str:
    return f"{value:.3f}" if name in PLAIN else f"{value:.1%}"


def _mean(name: str, figure: Estimate) -> str:
    spread = f"{figure.std:.3f}" if name in PLAIN else f"{100 * figure.std:.1f}"
    return f"{_number(name, figure.value)} ± {spread}"


def _range(name: str, low: float, high: float) -> str:
    return NO_INTERVAL if isnan(low) else f"{_number(name, low)} to {_number(name, high)}"


def format_percent_range(low: float, high: float) -> str:
    """An interval of a share, ``86.6% to 94.2%``; says so where there is none."""
    return _range("accuracy", low, high)


def describe_interval(units: int, kind: str) -> str:
    """What the intervals of a score are, in a sentence: over how many of what, and by which method."""
    over = count_phrase(units, kind)
    if units < 2:
        return f"No interval: all is of {over}, and nobody can say how others would do."
    method = "t with bootstrap standard error" if units < MIN_PERCENTILE_UNITS else "bootstrap"
    return f"95 % intervals over {over} ({method})."


def describe_intervals(units: int, kind: str, seeds: bool = True) -> str:
    """What intervals and p are, in a sentence or two: over how many of what, and by which method.

    Args:
        units: how many people or sources were tested.
        kind: which of them.
        seeds: a second p, over seeds, may stand behind the first.
    """
    over = count_phrase(units, kind)
    if units < 2:
        return f"No interval and no p: only {over} tested, and nobody can say how others would do."
    few = units < MIN_PERCENTILE_UNITS
    how, test = ("t with bootstrap standard error", "t-test") if few else ("bootstrap", "permutation test")
    behind = "; behind the slash, paired t-test over seeds" if seeds else ""
    return f"95 % intervals over {over} ({how}). p: paired {test} over them{behind}."


def _signed(name: str, value: float) -> str:
    return f"{value:+.3f}" if name in PLAIN else f"{100 * value:+.1f}"
