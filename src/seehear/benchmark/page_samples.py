"""Embedding plots and sample videos of the report."""

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

MIN_RECORDINGS = 12
"""Minimum number of recordings; fewer show nothing."""


WIDTH, HEIGHT = 4.2, 3.8


MARKERS = "osD^v"


MAX_DISTINCT = len(COLOURS) * len(MARKERS) // 2  # classes with their own colour and marker; the others are grey


DIMENSIONS = 50  # of the principal components in which neighbours are searched


PERPLEXITY = 30


class Embedding2D(NamedTuple):
    """Recordings in two dimensions.

    Attributes:
        points: shape (N, 2)
        labels: label of each point
    """

    points: NDArray[np.float64]
    labels: list[str]


def embedding_figure(data: PageData, table: TaskTable, row: str) -> SvgFigure | None:
    """Plot the test recordings of a row's first seed; None if nothing is measured or the task has no labels.

    Points are cached in the folder of the benchmark.

    Raises:
        SeehearError: the model or the corpus cannot be read.
    """
    measured = data.measured(table, row)
    task = TASKS.get(table.task)  # None in folders of a plug-in that is gone
    if not task or not task.sample_vectors or not measured:
        return None
    embedding = _cached(data, measured[0][0], task)
    if len(embedding.labels) < MIN_RECORDINGS:
        return None
    by, count = task.sample_label, len(embedding.labels)
    return SvgFigure(_plot(embedding), f"{row}: {count} test recordings by {by}; similar features are near (t-SNE).")


def tsne(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Map (N, D) to (N, 2) by t-SNE (van der Maaten and Hinton 2008), initialised with the principal components."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(np.asarray(vectors, dtype=np.float64))
    components = PCA(min(DIMENSIONS, *scaled.shape), random_state=0).fit_transform(scaled)
    perplexity = min(PERPLEXITY, (len(components) - 1) / 3)
    points: NDArray[np.float64] = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(components)
    return points.astype(np.float64)


def _cached(data: PageData, cell: Cell, task: Task) -> Embedding2D:
    path = data.folder.root / "page" / f"embedding-{cell.key}.json"
    if path.is_file():
        values = json.loads(path.read_text(encoding="utf-8"))
        return Embedding2D(np.array(values["points"]).reshape(-1, 2), values["labels"])
    embedding = _compute(data.model(cell), data.data(cell), task)
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps({"points": np.round(embedding.points, 3).tolist(), "labels": embedding.labels}))
    return embedding


def _compute(model: str, data: Path, task: Task) -> Embedding2D:
    vectors, labels = import_function(task.sample_vectors or "")(model, data)
    texts = [str(label) for label in labels]
    if len(texts) < MIN_RECORDINGS:
        return Embedding2D(np.zeros((len(texts), 2)), texts)
    return Embedding2D(tsne(vectors), texts)


def _plot(embedding: Embedding2D) -> str:
    classes = _distinct_classes(embedding.labels)
    with new_figure(width=WIDTH, height=HEIGHT) as (figure, (axes,)):
        for index, name in enumerate(classes):
            points = embedding.points[[label == name for label in embedding.labels]]
            marker, colour = MARKERS[index // len(COLOURS)], COLOURS[index % len(COLOURS)]
            axes.plot(*points.T, marker, color=colour, markersize=4, alpha=0.8, label=name, markeredgewidth=0)
        others = embedding.points[[label not in classes for label in embedding.labels]]
        if len(others):
            axes.plot(*others.T, ".", color="gray", markersize=3, alpha=0.6, label="others")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.legend(fontsize="small", ncols=4, loc="upper center", bbox_to_anchor=(0.5, 0), handletextpad=0)
        return to_svg(figure)


def _distinct_classes(labels: Sequence[str]) -> list[str]:
    """Return the most frequent classes, sorted by name; they get their own colour and marker."""
    by_frequency = sorted(Counter(labels).items(), key=lambda item: (-item[1], item[0]))
    return sorted(name for name, _ in by_frequency[:MAX_DISTINCT])


AVATAR_VIDEOS = 2  # per corpus of avatars


MAX_BYTES = 600_000  # of a video embedded in the page


GENERATED_CLIPS = 2


MAX_MODELS = 4  # side by side


def avatar_videos(data: PageData) -> list[Video]:
    """Return the first and the last video of each generated corpus."""
    videos = []
    for cell in data.work.cells:
        if cell.kind != "corpus" or not cell.spec.get("avatars"):
            continue
        folder = data.folder.path_of(cell)
        files = [file for file in _mp4_files(folder.with_name(f"{folder.name}-films")) if _is_small(file)]
        for file in [files[0], files[-1]][:AVATAR_VIDEOS] if len(files) > 1 else files:
            videos.append(Video(file.read_bytes(), f"{cell.name}: {file.name}"))
    return videos


def generated_videos(data: PageData, table: TaskTable) -> list[Video]:
    """Return held-out clips next to their animation by the models of a table.

    Videos are cached in the folder of the benchmark.

    Raises:
        SeehearError: a model or the corpus cannot be read.
    """
    measured = {row: cells[0][0] for row in table.rows if (cells := data.measured(table, row))}
    measured = dict(list(measured.items())[:MAX_MODELS])
    task = TASKS.get(table.task)
    if not task or not task.sample_videos or not measured:
        return []
    name = "-".join(["drawn", *(cell.key for cell in measured.values())])
    paths = [data.folder.root / "page" / f"{name}-{number}.mp4" for number in range(GENERATED_CLIPS)]
    if not all(path.is_file() for path in paths):
        corpus = data.data(next(iter(measured.values())))
        paths[0].parent.mkdir(exist_ok=True)
        import_function(task.sample_videos)({row: data.model(cell) for row, cell in measured.items()}, corpus, paths)
    caption = f"{', '.join(['From left to right: original', *measured])}. Generated from the first frame and the audio."
    return [Video(path.read_bytes(), caption) for path in paths]


def _mp4_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.mp4"))


def _is_small(file: Path) -> bool:
    return file.stat().st_size <= MAX_BYTES
