"""Shared parts of the demo: progress, images, verdicts in words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isnan
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from seehear.metrics.bootstrap import Comparison
from seehear.progress import Progress, Stage


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Encode RGB uint8 (H, W, 3) as JPEG."""
    done, coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert done
    return bytes(coded)


CLEAR = 0.05  # p below which a difference is reported as one


def difference(one: Comparison) -> str:
    """Format the difference in points, positive if the model's score is higher, with interval and p."""
    p = f"p = {one.p:.3f}" if one.p >= 0.001 else "p < 0.001"
    between = "" if isnan(one.low) else f" ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
    return f"{100 * one.difference:+.1f}{between}, {p}"


def verdict(
    what: str, name: str, comparisons: Sequence[Comparison], called: Mapping[str, str], higher_is_better: bool = True
) -> str:
    """Summarise the comparisons of a table in a sentence.

    Args:
        what: subject of the table.
        name: name of the model.
        comparisons: comparisons of the model with others.
        called: display name of each of them.
        higher_is_better: whether higher scores are better.
    """
    clear = [one for one in comparisons if one.p < CLEAR]
    better = [called[one.against] for one in clear if (one.difference > 0) == higher_is_better]
    worse = [called[one.against] for one in clear if (one.difference > 0) != higher_is_better]
    open_ = [called[one.against] for one in comparisons if one.p >= CLEAR]
    parts = [
        f"{verb} {_join(names)}"
        for verb, names in (("is better than", better), ("is worse than", worse), ("cannot be told from", open_))
        if names
    ]
    return f"{what}: {name} {'; it '.join(parts)} (p < {CLEAR} is called a difference)."


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


T = TypeVar("T")


class Stages:
    """Reports which part of the demo runs and how long each took.

    Attributes:
        seconds: duration of each finished part, by name.
    """

    def __init__(self, count: int) -> None:
        """Number the parts from 1 to ``count``."""
        self.seconds: dict[str, float] = {}
        self._console, self._count = Console(stderr=True, highlight=False), count

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Run one part."""
        self._console.print(f"[bold]{len(self.seconds) + 1}/{self._count}[/bold] {name}")
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start
        self._console.print(f"    done in {self.seconds[name]:.0f} s", style="dim")


def with_progress(name: str, items: Sequence[T], progress: Progress | None) -> Iterator[T]:
    """Yield the items and report how many are done."""
    stage = Stage(progress, name, len(items))
    for done in range(len(items)):
        yield items[done]
        stage.update(done + 1, f"{done + 1}/{len(items)}")
