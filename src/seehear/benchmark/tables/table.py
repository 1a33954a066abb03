"""A table of a benchmark, with how sure each of its numbers is. `seehear.benchmark.tables.summary` computes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from seehear.benchmark.planning.plan import PaperTable

Verdict = Literal["reproduced", "not reproduced", "contradicted", "not measured"]


@dataclass(frozen=True)
class Column:
    """What a column is of.

    Attributes:
        score: name of the score.
        labels: share of the training labels.
        snr_db: ratio of sound to noise; None without noise.
        higher_is_better: of the score.
        chance: what guessing gets; None where that says nothing.
    """

    score: str
    labels: float
    snr_db: float | None
    higher_is_better: bool
    chance: float | None

    @property
    def title(self) -> str:
        """For people: ``accuracy, 10 % of the labels``, ``accuracy at 5 dB``."""
        told = self.score
        if self.labels != 1:
            told += f", {100 * self.labels:g} % of the labels"
        return told if self.snr_db is None else f"{told} at {self.snr_db:g} dB"


@dataclass(frozen=True)
class Entry:
    """A number of a table, or why there is none.

    Attributes:
        values: seed -> score; only those that were measured.
        mean: over the seeds; None where none was measured.
        low, high: 95 % interval of the mean over the seeds (Student's t); None with fewer than two seeds.
        best: whether a paired test supports that it is the best of its column.
        failed: seed -> reason.
        reproduce: the commands that give the first of its values again.
    """

    values: Mapping[int, float]
    mean: float | None
    low: float | None
    high: float | None
    best: bool
    failed: Mapping[int, str]
    reproduce: tuple[str, ...]


@dataclass(frozen=True)
class TaskTable:
    """One task on one corpus.

    Attributes:
        key: name of the task in the plan.
        title: of the table.
        task: which evaluation.
        data: name of the corpus.
        columns: from left to right.
        rows: names, from top to bottom.
        entries: (row, place of the column) -> number.
        seeds: how many the plan asks for.
        units: what the test's intervals draw.
        tested: how many recordings, clips or sides a seed tests: the fewest and the most.
        paper: figures of papers to stand beside.
    """

    key: str
    title: str
    task: str
    data: str
    columns: tuple[Column, ...]
    rows: tuple[str, ...]
    entries: Mapping[tuple[str, int], Entry]
    seeds: int
    units: str
    tested: tuple[int, int]
    paper: tuple[PaperTable, ...]


@dataclass(frozen=True)
class Difference:
    """A row against another, seed by seed, signed so that more is better.

    Attributes:
        against: the other row.
        mean: of the differences over the seeds that both have.
        low, high: 95 % interval over the seeds (Student's t); None with fewer than two.
        drawn_low, drawn_high: 95 % interval over draws of the test's units, of the mean over the seeds; None where the
            draws cannot be paired.
        p: two-sided paired t-test over the seeds; None with fewer than two, or where all differences are the same.
        seeds: how many both have.
    """

    against: str
    mean: float
    low: float | None
    high: float | None
    drawn_low: float | None
    drawn_high: float | None
    p: float | None
    seeds: int


@dataclass(frozen=True)
class Checked:
    """A claim and what was found.

    Attributes:
        says, source: of the claim.
        table: key of the task, and the corpus.
        better: the row.
        score: that it was checked in.
        differences: from each of the other rows.
        verdict: reproduced (better than every one, with both intervals above 0), contradicted (worse than one of them,
            with both intervals below 0), not reproduced (anything else), not measured.
    """

    says: str
    source: str
    table: tuple[str, str]
    better: str
    score: str
    differences: tuple[Difference, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Summary:
    """Everything that a benchmark found.

    Attributes:
        tables: in the order of the plan.
        claims: likewise.
        left: cells that were not done, for want of time.
        failed: cell in words -> reason.
        notes: sentences about what the figures are of: corpora that were not given, a checksum that has moved.
    """

    tables: tuple[TaskTable, ...]
    claims: tuple[Checked, ...]
    left: int
    failed: Mapping[str, str]
    notes: tuple[str, ...]
