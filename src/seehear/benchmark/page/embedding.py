"""What an encoder hears of test recordings, flattened to two dimensions and coloured by what they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seehear.benchmark.cell import Cell
from seehear.benchmark.page.findings import Findings
from seehear.benchmark.tables.table import TaskTable
from seehear.beside import write_text
from seehear.report import Figure
from seehear.report.plots import COLOURS, drawing, to_svg

COLOURED_BY = {
    "words": "word",
    "transcription": "word",
    "lips": "word",
    "emotion": "emotion",
    "affect": "emotion",
    "speaker": "speaker",
    "identification": "speaker",
}
"""Task -> what its recordings are told apart by here; for the others there is no such picture."""

FEWEST = 12  # recordings; of fewer there is nothing to see
WIDTH, HEIGHT = 4.2, 3.8
MARKERS = "osD^v"
NAMED = len(COLOURS) * len(MARKERS) // 2  # classes with a look of their own; the rest is grey
DIMENSIONS = 50  # that the neighbours are looked for in
PERPLEXITY = 30


class Flat(NamedTuple):
    """Recordings in two dimensions.

    Attributes:
        points: (N, 2).
        labels: of each.
    """

    points: NDArray[np.float64]
    labels: list[str]


def embedding(found: Findings, table: TaskTable, row: str) -> Figure | None:
    """A row's test recordings, of its first seed; None where it has none, or where labels say nothing.

    What was computed for an earlier page is kept in the folder.

    Raises:
        SeehearError: the model or the corpus cannot be read.
    """
    measured = found.measured(table, row)
    if table.task not in COLOURED_BY or not measured:
        return None
    flat = _kept(found, measured[0][0], table)
    if len(flat.labels) < FEWEST:
        return None
    by, count = COLOURED_BY[table.task], len(flat.labels)
    return Figure(_drawn(flat), f"{row}: {count} test recordings by {by}; what it takes for alike is near (t-SNE).")


def flattened(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """(N, D) to (N, 2) by t-SNE (van der Maaten and Hinton 2008), begun from the principal components."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(np.asarray(vectors, dtype=np.float64))
    kept = PCA(min(DIMENSIONS, *scaled.shape), random_state=0).fit_transform(scaled)
    perplexity = min(PERPLEXITY, (len(kept) - 1) / 3)
    points: NDArray[np.float64] = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(kept)
    return points.astype(np.float64)


def _kept(found: Findings, cell: Cell, table: TaskTable) -> Flat:
    path = found.folder.root / "page" / f"embedding-{cell.key}.json"
    if path.is_file():
        told = json.loads(path.read_text(encoding="utf-8"))
        return Flat(np.array(told["points"]).reshape(-1, 2), told["labels"])
    flat = _computed(found.model(cell), str(found.data(cell)), table.task)
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps({"points": np.round(flat.points, 3).tolist(), "labels": flat.labels}))
    return flat


def _computed(model: str, data: str, task: str) -> Flat:
    from seehear.benchmark.page.embedded import embedded

    vectors, labels = embedded(model, data, task)
    told = [str(label) for label in labels]
    if len(told) < FEWEST:
        return Flat(np.zeros((len(told), 2)), told)
    return Flat(flattened(vectors), told)


def _drawn(flat: Flat) -> str:
    classes = _in_order(flat.labels)
    with drawing(width=WIDTH, height=HEIGHT) as (figure, (axes,)):
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
