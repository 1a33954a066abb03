"""What the processes of test_crew.py do; they import it."""

import os
import signal
from collections.abc import Callable
from typing import Any

import cv2

from seehear.errors import SeehearError


class _Strange(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__("cannot travel")


def do(task: Any, tell: Callable[[Any], None], *, factor: int) -> Any:
    tell(f"half of {task}")
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "complain":
        raise SeehearError("this is wrong; give another")
    if task == "strange":
        raise _Strange(1, 2)
    if task == "pid":
        return os.getpid()
    if task == "threads":
        return os.environ["OMP_NUM_THREADS"], cv2.getNumThreads()
    return task * factor
