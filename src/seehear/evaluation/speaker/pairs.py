"""Verification trials from lists or labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from seehear.errors import CorpusError, os_errors_as_user_errors
from seehear.evaluation.recordings import Recording, Recordings
from seehear.evaluation.speaker.voices import segments, whole_segments
from seehear.metrics.pairs import Rows

ENUMERATED = 3000
"""Up to this many sides, all pairs are enumerated; of more, pairs are sampled until there are enough."""


MIN_SAMPLED = 100_000
"""Minimum number of pairs that are sampled at a time, so that rare valid pairs are found."""


@dataclass(frozen=True)
class Trials:
    """Pairs of rows.

    Attributes:
        left, right: (N,)
        targets: whether both are of one person, bool (N,)
    """

    left: Rows
    right: Rows
    targets: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.targets)


class ListedPair(NamedTuple):
    """One line of a list."""

    target: bool
    one: str
    other: str


def read_trial_list(file: Path) -> list[ListedPair]:
    """Read a list as VoxCeleb publishes them: ``1 one/of/them.wav the/other.wav`` for one speaker, ``0`` for two.

    Fields are separated by any whitespace, with any line endings; empty lines are skipped.

    Raises:
        CorpusError: it cannot be read, a line is of another form, or it lacks pairs of either kind.
    """
    with os_errors_as_user_errors(file):
        text = file.read_bytes().decode("utf-8", errors="replace").removeprefix("\ufeff")
    listed = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 3 or fields[0] not in ("0", "1"):
            raise CorpusError(f"line {number} of {file} is not '1 one.wav other.wav' (or 0): {line.strip()[:80]!r}")
        listed.append(ListedPair(fields[0] == "1", fields[1], fields[2]))
    if len({pair.target for pair in listed}) < 2:
        raise CorpusError(f"{file} needs pairs of one speaker (1) and of two (0); it has {len(listed)} of one kind")
    return listed


def resolve_listed(
    listed: Sequence[ListedPair], sources: Sequence[str], file: Path, data: str
) -> tuple[list[Rows], Trials]:
    """Find the recordings that a list names.

    A path matches the recordings of the source whose name ends in it; file suffixes are ignored, so that a list of
    ``.wav`` also works for audio in another format.

    Args:
        listed: the pairs
        sources: of each recording; several may be segments of one
        file: the list, for error messages
        data: where recordings are from, for error messages

    Returns:
        Rows of the recordings of each file in the list, and pairs of those.

    Raises:
        CorpusError: files are missing, or a path matches several.
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


