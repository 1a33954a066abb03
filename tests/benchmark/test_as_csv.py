"""Tables for programs: what is read back is what was measured."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.benchmark.formats import outcomes_csv, paper_csv, table_csv
from seehear.benchmark.summary import summarise
from small_benchmark import PAPER, outcomes_of, plan_of, work_of

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=12)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_line_a_number() -> None:
    plan = plan_of(("new", "old"), 2, scores=("accuracy", "F1"))
    work = work_of(plan)
    told = {"new": [0.8, 0.9], "old": ["it broke", None]}
    lines = read(table_csv(summarise(plan, work, outcomes_of(work, told)).tables[0]))
    assert [(line["row"], line["score"]) for line in lines] == [
        ("new", "accuracy"), ("new", "F1"), ("old", "accuracy"), ("old", "F1"),
    ]  # fmt: skip
    assert float(lines[0]["mean"]) == pytest.approx(0.85)
    assert (lines[0]["seeds"], lines[0]["best"], lines[0]["chance"]) == ("2", "False", "0.25")
    assert (lines[2]["mean"], lines[2]["failed"]) == ("", "seed 0: it broke")


def test_every_score_of_every_seed_is_among_the_outcomes() -> None:
    plan = plan_of(("new",), 2, noise="babble", snr_db=(0.0, -5.0))
    work = work_of(plan)
    lines = read(outcomes_csv(work, outcomes_of(work, {"new": [0.8, "it broke"]})))
    assert [(line["seed"], line["score"], line["snr_db"], float(line["value"])) for line in lines] == [
        ("0", "accuracy", "", 0.8),
        ("0", "F1", "", 0.4),
        ("0", "accuracy", "0", pytest.approx(0.7)),
        ("0", "accuracy", "-5", pytest.approx(0.6)),
    ]


def test_what_papers_print_is_in_a_file_of_its_own() -> None:
    plan = replace(plan_of(("ours_new",), 1), paper=(PAPER,))
    (table,) = summarise(plan, work_of(plan), {}).tables
    assert "55.01" not in table_csv(table)
    lines = read(paper_csv(table))
    assert [(line["row"], line["column"], line["value"]) for line in lines] == [
        ("ours_new", "accuracy (%)", "55.01"), ("mfcc & co", "accuracy (%)", "41.5"), ("mfcc & co", "F1", "0.447"),
    ]  # fmt: skip


@given(NAMES, st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None, max_examples=30)
def test_any_name_and_number_is_read_back(name: str, value: float) -> None:
    plan = plan_of((name,), 1)
    work = work_of(plan)
    (line, *_) = read(outcomes_csv(work, outcomes_of(work, {name: [value]})))
    assert (line["row"], float(line["value"])) == (name, value)
