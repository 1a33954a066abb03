"""What an encoder makes of test recordings, one vector each, and what they are: for pictures, not for numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.corpus.store import Corpus
from seehear.errors import CorpusError
from seehear.tasks.contenders import contender
from seehear.tasks.features import features
from seehear.tasks.isolated import isolated_words
from seehear.tasks.lipreading.looks import Looks
from seehear.tasks.lipreading.readers import reader
from seehear.tasks.lipreading.sights import Sight, words_seen
from seehear.tasks.lipreading.window import WindowOptions, cut, window
from seehear.tasks.partition import LABEL
from seehear.tasks.parts import TESTED
from seehear.tasks.readouts.pooling import pooled
from seehear.tasks.recordings import Recordings
from seehear.tasks.verification.voices import embed, voice_contenders, whole_segments

MOST = 400
"""Recordings: more dots hide each other."""

KINDS = 12
"""Words or speakers: those with the most recordings. More could not be told apart by colour."""

PIECE_S = 2.0  # of a voice, as `seehear evaluate speaker` hears it

WORDS, VOICES = ("words", "transcription"), ("speaker", "identification")

Vectors = NDArray[np.float32]


def embedded(of: str | Path, data: str | Path, task: str) -> tuple[Vectors, list[str]]:
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
        return _seen(str(of), Corpus(data))
    recordings = _tested(Recordings.of([Path(data)]))
    if task in VOICES:
        return _voices(str(of), recordings.labelled("speaker").audible(progress=False))
    label = "word" if task in WORDS else "emotion"
    found = isolated_words(recordings, KINDS, min_count=1) if task in WORDS else recordings.labelled(label)
    return _heard(str(of), found, label)


def _heard(of: str, recordings: Recordings, label: str) -> tuple[Vectors, list[str]]:
    """Features over four segments of time, as the quick read-out sees them."""
    chosen = recordings.subset(_spread(len(recordings))).audible(progress=False)
    encoder = contender(of, of).encoder(0)
    lengths = {row: recording.samples for row, recording in enumerate(chosen)}
    kept = features(encoder, lengths, lambda row: chosen[row].audio(), pooled)
    return np.stack([kept[row] for row in lengths]), [str(value) for value in chosen.labels(label)]


def _voices(of: str, recordings: Recordings) -> tuple[Vectors, list[str]]:
    """Pieces of the voices that are heard most."""
    pieces = [piece for recording in recordings for piece in whole_segments(recording, PIECE_S) or [recording]]
    names = [str(piece.speaker) for piece in pieces]
    rows = _of_most_frequent(names)
    voice = voice_contenders(of, (), "frozen", None, "mean")[0].voice(0)
    return embed(voice, [pieces[row] for row in rows], of, progress=False), [names[row] for row in rows]


def _seen(of: str, corpus: Corpus) -> tuple[Vectors, list[str]]:
    """Words on lips, each over four segments of time."""
    words = [word for word in _tested(words_seen(corpus, min_count=1)) if isinstance(word, Sight)]
    rows = _of_most_frequent([word.labels["word"] for word in words])
    encoder, looks, frames = reader(of, of).encoder(0), Looks(corpus), WindowOptions()
    vectors = []
    with torch.inference_mode():
        for word in (words[row] for row in rows):
            seen = encoder(looks.at([(word.clip, 0, word.length)], encoder.lips, torch.device("cpu")), None)
            where = window(word.clip, word.length, word.between_s, word.whole, frames)
            vectors.append(pooled(cut(seen[0], where, frames.boundaries)[None])[0].numpy())
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
    chosen = {name for name, _ in order[:KINDS]}
    rows = [row for row, name in enumerate(names) if name in chosen]
    return [rows[place] for place in _spread(len(rows))]


def _spread(count: int) -> list[int]:
    """At most `MOST` places, evenly."""
    if count <= MOST:
        return list(range(count))
    return [int(place) for place in np.linspace(0, count - 1, MOST).round()]
