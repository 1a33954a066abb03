"""What all results have in common: text, HTML, `repr`, rows, errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

import pytest
from rich.table import Table

from seehear.results import WIDTH, Result, render


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, repr=False)
class Found(Result):
    """What was found in a file."""

    SHOWN: ClassVar[tuple[str, ...]] = ("path", "colour", "share")

    path: Path = Path("talk.mp4")
    colour: Colour = Colour.RED
    share: float = 2 / 3
    parts: tuple[int, ...] = (1, 2)
    error: str | None = None
    code: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"file": str(self.path), "share": self.share, "parts": list(self.parts), "by": {"a": 1}, "none": None}

    def __rich__(self) -> Table:
        table = Table("file", "what")
        table.add_row(str(self.path), "<b>" + "word " * 60)
        return table


@dataclass(frozen=True, repr=False)
class Wide(Found):
    SHOWN: ClassVar[tuple[str, ...]] = ()
    WIDTH: ClassVar[int] = 160


@dataclass(frozen=True, repr=False)
class Plain(Result):
    """It cannot fail, and has no field for an error."""

    count: int = 3

    def to_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def __rich__(self) -> str:
        return f"{self.count} clips\nand more"


FAILED = Found(error="talk.mp4 is no video", code="media")


def test_errors_are_problems() -> None:
    assert (Found().ok, Found().problems, Found().partial) == (True, (), False)
    assert (FAILED.ok, FAILED.problems) == (False, ("talk.mp4 is no video",))
    assert (Plain().ok, Plain().problems) == (True, ())


def test_a_row_is_what_fits_into_cells() -> None:
    assert Found().to_row() == {"file": "talk.mp4", "share": 2 / 3, "none": None}


def test_text_is_the_same_on_every_terminal_and_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    text = str(Found())
    assert max(map(len, text.splitlines())) == WIDTH
    assert max(map(len, str(Wide()).splitlines())) == Wide.WIDTH
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert str(Found()) == text
    html = Found()._repr_html_()
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)  # where rich would display it at once
    assert str(Found()) == text
    assert Found()._repr_html_() == html


def test_text_is_not_taken_for_markup_and_not_broken() -> None:
    assert render(["x" * 300, "second"]) == "x" * 300 + "\nsecond"


def test_the_line_of_one_among_many_is_the_first() -> None:
    assert Plain().line().plain == "3 clips"


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (Found(), "Found(path='talk.mp4', colour='red', share=0.6667)"),
        (FAILED, "Found(path='talk.mp4', error='talk.mp4 is no video')"),
        (Wide(), "Wide(share=0.6667)"),
        (Plain(), "Plain(count=3)"),
    ],
)
def test_the_repr_is_short(result: Result, shown: str) -> None:
    assert repr(result) == shown


def test_a_notebook_shows_html() -> None:
    page = Found()._repr_html_()
    assert page.startswith("<pre")
    assert "talk.mp4" in page
    assert "&lt;b&gt;" in page


def test_a_result_without_its_methods_cannot_be_made() -> None:
    with pytest.raises(TypeError):
        Result()  # type: ignore[abstract]


def test_results_are_compared_by_their_values() -> None:
    assert Found() == Found()
    assert Found() != replace(Found(), share=0.5)
