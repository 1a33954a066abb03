"""Which files a benchmark leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from seehear.benchmark.run_plan import table_file_name, write_results
from seehear.benchmark.summary import summarise
from small_benchmark import PAPER, outcomes_of, plan_of, work_of


def test_a_file_of_each_kind(tmp_path: Path) -> None:
    plan = replace(plan_of(("new", "old"), 3), paper=(PAPER,))
    work = work_of(plan)
    outcomes = outcomes_of(work, {"new": [0.8, 0.82, 0.81], "old": [0.5, "it broke", None]})
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "of-another-plan.csv").write_text("a,b\n", encoding="utf-8")
    write_results(tmp_path, plan, summarise(plan, work, outcomes), work, outcomes)
    there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert there >= {
        "report.html", "tables.md", "outcomes.csv", "tables/emotion-people.csv", "tables/emotion-people.tex",
        "tables/emotion-people-paper.csv",
    }  # fmt: skip
    assert not [name for name in there if name.endswith(".tmp") or "another" in name]
    assert (tmp_path / "tables.md").read_text(encoding="utf-8").startswith("# A small\\_one\n")


def test_names_become_names_of_files() -> None:
    plan = plan_of(("new",), 1)
    (table,) = summarise(plan, work_of(plan), {}).tables
    assert table_file_name(replace(table, key="noise/10 %", data="my people")) == "noise-10-my-people"
