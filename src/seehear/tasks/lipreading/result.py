"""What reading lips came to: the table of every task, and how well each kind of word is read."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from seehear.tasks.isolated import LABEL
from seehear.tasks.recordings import Recordings
from seehear.tasks.result import Result, Row

if TYPE_CHECKING:
    from rich.table import Table


GIVEN = (
    "Words are cut out by their known times (of a clip of one word, all of it is read), and where it says 'boundaries "
    "told' the read-out knows which frames are the word's own: easier than to read a sentence."
)
"""Of every table."""


@dataclass(frozen=True)
class LipsResult(Result):
    """The whole table.

    Attributes:
        kinds: kind of words -> the words of it, such as letter -> a, b, c ...; empty where that is not known of all.
    """

    kinds: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, result: Result, kinds: Mapping[str, Sequence[str]]) -> Self:
        """With the kinds of its words."""
        return cls(**{field.name: getattr(result, field.name) for field in fields(Result)}, kinds=kinds)

    def remarks(self) -> list[str]:
        """What has to be known to believe the table: that where a word begins and ends is given, above all."""
        return [*super().remarks(), GIVEN]

    def by_kind(self, row: Row) -> dict[str, float]:
        """Accuracy among the words of each kind, told apart from all words; over all seeds."""
        counts = row.confusion or []
        right, there = dict.fromkeys(self.kinds, 0), dict.fromkeys(self.kinds, 0)
        for kind, words in self.kinds.items():
            for place in (self.classes.index(word) for word in words):
                right[kind] += counts[place][place]
                there[kind] += sum(counts[place])
        return {kind: right[kind] / there[kind] for kind in self.kinds if there[kind]}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the accuracy of each kind of words in each row too."""
        told = super().to_dict()
        for row, plain in zip(self.rows, told["rows"], strict=True):
            plain["by_kind"] = self.by_kind(row)
        return told

    def __str__(self) -> str:
        if not self.kinds:
            return super().__str__()
        from rich.console import Console

        console = Console(width=120, file=io.StringIO())
        console.print(self.kind_table())
        assert isinstance(console.file, io.StringIO)
        return f"{super().__str__()}\n{console.file.getvalue().rstrip()}"

    def kind_table(self) -> Table:
        """A row an encoder, a column a kind of words."""
        from rich.table import Table

        columns = (f"{kind} ({len(words)})" for kind, words in self.kinds.items())
        table = Table("encoder", *columns, title="accuracy by kind of words (so many of them), among all words")
        for row in self.rows:
            by_kind = self.by_kind(row)
            table.add_row(row.encoder, *(f"{by_kind[kind]:.1%}" if kind in by_kind else "-" for kind in self.kinds))
        return table


def kinds_of(words: Recordings) -> dict[str, list[str]]:
    """The kind of each word where every sentence says it: the label, such as letter, whose value the word is.

    Returns:
        Kind -> its words, sorted; nothing where a word is of no kind or of two, or all are of one.
    """
    found: dict[str, set[str]] = {}
    for word in words:
        text = word.labels[LABEL]
        of_text = [kind for kind, value in word.labels.items() if kind != LABEL and value.lower() == text]
        if len(of_text) != 1:
            return {}
        found.setdefault(of_text[0], set()).add(text)
    several = len(found) > 1 and sum(map(len, found.values())) == len(set().union(*found.values()))
    return {kind: sorted(texts) for kind, texts in found.items()} if several else {}
