"""A task of a plug-in: how many clips a corpus has, which needs no model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from rich.text import Text

from seehear import registry
from seehear.cli.verbs import VERBS
from seehear.data.corpus import Corpus
from seehear.evaluation import TASKS
from seehear.evaluation.result import Measurement
from seehear.evaluation.task import FileWriter, Score, Task
from seehear.results import Result


@dataclass(frozen=True)
class Counting:
    """How clips are counted.

    Attributes:
        factor: each clip counts this often
        seeds: repetitions
        first_seed: number of the first one
        noise: which noise
    """

    flat: ClassVar[bool] = True

    factor: int = 1
    seeds: int = 1
    first_seed: int = 0
    noise: str = "none"


@dataclass(frozen=True, repr=False)
class ToyResult(Result):
    """The number of clips."""

    clips: int
    seed: int

    def measurement(self) -> Measurement:
        """The number, and the share of an even hundred."""
        return Measurement(
            {"misses": 100 - self.clips, "share of many": self.clips / 100},
            recordings=self.clips,
            tested=self.clips,
            units="clips",
            unit_count=self.clips,
            draws=np.array([90.0, np.nan, 92.0]),
            setting={"seed": self.seed},
        )

    def write_clips(self, path: Path) -> None:
        """Write the number."""
        path.write_text(str(self.clips))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"clips": self.clips, "seed": self.seed}

    def __rich__(self) -> Text:
        return Text(f"{self.clips} clips")


def count_clips(model: str, corpus: str | Path, extra: int = 0, counting: Counting = Counting()) -> ToyResult:
    """Count clips.

    Args:
        model: any
        corpus: a prepared corpus
        extra: clips to add
        counting: how
    """
    return ToyResult(len(Corpus(corpus)) * counting.factor + extra, counting.first_seed)


TOY = Task(
    "toy",
    "count clips",
    count_clips,
    (Score("misses", higher_is_better=False, percent=False, digits=0), Score("share of")),
    writers={"count": FileWriter("also write the number here", "write_clips", (".txt",))},
    plan_names={"more": "extra"},
)

registry.register(TOY)


@contextmanager
def registered() -> Iterator[Task]:
    """The task, which is gone afterwards."""
    registry.register(TOY)
    yield TOY
    TASKS._declared.pop("toy")
    TASKS._added_by.pop("toy")
    registry._worker_modules.pop(__name__)
    VERBS.pop("evaluate toy", None)
