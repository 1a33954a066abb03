"""Training and development: which clips are on which side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from seehear.errors import CorpusError

Part = Literal["train", "dev"]
By = Literal["source", "speaker"]
COLUMNS: dict[By, str] = {"source": "source", "speaker": "label_speaker"}


@dataclass(frozen=True)
class Split:
    """How clips are parted.

    Attributes:
        by: what is not on both sides, sources or speakers.
        every: one of them in so many is development.
    """

    by: By = "source"
    every: int = 8

    @classmethod
    def of_training(cls, config: Mapping[str, Any], by: By | None = None, every: int | None = None) -> Split:
        """The split that a model was trained with, as its config.json has it, unless told otherwise.

        Raises:
            CorpusError: there is no such split.
        """
        trained = config.get("trained") or {}
        by = trained.get("split_by", cls.by) if by is None else by
        every = trained.get("dev_every", cls.every) if every is None else every
        if by not in COLUMNS or not isinstance(every, int) or every < 2:
            raise CorpusError(
                f"one {by} in {every} cannot be held out; split_by is source or speaker, dev_every 2 or more"
            )
        return cls(by, every)


def rows_of_part(table: pa.Table, part: Part, every: int, by: By, name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Rows of the clips that belong to a part, in order; see `seehear.corpus.store.Corpus.split`.

    Each of several joined corpora is split by itself, so that a clip is on the same side as when it is alone.

    Raises:
        CorpusError: see there.
    """
    if part not in get_args(Part) or by not in COLUMNS or every < 2:
        raise ValueError(f"no split {part!r} of every {every!r} by {by!r}")
    if COLUMNS[by] not in table.column_names:
        raise CorpusError(f"{name} does not know its speakers; split by source, or prepare it with a label 'speaker'")
    corpora = table["corpus"].to_numpy()
    groups = np.array(table[COLUMNS[by]].to_pylist(), dtype=object)
    if any(group is None for group in groups):
        raise CorpusError(f"{name} has clips without a speaker; split by source, or label them and prepare again")
    wanted = [
        rows[_is_dev(groups[rows], every, by, name) == (part == "dev")]
        for rows in (np.flatnonzero(corpora == number) for number in np.unique(corpora))
    ]
    return np.concatenate(wanted) if wanted else np.zeros(0, dtype=np.int64)


def _is_dev(groups: np.ndarray[Any, Any], every: int, by: By, name: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For the group of each clip of one corpus, whether it is every eighth of the sorted ones."""
    names = sorted(set(groups))
    if len(names) < 2:
        raise CorpusError(f"{name} has only one {by} ({names[0]}) and cannot be split by {by}; add others")
    dev = set(names[::every])
    return np.array([group in dev for group in groups], dtype=bool)
