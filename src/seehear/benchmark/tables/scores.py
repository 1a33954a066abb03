"""How a score is told: its unit, its digits, and which way is up."""

from __future__ import annotations

from seehear.benchmark.tables.table import Column
from seehear.tasks.result import PLAIN

LOWER_IS_BETTER = ("EER", "minDCF", "WER", "CER", "L1", "error")
"""What the names of scores begin with of which less is better."""

MISSING = "–"


def higher_is_better(score: str) -> bool:
    """Whether more of it is better, by its name; for a task's first score the evaluation itself says so."""
    return not score.startswith(LOWER_IS_BETTER)


def in_percent(score: str) -> bool:
    """Whether it is a share that is customarily told in percent."""
    return score not in PLAIN and not score.startswith("L1")


def told(score: str, value: float) -> str:
    """A value without its unit: ``62.3`` of an accuracy of 0.623, ``0.531`` of an F1."""
    if in_percent(score):
        return f"{100 * value:.1f}"
    return f"{value:.4f}" if score.startswith("L1") else f"{value:.3f}"


def gained(score: str, value: float) -> str:
    """A difference with its sign."""
    return told(score, value) if value < 0 else f"+{told(score, value)}"


def headed(column: Column) -> str:
    """What stands above a column: the score, its unit, its condition and which way is up.

    ``accuracy (%) ↑``, ``EER (%), 10 % of the labels ↓``, ``F1 at 5 dB ↑``.
    """
    unit = " (%)" if in_percent(column.score) else ""
    condition = column.title.removeprefix(column.score)
    return f"{column.score}{unit}{condition} {'↑' if column.higher_is_better else '↓'}"
