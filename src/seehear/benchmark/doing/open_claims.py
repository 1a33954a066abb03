"""What is still to be found out: the cells that claims without a verdict are about."""

from __future__ import annotations

from collections.abc import Mapping

from seehear.benchmark.outcome import Outcome
from seehear.benchmark.planning.cells import Work
from seehear.benchmark.tables.summary import summarised
from seehear.benchmark.tables.table import Verdict

SETTLED: tuple[Verdict, ...] = ("reproduced", "contradicted")


def open_cells(work: Work, outcomes: Mapping[str, Outcome]) -> set[str]:
    """Keys of the measurings that claims are about which so far are neither reproduced nor contradicted.

    Only the order of the work is decided by it. All seeds of a claim are done if time allows, so that no verdict comes
    of stopping when it was pleasant.

    Args:
        work: the cells of a plan.
        outcomes: key of a cell -> what came of it.
    """
    summary = summarised(work.plan, work, outcomes)
    settled = {(claim.says, claim.better, claim.table) for claim in summary.claims if claim.verdict in SETTLED}
    found = set()
    for claim in work.plan.claims:
        rows = (claim.better, *claim.than)
        for place, key in work.places.items():
            about = place.task == claim.task and place.row in rows and place.labels == claim.labels
            if about and (claim.says, claim.better, (place.task, place.data)) not in settled:
                found.add(key)
    return found
