"""Checkpoints, stop signals, metrics.csv and TensorBoard."""

from __future__ import annotations

import csv
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

STEP = "step"


class MetricsLog:
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

    def log_picture(self, step: int, name: str, picture: NDArray[np.uint8]) -> None:
        """One picture, RGB (H, W, 3): pictures/NAME-000250.png."""
        self._pictures.mkdir(exist_ok=True)
        coded, data = cv2.imencode(".png", picture[..., ::-1])
        assert coded
        with atomic_write(self._pictures / f"{name}-{step:06d}.png") as beside:
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


FORMAT = 1


def save_checkpoint(fabric: Fabric, path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; the old one stays until the new one is whole. Called by all processes together.

    Args:
        fabric: whose strategy knows how to gather weights that are spread over processes.
        path: of the file.
        state: modules, optimizers, plain numbers and tensors.

    Raises:
        SeehearError: the disk is full, or the folder may not be written to.
    """
    beside = path.with_name(path.name + ".part")  # one name for all processes: some strategies let each write a part
    with os_errors_as_user_errors(path):
        try:
            if fabric.is_global_zero:
                path.parent.mkdir(parents=True, exist_ok=True)
            fabric.save(beside, {"format": FORMAT, **state})
            if fabric.is_global_zero:
                with beside.open("rb") as file:
                    os.fsync(file.fileno())  # the bytes reach the disk before the name does
                beside.replace(path)
        finally:
            if fabric.is_global_zero:
                beside.unlink(missing_ok=True)
    fabric.barrier()


def load_checkpoint(fabric: Fabric, path: Path, state: dict[str, Any]) -> dict[str, Any]:
    """Put a checkpoint's contents into the modules and optimizers of ``state``, in place, and return the rest.

    Raises:
        ModelError: the file is damaged, or of another version, or of a model of another shape.
    """
    try:
        rest: dict[str, Any] = fabric.load(path, state, weights_only=True)
    except Exception as error:  # damaged archives raise anything, and the way out is always the same
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path} cannot be resumed from ({reason}); remove it to start this run anew") from error
    if rest.get("format") != FORMAT:
        raise ModelError(f"{path} was written by another version of seehear; remove it to start this run anew")
    return rest


def random_states(fabric: Fabric, rng: Generator) -> Tensor:
    """States of all random number generators of all processes, (processes, bytes).

    Only torch draws: its own generator (nothing in the loop uses it, a user's encoder may) and that of disturbances.
    """
    own = torch.cat([torch.get_rng_state(), rng.get_state()]).to(fabric.device)
    return fabric.all_gather(own).view(fabric.world_size, -1).cpu()  # type: ignore[no-any-return]


def set_random_states(fabric: Fabric, rng: Generator, states: Tensor) -> None:
    """Undo `random_states`.

    Raises:
        ModelError: another number of processes is at work now.
    """
    if len(states) != fabric.world_size:
        raise ModelError(
            f"this run was stopped with {len(states)} processes and cannot go on with {fabric.world_size}; "
            "give the same number of devices and nodes"
        )
    size = len(torch.get_rng_state())
    own = states[fabric.global_rank].to(torch.uint8)
    torch.set_rng_state(own[:size].clone())  # it would read a slice from the beginning of what it is a slice of
    rng.set_state(own[size:].clone())


SECOND_SIGNAL_S = 1.0
"""A signal that comes again sooner is the same one: some senders signal the process and then its group."""


class StopSignal:
    """Whether somebody has asked this training to stop (Ctrl-C, or SIGTERM as clusters send it), and how."""

    def __init__(self) -> None:
        self.number = 0
        self._since = 0.0

    @property
    def requested(self) -> bool:
        """Whether."""
        return self.number != 0

    def _remember(self, number: int, _: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT and time.monotonic() - self._since > SECOND_SIGNAL_S:
            raise KeyboardInterrupt  # a second Ctrl-C: somebody does not want to wait for the checkpoint
        if not self.requested:
            self.number, self._since = number, time.monotonic()

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[StopSignal]:
        """Signals are remembered instead of obeyed, as long as the context lasts (and only in the main thread)."""
        stop = cls()
        before = {}
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, stop._remember)
        except ValueError:  # not the main thread: whoever owns it decides about signals
            pass
        try:
            yield stop
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
