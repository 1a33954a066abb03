"""A little of what a model knows already, learned again beside what is new, so that it is not forgotten.

Nothing of the training corpora comes with the package. So synthetic people are made, or the user gives a corpus.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.avatars import make_avatars
from seehear.avatars.voices import require_espeak
from seehear.corpus.manifest import CORPUS_FILE, label_columns
from seehear.corpus.prepare import prepare
from seehear.corpus.split import By
from seehear.corpus.store import Corpus
from seehear.errors import SeehearError

CLIPS, SPEAKERS = 60, 20
"""Synthetic clips of 3 s: about a minute of work."""

SEED = 2027
"""Of the synthetic people: others than the shipped models have met."""

HELD_OUT = 4
"""One person (or source) in this many is held out: measured, not learned from."""

SHARE = 0.25
"""Of what is learned from in an epoch."""


@dataclass(frozen=True)
class Replay:
    """Clips to be learned again.

    Attributes:
        corpus: folder of the corpus.
        what: in words, for the table.
        learned, held_out: rows of the corpus.
    """

    corpus: Path
    what: str
    learned: NDArray[np.int64]
    held_out: NDArray[np.int64]


def given(corpus: Path) -> Replay:
    """Of a corpus that the user names.

    Raises:
        CorpusError: there is none, it is sound alone, or it cannot be split.
    """
    return _parted(corpus, corpus.name)


def synthetic(folder: Path, workers: int | None = None, progress: bool = True) -> Replay:
    """Of synthetic people, who are made here; what is there already is not made again.

    Args:
        folder: for the corpus and, meanwhile, the films.
        workers: processes; by default one a core.
        progress: tell how far it is, on the error stream.

    Raises:
        SeehearError: eSpeak NG is not installed.
    """
    corpus, films = folder / "corpus", folder / "films"
    if not (corpus / CORPUS_FILE).exists():
        make_avatars(films, clips=CLIPS, speakers=SPEAKERS, seed=SEED, workers=workers, progress=progress)
        prepare([films], corpus, workers=workers, progress=progress)
    shutil.rmtree(films, ignore_errors=True)
    return _parted(corpus, "synthetic people")


def why_not_synthetic() -> str:
    """Why synthetic people cannot be made here, a sentence; empty where they can."""
    try:
        require_espeak()
    except SeehearError as error:
        return f"nothing of the old material is learned again: {error}"
    return ""


def _parted(corpus: Path, what: str) -> Replay:
    clips = Corpus(corpus).with_faces().with_sound()
    by: By = "speaker" if "speaker" in label_columns(clips.manifest) and all(clips.labels("speaker")) else "source"
    rows = (clips.split(part, HELD_OUT, by).manifest["row"].to_numpy() for part in ("train", "dev"))
    return Replay(corpus, what, *rows)


def repeats(new_frames: int, old_frames: int, share: float = SHARE) -> tuple[int, int]:
    """How often new and old clips come in an epoch, so that about ``share`` of it is old: both whole numbers.

    Args:
        new_frames: video frames of the user's clips.
        old_frames: of the old ones.
        share: wanted.
    """
    if not old_frames:
        return 1, 0
    ratio = new_frames * share / ((1 - share) * old_frames)  # how often the old ones should come for each new one
    return (1, max(1, round(ratio))) if ratio >= 1 else (max(1, round(1 / ratio)), 1)