def sample_trials(
    who: Sequence[str],
    same: Sequence[str],
    pieces_of: Sequence[str] | None = None,
    alike: Sequence[tuple[str, ...]] | None = None,
    count: int = 1_000_000,
    seed: int = 0,
) -> Trials:
    """Return all pairs, or ``count`` random ones of each kind if there are more.

    Args:
        who: speaker of each; those of a non-target pair differ
        same: what the two of a target pair share: the speaker, or the recording that both were cut from
        pieces_of: the two of a target pair are segments of different ones of these; by default any two
        alike: what the two of any pair share, such as the sex
        count: maximum number of pairs of each kind
        seed: of the choice

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
    """Return pairs of two people: all of them, or enough."""
    if len(persons) <= ENUMERATED:
        found = np.column_stack(np.triu_indices(len(persons), 1))
        return found[_two(found, persons, groups)]
    kept = np.zeros((0, 2), dtype=np.int64)
    while True:
        before = len(kept)
        drawn = np.sort(rng.integers(len(persons), size=(max(2 * count, MIN_SAMPLED), 2)), axis=1)
        drawn = drawn[_two(drawn, persons, groups)]
        codes = np.unique(np.concatenate([kept, drawn]) @ np.array([len(persons), 1]))
        kept = np.column_stack(np.divmod(codes, len(persons)))
        if len(kept) >= count or len(kept) == before:  # if there are hardly any valid pairs, those found have to do
            return kept


def _two(pairs: Rows, persons: Rows, groups: Rows) -> NDArray[np.bool_]:
    one, other = pairs.T
    valid: NDArray[np.bool_] = (persons[one] != persons[other]) & (groups[one] == groups[other])
    return valid


def _some(pairs: Rows, count: int, rng: np.random.Generator) -> Rows:
    return pairs if len(pairs) <= count else pairs[np.sort(rng.choice(len(pairs), count, replace=False))]


def _numbers(values: Sequence[object]) -> Rows:
    """Number the distinct values."""
    names = {value: number for number, value in enumerate(dict.fromkeys(values))}
    return np.array([names[value] for value in values])


def _parts(path: str) -> tuple[str, ...]:
    """Return folders and name, without the suffix."""
    return PurePosixPath(path.replace("\\", "/")).with_suffix("").parts if path.strip("./\\") else (path,)


@dataclass(frozen=True)
class TrialSides:
    """All sides of pairs, and the audio of each.

    Attributes:
        pieces: segments of audio
        owners: the side that each segment belongs to, (segments,)
        who: whose voice each is: the speaker, or the source where speakers are not known
        same: what the two of a target pair share: the speaker, or the recording they were cut from
        sources: two of one source are not a target pair; None if they are
        alike: what the two of every pair share, such as the sex
        units: what is resampled for intervals, in words
        described: what is compared, in words
    """

    pieces: Sequence[Recording]
    owners: Rows
    who: Sequence[str]
    same: Sequence[str]
    sources: Sequence[str] | None
    alike: Sequence[tuple[str, ...]]
    units: str
    described: str

    @classmethod
    def of_recordings(cls, recordings: Recordings, seconds: float, within: Sequence[str] = ()) -> Self:
        """Make a side of each recording; its embedding is the mean over segments of this length.

        Raises:
            CorpusError: a recording lacks a label that the two of a pair have to share.
        """
        cut = [segments(recording, seconds) for recording in recordings]
        owners = np.repeat(np.arange(len(cut)), [len(pieces) for pieces in cut])
        who, units = _who(recordings)
        sources = [recording.source for recording in recordings]
        pieces = [piece for pieces in cut for piece in pieces]
        return cls(pieces, owners, who, who, sources, _alike(recordings, within), units, "recordings")

    @classmethod
    def of_segments(cls, recordings: Recordings, seconds: float, within: Sequence[str] = ()) -> Self:
        """Make a side of each segment of this length, without overlap; segments of one recording are of one person.

        Raises:
            CorpusError: no recording has two.
        """
        cut = [whole_segments(recording, seconds) for recording in recordings]
        counts = [len(pieces) for pieces in cut]
        if max(counts, default=0) < 2:
            raise CorpusError(f"no recording of {recordings.name} has two pieces of {seconds:g} s; lower --seconds")
        who, units = _who(recordings)
        names = [recording.name for recording in recordings]
        spread = np.repeat(np.arange(len(cut)), counts).tolist()
        alike = _alike(recordings, within)
        return cls(
            [piece for pieces in cut for piece in pieces], np.arange(sum(counts)), [who[i] for i in spread],
            [names[i] for i in spread], None, [alike[i] for i in spread], units, f"segments of {seconds:g} s",
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.who)

    def listed(self, file: Path, recordings: Recordings) -> tuple[Self, Trials]:
        """Return the files of a list as sides, and its pairs; the recordings have one side each.

        Raises:
            CorpusError: see `read_trial_list` and `resolve_listed`.
        """
        rows, trials = resolve_listed(read_trial_list(file), list(self.sources or ()), file, recordings.name)
        by_side: dict[int, list[int]] = {side: [] for side in range(len(self))}
        for piece, side in enumerate(self.owners.tolist()):
            by_side[side].append(piece)
        kept = [[piece for side in group.tolist() for piece in by_side[side]] for group in rows]
        firsts = [int(group[0]) for group in rows]
        chosen = replace(
            self,
            pieces=[self.pieces[piece] for pieces in kept for piece in pieces],
            owners=np.repeat(np.arange(len(kept)), [len(pieces) for pieces in kept]),
            who=[self.who[i] for i in firsts],
            same=[self.same[i] for i in firsts],
            sources=[(self.sources or self.same)[i] for i in firsts],
            alike=[self.alike[i] for i in firsts],
            described=file.name,
        )
        return chosen, trials

    def draw(self, rows: Rows, count: int, seed: int) -> Trials:
        """Sample pairs among some of the sides; see `sample_trials`.

        Raises:
            CorpusError: there is no pair of one kind.
        """
        who, same, alike = ([values[row] for row in rows.tolist()] for values in (self.who, self.same, self.alike))
        sources = [self.sources[row] for row in rows.tolist()] if self.sources is not None else None
        drawn = sample_trials(who, same, sources, alike, count, seed)
        return Trials(rows[drawn.left], rows[drawn.right], drawn.targets)


def _who(recordings: Recordings) -> tuple[list[str], str]:
    """Return whose voice each is, and what that is in words: sources if not all speakers are known."""
    speakers = [recording.speaker for recording in recordings]
    known = [speaker for speaker in speakers if speaker]
    return (known, "speakers") if len(known) == len(speakers) else ([r.source for r in recordings], "sources")


def _alike(recordings: Recordings, within: Sequence[str]) -> list[tuple[str, ...]]:
    for label in within:
        if len(recordings.labelled(label)) < len(recordings):
            raise CorpusError(f"{recordings.name} has recordings without the label {label!r} that --within asks for")
    return [tuple(recording.labels[label] for label in within) for recording in recordings]
