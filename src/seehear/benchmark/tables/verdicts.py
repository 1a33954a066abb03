"""What differences allow to be said: which row of a column is the best, and what became of a claim.

Nothing is said that only chance in training, or only the choice of people who were tested, would take back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seehear.benchmark.tables.statistics import Series, difference, holm
from seehear.benchmark.tables.table import Difference, Verdict

ALPHA = 0.05
FEWEST_SEEDS = 3  # that two rows must share to be compared for a mark


def best_of(column: Mapping[str, Series], higher_is_better: bool) -> str | None:
    """The row that is better than each of the others, if that is supported.

    Supported means: every other row that has a value shares at least `FEWEST_SEEDS` seeds with it, the paired t-test
    over them is significant after Holm's correction for the number of rows, and where draws of the test's units can be
    paired, the interval of the difference over them lies above 0. Where every seed gives the same difference there is
    nothing for a t-test to test, and the draws alone decide.

    Args:
        column: row -> its scores; rows without any are no rivals.
        higher_is_better: of the score.
    """
    rivals = {row: series for row, series in column.items() if series.values}
    if len(rivals) < 2:
        return None
    sign = 1 if higher_is_better else -1
    first = max(rivals, key=lambda row: sign * _mean(rivals[row]))
    found = [difference(row, rivals[first], series, higher_is_better) for row, series in rivals.items() if row != first]
    told = [one for one in found if one is not None and one.seeds >= FEWEST_SEEDS]
    return first if len(told) == len(found) and _all_supported(told) else None


def verdict(differences: Sequence[Difference], asked: int) -> Verdict:
    """What became of a claim.

    Reproduced: better than every one of them, with both intervals above 0 (that over draws where there is one).
    Contradicted: worse than one of them, with both below 0. Not measured: for one of them there are fewer than two
    seeds, so nothing can be said either way. Not reproduced: anything else. An interval over seeds that all give the
    same difference has no width and proves nothing; then there have to be draws.

    Args:
        differences: from those of the other rows that were measured.
        asked: how many other rows the claim names.
    """
    if any(_below(one) for one in differences):
        return "contradicted"
    if len(differences) < asked or any(one.low is None for one in differences):
        return "not measured"
    return "reproduced" if all(_above(one) for one in differences) else "not reproduced"


def _mean(series: Series) -> float:
    return sum(series.values.values()) / len(series.values)


def _all_supported(differences: Sequence[Difference]) -> bool:
    tested = [one.p for one in differences if one.p is not None]
    significant = all(p < ALPHA for p in holm(tested))
    return significant and all(_stands(one) for one in differences)


def _stands(one: Difference) -> bool:
    """Better, in the draws too."""
    return one.mean > 0 and _varied(one) and (one.drawn_low is None or one.drawn_low > 0)


def _varied(one: Difference) -> bool:
    """Whether chance had a part in it somewhere: in the seeds, or else in the draws."""
    return one.p is not None or one.drawn_low is not None


def _above(one: Difference) -> bool:
    return one.low is not None and one.low > 0 and _stands(one)


def _below(one: Difference) -> bool:
    low_enough = one.high is not None and one.high < 0 and (one.drawn_high is None or one.drawn_high < 0)
    return low_enough and _varied(one)
