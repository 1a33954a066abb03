"""What the next seeds are most needed for."""

from __future__ import annotations

from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.plan import Claim
from seehear.benchmark.schedule import open_claim_cells
from small_benchmark import plan_of, work_of

ROWS = ("ours", "mfcc", "logmel", "apc")
CLAIMS = (
    Claim("ours beats mfcc", "somebody", "emotion", "ours", ("mfcc",)),
    Claim("ours beats logmel", "somebody", "emotion", "ours", ("logmel",)),
)


def found(ours: float, mfcc: float, logmel: float) -> set[str]:
    """Names of rows whose cells are wanted after two seeds of four."""
    work = work_of(plan_of(ROWS, seeds=4, claims=CLAIMS))
    means = {"ours": ours, "mfcc": mfcc, "logmel": logmel, "apc": 0.5}
    outcomes = {
        key: CellOutcome(key, 1.0, scores={"accuracy": means[place.row] + 0.001 * place.seed * (place.row == "ours")})
        for place, key in work.positions.items()
        if place.seed < 2
    }
    wanted = open_claim_cells(work, outcomes)
    rows = {place.row for place, key in work.positions.items() if key in wanted}
    assert wanted == {key for place, key in work.positions.items() if place.row in rows}  # all seeds of a row, or none
    return rows


def test_rows_of_claims_without_a_verdict() -> None:
    assert found(ours=0.8, mfcc=0.5, logmel=0.8) == {"ours", "logmel"}
    assert found(ours=0.8, mfcc=0.8, logmel=0.8) == {"ours", "mfcc", "logmel"}


def test_nothing_where_all_is_settled() -> None:
    assert found(ours=0.8, mfcc=0.5, logmel=0.9) == set()
