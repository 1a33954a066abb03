"""Which recordings a model may have been trained with, by the split of its training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seehear.corpus.manifest import CORPUS_FILE
from seehear.corpus.split import By, Part, Split, rows_of_part
from seehear.corpus.store import Corpus
from seehear.tasks.contenders import has_run
from seehear.tasks.recordings import Recordings

PartName = Literal["all", "dev", "train", "official"]


def split_of(model: str, by: By | None, every: int | None) -> Split:
    """The split of a model's training, unless told otherwise.

    Raises:
        ModelError: there is no such model.
        CorpusError: there is no such split.
    """
    from seehear.training.run import find, read_config

    return Split.of_training(read_config(find(model)) if has_run(model) else {}, by, every)


def in_part(recordings: Recordings, places: Sequence[Path], part: Part, split: Split) -> NDArray[np.bool_]:
    """Which recordings are in a part, (N,).

    Clips of corpora are where training has them; other recordings are split among themselves in the same way.

    Raises:
        CorpusError: they cannot be split so.
    """
    corpora = [place for place in places if (place / CORPUS_FILE).is_file()]
    chosen: set[str] = set()
    clips: set[str] = set()
    for place in corpora:
        corpus = Corpus(place)
        prefix = f"{place}/" if len(corpora) > 1 else ""  # as in `Recordings.of`
        clips |= {prefix + key for key in corpus.manifest["key"].to_pylist()}
        chosen |= {prefix + key for key in corpus.split(part, split.every, split.by).manifest["key"].to_pylist()}
    others = [recording for recording in recordings if recording.name not in clips]
    if others:
        table = pa.table(
            {
                "corpus": np.zeros(len(others), dtype=np.int32),
                "source": [recording.source for recording in others],
                "label_speaker": [recording.speaker for recording in others],
            }
        )
        rows = rows_of_part(table, part, split.every, split.by, recordings.name)
        chosen |= {others[row].name for row in rows.tolist()}
    return np.array([recording.name in chosen for recording in recordings], dtype=bool)
