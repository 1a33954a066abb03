"""Cells in processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Protocol

from seehear.benchmark.doing import Done, Job, do
from seehear.crew import TRIES, Member

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
        death: how, in words.
    """

    job: Job
    done: Done | None
    death: str = ""


Choose = Callable[[], Job | None]
"""What is to be done next; None if there is nothing just now. It is asked again whenever a job has ended."""


class Engine(Protocol):
    """Where cells are done."""

    workers: int
    """How many at a time."""

    wide: int
    """Processes that one cell may start which has the engine for itself."""

    def run(self, choose: Choose, over: Callable[[], bool]) -> Iterator[Ended]:
        """Does what is chosen, and yields what ends, until nothing is chosen any more and all have ended.

        As soon as ``over``, and when the iterator is closed, what still runs is stopped; trainings save themselves.
        """


@dataclass(frozen=True)
class LocalEngine:
    """Processes of this machine, each of one thread; a cell whose process dies is tried a second time."""

    workers: int

    @property
    def wide(self) -> int:
        """As many as work."""
        return self.workers

    def run(self, choose: Choose, over: Callable[[], bool]) -> Iterator[Ended]:
        """See `Engine`."""
        crew: list[Member] = []
        again: list[tuple[Job, int]] = []
        with ExitStack() as stack:
            stack.callback(_stop, crew)
            while not over():
                self._hand_out(crew, choose, again)
                if not any(member.busy for member in crew):
                    return
                for member in _heard(crew):
                    ended = _listen(member, crew, again)
                    if ended:
                        yield ended

    def _hand_out(self, crew: list[Member], choose: Choose, again: list[tuple[Job, int]]) -> None:
        """Gives everybody who is free something to do, as long as there is something."""
        while True:
            free = next((member for member in crew if not member.busy), None)
            if free is None and len(crew) >= self.workers:
                return
            job = None if again else choose()
            if job is None and not again:
                return
            task = (job, TRIES) if job else again.pop()
            if free is None:
                free = Member(do, alone=False)  # a corpus is made by processes of its own
                crew.append(free)
            free.give(*task)


def _heard(crew: list[Member]) -> list[Member]:
    """Those who have something to say, after a short while at the most."""
    spoken = wait([member.connection for member in crew], LOOK_S)
    return [member for member in crew if member.connection in spoken]


def _listen(member: Member, crew: list[Member], again: list[tuple[Job, int]]) -> Ended | None:
    """What a process has to say; of its death too."""
    try:
        kind, value = member.connection.recv()
    except (EOFError, OSError):
        crew.remove(member)
        busy = member.busy
        job, tries, death = member.bury()
        if busy and tries > 1:
            again.append((job, tries - 1))
            return None
        return Ended(job, None, death) if busy else None
    if kind == "raised":
        raise value
    if kind == "ready":
        member.ready = True
        return None
    member.busy = False
    return Ended(member.task, value)


def _stop(crew: list[Member]) -> None:
    """All at once, and then one after the other is waited for."""
    for member in crew:
        member.process.terminate()
    for member in crew:
        member.stop(STOP_S if member.busy else 1)
