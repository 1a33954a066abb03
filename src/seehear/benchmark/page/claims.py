"""What papers claim and what became of it here, the first thing that the page of a benchmark tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seehear.benchmark.tables import wording
from seehear.benchmark.tables.scores import MISSING, gained, in_percent
from seehear.benchmark.tables.table import Checked, Difference, Verdict
from seehear.report import Section, Table, Text
from seehear.report.boxes import Finding, Grid, Mood
from seehear.report.html import Block, Cell
from seehear.report.interval import IntervalBar, Span

MOODS: dict[Verdict, Mood] = {
    "reproduced": "good",
    "contradicted": "bad",
    "not reproduced": "open",
    "not measured": "open",
}
READING = (
    "Differences are paired seed by seed and signed so that more is better, with 95 % intervals over seeds (thick "
    "bars; n of them, p by a paired t-test) and over draws of the tested units (thin bars). Reproduced: better than "
    "every one of them, with both intervals above 0. Contradicted: worse than one of them, with both below 0. Not "
    "reproduced: anything between, which is no proof of the contrary. Not measured: one of them has fewer than two "
    "seeds here."
)
TITLE = "What is claimed, and what was found"
IN_POINTS = " (points)"


def claims_section(claims: Sequence[Checked]) -> list[Section]:
    """All claims with their verdicts; no section where nothing is claimed."""
    if not claims:
        return []
    counted = Counter(claim.verdict for claim in claims)
    told = ", ".join(f"{counted[verdict]} {verdict}" for verdict in MOODS if counted[verdict])
    return [
        Section(
            TITLE,
            [
                Text(f"Of {_claims(len(claims))}: {told}."),
                Grid([_finding(claim) for claim in claims], least=25),
                Text(READING),
            ],
        )
    ]


def _claims(count: int) -> str:
    return "1 claim" if count == 1 else f"{count} claims"


def _finding(claim: Checked) -> Finding:
    below = f"{claim.source}. Checked here: {claim.better} in {wording.checked_in(claim)}."
    return Finding(claim.verdict, MOODS[claim.verdict], claim.says, below, _differences(claim))


def _differences(claim: Checked) -> list[Block]:
    if not claim.differences:
        return []
    unit = IN_POINTS if in_percent(claim.score) else ""
    rows = [_row(claim.score, one) for one in claim.differences]
    spans = [Span(one.against, one.mean, one.low, one.high, one.drawn_low, one.drawn_high) for one in claim.differences]
    bars = IntervalBar(spans, f"Right of the line {claim.better} is better.")
    return [Table(("better than", f"by{unit}", "seeds", "draws"), rows), bars]


def _row(score: str, one: Difference) -> list[str | Cell]:
    p = "" if one.p is None else f", p {wording.probability(one.p)}"
    return [
        Cell(one.against, f"n {one.seeds}{p}"),
        gained(score, one.mean),
        _interval(score, one.low, one.high),
        _interval(score, one.drawn_low, one.drawn_high),
    ]


def _interval(score: str, low: float | None, high: float | None) -> str:
    return MISSING if low is None or high is None else f"[{gained(score, low)}, {gained(score, high)}]"
