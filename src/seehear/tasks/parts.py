"""Which clips of a corpus a model is asked about: those that its training kept, learned from, or an official part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seehear.corpus.manifest import label_columns
from seehear.corpus.split import By, Split
from seehear.corpus.store import Corpus
from seehear.errors import CorpusError
from seehear.tasks.partition import LABEL

PartName = Literal["dev", "train", "all", "official"]

TESTED = "test"
"""Value of the label ``part`` of what an official split tests."""


def clips_of_part(
    clips: Corpus, part: PartName, config: Mapping[str, Any], by: By | None = None, every: int | None = None
) -> Corpus:
    """The clips of a part.

    Args:
        clips: of a corpus.
        part: ``dev``, which training kept for measuring, ``train``, which it learned from, ``all``, or ``official``,
            those whose label ``part`` is ``test``.
        config: of the model, which remembers how its training split.
        by, every: another split into dev and train than that; see `Split`.

    Raises:
        CorpusError: they cannot be split so, or there is no official split.
    """
    if part == "all":
        return clips
    if part == "official":
        return officially_tested(clips)
    parted = Split.of_training(config, by, every)
    return clips.split(part, parted.every, parted.by)


def officially_tested(clips: Corpus) -> Corpus:
    """Those whose label ``part`` is ``test``.

    Raises:
        CorpusError: there are none.
    """
    known = clips.labels(LABEL) if LABEL in label_columns(clips.manifest) else []
    return clips.subset(in_test(known, str(clips)))


def in_test(parts: Sequence[str | None], name: str) -> NDArray[np.bool_]:
    """Which are tested officially, by their labels ``part``, (N,).

    Raises:
        CorpusError: none of ``name``.
    """
    if TESTED not in parts:
        raise CorpusError(
            f"{name} has no official split (nothing whose label '{LABEL}' is '{TESTED}'); choose another --split"
        )
    return np.array([part == TESTED for part in parts], dtype=bool)
