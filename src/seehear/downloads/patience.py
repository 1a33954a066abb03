"""Trying again: how often, and how long to wait in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from seehear.downloads.errors import DownloadError

Result = TypeVar("Result")
Say = Callable[[str], None]


class PassingError(Exception):
    """Something that may be better in a moment: a broken connection, a busy server.

    Attributes:
        wait_s: how long the server asks to be left alone, if it does.
    """

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Patience:
    """How long to keep trying.

    Attributes:
        tries: in a row, without a single byte gained.
        wait_s: before the second try; twice as long before each further one.
        longest_wait_s: also where a server asks for more.
        timeout_s: a server that is silent for so long is taken for away.
    """

    tries: int = 5
    wait_s: float = 1.0
    longest_wait_s: float = 120.0
    timeout_s: float = 30.0


def persistently(
    action: Callable[[], Result], what: str, patience: Patience, say: Say, gained: Callable[[], int] = lambda: 0
) -> Result:
    """Does something again and again until it comes to an end.

    Args:
        action: raises `PassingError` when it is worth trying again.
        what: the thing it is about, for sentences.
        patience: how often, how long.
        say: is told of every failure that is followed by another try.
        gained: bytes that are there; more of them than at the last failure give all the tries back.

    Raises:
        DownloadError: out of tries.
    """
    failures, there = 0, gained()
    while True:
        try:
            return action()
        except PassingError as passing:
            failures = 1 if gained() > there else failures + 1
            there = gained()
            if failures >= patience.tries:
                raise DownloadError(
                    f"{what} could not be brought in {patience.tries} tries: {passing}; check the network and give the "
                    "same command again, it goes on from here"
                ) from passing
            wait_s = passing.wait_s if passing.wait_s is not None else patience.wait_s * 2 ** (failures - 1)
            wait_s = min(wait_s, patience.longest_wait_s)
            say(f"{what}: {passing}; trying again in {wait_s:.0f} s")
            time.sleep(wait_s)
