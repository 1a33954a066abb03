"""The words and figures that every format of a table shares: pages, terminal, Markdown, LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from seehear.benchmark.planning.plan import PaperTable
from seehear.benchmark.tables.scores import MISSING, gained, in_percent, told
from seehear.benchmark.tables.table import Checked, Column, Difference, Entry, Summary, TaskTable

HOW_TO_READ = (
    "Each number is the mean over the seeds ± half of its 95 % interval (Student's t), then the interval itself; it "
    "has no width where seeds have no part in the number, as with features that nobody trained on a fixed split. One "
    "is marked as the best of its column only where that is supported: against every other row, by a paired t-test "
    "over at least three seeds (p < .05 after Holm's correction) and, for a task's first score on the same recordings "
    "without noise, by a 95 % interval of the difference over draws of the tested units that lies above 0. A claim is "
    "reproduced if both intervals of every difference (where draws cannot be paired, that over seeds) lie above 0, and "
    "contradicted if both of one lie below. Where a seed tests a fifth of the people, five seeds in a row test "
    "everybody once, and a claim about rows that are equally good is called reproduced in 1 of 100 benchmarks. More "
    "seeds test the same people again, and intervals over them are too narrow: of ten, one of 95 % holds the truth in "
    "84 of 100, and such a claim is called reproduced in 6."
)

GUESSING = "guessing"


def centre(column: Column, entry: Entry) -> str:
    """``62.3 ± 1.4``; without the second where there is no interval; ``failed`` or a dash where there is no number."""
    if entry.mean is None:
        return "failed" if entry.failed else MISSING
    mean = told(column.score, entry.mean)
    if entry.low is None or entry.high is None:
        return mean
    return f"{mean} ± {told(column.score, (entry.high - entry.low) / 2)}"


def interval(column: Column, entry: Entry) -> str:
    """``[60.9, 63.7]``; empty where there is none."""
    if entry.low is None or entry.high is None:
        return ""
    return f"[{told(column.score, entry.low)}, {told(column.score, entry.high)}]"


def few_seeds(entry: Entry, asked: int) -> str:
    """``n 3`` where the number is of fewer seeds than were asked for, else nothing."""
    return f"n {len(entry.values)}" if entry.values and len(entry.values) < asked else ""


def guessing(columns: Sequence[Column]) -> list[str]:
    """What guessing gets in each column; empty where that says nothing in any of them."""
    if all(column.chance is None for column in columns):
        return []
    return [MISSING if column.chance is None else told(column.score, column.chance) for column in columns]


def under(table: TaskTable) -> str:
    """What has to be known to believe the table."""
    seeds = f"Means of {table.seeds} seeds unless told otherwise" if table.seeds > 1 else "One seed"
    fewest, most = table.tested
    several = f"{most}" if fewest == most else f"{fewest} to {most}"
    tested = f"; each tests {several} recordings or clips" if most else ""
    units = f"; draws are of {table.units}" if table.units else ""
    return f"{seeds}{tested}{units}."


def against(score: str, one: Difference) -> str:
    """``+5.1 [+1.2, +9.0], over draws [+0.8, +9.3], p = 0.003, n 5``; points where the score is in percent."""
    parts = [gained(score, one.mean)]
    if one.low is not None and one.high is not None:
        parts[0] += f" [{gained(score, one.low)}, {gained(score, one.high)}]"
    if one.drawn_low is not None and one.drawn_high is not None:
        parts.append(f"over draws [{gained(score, one.drawn_low)}, {gained(score, one.drawn_high)}]")
    if one.p is not None:
        parts.append(f"p {probability(one.p)}")
    return ", ".join([*parts, f"n {one.seeds}"])


def probability(p: float) -> str:
    """``= 0.012``, or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def checked_in(claim: Checked) -> str:
    """``emotion on people, accuracy (points)``."""
    unit = " (points)" if claim.score and in_percent(claim.score) else ""
    place = " on ".join(part for part in claim.table if part)
    return f"{place}, {claim.score}{unit}" if claim.score else place


def printed(paper: PaperTable, place: int, row: str) -> str:
    """What a paper prints, with as many digits as the other figures of its column have."""
    value = paper.rows[row][place]
    column = (values[place] for values in paper.rows.values())
    digits = max((_digits(one) for one in column if one is not None), default=0)
    return MISSING if value is None else f"{value:.{digits}f}"


def beside(paper: PaperTable) -> str:
    """What stands over a paper's figures, so that nobody takes them for ours."""
    return f"The paper's own figures, not measured here: {paper.title} ({paper.source})"


def left(summary: Summary) -> str:
    """What was not done for want of time; empty where all was."""
    if not summary.left:
        return ""
    cells = "1 cell was" if summary.left == 1 else f"{summary.left} cells were"
    return f"{cells} not done yet; give the command again to go on."


def _digits(value: float) -> int:
    """After the point."""
    return len(f"{value:.10f}".rstrip("0").partition(".")[2])
