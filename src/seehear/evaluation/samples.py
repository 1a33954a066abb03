"""Samples of a task for a report: feature vectors of some recordings, and videos of generated clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.clip import FPS, SAMPLES_PER_FRAME, Clip
from seehear.data.corpus import Corpus, Split
from seehear.errors import CorpusError
from seehear.evaluation.animate import animate_clip, full_size
from seehear.evaluation.baselines import compared_encoder, compared_lip_encoder
from seehear.evaluation.features import features
from seehear.evaluation.lip_clips import ClipPictures, VisibleWord, WindowOptions, cut_word, visible_words, word_window
from seehear.evaluation.probes.linear import pooled
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.speaker.voices import compared_voices, embed_voices, whole_segments
from seehear.evaluation.splits import LABEL, TESTED
from seehear.evaluation.words import isolated_words
from seehear.media.encode import write_video
from seehear.models.animate import AnimateModel
from seehear.models.store import load_animate_model

MAX_RECORDINGS = 400
"""More points would hide each other."""

MAX_CLASSES = 12
"""The words or speakers with the most recordings; more could not be distinguished by colour."""

PIECE_S = 2.0  # as in `seehear evaluate speaker`

VIDEO_S = 3

LabelledVectors = tuple[NDArray[np.float32], list[str]]
"""Vectors (N, D) of at most `MAX_RECORDINGS` recordings of the test part (of all, where there is no official test
part), and the label of each."""


def emotion_vectors(model: str, data: Path) -> LabelledVectors:
    """Features of whole recordings, by emotion.

    Args:
        model: folder of a run, or name of a model or an encoder
        data: a prepared corpus

    Raises:
        ModelError: there is no such model.
        CorpusError: there is no such corpus, or it has no such labels.
    """
    return _recording_vectors(model, _tested(Recordings.of([data])).labelled("emotion"), "emotion")


def word_vectors(model: str, data: Path) -> LabelledVectors:
    """Features of isolated words, by word; see `emotion_vectors`."""
    words = isolated_words(_tested(Recordings.of([data])), MAX_CLASSES, min_count=1)
    return _recording_vectors(model, words, "word")


def voice_vectors(model: str, data: Path) -> LabelledVectors:
    """Voice embeddings of pieces of recordings, by speaker; see `emotion_vectors`."""
    recordings = _tested(Recordings.of([data])).labelled("speaker").with_readable_sound()
    pieces = [piece for recording in recordings for piece in whole_segments(recording, PIECE_S) or [recording]]
    names = [str(piece.speaker) for piece in pieces]
    rows = _of_most_frequent(names)
    voice = compared_voices(model, (), "frozen", None, "mean")[0].voice(0)
    return embed_voices(voice, [pieces[row] for row in rows], model), [names[row] for row in rows]


def lip_vectors(model: str, data: Path) -> LabelledVectors:
    """Lip features of isolated words, by word; see `emotion_vectors`.

    Raises:
        ModelError: the model has no lip encoder.
    """
    corpus = Corpus(data)
    words = [word for word in _tested(visible_words(corpus, min_count=1)) if isinstance(word, VisibleWord)]
    rows = _of_most_frequent([word.labels["word"] for word in words])
    encoder, pictures, window = compared_lip_encoder(model, model).encoder(0), ClipPictures(corpus), WindowOptions()
    vectors = []
    with torch.inference_mode():
        for word in (words[row] for row in rows):
            features = encoder(pictures.at([(word.clip, 0, word.length)], encoder.lips, torch.device("cpu")), None)
            where = word_window(word.clip, word.length, word.between_s, word.whole, window)
            vectors.append(pooled(cut_word(features[0], where, window.boundaries)[None])[0].numpy())
    return np.stack(vectors), [words[row].labels["word"] for row in rows]


def write_animated_clips(models: Mapping[str, str], data: Path, paths: Sequence[Path]) -> None:
    """Write videos of clips that were held out of training: the real frames, and those of each model, side by side.

    Args:
        models: row -> folder or name of an animate model
        data: a prepared corpus
        paths: one for each video

    Raises:
        SeehearError: a model or the corpus cannot be read.
    """
    loaded = [load_animate_model(model) for model in models.values()]
    split = Split.of_training(loaded[0].config)
    clips = Corpus(data).with_faces().split("dev", split.every, split.by).with_sound()
    for path, index in zip(paths, np.linspace(0, len(clips) - 1, len(paths)).astype(int).tolist(), strict=True):
        clip = first_seconds(clips[index])
        write_video(path, side_by_side(loaded, clip), FPS, clip.audio, crf=26)


def first_seconds(clip: Clip) -> Clip:
    """Return the first `VIDEO_S` seconds of a clip."""
    frames = min(len(clip.video), VIDEO_S * FPS)
    return replace(
        clip,
        video=clip.video[:frames],
        landmarks=clip.landmarks[:frames],
        audio=clip.audio[: frames * SAMPLES_PER_FRAME],
    )


def side_by_side(models: Sequence[AnimateModel], clip: Clip) -> NDArray[np.uint8]:
    """Return the real frames and those of each model, (T, S, S * (1 + models), 3)."""
    videos = [clip.video]
    for model in models:
        real, generated = animate_clip(model, clip)
        videos.append(full_size(clip, generated - real[:1].expand_as(real), model).numpy())
    return np.concatenate(videos, axis=2)


def _recording_vectors(model: str, recordings: Recordings, label: str) -> LabelledVectors:
    """Mean and deviation in four segments of time, as for the pooled probe."""
    chosen = recordings.subset(_spread(len(recordings))).with_readable_sound()
    encoder = compared_encoder(model, model).encoder(0)
    lengths = {row: recording.samples for row, recording in enumerate(chosen)}
    kept = features(encoder, lengths, lambda row: chosen[row].audio(), pooled)
    return np.stack([kept[row] for row in lengths]), [str(value) for value in chosen.labels(label)]


def _tested(recordings: Recordings) -> Recordings:
    """The official test part; everything where there is none."""
    tested = np.array([part == TESTED for part in recordings.labels(LABEL)], dtype=bool)
    return recordings.subset(tested) if tested.any() else recordings


def _of_most_frequent(names: Sequence[str]) -> list[int]:
    """Rows of the most frequent names, at most `MAX_RECORDINGS`, evenly spread.

    Raises:
        CorpusError: there are none.
    """
    if not names:
        raise CorpusError("there is nothing to plot; give a corpus with labels")
    order = sorted(Counter(names).items(), key=lambda one: (-one[1], one[0]))
    chosen = {name for name, _ in order[:MAX_CLASSES]}
    rows = [row for row, name in enumerate(names) if name in chosen]
    return [rows[index] for index in _spread(len(rows))]


def _spread(count: int) -> list[int]:
    """At most `MAX_RECORDINGS` indices, evenly spread."""
    if count <= MAX_RECORDINGS:
        return list(range(count))
    return [int(index) for index in np.linspace(0, count - 1, MAX_RECORDINGS).round()]
