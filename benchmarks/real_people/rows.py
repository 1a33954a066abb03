"""A figure with what has to be known to believe it, and a table of figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from seehear.metrics.bootstrap import estimate
from seehear.metrics.scores import error_rate

Count = tuple[float, float]
"""How many are right (or the sum of a share from 0 to 1), and of how many."""


@dataclass(frozen=True)
class Row:
    """One figure, in percent.

    Attributes:
        part: which part of the script measured it.
        source: of the films or recordings, in words.
        what: what was measured, with which model and against which truth.
        value: the figure.
        low, high: ends of the 95 % interval; None where there is none.
        over: what the interval is over, such as "12 people".
        chance: the chance level; None where there is none.
        remark: anything else.
        each: name of a person or film -> its own value, and how much was counted of it.
    """

    part: str
    source: str
    what: str
    value: float
    low: float | None
    high: float | None
    over: str
    chance: float | None = None
    remark: str = ""
    each: dict[str, tuple[float, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def share_of(
    part: str,
    source: str,
    what: str,
    counts: Mapping[str, Count],
    kind: str,
    *,
    chance: float | None = None,
    remark: str = "",
) -> Row:
    """A share of all that was counted, with the interval over people (or films, where a film is a person).

    Args:
        part, source, what: of the row.
        counts: name of each person -> what was counted of them.
        kind: what the names are, in the plural.
        chance: a share.
        remark: of the row.

    Raises:
        ValueError: nothing was counted.
    """
    known = {name: count for name, count in counts.items() if count[1]}
    if not known:
        raise ValueError(f"nothing to count for {what} of {source}")
    share = estimate(np.array(list(known.values()), dtype=np.float64)[None], error_rate)  # the ratio of two sums
    each = {name: (100 * right / total, total) for name, (right, total) in known.items()}
    return Row(
        part, source, what, 100 * share.value, percent(share.low), percent(share.high), f"{len(known)} {kind}",
        percent(chance), remark, each,
    )  # fmt: skip


def added(values: Iterable[tuple[str, Count]]) -> dict[str, Count]:
    """Counts of the same name added up."""
    total: dict[str, Count] = {}
    for name, (right, count) in values:
        before = total.get(name, (0.0, 0.0))
        total[name] = (before[0] + right, before[1] + count)
    return total


def ratio(counts: Mapping[str, Count]) -> float | None:
    """The share of all that was counted; None where nothing was."""
    total = sum(count for _, count in counts.values())
    return sum(right for right, _ in counts.values()) / total if total else None


def percent(share: float | None) -> float | None:
    """A share in percent; None where it is not known."""
    return None if share is None or math.isnan(share) else 100 * share


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| part | people | figure | value | 95 % interval | chance | over |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        interval = "" if row.low is None or row.high is None else f"{row.low:.1f} to {row.high:.1f}"
        chance = "" if row.chance is None else f"{row.chance:.1f} %"
        over = f"{row.over}, {row.remark}" if row.remark else row.over
        cells = (row.part, row.source, row.what, f"{row.value:.1f} %", interval, chance, over)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
