"""Cells in processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from multiprocessing.connection import wait

from seehear.benchmark.doing.engine import LOOK_S, STOP_S, Choose, Ended
from seehear.benchmark.doing.job import Done, Job, do
from seehear.crew import TRIES, Member, Tell


@dataclass(frozen=True)
class LocalEngine:
    """Processes of this machine, each of one thread; a cell whose process dies is tried a second time.

    Attributes:
        workers: how many.
        work: what each does with a job: a function of a module.
    """

    workers: int
    work: Callable[[Job, Tell], Done] = do

    @property
    def wide(self) -> int:
        """As many as work."""
        return self.workers

    def run(self, choose: Choose, over: Callable[[], bool]) -> Generator[Ended]:
        """See `seehear.benchmark.doing.engine.Engine`."""
        crew = _Crew(self.workers, self.work)
        try:
            while not over():
                crew.hand_out(choose)
                if not crew.busy:
                    return
                yield from crew.hear()
        finally:
            crew.stop()


class _Crew:
    """The processes, and the jobs whose process died and that are to be tried again."""

    def __init__(self, workers: int, work: Callable[[Job, Tell], Done]) -> None:
        self._workers, self._work = workers, work
        self._members: list[Member] = []
        self._again: list[tuple[Job, int]] = []

    @property
    def busy(self) -> bool:
        """Whether anybody is."""
        return any(member.busy for member in self._members)

    def hand_out(self, choose: Choose) -> None:
        """Gives everybody who is free something to do, as long as there is something."""
        while (member := self._free()) or len(self._members) < self._workers:
            if self._again:
                task = self._again.pop()
            elif job := choose():
                task = job, TRIES
            else:
                return
            if member is None:
                member = Member(self._work, alone=False)  # a corpus is made by processes of its own
                self._members.append(member)
            member.give(*task)

    def hear(self) -> list[Ended]:
        """What has ended, after a short while at the most."""
        spoken = wait([member.connection for member in self._members], LOOK_S)
        told = [self._listen(member) for member in list(self._members) if member.connection in spoken]
        return [ended for ended in told if ended]

    def stop(self) -> None:
        """All at once are asked to, and then one after the other is waited for."""
        for member in self._members:
            member.process.terminate()
        for member in self._members:
            member.stop(STOP_S if member.busy else 1)

    def _free(self) -> Member | None:
        return next((member for member in self._members if not member.busy), None)

    def _listen(self, member: Member) -> Ended | None:
        try:
            kind, value = member.connection.recv()
        except (EOFError, OSError):
            return self._bury(member)
        if kind == "raised":
            raise value
        if kind == "ready":
            member.ready = True
        if kind != "done":
            return None
        member.busy = False
        return Ended(member.task, value)

    def _bury(self, member: Member) -> Ended | None:
        """Its job is tried again, or ends with it."""
        self._members.remove(member)
        busy = member.busy
        job, tries, death = member.bury()
        if busy and tries > 1:
            self._again.append((job, tries - 1))
            return None
        return Ended(job, None, death) if busy else None
