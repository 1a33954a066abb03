"""Checkpoints, stop signals, metrics.csv and TensorBoard."""

from __future__ import annotations

import csv
import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import cv2
import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.utils.tensorboard import SummaryWriter

from seehear.atomic_io import atomic_write, write_text
from seehear.errors import ModelError, os_errors_as_user_errors

_log = logging.getLogger(__name__)

STEP = "step"


class MetricsLog:
    """Writes metrics by step to metrics.csv and TensorBoard. Rows may lack columns; those cells stay empty."""

    def __init__(self, folder: Path, columns: Sequence[str], resumed_at: int | None = None) -> None:
        """Open all logs.

        Args:
            folder: folder of the run.
            columns: columns of metrics.csv, without the step.
            resumed_at: step of the checkpoint. Later entries were written by a run that was killed and are removed.
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
        """Write one row; it is on disk when this returns."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(self._line({STEP: step, **values}) + "\n")
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def log_picture(self, step: int, name: str, picture: NDArray[np.uint8]) -> None:
        """Save one picture, RGB (H, W, 3), as pictures/NAME-000250.png."""
        self._pictures.mkdir(exist_ok=True)
        encoded, data = cv2.imencode(".png", picture[..., ::-1])
        assert encoded
        with atomic_write(self._pictures / f"{name}-{step:06d}.png") as temporary:
            temporary.write_bytes(data.tobytes())
        self._board.add_image(name, picture, step, dataformats="HWC")

    def _line(self, row: Mapping[str, float]) -> str:
        return ",".join(f"{row[name]:.6g}" if name in row else "" for name in self.columns)


def read_metrics(path: Path) -> list[dict[str, float]]:
    """Rows of a metrics.csv without their empty columns; none if there is no such file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def _step_of(picture: Path) -> int:
    step = picture.stem.rpartition("-")[2]
    return int(step) if step.isdecimal() else 0


FORMAT = 1


def save_checkpoint(fabric: Fabric, path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; the old one stays until the new one is complete. All processes must call this together.

    Args:
        fabric: its strategy gathers weights that are sharded over processes.
        path: path of the file.
        state: modules, optimizers, plain values and tensors.

    Raises:
        SeehearError: the disk is full, or the folder is not writable.
    """
    temporary = path.with_name(path.name + ".part")  # same name on all processes: with some strategies all write
    with os_errors_as_user_errors(path):
        try:
            if fabric.is_global_zero:
                path.parent.mkdir(parents=True, exist_ok=True)
            fabric.save(temporary, {"format": FORMAT, **state})
            if fabric.is_global_zero:
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())  # the data must reach the disk before the rename
                temporary.replace(path)
        finally:
            if fabric.is_global_zero:
                temporary.unlink(missing_ok=True)
    fabric.barrier()


def load_checkpoint(fabric: Fabric, path: Path, state: dict[str, Any]) -> dict[str, Any]:
    """Load a checkpoint into the modules and optimizers of ``state``, in place, and return the other entries.

    Raises:
        ModelError: the file is damaged, has another version, or is of a model with another architecture.
    """
    try:
        rest: dict[str, Any] = fabric.load(path, state, weights_only=True)
    except Exception as error:  # damaged archives raise anything, and the remedy is always the same
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path} cannot be resumed from ({reason}); remove it to start this run again") from error
    if rest.get("format") != FORMAT:
        raise ModelError(f"{path} was written by another version of seehear; remove it to start this run again")
    return rest


def random_states(fabric: Fabric, rng: Generator) -> Tensor:
    """States of the random number generators of all processes, (processes, bytes).

    Only torch is used: its global generator (not by the loop, but perhaps by a user's encoder) and the augmentation's.
    """
    own = torch.cat([torch.get_rng_state(), rng.get_state()]).to(fabric.device)
    return fabric.all_gather(own).view(fabric.world_size, -1).cpu()  # type: ignore[no-any-return]


def set_random_states(fabric: Fabric, rng: Generator, states: Tensor) -> None:
    """Restore the states from `random_states`.

    If the number of processes has changed, a new process continues from the state of another, reseeded by its rank: its
    augmentation differs from that of the uninterrupted run.
    """
    size = len(torch.get_rng_state())
    own = states[fabric.global_rank % len(states)].to(torch.uint8)
    torch.set_rng_state(own[:size].clone())  # it ignores the offset of a slice
    rng.set_state(own[size:].clone())
    if len(states) != fabric.world_size and fabric.is_global_zero:
        _log.info("resumed with %d processes instead of %d: the same batches, other augmentation",
                  fabric.world_size, len(states))  # fmt: skip
    if fabric.global_rank >= len(states):
        rng.manual_seed(rng.initial_seed() + fabric.global_rank)


SECOND_SIGNAL_S = 1.0
"""A signal repeated sooner is the same one: some senders signal the process and then its group."""


class StopSignal:
    """Records whether the training was asked to stop (Ctrl-C, or SIGTERM as sent by clusters)."""

    def __init__(self) -> None:
        self.number = 0
        self._since = 0.0

    @property
    def requested(self) -> bool:
        """Whether a signal has arrived."""
        return self.number != 0

    def _remember(self, number: int, _: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT and time.monotonic() - self._since > SECOND_SIGNAL_S:
            raise KeyboardInterrupt  # second Ctrl-C: the user does not want to wait for the checkpoint
        if not self.requested:
            self.number, self._since = number, time.monotonic()

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[StopSignal]:
        """Record signals instead of raising, within the context; only in the main thread."""
        stop = cls()
        previous = {}
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                previous[number] = signal.signal(number, stop._remember)
        except ValueError:  # not the main thread, which alone may handle signals
            pass
        try:
            yield stop
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
