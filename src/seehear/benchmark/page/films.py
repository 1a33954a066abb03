"""Samples to look at and to listen to: the avatars that were learned from, and pictures that were drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seehear.benchmark.page.findings import Findings
from seehear.benchmark.tables.table import TaskTable
from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.report import Video

if TYPE_CHECKING:
    from seehear.clip import Clip
    from seehear.corpus.store import Corpus
    from seehear.pretext.animate import AnimateModel

FILMS = 2  # of each corpus of avatars
LARGEST = 600_000  # bytes of a film that is put into the page
CLIPS = 2  # that are drawn
DRAWERS = 4  # side by side; with more of them each is too small to see
SECONDS = 3


def avatar_films(found: Findings) -> list[Video]:
    """Some films of each corpus that was made, the first and the last of them."""
    shown = []
    for cell in found.work.cells:
        if cell.kind != "corpus" or not cell.spec.get("avatars"):
            continue
        place = found.folder.place(cell)
        films = [film for film in _films(place.with_name(f"{place.name}-films")) if film.stat().st_size <= LARGEST]
        for film in [films[0], films[-1]][:FILMS] if len(films) > 1 else films:
            shown.append(Video(film.read_bytes(), f"{cell.name}: {film.name}"))
    return shown


def drawn_films(found: Findings, table: TaskTable) -> list[Video]:
    """Clips that were not trained on: filmed, and drawn by each of the rows of a table of animation, side by side.

    What was drawn for an earlier page is kept in the folder.

    Raises:
        SeehearError: a model or the corpus cannot be read.
    """
    measured = {row: cells[0][0] for row in table.rows if (cells := found.measured(table, row))}
    measured = dict(list(measured.items())[:DRAWERS])
    if table.task != "animate" or not measured:
        return []
    name = "-".join(["drawn", *(cell.key for cell in measured.values())])
    paths = [found.folder.root / "page" / f"{name}-{number}.mp4" for number in range(CLIPS)]
    if not all(path.is_file() for path in paths):
        data = found.data(next(iter(measured.values())))
        _draw({row: found.model(cell) for row, cell in measured.items()}, data, paths)
    told = ", ".join(["From left to right: filmed", *measured])
    return [Video(path.read_bytes(), f"{told}. Each is drawn from the first picture and the sound.") for path in paths]


def _films(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.mp4"))


def _draw(models: Mapping[str, str], data: Path, paths: Sequence[Path]) -> None:
    from seehear.media.mux import write_video
    from seehear.training.run import load_animate

    drawers = [load_animate(model) for model in models.values()]
    clips = _held_out(drawers[0], data)
    paths[0].parent.mkdir(exist_ok=True)
    for path, place in zip(paths, np.linspace(0, len(clips) - 1, len(paths)).astype(int).tolist(), strict=True):
        clip = _first_seconds(clips[place])
        write_video(path, _side_by_side(drawers, clip), FPS, clip.audio, crf=26)


def _held_out(model: AnimateModel, data: Path) -> Corpus:
    from seehear.corpus.split import Split
    from seehear.corpus.store import Corpus

    parted = Split.of_training(model.config)
    return Corpus(data).with_faces().split("dev", parted.every, parted.by).with_sound()


def _first_seconds(clip: Clip) -> Clip:
    from dataclasses import replace

    frames = min(len(clip.video), SECONDS * FPS)
    return replace(
        clip,
        video=clip.video[:frames],
        landmarks=clip.landmarks[:frames],
        audio=clip.audio[: frames * SAMPLES_PER_FRAME],
    )


def _side_by_side(models: Sequence[AnimateModel], clip: Clip) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The filmed pictures and those of each model, uint8 (T, S, S * (1 + models), 3)."""
    from seehear.tasks.animate import animated, full_size

    films = [clip.video]
    for model in models:
        real, drawn = animated(model, clip)
        films.append(full_size(clip, drawn - real[:1].expand_as(real), model).numpy())
    return np.concatenate(films, axis=2)
