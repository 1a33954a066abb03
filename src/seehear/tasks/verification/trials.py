"""Pairs that are asked about: from a published list, or drawn from labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seehear.errors import CorpusError
from seehear.os_errors import refusals_as_sentences

Rows = NDArray[np.int64]

ENUMERATED = 3000
"""Of so many things all pairs are written down to choose from; of more, pairs are drawn until there are enough."""

AT_LEAST = 100_000
"""Pairs that are drawn at a time: of few there might be none that is wanted, where there are some."""


@dataclass(frozen=True)
class Trials:
    """Pairs of rows.

    Attributes:
        left, right: (N,).
        targets: whether both are of one person, bool (N,).
    """

    left: Rows
    right: Rows
    targets: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.targets)


class Listed(NamedTuple):
    """One line of a list."""

    target: bool
    one: str
    other: str


def read_trial_list(file: Path) -> list[Listed]:
    """A list as VoxCeleb publishes them: ``1 one/of/them.wav the/other.wav`` for one speaker, ``0`` for two.

    Fields stand apart by any blanks, lines end in any way, empty ones are passed over.

    Raises:
        CorpusError: it cannot be read, a line is of another form, or it has no pair of either kind.
    """
    with refusals_as_sentences(file):
        text = file.read_bytes().decode("utf-8", errors="replace").removeprefix("\ufeff")
    listed = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 3 or fields[0] not in ("0", "1"):
            raise CorpusError(f"line {number} of {file} is not '1 one.wav other.wav' (or 0): {line.strip()[:80]!r}")
        listed.append(Listed(fields[0] == "1", fields[1], fields[2]))
    if len({pair.target for pair in listed}) < 2:
        raise CorpusError(f"{file} needs pairs of one speaker (1) and of two (0); it has {len(listed)} of one kind")
    return listed


def find_listed(listed: Sequence[Listed], sources: Sequence[str], file: Path, data: str) -> tuple[list[Rows], Trials]:
    """What a list names, among recordings.

    A path means the recordings of the source whose name ends in it; suffixes of files do not count, so that a list of
    ``.wav`` serves for sound that was stored otherwise.

    Args:
        listed: the pairs.
        sources: of each recording; several may be pieces of one.
        file: the list, and
        data: where recordings are from, for the sentence.

    Returns:
        Rows of the recordings of each file that is named, and pairs of those.

    Raises:
        CorpusError: files are missing, or a path fits several.
    """
    by_ending: dict[str, set[str]] = {}
    rows: dict[str, list[int]] = {}
    for row, source in enumerate(sources):
        rows.setdefault(source, []).append(row)
    for source in rows:
        parts = _parts(source)
        for first in range(len(parts)):
            by_ending.setdefault("/".join(parts[first:]), set()).add(source)
    named = list(dict.fromkeys(name for pair in listed for name in (pair.one, pair.other)))
    found = {name: by_ending.get("/".join(_parts(name)), set()) for name in named}
    if missing := [name for name in named if not found[name]]:
        raise CorpusError(
            f"{file} names {len(missing)} of {len(named)} recordings that are not in {data} (the first is "
            f"{missing[0]}); name the folder in which its paths begin, or take those lines out"
        )
    if several := [name for name in named if len(found[name]) > 1]:
        raise CorpusError(f"{several[0]} of {file} may be any of {len(found[several[0]])} recordings in {data}")
    place = {name: number for number, name in enumerate(named)}
    pairs = np.array([(place[pair.one], place[pair.other]) for pair in listed])
    trials = Trials(pairs[:, 0], pairs[:, 1], np.array([pair.target for pair in listed]))
    return [np.array(rows[next(iter(found[name]))]) for name in named], trials


def draw_trials(
    who: Sequence[str],
    same: Sequence[str],
    pieces_of: Sequence[str] | None = None,
    alike: Sequence[tuple[str, ...]] | None = None,
    count: int = 1_000_000,
    seed: int = 0,
) -> Trials:
    """Pairs by a rule: all there are, or where there are more, ``count`` of each kind by a seed.

    Args:
        who: speaker of each; those of a pair of two differ.
        same: what the two of a target pair share: the speaker, or the recording that both were cut from.
        pieces_of: the two of a target pair are pieces of different ones of these. By default any two do.
        alike: what the two of any pair share, such as the sex.
        count: pairs of each kind at most.
        seed: of the choice.

    Raises:
        CorpusError: there is no pair of one kind.
    """
    persons, shared, pieces, groups = (_numbers(values or [""] * len(who)) for values in (who, same, pieces_of, alike))
    if pieces_of is None:
        pieces = np.arange(len(who))
    rng = np.random.default_rng([seed, 83])
    targets = _target_pairs(shared, pieces, groups)
    others = _other_pairs(persons, groups, count, rng)
    if not len(targets):
        raise CorpusError(
            "there is no pair of recordings of one speaker from different sources; ask for --trials segments, which "
            "compares parts of a recording, or give more recordings"
        )
    if not len(others):
        raise CorpusError("there is no pair of recordings of two speakers; give recordings of others as well")
    kept = np.concatenate([_some(pairs, count, rng) for pairs in (targets, others)])
    known = np.arange(len(kept)) < min(count, len(targets))
    return Trials(kept[:, 0], kept[:, 1], known)


def _target_pairs(shared: Rows, pieces: Rows, groups: Rows) -> Rows:
    order = np.argsort(shared, kind="stable")
    pairs = []
    for rows in np.split(order, np.flatnonzero(np.diff(shared[order])) + 1):
        first, second = np.triu_indices(len(rows), 1)
        pairs.append(np.column_stack([rows[first], rows[second]]))
    found = np.concatenate(pairs)
    one, other = found.T
    kept: Rows = found[(pieces[one] != pieces[other]) & (groups[one] == groups[other])]
    return kept


def _other_pairs(persons: Rows, groups: Rows, count: int, rng: np.random.Generator) -> Rows:
    """Pairs of two people: all of them, or enough."""
    if len(persons) <= ENUMERATED:
        found = np.column_stack(np.triu_indices(len(persons), 1))
        return found[_two(found, persons, groups)]
    kept = np.zeros((0, 2), dtype=np.int64)
    while True:
        before = len(kept)
        drawn = np.sort(rng.integers(len(persons), size=(max(2 * count, AT_LEAST), 2)), axis=1)
        drawn = drawn[_two(drawn, persons, groups)]
        codes = np.unique(np.concatenate([kept, drawn]) @ np.array([len(persons), 1]))
        kept = np.column_stack(np.divmod(codes, len(persons)))
        if len(kept) >= count or len(kept) == before:  # where hardly any pair is wanted, what was found has to do
            return kept


def _two(pairs: Rows, persons: Rows, groups: Rows) -> NDArray[np.bool_]:
    one, other = pairs.T
    wanted: NDArray[np.bool_] = (persons[one] != persons[other]) & (groups[one] == groups[other])
    return wanted


def _some(pairs: Rows, count: int, rng: np.random.Generator) -> Rows:
    return pairs if len(pairs) <= count else pairs[np.sort(rng.choice(len(pairs), count, replace=False))]


def _numbers(values: Sequence[object]) -> Rows:
    """A number for each different value."""
    names = {value: number for number, value in enumerate(dict.fromkeys(values))}
    return np.array([names[value] for value in values])


def _parts(path: str) -> tuple[str, ...]:
    """Folders and name without the suffix."""
    return PurePosixPath(path.replace("\\", "/")).with_suffix("").parts if path.strip("./\\") else (path,)
