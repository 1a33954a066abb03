"""The display of progress on the error stream: a bar on a terminal, occasional lines in a log."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column
from rich.text import Text

from seehear.progress import Stage, StageText, format_clock, log_to

LOG_EVERY_S = 10.0

REFRESHES_PER_S = 2
"""Of a stage that has a display of its own."""


class ProgressDisplay:
    """Context manager that displays what a job reports to it, as to any `seehear.progress.Progress`.

    Nothing appears before the first report, so that a process that reports nothing (any but the first of a distributed
    training) leaves the terminal alone.
    """

    def __init__(self, name: str, log: bool = True) -> None:
        """Create a display.

        Args:
            name: of the job, for reports without a stage
            log: also print what the package logs (INFO), and progress every ten seconds where there is no terminal
        """
        self._console = Console(stderr=True)
        self._log, self._context = log, ExitStack()
        self._job = self._stage = Stage(None, name, 1.0)
        self._logged = time.monotonic()
        self._bar: Bar | None = None
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._log:
            self._context.enter_context(log_to(_LineHandler(self._console)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hide()
        self._context.close()

    def __call__(self, share: float, text: str) -> None:
        """Display a report."""
        stage = text.stage if isinstance(text, StageText) else self._job
        if stage is not self._stage:
            self._hide()
            self._stage, self._logged = stage, time.monotonic()
        if stage is self._job:
            stage.share = share
        if isinstance(text, StageText):
            text = text.text
        if self._console.is_terminal:
            self._draw(text)
        elif self._log and text:
            self._write(text)

    def _draw(self, text: str) -> None:
        if self._stage.share >= 1:  # what follows may take a while and has no bar
            self._hide()
        elif self._stage.display is not None:
            if not self._live:
                self._live = _live(self._console, self._stage.display)
                self._live.start()
        else:
            if not self._bar:
                self._bar = _bar(self._console, self._stage)
                self._bar.start()
            self._bar.update(self._bar.task_ids[0], completed=self._stage.share, text=text)

    def _hide(self) -> None:
        for shown in (self._bar, self._live):
            if shown:
                shown.stop()
        self._bar = self._live = None

    def _write(self, text: str) -> None:
        stage = self._stage
        if stage.display is not None:
            _print_line(self._console, text)
        elif time.monotonic() - self._logged >= LOG_EVERY_S:
            self._logged = time.monotonic()
            left = format_clock(stage.remaining_s)
            _print_line(self._console, f"{stage.name}: {100 * stage.share:.0f} %, {text}, {left} left")


def _bar(console: Console, stage: Stage) -> Bar:
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True), markup=False),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=6)),  # the space left by the text
        TextColumn("{task.percentage:>3.0f} % {task.fields[text]}", table_column=Column(no_wrap=True), markup=False),
        _RemainingColumn(stage),
    )
    bar = Bar(*columns, console=console, transient=True, expand=True)
    bar.add_task(stage.name, total=1.0, text="")
    return bar


def _live(console: Console, display: RenderableType) -> Live:
    return Live(display, console=console, refresh_per_second=REFRESHES_PER_S, transient=True, vertical_overflow="crop")


class _RemainingColumn(ProgressColumn):
    """Remaining time of a stage."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(Column(no_wrap=True, min_width=9, justify="right"))
        self._stage = stage

    def render(self, task: Task) -> Text:
        return Text(f"{format_clock(self._stage.remaining_s)} left")


class _LineHandler(logging.Handler):
    """Prints records as lines that stay, above the bar."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        _print_line(self._console, self.format(record))


def _print_line(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, markup=False, highlight=False, emoji=False)
