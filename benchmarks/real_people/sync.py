"""Sync accuracy by the papers' protocol (`seehear.metrics.scores`) on films whose own delay is mostly unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from real_people.consensus import Curves, consensus, halves, windows_right
from real_people.faces import MainFaces
from real_people.films import EVERYBODY, IN_SYNC, ONE_DELAY, SOURCES, Film, another, by_source, unit_of, units
from real_people.rows import Count, Row, added, ratio, share_of
from seehear.clip import Clip
from seehear.metrics.scores import CHANCE, TOLERANCE, distances_by_offset
from seehear.models.interface import LipSyncModel

PART = "sync"
LENGTHS = (5, 15)
"""K: consecutive moments whose distances are averaged."""

Side = Literal["own", "foreign"]
SIDES: tuple[Side, Side] = ("own", "foreign")


@dataclass(frozen=True)
class Compared:
    """The lips of a film against its own sound, and against another film's.

    Attributes:
        film: whose lips.
        own: distances of each clip, (moments, 31).
        foreign: the same against the sound of another film, by another person where there is one.
    """

    film: Film
    own: list[Tensor]
    foreign: list[Tensor]

    def curves(self, side: Side) -> list[Tensor]:
        """One of the two."""
        return self.own if side == "own" else self.foreign


Judged = Callable[[Curves, Film, int], tuple[int, int]]
"""The distances of a film, the film, and K -> windows that are right, and windows."""


@dataclass(frozen=True)
class Truth:
    """What a film's true offset is taken to be.

    Attributes:
        what: in words.
        judged: how windows are judged by it.
        guessed: whether any offset is as good as another to who guesses. Of what a film's own moments agree on it is
            not: windows that say the same wrong thing agree with themselves.
    """

    what: str
    judged: Judged
    guessed: bool


def sync_rows(model: LipSyncModel, name: str, faces: MainFaces) -> list[Row]:
    """Accuracy by source and K, by the person; every truth that there is, and what a wrong sound gets.

    Args:
        model: in evaluation mode, on the CPU.
        name: of the model.
        faces: of the films.
    """
    rows = []
    everybody: list[Compared] = []
    for source, films in by_source(list(faces.rows)).items():
        compared = compare(model, faces, films)
        everybody += compared
        rows += _of_source(name, SOURCES[source], compared, _truths(source, compared))
        rows += _agreement(name, SOURCES[source], compared)
    return (
        rows + _of_source(name, EVERYBODY, everybody, _truths("", everybody)) + _agreement(name, EVERYBODY, everybody)
    )


def compare(model: LipSyncModel, faces: MainFaces, films: Sequence[Film]) -> list[Compared]:
    """Distances of every film's lips to sound; the foreign sound is that of the next film by another person."""
    embedded = {film: [_embedded(model, clip) for clip in faces.clips(film)] for film in films}

    def distances(lips: Tensor, sound: Tensor) -> Tensor:
        both = min(len(lips), len(sound))
        return distances_by_offset(lips[:both], sound[:both], model.distance)

    compared = []
    for film in films:
        other = another(film, films)
        voice = max((sound for _, sound in embedded[other]), key=len)
        own = [distances(lips, sound) for lips, sound in embedded[film]]
        compared.append(Compared(film, own, [distances(lips, voice) for lips, _ in embedded[film]]))
    return compared


def _embedded(model: LipSyncModel, clip: Clip) -> tuple[Tensor, Tensor]:
    """Lips and sound, (T - 2 context, D) each; nothing of a clip that the context uses up."""
    if clip.frames <= 2 * model.context:
        return torch.zeros(0, model.dim), torch.zeros(0, model.dim)
    with torch.inference_mode():
        lips = model.embed_lips(torch.from_numpy(clip.video)[None])[0]
        sound = model.embed_sound(torch.from_numpy(clip.audio)[None])[0]
    return lips.float(), sound.float()


def _truths(source: str, compared: Sequence[Compared]) -> list[Truth]:
    """All truths that there are for the films of a source."""
    truths: list[Truth] = []
    if source in IN_SYNC:
        truths.append(Truth("truth: in sync", lambda curves, film, length: _by(curves, length, 0), True))
    if source in ONE_DELAY and len(compared) > 1:
        others = {
            one.film: consensus([clip for other in compared if other is not one for clip in other.own])
            for one in compared
        }
        what = "truth: consensus of the other films"
        truths.append(Truth(what, lambda curves, film, length: _by(curves, length, others[film]), True))
    what = "truth: consensus of the other half of the film"
    truths.append(Truth(what, lambda curves, film, length: by_other_half(curves, length), False))
    what = "truth: consensus of the whole film"
    truths.append(Truth(what, lambda curves, film, length: _by(curves, length, consensus(curves)), False))
    return truths


def by_other_half(curves: Curves, length: int) -> tuple[int, int]:
    """Windows of either half, judged by the consensus of the other."""
    first, last = halves(curves)
    judged = [_by(first, length, consensus(last)), _by(last, length, consensus(first))]
    return judged[0][0] + judged[1][0], judged[0][1] + judged[1][1]


def _by(curves: Curves, length: int, truth: int | None) -> tuple[int, int]:
    return (0, 0) if truth is None else windows_right(curves, length, truth)


def _of_source(name: str, source: str, compared: Sequence[Compared], truths: Sequence[Truth]) -> list[Row]:
    rows = []
    for truth in truths:
        for length in LENGTHS:
            own, wrong = (
                _counted(compared, lambda film, side: truth.judged(film.curves(side), film.film, length), side)  # noqa: B023
                for side in SIDES
            )
            if not ratio(own):
                continue
            said = f"{name}, K = {length}, offset within ±{TOLERANCE} frame; {truth.what}"
            windows = f"{sum(count for _, count in own.values()):.0f} windows"
            chance = CHANCE if truth.guessed else ratio(wrong)
            rows.append(
                share_of(PART, source, said, own, units(one.film for one in compared), chance=chance, remark=windows)
            )
    return rows


def _agreement(name: str, source: str, compared: Sequence[Compared]) -> list[Row]:
    """How often the consensus of one half is within a frame of that of the other, by the film."""
    own, wrong = (_counted(compared, lambda film, side: _agree(film.curves(side)), side) for side in SIDES)
    if ratio(own) is None:
        return []
    what = f"{name}, both halves of a film agree to within ±{TOLERANCE} frame"
    films = f"{sum(count for _, count in own.values()):.0f} films"
    return [share_of(PART, source, what, own, units(one.film for one in compared), chance=ratio(wrong), remark=films)]


def _counted(
    compared: Sequence[Compared], judged: Callable[[Compared, Side], tuple[int, int]], side: Side
) -> dict[str, Count]:
    """Counts by person, or by film where all are of one person."""
    kind = units(one.film for one in compared)
    return added((unit_of(one.film, kind), judged(one, side)) for one in compared)


def _agree(curves: Curves) -> tuple[int, int]:
    first, last = (consensus(half) for half in halves(curves))
    return (0, 0) if first is None or last is None else (int(abs(first - last) <= TOLERANCE), 1)
