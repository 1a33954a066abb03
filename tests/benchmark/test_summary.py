"""From outcomes to tables: which number goes where, over which seeds, and what is said of those that are not there."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from scipy.stats import t

from seehear.benchmark.plan import Claim
from seehear.benchmark.summary import summarise
from seehear.benchmark.table import footnote
from small_benchmark import PAPER, outcomes_of, plan_of, work_of

GOOD, BAD = [0.80, 0.82, 0.81, 0.83], [0.60, 0.61, 0.64, 0.62]
CLAIM = Claim("new is better than old", "Somebody 2020", "emotion", "new", ("old",))


def test_means_and_intervals_over_the_seeds_that_are_there() -> None:
    plan = plan_of(("new", "old"), 4)
    work = work_of(plan)
    told = {"new": [0.8, 0.9, None, "it broke"], "old": [0.5, None, None, None]}
    summary = summarise(plan, work, outcomes_of(work, told))
    (table,) = summary.tables
    new, old = table.entries["new", 0], table.entries["old", 0]
    half = t.ppf(0.975, 1) * math.sqrt(0.005) / math.sqrt(2)
    assert new.values == {0: 0.8, 1: 0.9}
    assert (new.mean, new.low, new.high) == (
        pytest.approx(0.85),
        pytest.approx(0.85 - half),
        pytest.approx(0.85 + half),
    )
    assert new.failed == {3: "it broke"}
    assert (old.mean, old.low, old.high) == (0.5, None, None)
    assert (table.seeds, table.tested, table.units) == (4, (40, 40), "speakers")


def test_what_is_left_and_what_failed_is_counted_by_cell() -> None:
    plan = plan_of(("new", "old"), 3)
    work = work_of(plan)
    summary = summarise(plan, work, outcomes_of(work, {"new": [0.8, None, "it broke"], "old": [0.5, None, None]}))
    assert summary.left == 3
    assert summary.failed == {"emotion/new, seed 2": "it broke"}
    assert summary.notes == work.notes


def test_failed_cells_of_one_name_are_all_told() -> None:
    plan = plan_of(("new",), 1, labels=(0.1, 1.0))
    work = work_of(plan)
    summary = summarise(plan, work, outcomes_of(work, {"new": ["it broke"]}))
    assert list(summary.failed.values()) == ["it broke", "it broke"]


def test_columns_are_scores_then_noise_for_every_share_of_the_labels() -> None:
    plan = plan_of(("new",), 1, labels=(0.1, 1.0), scores=("accuracy", "F1"), noise="babble", snr_db=(-5.0, 0.0))
    work = work_of(plan)
    (table,) = summarise(plan, work, outcomes_of(work, {"new": [0.8]})).tables
    assert [(c.score, c.labels, c.snr_db) for c in table.columns] == [
        (score, labels, snr)
        for labels in (0.1, 1.0)
        for score, snr in [("accuracy", None), ("F1", None), ("accuracy", -5.0), ("accuracy", 0.0)]
    ]
    shown = [table.entries["new", place].mean for place in range(4)]
    assert shown == [pytest.approx(value) for value in (0.8, 0.4, 0.6, 0.7)]
    assert [c.chance for c in table.columns[:2]] == [0.25, None]


def test_without_noise_ratios_are_no_columns() -> None:
    plan = plan_of(("new",), 1, snr_db=(0.0,))
    work = work_of(plan)
    (table,) = summarise(plan, work, outcomes_of(work, {"new": [0.8]})).tables
    assert [column.score for column in table.columns] == ["accuracy"]


def test_a_table_of_which_nothing_is_done_stands_empty() -> None:
    plan = plan_of(("new", "old"), 2, [CLAIM])
    summary = summarise(plan, work_of(plan), {})
    (table,) = summary.tables
    assert [entry.mean for entry in table.entries.values()] == [None, None]
    assert summary.claims[0].verdict == "not measured"


def test_a_score_that_the_evaluation_does_not_tell_is_a_failure_not_a_gap() -> None:
    plan = plan_of(("new",), 1, scores=("accuracy", "EER"))
    work = work_of(plan)
    (table,) = summarise(plan, work, outcomes_of(work, {"new": [0.8]})).tables
    entry = table.entries["new", 1]
    assert entry.mean is None
    assert "EER" in entry.failed[0]
    assert "accuracy, F1" in entry.failed[0]
    assert [column.higher_is_better for column in table.columns] == [True, False]


def test_what_is_no_number_does_not_enter_a_mean() -> None:
    plan = plan_of(("new",), 3)
    work = work_of(plan)
    (table,) = summarise(plan, work, outcomes_of(work, {"new": [0.8, float("nan"), 0.6]})).tables
    entry = table.entries["new", 0]
    assert (entry.mean, list(entry.values)) == (pytest.approx(0.7), [0, 2])
    assert "nan" in entry.failed[1]


def test_reproduce_is_that_of_the_first_seed_that_was_done() -> None:
    plan = plan_of(("new",), 3)
    work = work_of(plan)
    (table,) = summarise(plan, work, outcomes_of(work, {"new": ["it broke", 0.8, 0.9]})).tables
    key = next(key for place, key in work.positions.items() if place.seed == 1)
    assert table.entries["new", 0].reproduce == (f"seehear evaluate emotion {key}",)


def test_the_best_is_marked_and_the_claim_reproduced() -> None:
    plan = plan_of(("new", "old"), 4, [CLAIM])
    work = work_of(plan)
    summary = summarise(plan, work, outcomes_of(work, {"new": GOOD, "old": BAD}))
    (table,), (claim,) = summary.tables, summary.claims
    assert table.entries["new", 0].best
    assert not table.entries["old", 0].best
    assert (claim.verdict, claim.table, claim.score) == ("reproduced", ("emotion", "people"), "accuracy")
    assert claim.differences[0].mean == pytest.approx(sum(GOOD) / 4 - sum(BAD) / 4)


def test_less_is_better_where_the_evaluation_says_so() -> None:
    plan = plan_of(("new", "old"), 4, [CLAIM])
    work = work_of(plan)
    summary = summarise(plan, work, outcomes_of(work, {"new": GOOD, "old": BAD}, higher_is_better=False))
    assert summary.tables[0].entries["old", 0].best
    assert summary.claims[0].verdict == "contradicted"


def test_draws_of_other_test_recordings_are_not_paired() -> None:
    plan = plan_of(("new", "old"), 4, [CLAIM])
    work = work_of(plan)
    same = outcomes_of(work, {"new": GOOD, "old": BAD}, draws=(0.5, 0.6, 0.7))
    keys = [key for place, key in work.positions.items() if place.row == "old"]
    other = {key: replace(one, tested=39) if key in keys else one for key, one in same.items()}
    assert summarise(plan, work, same).claims[0].differences[0].bootstrap_low == 0
    assert summarise(plan, work, same).claims[0].verdict == "not reproduced"
    assert summarise(plan, work, other).claims[0].differences[0].bootstrap_low is None
    assert summarise(plan, work, other).claims[0].verdict == "reproduced"


def test_draws_are_of_the_first_score_alone() -> None:
    plan = plan_of(("new", "old"), 4, [CLAIM], scores=("F1", "accuracy"))
    work = work_of(plan)
    (claim,) = summarise(plan, work, outcomes_of(work, {"new": GOOD, "old": BAD}, draws=(0.5, 0.5))).claims
    assert (claim.score, claim.differences[0].bootstrap_low) == ("F1", None)


def test_a_claim_is_checked_at_its_share_of_the_labels() -> None:
    plan = plan_of(("new", "old"), 4, [replace(CLAIM, labels=0.1), replace(CLAIM, labels=0.5)], labels=(0.1, 1.0))
    work = work_of(plan)
    found = outcomes_of(work, {"new": GOOD, "old": BAD})
    for place, key in work.positions.items():
        if place.labels == 0.1:
            found[key] = replace(found[key], scores={"accuracy": 1 - found[key].scores["accuracy"]})
    assert [claim.verdict for claim in summarise(plan, work, found).claims] == ["contradicted", "not measured"]


def test_a_claim_on_data_that_is_not_there_was_not_measured() -> None:
    plan = plan_of(("new", "old"), 2, [CLAIM])
    work = replace(work_of(plan), positions={}, cells=())
    summary = summarise(plan, work, {})
    assert summary.tables == ()
    assert [claim.verdict for claim in summary.claims] == ["not measured"]


def test_papers_stand_beside_their_own_task() -> None:
    plan = replace(plan_of(("new",), 1), paper=(PAPER, replace(PAPER, task="sync")))
    (table,) = summarise(plan, work_of(plan), {}).tables
    assert table.paper == (PAPER,)


def test_guessing_and_the_tested_are_of_all_seeds() -> None:
    plan = plan_of(["a", "b"], seeds=2)
    work = work_of(plan)
    found = outcomes_of(work, {"a": [0.5, 0.6], "b": [0.4, 0.5]})
    for place, key in work.positions.items():
        chance, tested = ({"accuracy": 0.2}, 30) if place.seed else ({"accuracy": 0.4}, 40)
        found[key] = replace(found[key], chance=chance, tested=tested)
    (table,) = summarise(plan, work, found).tables
    assert table.columns[0].chance == pytest.approx(0.3)
    assert table.tested == (30, 40)
    assert "each tests 30 to 40 recordings" in footnote(table)
