"""Embeddings in two dimensions; videos to look at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.atomic_io import write_text
from seehear.benchmark.page_findings import PageData
from seehear.benchmark.plan import Cell
from seehear.benchmark.table import TaskTable
from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.data.corpus import Corpus
from seehear.errors import CorpusError
from seehear.evaluation.baselines import compared_encoder, compared_lip_encoder
from seehear.evaluation.features import features
from seehear.evaluation.lip_clips import ClipPictures, VisibleWord, WindowOptions, cut_word, visible_words, word_window
from seehear.evaluation.probes.linear import pooled
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.speaker.voices import compared_voices, embed_voices, whole_segments
from seehear.evaluation.splits import LABEL, TESTED
from seehear.evaluation.words import isolated_words
from seehear.report.html import SvgFigure, Video
from seehear.report.plots import COLOURS, new_figure, to_svg

if TYPE_CHECKING:
    from seehear.clip import Clip
    from seehear.models.animate import AnimateModel


MAX_RECORDINGS = 400
"""Recordings: more dots hide each other."""


MAX_CLASSES = 12
"""Words or speakers: those with the most recordings. More could not be told apart by colour."""


PIECE_S = 2.0  # of a voice, as `seehear evaluate speaker` hears it


WORDS, VOICES = ("words", "transcription"), ("speaker", "identification")


Vectors = NDArray[np.float32]


def sample_vectors(of: str | Path, data: str | Path, task: str) -> tuple[Vectors, list[str]]:
    """Vectors of some recordings of a corpus, of its test part where it says which that is.

    Args:
        of: folder of a run, or an encoder by name.
        data: a prepared corpus.
        task: whose recordings: words (heard, or seen for lips) for words, transcription and lips, pieces of voices for
            speaker and identification, whole recordings by their emotion for anything else.

    Returns:
        Float32 (N, D), N of 400 at most, and the word, speaker or emotion of each.

    Raises:
        ModelError: there is no such model, or it has no eye for lips.
        CorpusError: no such corpus, or nothing in it has what the task is about.
    """
    if task == "lips":
        return _lip_vectors(str(of), Corpus(data))
    recordings = _tested(Recordings.of([Path(data)]))
    if task in VOICES:
        return _voices(str(of), recordings.labelled("speaker").with_readable_sound())
    label = "word" if task in WORDS else "emotion"
    found = isolated_words(recordings, MAX_CLASSES, min_count=1) if task in WORDS else recordings.labelled(label)
    return _recording_vectors(str(of), found, label)


def _recording_vectors(of: str, recordings: Recordings, label: str) -> tuple[Vectors, list[str]]:
    """Features over four segments of time, as the quick read-out sees them."""
    chosen = recordings.subset(_spread(len(recordings))).with_readable_sound()
    encoder = compared_encoder(of, of).encoder(0)
    lengths = {row: recording.samples for row, recording in enumerate(chosen)}
    kept = features(encoder, lengths, lambda row: chosen[row].audio(), pooled)
    return np.stack([kept[row] for row in lengths]), [str(value) for value in chosen.labels(label)]


def _voices(of: str, recordings: Recordings) -> tuple[Vectors, list[str]]:
    """Pieces of the voices that are heard most."""
    pieces = [piece for recording in recordings for piece in whole_segments(recording, PIECE_S) or [recording]]
    names = [str(piece.speaker) for piece in pieces]
    rows = _of_most_frequent(names)
    voice = compared_voices(of, (), "frozen", None, "mean")[0].voice(0)
    return embed_voices(voice, [pieces[row] for row in rows], of), [names[row] for row in rows]


def _lip_vectors(of: str, corpus: Corpus) -> tuple[Vectors, list[str]]:
    """Words on lips, each over four segments of time."""
    words = [word for word in _tested(visible_words(corpus, min_count=1)) if isinstance(word, VisibleWord)]
    rows = _of_most_frequent([word.labels["word"] for word in words])
    encoder, looks, frames = compared_lip_encoder(of, of).encoder(0), ClipPictures(corpus), WindowOptions()
    vectors = []
    with torch.inference_mode():
        for word in (words[row] for row in rows):
            seen = encoder(looks.at([(word.clip, 0, word.length)], encoder.lips, torch.device("cpu")), None)
            where = word_window(word.clip, word.length, word.between_s, word.whole, frames)
            vectors.append(pooled(cut_word(seen[0], where, frames.boundaries)[None])[0].numpy())
    return np.stack(vectors), [words[row].labels["word"] for row in rows]


def _tested(recordings: Recordings) -> Recordings:
    """Those of the official test part; all where there is none."""
    tested = np.array([part == TESTED for part in recordings.labels(LABEL)], dtype=bool)
    return recordings.subset(tested) if tested.any() else recordings


def _of_most_frequent(names: Sequence[str]) -> list[int]:
    """Rows of the most frequent names, spread evenly over them where there are too many.

    Raises:
        CorpusError: there are none.
    """
    if not names:
        raise CorpusError("there is nothing to draw a picture of; give a corpus with labels")
    order = sorted(Counter(names).items(), key=lambda one: (-one[1], one[0]))
    chosen = {name for name, _ in order[:MAX_CLASSES]}
    rows = [row for row, name in enumerate(names) if name in chosen]
    return [rows[place] for place in _spread(len(rows))]


def _spread(count: int) -> list[int]:
    """At most `MAX_RECORDINGS` places, evenly."""
    if count <= MAX_RECORDINGS:
        return list(range(count))
    return [int(place) for place in np.linspace(0, count - 1, MAX_RECORDINGS).round()]


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
    if table.task not in COLOURED_BY or not measured:
        return None
    flat = _kept(found, measured[0][0], table)
    if len(flat.labels) < FEWEST:
        return None
    by, count = COLOURED_BY[table.task], len(flat.labels)
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


def _kept(found: PageData, cell: Cell, table: TaskTable) -> Embedding2D:
    path = found.folder.root / "page" / f"embedding-{cell.key}.json"
    if path.is_file():
        told = json.loads(path.read_text(encoding="utf-8"))
        return Embedding2D(np.array(told["points"]).reshape(-1, 2), told["labels"])
    flat = _computed(found.model(cell), str(found.data(cell)), table.task)
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps({"points": np.round(flat.points, 3).tolist(), "labels": flat.labels}))
    return flat


def _computed(model: str, data: str, task: str) -> Embedding2D:

    vectors, labels = sample_vectors(model, data, task)
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


SECONDS = 3


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
    from seehear.media.encode import write_video
    from seehear.models.store import load_animate_model

    drawers = [load_animate_model(model) for model in models.values()]
    clips = _held_out(drawers[0], data)
    paths[0].parent.mkdir(exist_ok=True)
    for path, place in zip(paths, np.linspace(0, len(clips) - 1, len(paths)).astype(int).tolist(), strict=True):
        clip = _first_seconds(clips[place])
        write_video(path, _side_by_side(drawers, clip), FPS, clip.audio, crf=26)


def _held_out(model: AnimateModel, data: Path) -> Corpus:
    from seehear.data.corpus import Corpus, Split

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
    from seehear.evaluation.animate import animate_clip, full_size

    films = [clip.video]
    for model in models:
        real, drawn = animate_clip(model, clip)
        films.append(full_size(clip, drawn - real[:1].expand_as(real), model).numpy())
    return np.concatenate(films, axis=2)
