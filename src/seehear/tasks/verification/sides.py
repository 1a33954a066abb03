"""What stands on either side of a pair: recordings, files of a list, or pieces of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from seehear.errors import CorpusError
from seehear.tasks.recordings import Recording, Recordings
from seehear.tasks.verification.trials import Rows, Trials, draw_trials, find_listed, read_trial_list
from seehear.tasks.verification.voices import segments, whole_segments


@dataclass(frozen=True)
class Sides:
    """All of them, and the sound that each is made of.

    Attributes:
        pieces: of sound.
        owners: which of the sides each piece belongs to, (pieces,).
        who: whose voice each is: the speaker, or the source where speakers are not known.
        same: what two share that are a pair of one person: the speaker, or the recording they were cut from.
        sources: two of one source make no pair of one person; None where they do.
        alike: what the two of every pair share, such as the sex.
        units: what is drawn for intervals, in words.
        described: what is compared, in words.
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
        """Each recording as a whole, its embedding the mean over pieces of so many seconds.

        Raises:
            CorpusError: a recording lacks what the two of a pair are to share.
        """
        cut = [segments(recording, seconds) for recording in recordings]
        owners = np.repeat(np.arange(len(cut)), [len(pieces) for pieces in cut])
        who, units = _who(recordings)
        sources = [recording.source for recording in recordings]
        pieces = [piece for pieces in cut for piece in pieces]
        return cls(pieces, owners, who, who, sources, _alike(recordings, within), units, "recordings")

    @classmethod
    def of_segments(cls, recordings: Recordings, seconds: float, within: Sequence[str] = ()) -> Self:
        """Pieces of so many seconds that do not overlap, those of one recording being of one person.

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
        """The files that a list names, and its pairs; of these recordings, one side each.

        Raises:
            CorpusError: see `read_trial_list` and `find_listed`.
        """
        rows, trials = find_listed(read_trial_list(file), list(self.sources or ()), file, recordings.name)
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
        """Pairs among some of the sides; see `draw_trials`.

        Raises:
            CorpusError: there is no pair of one kind.
        """
        who, same, alike = ([values[row] for row in rows.tolist()] for values in (self.who, self.same, self.alike))
        sources = [self.sources[row] for row in rows.tolist()] if self.sources is not None else None
        drawn = draw_trials(who, same, sources, alike, count, seed)
        return Trials(rows[drawn.left], rows[drawn.right], drawn.targets)


def _who(recordings: Recordings) -> tuple[list[str], str]:
    """Whose voice each is, and what that is in words: sources where speakers are not known of all."""
    speakers = [recording.speaker for recording in recordings]
    known = [speaker for speaker in speakers if speaker]
    return (known, "speakers") if len(known) == len(speakers) else ([r.source for r in recordings], "sources")


def _alike(recordings: Recordings, within: Sequence[str]) -> list[tuple[str, ...]]:
    for label in within:
        if len(recordings.labelled(label)) < len(recordings):
            raise CorpusError(f"{recordings.name} has recordings without the label {label!r} that --within asks for")
    return [tuple(recording.labels[label] for label in within) for recording in recordings]
