"""Progress of long jobs, as a callback. Nothing is displayed here: the command line does that."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Progress = Callable[[float, str], None]
"""Takes the share of the work that is done, 0 to 1, and a text. A job of several stages runs from 0 to 1 in each of
them; its texts are instances of `StageText`, which knows the stage."""


class StageText(str):
    """The text ``name: text`` of a stage.

    Attributes:
        stage: the stage
        text: the part after the name
    """

    stage: Stage
    text: str

    def __new__(cls, stage: Stage, text: str) -> StageText:
        whole = super().__new__(cls, f"{stage.name}: {text}" if text else stage.name)
        whole.stage, whole.text = stage, text
        return whole


class Stage:
    """One stage of a job, which reports to a `Progress`.

    Attributes:
        name: what is being done
        display: object with ``__rich__`` that a terminal shows in place of a bar; each text is then a line in a log
        share: share of the stage that is done, 0 to 1
    """

    def __init__(
        self, progress: Progress | None, name: str, total: float, done: float = 0.0, display: Any = None
    ) -> None:
        """Begin the stage, and report that.

        Args:
            progress: callback; None for silence
            name: what is being done
            total: amount of work, in any unit
            done: amount that an earlier run has completed
            display: see above
        """
        self.name, self.display = name, display
        self._progress, self._total = progress, max(total, 1e-9)
        self._begun = time.monotonic()
        self.share = self._first = done / self._total
        self._report("")

    @property
    def elapsed_s(self) -> float:
        """Seconds since the stage began."""
        return time.monotonic() - self._begun

    @property
    def remaining_s(self) -> float | None:
        """Estimated remaining seconds at the mean rate of this run; None until something is done."""
        gained = self.share - self._first
        return self.elapsed_s * (1 - self.share) / gained if gained > 0 else None

    def update(self, done: float, text: str) -> None:
        """Report the amount of work that is done, including that of an earlier run."""
        self.share = done / self._total
        self._report(text)

    def _report(self, text: str) -> None:
        if self._progress:
            self._progress(self.share, StageText(self, text))


@contextmanager
def log_to(handler: logging.Handler) -> Iterator[None]:
    """Send what the package logs, from INFO on, to a handler."""
    logger = logging.getLogger("seehear")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def format_clock(seconds: float | None) -> str:
    """Format as minutes and seconds, or hours and minutes."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes}:{rest:02d}"
