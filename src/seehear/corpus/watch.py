"""What the user sees of a preparation while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from seehear.corpus.outcome import Outcome
from seehear.corpus.plan import Plan
from seehear.corpus.work import Step
from seehear.progress import Telling


class Watch:
    """Adds up what the workers tell: sources and clips done, speed, time left (by the bytes of the sources)."""

    def __init__(self, plan: Plan, known: Mapping[int, Outcome], show: bool) -> None:
        """A preparation of which the ``known`` sources were done by an earlier run."""
        self._sizes = [max(size, 1) for size in plan.sizes]
        self._done_bytes = float(sum(self._sizes[number] for number in known))
        self._sources = len(known)
        self._clips = sum(outcome.clip_count for outcome in known.values())
        self._shares: dict[int, float] = {}
        self.seconds = 0.0  # of sources gone through by this run
        self._telling = Telling("preparing", sum(self._sizes), self._done_bytes, show)

    def __enter__(self) -> Self:
        self._telling.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._telling.__exit__(kind, error, trace)

    def step(self, number: int, step: Step) -> None:
        """A worker has done a clip of a source."""
        self._shares[number] = step.share
        self._tell()

    def finish(self, number: int, outcome: Outcome) -> None:
        """A worker has done a source."""
        self._shares.pop(number, None)
        self._done_bytes += self._sizes[number]
        self._sources += 1
        self._clips += outcome.clip_count
        self.seconds += outcome.seconds
        self._tell()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the work began."""
        return self._telling.elapsed_s

    def _tell(self) -> None:
        running = sum(self._sizes[number] * share for number, share in self._shares.items())
        speed = self.seconds / max(self._telling.elapsed_s, 1e-3)
        told = f"{self._sources}/{len(self._sizes)} sources, {self._clips} clips, {speed:.0f}x real time"
        self._telling.update(self._done_bytes + running, told)
