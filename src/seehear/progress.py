"""Progress of long jobs: a bar on a terminal, occasional lines in a log."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

LOG_EVERY_S = 10.0


class ProgressReporter:
    """Report the progress of a job of ``total`` units on the error stream, with a text chosen by the job."""

    def __init__(self, name: str, total: float, done: float = 0.0, show: bool = True) -> None:
        """Start a job of which ``done`` units were completed by an earlier run."""
        self.name = name
        self._total = max(total, 1e-9)
        self._done = self._start = done
        self._show = show
        self._console = Console(stderr=True)
        self._begun = self._logged = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        self._begun = self._logged = time.monotonic()
        if self._show and self._console.is_terminal:
            columns = (
                TextColumn("{task.description}", table_column=Column(no_wrap=True)),
                BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=6)),  # the space left by the text
                TextColumn("{task.percentage:>3.0f} % {task.fields[told]}", table_column=Column(no_wrap=True)),
                _RemainingColumn(self),
            )
            self._bar = Progress(*columns, console=self._console, transient=True, expand=True)
            self._row = self._bar.add_task(self.name, total=self._total, told="")
            self._bar.update(self._row, completed=self._done)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self._begun

    @property
    def remaining_s(self) -> float | None:
        """Estimated remaining seconds at the mean rate so far; None until something is done."""
        gained = self._done - self._start
        return self.elapsed_s * (self._total - self._done) / gained if gained > 0 else None

    def update(self, done: float, told: str) -> None:
        """Set the completed units; ``told`` is the text to display."""
        self._done = done
        if self._bar:
            self._bar.update(self._row, completed=done, told=told)
        elif self._show and time.monotonic() - self._logged >= LOG_EVERY_S:
            self._logged = time.monotonic()
            self._line(f"{self.name}: {100 * done / self._total:.0f} %, {told}, {format_clock(self.remaining_s)} left")

    def log(self, sentence: str) -> None:
        """Print a line that stays."""
        if self._show:
            self._line(sentence)

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)


class _RemainingColumn(ProgressColumn):
    """Remaining time, as estimated by the job."""

    def __init__(self, telling: ProgressReporter) -> None:
        super().__init__(Column(no_wrap=True, min_width=9, justify="right"))
        self._telling = telling

    def render(self, task: Task) -> Text:
        return Text(f"{format_clock(self._telling.remaining_s)} left")


def format_clock(seconds: float | None) -> str:
    """Format as minutes and seconds, or hours and minutes."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes}:{rest:02d}"
