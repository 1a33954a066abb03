"""Training and development part of a corpus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seehear.errors import CorpusError

Part = Literal["train", "dev"]


By = Literal["source", "speaker"]


COLUMNS: dict[By, str] = {"source": "source", "speaker": "label_speaker"}


@dataclass(frozen=True)
class Split:
    """A split into a training and a development part.

    Attributes:
        by: whether parts differ in sources or in speakers
        every: every n-th of them is in the development part
    """

    by: By = "source"
    every: int = 8

    @classmethod
    def of_training(cls, config: Mapping[str, Any], by: By | None = None, every: int | None = None) -> Split:
        """Return the split in a model's config.json, with the given values instead of the model's.

        Raises:
            CorpusError: invalid split
        """
        trained = config.get("trained") or {}
        by = trained.get("split_by", cls.by) if by is None else by
        every = trained.get("dev_every", cls.every) if every is None else every
        if by not in COLUMNS or not isinstance(every, int) or every < 2:
            raise CorpusError(
                f"cannot hold out one {by} in {every}; split_by is source or speaker, dev_every 2 or more"
            )
        return cls(by, every)
