"""Which cell is next."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.plan import Cell
from seehear.benchmark.schedule import Schedule, with_needs

PEOPLE = Cell("corpus", "people", None, {"clips": 3})
ROWS = ("animate", "apc")


def training(row: str, seed: int) -> Cell:
    return Cell("pretrain", row, seed, {"preset": row}, (PEOPLE.key,))


def measuring(row: str, seed: int) -> Cell:
    of = training(row, seed).key
    return Cell("measure", f"emotion/{row}", seed, {"task": "emotion", "of": of}, (PEOPLE.key, of))


def table(seeds: int) -> list[Cell]:
    """A corpus, two pretexts, one task."""
    rows = [(row, seed) for seed in range(seeds) for row in ROWS]
    return [PEOPLE, *(make(row, seed) for row, seed in rows for make in (training, measuring))]


def done(cell: Cell, seconds: float = 1.0) -> CellOutcome:
    return CellOutcome(cell.key, seconds)


def in_order(schedule: Schedule) -> list[str]:
    """What one worker does."""
    order = []
    while cell := schedule.next():
        schedule.record(cell, done(cell))
        order.append(cell.label)
    return order


def test_the_whole_table_with_one_seed_before_the_next_and_each_row_is_measured_at_once() -> None:
    assert in_order(Schedule(table(2), {})) == [
        "people",
        *(
            called
            for seed in (0, 1)
            for row in ROWS
            for called in (f"{row}, seed {seed}", f"emotion/{row}, seed {seed}")
        ),
    ]


def test_what_claims_leave_open_comes_first_from_the_third_seed_on() -> None:
    asked = []

    def wanted(outcomes: dict[str, CellOutcome]) -> list[str]:
        asked.append(len(outcomes))
        return [measuring("apc", seed).key for seed in range(4)]

    order = in_order(Schedule(table(4), {}, wanted))
    assert order[1:5] == ["animate, seed 0", "emotion/animate, seed 0", "apc, seed 0", "emotion/apc, seed 0"]
    assert order[9:13] == ["apc, seed 2", "emotion/apc, seed 2", "animate, seed 2", "emotion/animate, seed 2"]
    assert asked == [9, 13]  # once for each of the seeds 2 and 3
    assert len(order) == 17  # settled claims are done too, later


@given(st.integers(1, 4), st.integers(1, 3), st.randoms())
def test_nothing_is_begun_before_what_it_needs_or_twice(workers: int, seeds: int, random) -> None:
    schedule = Schedule(table(seeds), {})
    running: list[Cell] = []
    finished: set[str] = set()
    while True:
        while len(running) < workers and (cell := schedule.next()):
            assert set(cell.needs) <= finished
            assert cell.key not in finished
            assert cell not in running
            running.append(cell)
        if not running:
            break
        cell = running.pop(random.randrange(len(running)))
        finished.add(cell.key)
        schedule.record(cell, done(cell))
    assert finished == {cell.key for cell in table(seeds)}


def test_nothing_else_while_a_corpus_is_made() -> None:
    other = Cell("corpus", "others", None, {"clips": 4})
    schedule = Schedule([PEOPLE, other], {})
    assert schedule.next() == PEOPLE
    assert schedule.next() is None
    schedule.record(PEOPLE, done(PEOPLE))
    assert schedule.next() == other


def test_what_was_done_is_not_done_again_and_what_failed_is() -> None:
    lost = training("apc", 0)
    before = {PEOPLE.key: done(PEOPLE), lost.key: CellOutcome(lost.key, 0.0, failed="no memory")}
    for kind in (training, measuring):
        before[kind("animate", 0).key] = done(kind("animate", 0))
    assert in_order(Schedule(table(1), before)) == ["apc, seed 0", "emotion/apc, seed 0"]


def test_what_needs_a_failed_cell_fails_with_its_reason_and_the_rest_goes_on() -> None:
    schedule = Schedule(table(1), {PEOPLE.key: done(PEOPLE)})
    first = schedule.next()
    lost = schedule.record(first, CellOutcome(first.key, 1.0, failed="the loss is no number"))
    assert [(cell.label, outcome.failed) for cell, outcome in lost] == [
        ("emotion/animate, seed 0", "it needs animate, seed 0, which failed: the loss is no number")
    ]
    assert in_order(schedule) == ["apc, seed 0", "emotion/apc, seed 0"]


def test_a_chain_of_failures_tells_the_first_cause() -> None:
    schedule = Schedule(table(1), {})
    lost = schedule.record(schedule.next(), CellOutcome(PEOPLE.key, 0.0, failed="no voices"))
    assert len(lost) == len({cell.key for cell, _ in lost}) == 4
    assert schedule.next() is None
    assert {outcome.failed for _, outcome in lost} == {"it needs people, which failed: no voices"}


def test_what_cannot_end_in_time_is_not_begun() -> None:
    now = [0.0]
    schedule = Schedule(table(2), {PEOPLE.key: done(PEOPLE)}, until=100.0, clock=lambda: now[0])
    slow, quick = (training(row, 0) for row in ROWS)
    for cell, seconds in ((slow, 60.0), (measuring("animate", 0), 1.0), (quick, 20.0), (measuring("apc", 0), 1.0)):
        assert schedule.next() == cell
        now[0] += seconds / 2
        schedule.record(cell, done(cell, seconds))
    assert schedule.left_s == 59.0
    assert schedule.expected_s(training("animate", 1)) == 60.0
    assert schedule.next() == training("apc", 1)  # 20 s: the slow one would need 60
    assert schedule.next() == training("animate", 1)  # which it may as well begin: it goes on another time
    assert schedule.next() is None
    now[0] = 100.0
    schedule.record(quick, done(quick, 20.0))
    assert schedule.next() is None


def test_measurings_that_cannot_end_in_time_are_not_begun() -> None:
    one, other = measuring("animate", 0), measuring("apc", 0)
    before = {cell.key: done(cell) for cell in table(1) if cell.kind != "measure"}
    schedule = Schedule(table(1), before, until=10.0, clock=lambda: 0.0)
    assert schedule.next() == one
    schedule.record(one, done(one, 11.0))
    assert schedule.next() is None
    assert schedule.waiting == [other]


def test_the_time_of_what_was_never_done_is_that_of_its_like() -> None:
    schedule = Schedule(table(2), {})
    assert schedule.expected_s(training("apc", 0)) == 0.0
    assert schedule.remaining_s(2) is None
    schedule.record(PEOPLE, done(PEOPLE, 3.0))
    assert schedule.expected_s(training("apc", 0)) == 0.0  # a corpus is another matter
    schedule.record(training("animate", 0), done(training("animate", 0), 10.0))
    assert schedule.expected_s(training("apc", 0)) == 10.0
    schedule.record(training("apc", 0), done(training("apc", 0), 4.0))
    assert schedule.expected_s(training("apc", 1)) == 4.0
    assert schedule.remaining_s(2) is None  # nothing is known of measurings
    schedule.record(measuring("apc", 0), done(measuring("apc", 0), 2.0))
    assert schedule.remaining_s(2) == (10.0 + 4.0 + 3 * 2.0) / 2


def test_all_that_cells_need() -> None:
    cells = {cell.key: cell for cell in table(2)}
    wanted = measuring("apc", 1)
    assert with_needs([wanted.key], cells) == {wanted.key, training("apc", 1).key, PEOPLE.key}
    assert with_needs(itertools.chain(cells), cells) == set(cells)
