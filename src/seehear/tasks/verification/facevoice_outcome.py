"""The table of faces and voices: whom, within what group, and how far the model is above guessing."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seehear.tasks.result import percent_range
from seehear.tasks.significance import Comparison, Figure, as_plain
from seehear.tasks.verification.outcome import how_sure_of_pairs

if TYPE_CHECKING:
    from rich.table import Table


SHOWN = (2, 5, 10)
"""Ns of the table."""


@dataclass(frozen=True)
class FaceVoiceRow:
    """One contender with some people.

    Attributes:
        people: ``seen-heard``, which training had, or ``unseen-unheard``.
        within: what the two of every pair, and all rivals, share: nothing (``all``), or labels such as ``sex``.
        encoder: name of the contender.
        figures: ``AUC``, ``EER``, and ``voice to face, 1 of N`` and ``face to voice, 1 of N`` for each N for
            which there are enough rivals.
        pairs: of one person and of two.
        against: the model's AUC less this contender's; None for the model.
    """

    people: str
    within: str
    encoder: str
    figures: dict[str, Figure]
    pairs: tuple[int, int]
    against: Comparison | None


@dataclass(frozen=True)
class FaceVoiceResult:
    """The whole table.

    Attributes:
        data: the corpus.
        rows: people, then groups, then contenders, the model first.
        chance: figure -> what guessing gets.
        clips: that were used, by people.
        persons: how many there are, by people.
        setting: whatever else decides the numbers.
        remarks: what has to be known to believe them.
    """

    data: str
    rows: tuple[FaceVoiceRow, ...]
    chance: dict[str, float]
    clips: dict[str, int]
    persons: dict[str, int]
    setting: dict[str, Any]
    remarks: tuple[str, ...]

    def row(self, people: str, within: str, encoder: str) -> FaceVoiceRow:
        """One of the rows.

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if (row.people, row.within, row.encoder) == (people, within, encoder):
                return row
        raise KeyError((people, within, encoder))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return as_plain(self)

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(width=120, file=io.StringIO())
        for table in (self.table(), self.matching_table()):
            console.print(table)
        for line in self.told():
            console.print(line, markup=False, highlight=False)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue().rstrip()

    def table(self) -> Table:
        """Verification, with intervals."""
        from rich.table import Table

        title = f"faces and voices of {self.data} (guessing: AUC 50.0%, EER 50.0%, 1 of N 1/N)"
        columns = ["people", "within", "encoder", "AUC ± std", "95 % interval", "EER", "model is better by", "p"]
        table = Table(*columns, title=title)
        for row in self.rows:
            auc, told = row.figures["AUC"], row.against
            gain = f"{100 * told.difference:+.1f} ({100 * told.low:+.1f} to {100 * told.high:+.1f})" if told else ""
            table.add_row(
                row.people, row.within, row.encoder, f"{auc.value:.1%} ± {100 * auc.std:.1f}",
                percent_range(auc.low, auc.high), f"{row.figures['EER'].value:.1%}", gain,
                f"{told.p:.4f}" if told else "",
            )  # fmt: skip
        return table

    def matching_table(self) -> Table:
        """1-of-N, in percent, for some of the Ns; `to_dict` has all of them."""
        from rich.table import Table

        ways = [f"{way}, 1 of {count}" for way in ("voice to face", "face to voice") for count in SHOWN]
        columns = [f"1 of {count}" for count in SHOWN] * 2
        title = "matching, percent: first voice to face, then face to voice"
        table = Table("people", "within", "encoder", *columns, title=title)
        for row in self.rows:
            table.add_row(row.people, row.within, row.encoder, *(_percent(row.figures.get(way)) for way in ways))
        return table

    def told(self) -> list[str]:
        """What has to be known to believe the tables."""
        setting = ", ".join(f"{key} {value}" for key, value in self.setting.items())
        there = "; ".join(f"{name}: {self.clips[name]} clips of {self.persons[name]} people" for name in self.clips)
        return [
            f"{there}; {setting}.",
            "Voice and face of one person are of different sources, or else clips, where there are several.",
            *(f"{name}: {how_sure_of_pairs(count, 'people')}" for name, count in self.persons.items()),
            *self.remarks,
        ]


def _percent(figure: Figure | None) -> str:
    return f"{100 * figure.value:.1f}" if figure else "-"
