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
from seehear.progress import ProgressReporter


def jpeg(image: NDArray[np.uint8]) -> bytes:
    """Encode RGB uint8 (H, W, 3) as JPEG."""
    succeeded, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert succeeded
    return bytes(encoded)


SIGNIFICANCE_LEVEL = 0.05


def difference(comparison: Comparison) -> str:
    """Format the difference in points, positive if the model's score is higher, with interval and p."""
    low, high = 100 * comparison.low, 100 * comparison.high
    p = f"p = {comparison.p:.3f}" if comparison.p >= 0.001 else "p < 0.001"
    interval = "" if isnan(comparison.low) else f" ({low:+.1f} to {high:+.1f})"
    return f"{100 * comparison.difference:+.1f}{interval}, {p}"


def verdict(
    what: str,
    name: str,
    comparisons: Sequence[Comparison],
    display_names: Mapping[str, str],
    higher_is_better: bool = True,
) -> str:
    """Summarise the comparisons of a table in a sentence.

    Args:
        what: subject of the table.
        name: name of the model.
        comparisons: comparisons of the model with others.
        display_names: display name of each of them.
        higher_is_better: whether higher scores are better.
    """
    significant = [one for one in comparisons if one.p < SIGNIFICANCE_LEVEL]
    better = [display_names[one.against] for one in significant if (one.difference > 0) == higher_is_better]
    worse = [display_names[one.against] for one in significant if (one.difference > 0) != higher_is_better]
    similar = [display_names[one.against] for one in comparisons if one.p >= SIGNIFICANCE_LEVEL]
    parts = [
        f"{verb} {_join(names)}"
        for verb, names in (
            ("is better than", better),
            ("is worse than", worse),
            ("is not significantly different from", similar),
        )
        if names
    ]
    return f"{what}: {name} {'; it '.join(parts)} (differences with p < {SIGNIFICANCE_LEVEL} count)."


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


def with_progress(name: str, items: Sequence[T]) -> Iterator[T]:
    """Yield the items and report how many are done."""
    with ProgressReporter(name, len(items)) as progress:
        for done in range(len(items)):
            yield items[done]
            progress.update(done + 1, f"{done + 1}/{len(items)}")
