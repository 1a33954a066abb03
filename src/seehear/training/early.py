"""Early stopping: training ends when a number of the probe stops rising, and the best weights are the ones kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass
class EarlyStop:
    """Watches one number of the probe. Larger is better.

    Attributes:
        number: its name.
        patience: measurements without a new best after which training stops.
        best: the largest value so far.
        best_step: the step at which it was measured.
        waited: measurements since then.
    """

    number: str
    patience: int
    best: float = -math.inf
    best_step: int = 0
    waited: int = 0

    def gained(self, step: int, numbers: Mapping[str, float]) -> bool:
        """Take in a measurement. True if it is the best one so far."""
        if numbers[self.number] > self.best:
            self.best, self.best_step, self.waited = numbers[self.number], step, 0
            return True
        self.waited += 1
        return False

    @property
    def over(self) -> bool:
        """Whether training should stop."""
        return self.waited >= self.patience

    def state_dict(self) -> dict[str, float]:
        """For the checkpoint."""
        return {"best": self.best, "best_step": self.best_step, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """From the checkpoint."""
        self.best, self.best_step, self.waited = state["best"], int(state["best_step"]), int(state["waited"])
