"""The films of real people: which files there are, who is in them, and what is known of their delay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seehear.data.datasets import find_media, is_sound
from seehear.errors import SeehearError

GRID, WEEKLY, ADDRESS, TALK = "grid", "weekly", "address", "talk"

SOURCES = {
    GRID: "GRID, speakers not trained on",
    WEEKLY: "weekly addresses of one official",
    ADDRESS: "addresses of six legislators",
    TALK: "talking heads, many languages",
}
"""Name of each source in file names -> in words."""

EVERYBODY = "all of these"

IN_SYNC = (GRID,)
"""Sources whose films are known to be in sync, to within 30 ms."""

ONE_DELAY = (WEEKLY,)
"""Sources whose films were all made by the same chain and so share one unknown delay."""


@dataclass(frozen=True)
class Film:
    """One file.

    Attributes:
        path: of the file.
        source: one of `SOURCES`.
        person: who is seen, unique over all sources.
        numbered: False for people who may also be among the others under another name (GRID's ``x1`` and so on).
    """

    path: Path
    source: str
    person: str
    numbered: bool = True


def find_films(folder: Path) -> list[Film]:
    """The films in ``folder``: ``grid/SPEAKER_TAKE.*``, ``wild/weekly_N.*``, ``wild/address_N.*``, ``wild/talk_N.*``.

    Returns:
        By source, then by name.

    Raises:
        SeehearError: there are none, or one has another name.
    """
    if not (folder / "grid").is_dir() and not (folder / "wild").is_dir():
        raise SeehearError(
            f"{folder} has no folder grid/ or wild/ with films of real people; give --shared the folder that holds "
            "data/strangers"
        )
    films = [_grid(path) for path in _videos(folder / "grid")] + [_wild(path) for path in _videos(folder / "wild")]
    if not films:
        raise SeehearError(f"there are no videos in {folder}/grid or {folder}/wild")
    order = list(SOURCES)
    return sorted(films, key=lambda film: (order.index(film.source), film.path.name))


def by_source(films: Sequence[Film]) -> dict[str, list[Film]]:
    """Films under the name of their source, in the order of `SOURCES`."""
    return {name: chosen for name in SOURCES if (chosen := [film for film in films if film.source == name])}


def another(film: Film, films: Sequence[Film]) -> Film:
    """The next film by another person; of one person's films the next one; the film itself where it is alone."""
    place = films.index(film)
    later = [*films[place + 1 :], *films[:place]]
    return next((one for one in later if one.person != film.person), later[0] if later else film)


def units(films: Iterable[Film]) -> str:
    """What intervals over some films are over: people, or the films of one person."""
    return "people" if len({film.person for film in films}) > 1 else "films of one person"


def unit_of(film: Film, kind: str) -> str:
    """The name under which a film counts, ``kind`` being what `units` said."""
    return film.person if kind == "people" else film.path.stem


def _videos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path, _ in find_media([folder]) if not is_sound(path)]


def _grid(path: Path) -> Film:
    speaker = path.stem.split("_")[0]
    return Film(path, GRID, f"grid-{speaker}", numbered=not speaker.startswith("x"))


def _wild(path: Path) -> Film:
    source = path.stem.split("_")[0]
    if source not in SOURCES or source == GRID:
        raise SeehearError(f"{path} is called neither weekly_N, address_N nor talk_N; rename it or take it away")
    return Film(path, source, source if source == WEEKLY else path.stem)
