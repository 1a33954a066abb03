"""Which of the user's clips are learned from and which are held out for the proof, by person where these are known."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from seehear.errors import SeehearError

HELD_OUT = 4
"""One unit in this many is held out."""

LEAST_HELD_OUT = 2
"""Of one unit alone nothing can be said about others."""

LARGEST_SHARE = 0.5
"""Held-out units never take more of the material than this."""

WATCHED_FROM, WATCHED = 7, 3
"""Of so many held-out units or more, about one in three is watched during training, to stop it in time. These are not
part of the proof: weights that are chosen by them would flatter them. Five units at least are left for the proof."""

Part = Literal["learned", "watched", "held out"]


@dataclass(frozen=True)
class Piece:
    """One clip, as far as the split is concerned.

    Attributes:
        source: its name.
        person: the label ``speaker`` of the source; None where there is none.
        start_s: where it begins in the source.
        seconds: its length.
    """

    source: str
    person: str | None
    start_s: float
    seconds: float

    @property
    def unit(self) -> str:
        """What must not be on both sides."""
        return f"speaker {self.person}" if self.person else f"source {self.source}"


@dataclass(frozen=True)
class Parting:
    """A split.

    Attributes:
        parts: of each piece.
        within: the last stretches of the sources are held out, as there are too few sources to hold out whole ones.
    """

    parts: tuple[Part, ...]
    within: bool = False


def part(
    pieces: Sequence[Piece], learned_before: Collection[str] = (), held_out_before: Collection[str] = ()
) -> Parting:
    """Split the clips.

    About one person (or source) in four is held out, at least two. Which ones depends on the hash of their names
    alone, not on the order. With fewer than four, the last quarter of each source is held out.

    Args:
        pieces: all useful clips.
        learned_before: sources that the model has learned from before; they are not held out.
        held_out_before: sources that were held out when it did; they are held out again.

    Raises:
        SeehearError: nothing can be held out.
    """
    seconds: dict[str, float] = defaultdict(float)
    sources: dict[str, set[str]] = defaultdict(set)
    for piece in pieces:
        seconds[piece.unit] += piece.seconds
        sources[piece.unit].add(piece.source)
    held = _held_out(seconds, sources, learned_before, held_out_before)
    if len(held) < LEAST_HELD_OUT:
        return _within(pieces)
    watched = set(held[: round(len(held) / WATCHED)]) if len(held) >= WATCHED_FROM else set()
    parts: list[Part] = [
        "learned" if piece.unit not in held else "watched" if piece.unit in watched else "held out" for piece in pieces
    ]
    return Parting(tuple(parts))


def _held_out(
    seconds: Mapping[str, float],
    sources: Mapping[str, set[str]],
    learned_before: Collection[str],
    held_out_before: Collection[str],
) -> list[str]:
    """The units that are held out, in the order of their hashes."""
    if len(seconds) < HELD_OUT:
        return []
    learned = {unit for unit, own in sources.items() if own & set(learned_before)}
    again = {unit for unit, own in sources.items() if own & set(held_out_before)} - learned
    wanted, most = max(LEAST_HELD_OUT, round(len(seconds) / HELD_OUT)), LARGEST_SHARE * sum(seconds.values())
    held = [unit for unit in sorted(seconds, key=_hash) if unit in again]
    for unit in sorted(seconds, key=_hash):
        free = unit not in learned and unit not in again
        if free and len(held) < wanted and sum(seconds[other] for other in held) + seconds[unit] <= most:
            held.append(unit)
    return sorted(held, key=_hash)


def _within(pieces: Sequence[Piece]) -> Parting:
    """The last quarter of each source is held out, in whole clips."""
    parts: list[Part] = ["learned"] * len(pieces)
    by_source: dict[str, list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        by_source[piece.source].append(number)
    for own in by_source.values():
        own.sort(key=lambda number: pieces[number].start_s)
        budget = sum(pieces[number].seconds for number in own) / HELD_OUT
        for place, number in enumerate(reversed(own[1:])):
            budget -= pieces[number].seconds
            if place and budget < 0:
                break
            parts[number] = "held out"
    if "held out" not in parts:
        raise SeehearError(
            "there is too little video to hold any of it out: give four videos or more, or one of at least a minute"
        )
    return Parting(tuple(parts), within=True)


def _hash(unit: str) -> str:
    return hashlib.sha256(unit.encode("utf-8", "surrogatepass")).hexdigest()
