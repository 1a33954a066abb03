"""Tables for papers: a hand-made parse stands in for LaTeX."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from seehear.benchmark.formats import SPECIAL, escape_latex, latex
from seehear.benchmark.summary import summarise
from small_benchmark import PAPER, outcomes_of, plan_of, work_of

GOOD, BAD = [0.80, 0.82, 0.81], [0.60, 0.61, 0.64]


def tabulars(text: str) -> list[tuple[str, list[list[str]]]]:
    """Columns and rows of each tabular; fails where braces or environments do not match."""
    assert balanced(text)
    found = re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert text.count(r"\begin{") == text.count(r"\end{") == 2 * len(found)
    told = []
    for columns, body in found:
        lines = re.sub(r"\\(top|mid|bottom)rule", "", body).split("\\\\\n")
        rows = [[cell.strip() for cell in re.split(r"(?<!\\)&", line)] for line in lines if line.strip()]
        assert {len(row) for row in rows} == {len(columns)}
        told.append((columns, rows))
    return told


def balanced(text: str) -> bool:
    """Whether every brace that LaTeX sees is closed."""
    depth = 0
    for mark in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if mark == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def test_rows_columns_and_the_mark() -> None:
    plan = plan_of(("ours_new", "mfcc & co"), 3, scores=("accuracy", "F1"))
    work = work_of(plan)
    text = latex(summarise(plan, work, outcomes_of(work, {"ours_new": GOOD, "mfcc & co": BAD})).tables[0])
    ((columns, rows),) = tabulars(text)
    assert columns == "lrr"
    assert rows[0] == ["", r"accuracy (\%) $\uparrow$", r"F1 $\uparrow$"]
    assert rows[1][0] == r"ours\_new"
    assert rows[1][1] == r"\textbf{81.0 $\pm$ 2.5}"
    assert rows[2] == [r"mfcc \& co", r"61.7 $\pm$ 5.2", r"0.308 $\pm$ 0.026"]
    assert rows[3] == ["chance", "25.0", "--"]
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\usepackage{booktabs}"))


def test_papers_figures_are_in_a_table_of_their_own() -> None:
    plan = replace(plan_of(("ours_new",), 1), paper=(PAPER,))
    text = latex(summarise(plan, work_of(plan), {}).tables[0])
    (_, ours), (_, theirs) = tabulars(text)
    assert "55.01" not in str(ours)
    assert theirs[1] == [r"ours\_new", "55.01", "--"]
    assert r"not measured here: Table 1" in text
    assert r"50 \% more of them" in text


def test_failures_and_gaps_are_said() -> None:
    plan = plan_of(("ours_new", "mfcc"), 2)
    work = work_of(plan)
    text = latex(
        summarise(plan, work, outcomes_of(work, {"ours_new": ["it broke", 0.5], "mfcc": ["no", "no"]})).tables[0]
    )
    ((_, rows),) = tabulars(text)
    assert rows[1][1] == "50.0 (n 1)"
    assert rows[2][1] == "failed"


@given(st.text(max_size=40))
def test_escaped_text_has_no_mark_that_latex_acts_on(text: str) -> None:
    shown = escape_latex(text)
    bare = re.sub(r"\\text\w+\{\}|\\[&%$#_{}]|\$\\\w+\$|\{\[\}|\{\]\}", "", shown)
    assert not set(bare) & (set("\\{}%$#_&~^[]") | set("<>|"))
    assert balanced(shown)


def test_escapes_can_be_told_apart() -> None:
    assert len(set(SPECIAL.values())) == len(SPECIAL)
