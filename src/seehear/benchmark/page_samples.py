"""Embedding plots and sample videos of the report."""

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
"""Maximum number of recordings; more dots would overlap."""


MAX_CLASSES = 12
"""Maximum number of words or speakers (the most frequent ones); more could not be distinguished by colour."""


SEGMENT_S = 2.0  # of a voice, as in `seehear evaluate speaker`


WORDS, VOICES = ("words", "transcription"), ("speaker", "identification")


Vectors = NDArray[np.float32]


def sample_vectors(of: str | Path, data: str | Path, task: str) -> tuple[Vectors, list[str]]:
    """Return features of some recordings of a corpus, from its official test part if it has one.

    Args:
        of: folder of a run, or name of an encoder.
        data: a prepared corpus.
        task: determines the recordings: words (visible words for lips) for words, transcription and lips; segments of
            voices for speaker and identification; whole recordings with their emotion for other tasks.

    Returns:
        Float32 (N, D) with N of at most 400, and the word, speaker or emotion of each.

    Raises:
        ModelError: there is no such model, or it has no lip encoder.
        CorpusError: there is no such corpus, or it lacks the labels of the task.
    """
    if task == "lips":
        return _lip_vectors(str(of), Corpus(data))
    recordings = _tested(Recordings.of([Path(data)]))
    if task in VOICES:
        return _voices(str(of), recordings.labelled("speaker").with_readable_sound(progress=False))
    label = "word" if task in WORDS else "emotion"
    labelled = isolated_words(recordings, MAX_CLASSES, min_count=1) if task in WORDS else recordings.labelled(label)
    return _recording_vectors(str(of), labelled, label)


def _recording_vectors(of: str, recordings: Recordings, label: str) -> tuple[Vectors, list[str]]:
    """Return features pooled over four segments of each recording, as for the linear probe."""
    chosen = recordings.subset(_spread(len(recordings))).with_readable_sound(progress=False)
    encoder = compared_encoder(of, of).encoder(0)
    lengths = {row: recording.samples for row, recording in enumerate(chosen)}
    pooled_features = features(encoder, lengths, lambda row: chosen[row].audio(), pooled)
    return np.stack([pooled_features[row] for row in lengths]), [str(value) for value in chosen.labels(label)]


def _voices(of: str, recordings: Recordings) -> tuple[Vectors, list[str]]:
    """Return embeddings of segments of the most frequent voices."""
    segments = [segment for recording in recordings for segment in whole_segments(recording, SEGMENT_S) or [recording]]
    names = [str(segment.speaker) for segment in segments]
    rows = _most_frequent(names)
    voice = compared_voices(of, (), "frozen", None, "mean")[0].voice(0)
    return embed_voices(voice, [segments[row] for row in rows], of, progress=False), [names[row] for row in rows]


def _lip_vectors(of: str, corpus: Corpus) -> tuple[Vectors, list[str]]:
    """Return lip features of words, pooled over four segments of each."""
    words = [word for word in _tested(visible_words(corpus, min_count=1)) if isinstance(word, VisibleWord)]
    rows = _most_frequent([word.labels["word"] for word in words])
    encoder, clip_frames, options = compared_lip_encoder(of, of).encoder(0), ClipPictures(corpus), WindowOptions()
    vectors = []
    with torch.inference_mode():
        for word in (words[row] for row in rows):
            frames = clip_frames.at([(word.clip, 0, word.length)], encoder.lips, torch.device("cpu"))
            steps = encoder(frames, None)[0]
            window = word_window(word.clip, word.length, word.between_s, word.whole, options)
            vectors.append(pooled(cut_word(steps, window, options.boundaries)[None])[0].numpy())
    return np.stack(vectors), [words[row].labels["word"] for row in rows]


def _tested(recordings: Recordings) -> Recordings:
    """Return the official test part, or all recordings if there is none."""
    tested = np.array([part == TESTED for part in recordings.labels(LABEL)], dtype=bool)
    return recordings.subset(tested) if tested.any() else recordings


def _most_frequent(names: Sequence[str]) -> list[int]:
    """Return the rows of the most frequent names, thinned out evenly if there are too many.

    Raises:
        CorpusError: there are no names.
    """
    if not names:
        raise CorpusError("there are no labelled recordings to plot; give a corpus with labels")
    by_frequency = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
    chosen = {name for name, _ in by_frequency[:MAX_CLASSES]}
    rows = [row for row, name in enumerate(names) if name in chosen]
    return [rows[index] for index in _spread(len(rows))]


