"""Embeddings in two dimensions; videos to look at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seehear.atomic_io import write_text
from seehear.benchmark.page_findings import PageData
from seehear.benchmark.plan import Cell
from seehear.benchmark.table import TaskTable
from seehear.evaluation import TASKS
from seehear.evaluation.task import Task, import_function
from seehear.report.html import SvgFigure, Video
from seehear.report.plots import COLOURS, new_figure, to_svg

FEWEST = 12  # recordings; of fewer there is nothing to see


WIDTH, HEIGHT = 4.2, 3.8


MARKERS = "osD^v"


NAMED = len(COLOURS) * len(MARKERS) // 2  # classes with a look of their own; the rest is grey


DIMENSIONS = 50  # that the neighbours are looked for in


PERPLEXITY = 30


class Embedding2D(NamedTuple):
    """Recordings in two dimensions.

    Attributes:
        points: (N, 2).
        labels: of each.
    """

    points: NDArray[np.float64]
    labels: list[str]


def embedding_figure(found: PageData, table: TaskTable, row: str) -> SvgFigure | None:
    """A row's test recordings, of its first seed; None where it has none, or where labels say nothing.

    What was computed for an earlier page is kept in the folder.

    Raises:
        SeehearError: the model or the corpus cannot be read.
    """
    measured = found.measured(table, row)
    task = TASKS.get(table.task)  # None in folders of a plug-in that is gone
    if not task or not task.sample_vectors or not measured:
        return None
    flat = _kept(found, measured[0][0], task)
    if len(flat.labels) < FEWEST:
        return None
    by, count = task.sample_label, len(flat.labels)
    return SvgFigure(_drawn(flat), f"{row}: {count} test recordings by {by}; what it takes for alike is near (t-SNE).")


def tsne(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """(N, D) to (N, 2) by t-SNE (van der Maaten and Hinton 2008), begun from the principal components."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(np.asarray(vectors, dtype=np.float64))
    kept = PCA(min(DIMENSIONS, *scaled.shape), random_state=0).fit_transform(scaled)
    perplexity = min(PERPLEXITY, (len(kept) - 1) / 3)
    points: NDArray[np.float64] = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(kept)
    return points.astype(np.float64)


def _kept(found: PageData, cell: Cell, task: Task) -> Embedding2D:
    path = found.folder.root / "page" / f"embedding-{cell.key}.json"
    if path.is_file():
        told = json.loads(path.read_text(encoding="utf-8"))
        return Embedding2D(np.array(told["points"]).reshape(-1, 2), told["labels"])
    flat = _computed(found.model(cell), found.data(cell), task)
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps({"points": np.round(flat.points, 3).tolist(), "labels": flat.labels}))
    return flat


def _computed(model: str, data: Path, task: Task) -> Embedding2D:
    vectors, labels = import_function(task.sample_vectors or "")(model, data)
    told = [str(label) for label in labels]
    if len(told) < FEWEST:
        return Embedding2D(np.zeros((len(told), 2)), told)
    return Embedding2D(tsne(vectors), told)


def _drawn(flat: Embedding2D) -> str:
    classes = _in_order(flat.labels)
    with new_figure(width=WIDTH, height=HEIGHT) as (figure, (axes,)):
        for place, name in enumerate(classes):
            here = flat.points[[label == name for label in flat.labels]]
            marker, colour = MARKERS[place // len(COLOURS)], COLOURS[place % len(COLOURS)]
            axes.plot(*here.T, marker, color=colour, markersize=4, alpha=0.8, label=name, markeredgewidth=0)
        others = flat.points[[label not in classes for label in flat.labels]]
        if len(others):
            axes.plot(*others.T, ".", color="gray", markersize=3, alpha=0.6, label="others")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.legend(fontsize="small", ncols=4, loc="upper center", bbox_to_anchor=(0.5, 0), handletextpad=0)
        return to_svg(figure)


def _in_order(labels: Sequence[str]) -> list[str]:
    """Those with a look of their own: the most frequent ones, by name."""
    return sorted(name for name, _ in sorted(Counter(labels).items(), key=lambda one: (-one[1], one[0]))[:NAMED])


FILMS = 2  # of each corpus of avatars


LARGEST = 600_000  # bytes of a film that is put into the page


CLIPS = 2  # that are drawn


DRAWERS = 4  # side by side; with more of them each is too small to see


def avatar_films(found: PageData) -> list[Video]:
    """Some films of each corpus that was made, the first and the last of them."""
    shown = []
    for cell in found.work.cells:
        if cell.kind != "corpus" or not cell.spec.get("avatars"):
            continue
        place = found.folder.path_of(cell)
        films = [film for film in _films(place.with_name(f"{place.name}-films")) if film.stat().st_size <= LARGEST]
        for film in [films[0], films[-1]][:FILMS] if len(films) > 1 else films:
            shown.append(Video(film.read_bytes(), f"{cell.name}: {film.name}"))
    return shown


def drawn_films(found: PageData, table: TaskTable) -> list[Video]:
    """Clips that were not trained on: filmed, and drawn by each of the rows of a table of animation, side by side.

    What was drawn for an earlier page is kept in the folder.

    Raises:
        SeehearError: a model or the corpus cannot be read.
    """
    measured = {row: cells[0][0] for row in table.rows if (cells := found.measured(table, row))}
    measured = dict(list(measured.items())[:DRAWERS])
    task = TASKS.get(table.task)
    if not task or not task.sample_videos or not measured:
        return []
    name = "-".join(["drawn", *(cell.key for cell in measured.values())])
    paths = [found.folder.root / "page" / f"{name}-{number}.mp4" for number in range(CLIPS)]
    if not all(path.is_file() for path in paths):
        data = found.data(next(iter(measured.values())))
        paths[0].parent.mkdir(exist_ok=True)
        import_function(task.sample_videos)({row: found.model(cell) for row, cell in measured.items()}, data, paths)
    told = ", ".join(["From left to right: filmed", *measured])
    return [Video(path.read_bytes(), f"{told}. Each is drawn from the first picture and the sound.") for path in paths]


def _films(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.mp4"))
