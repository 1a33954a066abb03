"""The parts of the demo, and how far each of them is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from rich.console import Console

from seehear.progress import Telling

T = TypeVar("T")


class Stages:
    """Tells which part of the demo runs and how long each took.

    Attributes:
        seconds: of each part that is done, by its name.
    """

    def __init__(self, console: Console, count: int) -> None:
        """Parts are numbered 1 to ``count``."""
        self.seconds: dict[str, float] = {}
        self._console, self._count = console, count

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """One part."""
        self._console.print(f"[bold]{len(self.seconds) + 1}/{self._count}[/bold] {name}")
        begun = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - begun
        self._console.print(f"    done in {self.seconds[name]:.0f} s", style="dim")


def told(name: str, items: Sequence[T]) -> Iterator[T]:
    """The items, one after the other, while it is told how many are done."""
    with Telling(name, len(items)) as telling:
        for done in range(len(items)):
            yield items[done]
            telling.update(done + 1, f"{done + 1}/{len(items)}")


@contextmanager
def one_thread() -> Iterator[None]:
    """One clip at a time is too little work to be shared: two threads would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
