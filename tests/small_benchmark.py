"""A benchmark whose outcomes a test says: one task on one corpus, its work without any data behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from seehear.benchmark.cells import CellOutcome, TablePosition, WorkList
from seehear.benchmark.plan import BenchmarkPlan, Cell, Claim, CorpusSpec, PaperTable, RowSpec, TaskSpec

PAPER = PaperTable(
    title="Table 1",
    source="Somebody 2020, arXiv 2000.00000",
    task="emotion",
    columns=("accuracy (%)", "F1"),
    rows={"ours_new": (55.01, None), "mfcc & co": (41.5, 0.447)},
    differs="other people; 50 % more of them",
)


def plan_of(rows: Sequence[str], seeds: int, claims: Sequence[Claim] = (), **task: Any) -> BenchmarkPlan:
    """A plan with one task, emotion, on the corpus people."""
    spec = TaskSpec("emotion", "Emotion", ("people",), tuple(RowSpec(row, "mfcc") for row in rows), **task)
    corpora = {"people": CorpusSpec(avatars={"clips": 8})}
    asked = "Which *is* better?"
    return BenchmarkPlan(
        "small", "A small_one", asked, corpora, {}, {"emotion": spec}, seeds=seeds, claims=tuple(claims)
    )


def work_of(plan: BenchmarkPlan) -> WorkList:
    """All of its cells."""
    places = {}
    cells = []
    for (key, task), seed in product(plan.tasks.items(), range(plan.seeds)):
        for data, row, labels in product(task.data, task.rows, task.labels):
            cell = Cell("measure", f"{key}/{row.name}", seed, {"data": data, "row": row.name, "labels": labels})
            cells.append(cell)
            places[TablePosition(key, data, row.name, seed, labels)] = cell.key
    return WorkList(plan, tuple(cells), places, {}, {}, ("A corpus was not given.",))


def outcomes_of(
    work: WorkList, told: Mapping[str, Sequence[float | str | None]], **also: Any
) -> dict[str, CellOutcome]:
    """Row -> accuracy with each seed, the reason why there is none, or None where it was not done."""
    found = {}
    for place, key in work.positions.items():
        value = told[place.row][place.seed]
        if isinstance(value, str):
            found[key] = CellOutcome(key, 1.0, failed=value)
        elif value is not None:
            found[key] = replace(done(key, value), **also)
    return found


def done(key: str, value: float) -> CellOutcome:
    """What an evaluation with that accuracy says."""
    return CellOutcome(
        key,
        seconds=1.0,
        scores={"accuracy": value, "F1": value / 2},
        chance={"accuracy": 0.25},
        by_snr={"0": value - 0.1, "-5": value - 0.2},
        recordings=100,
        tested=40,
        units="speakers",
        unit_count=40,
        reproduce=(f"seehear evaluate emotion {key}",),
    )
