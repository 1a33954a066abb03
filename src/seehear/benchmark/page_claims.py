"""What papers claim and what became of it here, the first thing that the page of a benchmark tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seehear.benchmark.scores import MISSING, gained, in_percent
from seehear.benchmark.table import Checked, Difference, Verdict
from seehear.report import Section, Table, Text
from seehear.report.boxes import Finding, Mood
from seehear.report.html import Block
from seehear.report.interval import IntervalBar, Span

MOODS: dict[Verdict, Mood] = {
    "reproduced": "good",
    "contradicted": "bad",
    "not reproduced": "open",
    "not measured": "open",
}
TITLE = "What is claimed, and what was found"
HEADER = ("better than", "by", "95 % over seeds", "95 % over draws", "p", "seeds")


def claims_section(claims: Sequence[Checked]) -> list[Section]:
    """All claims with their verdicts; no section where nothing is claimed."""
    if not claims:
        return []
    counted = Counter(claim.verdict for claim in claims)
    told = ", ".join(f"{counted[verdict]} {verdict}" for verdict in MOODS if counted[verdict])
    return [Section(TITLE, [Text(f"Of {_claims(len(claims))}: {told}."), *map(_finding, claims), Text(_reading())])]


def _claims(count: int) -> str:
    return "1 claim" if count == 1 else f"{count} claims"


def _finding(claim: Checked) -> Finding:
    task, data = claim.table
    below = f"{claim.source}. Checked here: {claim.better}, {claim.score} of {task} on {data}."
    return Finding(claim.verdict, MOODS[claim.verdict], claim.says, below, _differences(claim))


def _differences(claim: Checked) -> list[Block]:
    if not claim.differences:
        return []
    rows = [_row(claim.score, one) for one in claim.differences]
    unit = " in points of a percent" if in_percent(claim.score) else ""
    bars = IntervalBar(
        [Span(one.against, one.mean, one.low, one.high, one.drawn_low, one.drawn_high) for one in claim.differences],
        f"{claim.better} less the others{unit}; right of the line {claim.better} is better.",
    )
    return [Table(HEADER, rows), bars]


def _row(score: str, one: Difference) -> list[str]:
    return [
        one.against,
        gained(score, one.mean),
        _interval(score, one.low, one.high),
        _interval(score, one.drawn_low, one.drawn_high),
        MISSING if one.p is None else f"{one.p:.3f}" if one.p >= 0.001 else "< 0.001",
        str(one.seeds),
    ]


def _interval(score: str, low: float | None, high: float | None) -> str:
    return MISSING if low is None or high is None else f"{gained(score, low)} to {gained(score, high)}"


def _reading() -> str:
    return (
        "Reproduced: better than every one of them, with both 95 % intervals above 0. Contradicted: worse than one of "
        "them, with both below 0. Not reproduced: anything between, which is no proof of the contrary. Not measured: "
        "one of them has fewer than two seeds here. Differences are paired seed by seed and signed so that more is "
        "better; p is of a paired t-test over seeds."
    )
