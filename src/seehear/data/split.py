"""How clips are split into training and development."""

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
