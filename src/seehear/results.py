"""`Result`: the base of what public functions return. It prints itself, and becomes plain values."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

WIDTH = 100
"""Columns of a result as text, whatever the terminal; results with wide tables have more."""


class Result(ABC):
    """A frozen dataclass that is returned to the user (``@dataclass(frozen=True, repr=False)``).

    ``print(result)`` shows tables, a notebook shows them as HTML, ``to_dict`` gives plain values for JSON. Of several
    files each gives a result: one that could not be used has the sentence that says why in ``error``, and the stable
    name of the problem in ``code``.
    """

    error: str | None
    code: str | None

    SHOWN: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that `repr` shows; by default the plain ones."""

    WIDTH: ClassVar[int] = WIDTH

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return getattr(self, "error", None) is None

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences on what went wrong, for the error stream; the command line exits with 2 where there are any."""
        return () if self.ok else (str(self.error),)

    @property
    def partial(self) -> bool:
        """Whether there is something to show besides the error."""
        return False

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain values: what ``--json`` prints."""

    @abstractmethod
    def __rich__(self) -> RenderableType:
        """For the terminal."""

    def to_row(self) -> dict[str, Any]:
        """One line of a CSV table: the plain numbers and words of `to_dict`."""
        return {key: value for key, value in self.to_dict().items() if not isinstance(value, (dict, list))}

    def line(self) -> Text:
        """The result on one line, for one of many."""
        from rich.text import Text

        return Text(str(self).partition("\n")[0])

    def __str__(self) -> str:
        return render([self.__rich__()], self.WIDTH)

    def __repr__(self) -> str:
        shown = self.SHOWN or tuple(
            field.name
            for field in fields(self)  # type: ignore[arg-type]
            if isinstance(getattr(self, field.name), (str, int, float))
        )
        names = shown if self.ok else (*shown[:1], "error")
        values = (f"{name}={_plain(getattr(self, name))!r}" for name in names)
        return f"{type(self).__name__}({', '.join(values)})"

    def _repr_html_(self) -> str:
        console = _off_screen(self.WIDTH, record=True)
        console.print(self.__rich__())
        return console.export_html(inline_styles=True, code_format="<pre style='line-height:1.2'>{code}</pre>")


def _plain(value: Any) -> Any:
    """A value as `repr` shows it: short, and as one would type it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    return float(f"{value:.4g}") if isinstance(value, float) else value


def render(parts: Iterable[RenderableType], width: int = WIDTH) -> str:
    """Return what rich would print, as plain text of the given width."""
    console = _off_screen(width)
    for part in parts:
        print_block(console, part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip()


def print_block(console: Console, block: RenderableType) -> None:
    """Print a block. Sentences stay on one line: a terminal wraps them, and a search finds them."""
    from rich.console import Group
    from rich.text import Text

    for part in block.renderables if isinstance(block, Group) else [block]:
        console.print(part, soft_wrap=isinstance(part, (str, Text)))


def _off_screen(width: int, *, record: bool = False) -> Console:
    """A console that only writes down what it is given, also in a notebook and where colours are forced."""
    from rich.console import Console

    return Console(
        width=width, file=io.StringIO(), record=record, highlight=False, force_terminal=False, force_jupyter=False
    )
