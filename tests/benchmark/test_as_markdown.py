"""The page of tables: what stands in it, and that names cannot break it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from seehear.benchmark.formats import escape_markdown, markdown
from seehear.benchmark.plan import Claim
from seehear.benchmark.summary import summarise
from small_benchmark import PAPER, outcomes_of, plan_of, work_of

GOOD, BAD = [0.80, 0.82, 0.81], [0.60, 0.61, 0.64]
CLAIM = Claim("new is better | much", "Somebody 2020", "emotion", "ours_new", ("mfcc & co",))


def page(told: dict[str, list[float | str | None]], seeds: int = 3) -> str:
    plan = replace(plan_of(tuple(told), seeds, [CLAIM]), paper=(PAPER,))
    work = work_of(plan)
    return markdown(plan, summarise(plan, work, outcomes_of(work, told)))


def cells(text: str) -> list[list[str]]:
    """Rows of all tables, as a reader of Markdown sees them."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level >= 4:
            rows[-1].append(words(token))
    return rows


def words(token: Token) -> str:
    return "".join(child.content for child in token.children or [])


def test_numbers_with_half_width_interval_and_mark() -> None:
    text = page({"ours_new": [*GOOD], "mfcc & co": [*BAD]})
    assert "| **81.0 ± 2.5** [78.5, 83.5] |" in text
    assert ["mfcc & co", "61.7 ± 5.2 [56.5, 66.8]"] in cells(text)
    assert ["chance", "25.0"] in cells(text)
    assert "accuracy (%) ↑" in text


def test_fewer_seeds_are_said() -> None:
    text = page({"ours_new": [0.8, 0.82, None], "mfcc & co": ["it broke", "it broke", None]})
    assert " n 2 |" in text
    assert ["mfcc & co", "failed"] in cells(text)
    assert ["emotion/mfcc & co, seed 0", "it broke"] in cells(text)
    assert "2 cells" in text
    assert "A corpus was not given." in text


def test_claims_with_their_difference_and_verdict() -> None:
    (row,) = [row for row in cells(page({"ours_new": [*GOOD], "mfcc & co": [*BAD]})) if row[-1] == "reproduced"]
    assert row[0] == "new is better | much"
    assert row[2] == "emotion on people, accuracy (points)"
    assert row[3].startswith("than mfcc & co: +19.3 [")


def test_papers_figures_are_quoted_and_what_differs_is_said() -> None:
    text = page({"ours_new": [*GOOD], "mfcc & co": [*BAD]})
    told = [line for line in text.splitlines() if "55.01" in line or "50 % more" in line or "not measured here" in line]
    assert len(told) == 3
    assert all(line.startswith("> ") for line in told)


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20))
@settings(deadline=None)
def test_any_name_is_shown_as_it_is(name: str) -> None:
    rows = cells(f"| a | b |\n|---|---|\n| x {escape_markdown(name)} | 1 |")
    assert rows[1] == [f"x {name}", "1"]
