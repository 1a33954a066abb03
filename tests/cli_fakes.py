"""Results and functions of verbs that only pretend, for the tests of the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from rich.text import Text

from seehear.results import Result


@dataclass(frozen=True, repr=False)
class Measured(Result):
    """What `measure` finds in a file."""

    path: Path
    delay_ms: float = 12.5
    error: str | None = None
    code: str | None = None

    def to_dict(self, frames: bool = False) -> dict[str, Any]:
        entry: dict[str, Any] = {"file": str(self.path), "delay_ms": self.delay_ms}
        return entry | ({"frames": [1, 2]} if frames else {}) | ({"error": self.error} if self.error else {})

    def to_row(self) -> dict[str, Any]:
        return {"file": str(self.path), "delay_ms": self.delay_ms}

    def line(self) -> Text:
        return Text(f"line {self.path} {self.error or self.delay_ms}")

    def __rich__(self) -> str:
        return f"block {self.path} {self.delay_ms}"

    def lines(self) -> list[str]:
        return [f"SPEAKER {self.path.stem} 1", f"SPEAKER {self.path.stem} 2"]

    def plot(self, path: Path) -> None:
        path.write_text(f"plot of {self.path}")


@dataclass(frozen=True, repr=False)
class Partly(Measured):
    """Failed, but not without a measurement."""

    @property
    def partial(self) -> bool:
        return True


@dataclass(frozen=True)
class Protocol:
    """Options that many functions share.

    Attributes:
        seeds: number of runs
        snr_db: levels of noise
        probe: classifier
    """

    flat: ClassVar[bool] = True

    seeds: int = 3
    snr_db: tuple[float, ...] = (0.0, 10.0)
    probe: Literal["pooled", "bgru"] = "pooled"

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"seeds must be 1 or more, not {self.seeds}")


@dataclass(frozen=True)
class Training:
    """How it learns.

    Attributes:
        steps: number of steps
    """

    steps: int = 100


def measure(
    files: Sequence[Path],
    *,
    search_s: float = 1.0,
    faces: Literal["yunet", "whole-frame"] = "yunet",
    detector: Path | None = None,
) -> Iterator[Measured]:
    """Measure files.

    Args:
        files: video files
        search_s: largest delay
        faces: how faces are found
        detector: a file
    """
    for file in files:
        yield Measured(file, error=None if file.name != "bad.mp4" else f"{file} is no video", delay_ms=search_s)


def fix(files: Sequence[Path], out: Path, *, force: bool = False, search_s: float = 1.0) -> Iterator[Measured]:
    """Fix files.

    Args:
        files: video files
        out: the new file
        force: fix in any case
        search_s: largest delay
    """
    for file in files:
        yield Measured(out, search_s, *(() if force else (f"{file} cannot be fixed", "media")))