def _spread(count: int) -> list[int]:
    """Return up to `MAX_RECORDINGS` evenly spaced indices."""
    if count <= MAX_RECORDINGS:
        return list(range(count))
    return [int(index) for index in np.linspace(0, count - 1, MAX_RECORDINGS).round()]


COLOURED_BY = {
    "words": "word",
    "transcription": "word",
    "lips": "word",
    "emotion": "emotion",
    "affect": "emotion",
    "speaker": "speaker",
    "identification": "speaker",
}
"""Task -> label that determines the colours; other tasks have no embedding plot."""


MIN_RECORDINGS = 12


WIDTH, HEIGHT = 4.2, 3.8


MARKERS = "osD^v"


MAX_DISTINCT = len(COLOURS) * len(MARKERS) // 2  # classes with their own colour and marker; the others are grey


DIMENSIONS = 50  # of the principal components in which neighbours are searched


PERPLEXITY = 30


class Embedding2D(NamedTuple):
    """Recordings in two dimensions.

    Attributes:
        points: shape (N, 2).
        labels: label of each point.
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
    if table.task not in COLOURED_BY or not measured:
        return None
    embedding = _cached(data, measured[0][0], table)
    if len(embedding.labels) < MIN_RECORDINGS:
        return None
    by, count = COLOURED_BY[table.task], len(embedding.labels)
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


def _cached(data: PageData, cell: Cell, table: TaskTable) -> Embedding2D:
    path = data.folder.root / "page" / f"embedding-{cell.key}.json"
    if path.is_file():
        values = json.loads(path.read_text(encoding="utf-8"))
        return Embedding2D(np.array(values["points"]).reshape(-1, 2), values["labels"])
    embedding = _compute(data.model(cell), str(data.data(cell)), table.task)
    path.parent.mkdir(exist_ok=True)
    write_text(path, json.dumps({"points": np.round(embedding.points, 3).tolist(), "labels": embedding.labels}))
    return embedding


def _compute(model: str, data: str, task: str) -> Embedding2D:
    vectors, labels = sample_vectors(model, data, task)
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


SECONDS = 3


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
    if table.task != "animate" or not measured:
        return []
    name = "-".join(["drawn", *(cell.key for cell in measured.values())])
    paths = [data.folder.root / "page" / f"{name}-{number}.mp4" for number in range(GENERATED_CLIPS)]
    if not all(path.is_file() for path in paths):
        corpus = data.data(next(iter(measured.values())))
        _generate({row: data.model(cell) for row, cell in measured.items()}, corpus, paths)
    caption = f"{', '.join(['From left to right: original', *measured])}. Generated from the first frame and the audio."
    return [Video(path.read_bytes(), caption) for path in paths]


def _mp4_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.mp4"))


def _is_small(file: Path) -> bool:
    return file.stat().st_size <= MAX_BYTES


def _generate(names: Mapping[str, str], data: Path, paths: Sequence[Path]) -> None:
    from seehear.media.encode import write_video
    from seehear.models.store import load_animate_model

    models = [load_animate_model(name) for name in names.values()]
    clips = _held_out(models[0], data)
    paths[0].parent.mkdir(exist_ok=True)
    for path, index in zip(paths, np.linspace(0, len(clips) - 1, len(paths)).astype(int).tolist(), strict=True):
        clip = _first_seconds(clips[index])
        write_video(path, _side_by_side(models, clip), FPS, clip.audio, crf=26)


def _held_out(model: AnimateModel, data: Path) -> Corpus:
    from seehear.data.corpus import Corpus, Split

    split = Split.of_training(model.config)
    return Corpus(data).with_faces().split("dev", split.every, split.by).with_sound()


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
    """Return the original frames next to those of each model, uint8 (T, S, S * (1 + models), 3)."""
    from seehear.evaluation.animate import animate_clip, full_size

    videos = [clip.video]
    for model in models:
        real, generated = animate_clip(model, clip)
        videos.append(full_size(clip, generated - real[:1].expand_as(real), model).numpy())
    return np.concatenate(videos, axis=2)
