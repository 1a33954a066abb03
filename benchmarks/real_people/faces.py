"""The faces of every film, cut out once and kept, so that another model is measured without decoding again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from real_people.films import Film, by_source
from seehear.clip import FPS, Clip
from seehear.data.corpus import Corpus
from seehear.data.prepare import prepare
from seehear.media.face_detector import load_detector

LONGEST_S = 120.0
"""Films are not cut into pieces: every window of a film has all its offsets."""


@dataclass(frozen=True)
class MainFaces:
    """The clips of the main face of every film, see `main_faces`.

    Attributes:
        corpus: all clips.
        rows: film -> its clips, in order of time.
        detector: name of the face detector that found them.
        missing: films without a face.
    """

    corpus: Corpus
    rows: dict[Film, list[int]]
    detector: str
    missing: list[Film]

    def clips(self, film: Film) -> Iterator[Clip]:
        """The clips of one film, decoded."""
        return (self.corpus[row] for row in self.rows[film])

    def longest(self, film: Film) -> int:
        """The row of its longest clip."""
        return max(self.rows[film], key=lambda row: int(self.corpus.frames[row]))


def main_faces(films: Sequence[Film], work: Path, detector: Path | None, workers: int = 2) -> MainFaces:
    """Prepare the films of every source, once for each detector, and choose the main face of each film.

    The main face is the one seen longest, and, as films have cuts, the longest ones before and after it: whatever is
    seen beside it (a portrait on the wall) is left out.

    Args:
        films: of real people.
        work: folder that keeps the corpora.
        detector: file of the detector; None for the default one.
        workers: processes.

    Raises:
        SeehearError: a source gave no face at all, or the corpus in ``work`` is of other films.
    """
    name = load_detector("yunet", detector).name
    folders: list[Path] = []
    places: dict[tuple[int, str], Film] = {}
    for source, chosen in by_source(films).items():
        folder = work / "faces" / name / source
        paths = [film.path for film in chosen]
        prepare(paths, folder, detector=detector, workers=workers, max_seconds=LONGEST_S)
        places |= {(len(folders), film.path.name): film for film in chosen}
        folders.append(folder)
    corpus = Corpus(*folders).with_sound()
    found: dict[Film, list[int]] = {}
    columns = (corpus.manifest[column].to_pylist() for column in ("corpus", "source"))
    for row, place in enumerate(zip(*columns, strict=True)):
        found.setdefault(places[place], []).append(row)
    starts = [round(FPS * start_s) for start_s in corpus.manifest["start_s"].to_pylist()]
    spans = [(start, start + int(frames)) for start, frames in zip(starts, corpus.frames, strict=True)]
    rows = {film: _not_beside(found[film], spans) for film in films if film in found}
    return MainFaces(corpus, rows, name, [film for film in films if film not in found])


def _not_beside(rows: Sequence[int], spans: Sequence[tuple[int, int]]) -> list[int]:
    """Of clips that overlap in time the longest; in order of time."""
    kept: list[int] = []
    for row in sorted(rows, key=lambda row: spans[row][0] - spans[row][1]):
        together = sorted([*(spans[other] for other in kept), spans[row]])
        if all(one[1] <= other[0] for one, other in pairwise(together)):
            kept.append(row)
    return sorted(kept, key=lambda row: spans[row][0])


def cut(clip: Clip, first: int, stop: int) -> Clip:
    """Some frames of a clip with their sound, on a clock of their own."""
    samples = len(clip.audio) // clip.frames
    return Clip(
        clip.video[first:stop],
        clip.landmarks[first:stop],
        clip.audio[first * samples : stop * samples],
        {**clip.meta, "start_s": 0.0},
    )


def spread(count: int, length: int) -> list[tuple[int, int]]:
    """``length`` frames in so many nearly equal parts: first and last (exclusive) of each."""
    edges = np.linspace(0, length, count + 1).round().astype(int).tolist()
    return list(pairwise(edges))
