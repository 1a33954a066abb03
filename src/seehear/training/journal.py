"""What a training writes down while it runs: metrics.csv, pictures and TensorBoard, cut back when a run is resumed."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter

from seehear.beside import write_text, written_beside

STEP = "step"


class Journal:
    """Rows of numbers by step. A row may lack columns; they stay empty in the file."""

    def __init__(self, folder: Path, columns: Sequence[str], resumed_at: int | None = None) -> None:
        """Opens them all.

        Args:
            folder: of the run.
            columns: of metrics.csv, without the step.
            resumed_at: what is of later steps was written by a run that was killed, and is dropped.
        """
        self.path = folder / "metrics.csv"
        self.columns = [STEP, *columns]
        rows = [] if resumed_at is None else [row for row in read_metrics(self.path) if row[STEP] <= resumed_at]
        lines = [",".join(self.columns), *(self._line(row) for row in rows)]
        write_text(self.path, "\n".join(lines) + "\n")
        self._pictures = folder / "pictures"
        for path in self._pictures.glob("*-*.png"):
            if resumed_at is None or _step_of(path) > resumed_at:
                path.unlink()
        purge = 0 if resumed_at is None else resumed_at + 1
        self._board = SummaryWriter(str(folder / "tb"), purge_step=purge)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board.close()

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """One row, on the disk when this returns."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(self._line({STEP: step, **values}) + "\n")
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def show(self, step: int, name: str, picture: NDArray[np.uint8]) -> None:
        """One picture, RGB (H, W, 3): pictures/NAME-000250.png."""
        self._pictures.mkdir(exist_ok=True)
        coded, data = cv2.imencode(".png", picture[..., ::-1])
        assert coded
        with written_beside(self._pictures / f"{name}-{step:06d}.png") as beside:
            beside.write_bytes(data.tobytes())
        self._board.add_image(name, picture, step, dataformats="HWC")

    def _line(self, row: Mapping[str, float]) -> str:
        return ",".join(f"{row[name]:.6g}" if name in row else "" for name in self.columns)


def read_metrics(path: Path) -> list[dict[str, float]]:
    """Rows of a metrics.csv, without their empty columns; none if there is no such file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def _step_of(picture: Path) -> int:
    step = picture.stem.rpartition("-")[2]
    return int(step) if step.isdecimal() else 0
