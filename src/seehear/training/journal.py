"""What a training writes down while it runs: metrics.csv and TensorBoard, both cut back when a run is resumed."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from torch.utils.tensorboard import SummaryWriter

from seehear.beside import write_text

STEP = "step"


class Journal:
    """Rows of numbers by step. A row may lack columns; they stay empty in the file."""

    def __init__(self, folder: Path, columns: Sequence[str], resumed_at: int | None = None) -> None:
        """Opens both.

        Args:
            folder: of the run.
            columns: of metrics.csv, without the step.
            resumed_at: rows of later steps were written by a run that was killed, and are dropped.
        """
        self.path = folder / "metrics.csv"
        self.columns = [STEP, *columns]
        rows = [] if resumed_at is None else [row for row in read_metrics(self.path) if row[STEP] <= resumed_at]
        lines = [",".join(self.columns), *(self._line(row) for row in rows)]
        write_text(self.path, "\n".join(lines) + "\n")
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

    def _line(self, row: Mapping[str, float]) -> str:
        return ",".join(f"{row[name]:.6g}" if name in row else "" for name in self.columns)


def read_metrics(path: Path) -> list[dict[str, float]]:
    """Rows of a metrics.csv, without their empty columns; none if there is no such file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
