"""A list of recordings to be compared: a pair a line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seehear.errors import SeehearError
from seehear.os_errors import refusals_as_sentences
from seehear.pointers import read_text

ANSWERS = {"1": True, "0": False}


@dataclass(frozen=True)
class Pair:
    """Two recordings that are compared.

    Attributes:
        one, other: files.
        target: whether they are of one speaker, where a list says so.
    """

    one: Path
    other: Path
    target: bool | None = None


def read_pairs(file: Path, folder: Path) -> list[Pair]:
    """The pairs of a list: lines ``one other``, or ``1 one other`` and ``0 one other`` as VoxCeleb publishes them.

    Args:
        file: the list. Fields stand apart by any blanks, empty lines are passed over.
        folder: which the names are in.

    Raises:
        SeehearError: it cannot be read, has a line of another form, or no line.
    """
    with refusals_as_sentences(file):
        text = read_text(file, errors="replace").removeprefix("\ufeff")
    pairs = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        target = ANSWERS.get(fields[0]) if len(fields) == 3 else None
        if fields and (len(fields) not in (2, 3) or (len(fields) == 3 and target is None)):
            raise SeehearError(
                f"line {number} of {file} is not 'one.wav other.wav', nor '1 one.wav other.wav' (or 0): "
                f"{line.strip()[:80]!r}"
            )
        if fields:
            pairs.append(Pair(folder / fields[-2], folder / fields[-1], target))
    if not pairs:
        raise SeehearError(f"{file} has no pair of recordings in it; write a pair a line")
    return pairs
