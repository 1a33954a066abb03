"""What the engines have in common: jobs are chosen late, and what ends is told as it ends."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from seehear.benchmark.doing.job import Done, Job

STOP_S = 60.0
"""So long a training has to save what it needs to go on."""

LOOK_S = 1.0
"""So often the time is looked at while nothing ends."""


@dataclass(frozen=True)
class Ended:
    """What an engine says of a job.

    Attributes:
        job: which.
        done: what came of it; None if its process died.
        death: how, in words that go on from "the process that did it".
    """

    job: Job
    done: Done | None
    death: str = ""


Choose = Callable[[], Job | None]
"""What is to be done next; None if there is nothing just now. It is asked again whenever a job has ended."""


class Engine(Protocol):
    """Where cells are done."""

    @property
    def workers(self) -> int:
        """How many cells at a time."""

    @property
    def wide(self) -> int:
        """Processes that a cell may start which has a machine for itself."""

    def run(self, choose: Choose, over: Callable[[], bool]) -> Generator[Ended]:
        """Does what is chosen, and yields what ends, until nothing is chosen any more and all have ended.

        As soon as it is ``over``, and when the generator is closed, what still runs is stopped; trainings save
        themselves first.
        """
