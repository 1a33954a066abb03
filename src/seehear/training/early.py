"""Early stopping: training ends when a number of the probe has clearly fallen, and earlier weights are kept then."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass
class EarlyStop:
    """Watches one number of the probe. Larger is better.

    The weights that are kept are the latest whose number is as good as the best one so far, to within a tolerance. A
    probe of a few people is noisy, and its highest value is often an early lucky one.

    Attributes:
        number: its name.
        patience: measurements in a row that are worse than the best by more than the tolerance, after which training
            stops.
        tolerance: differences up to this are taken for noise.
        best: the largest value so far.
        kept_step: the step whose weights are kept.
        waited: measurements since then.
    """

    number: str
    patience: int
    tolerance: float = 0.0
    best: float = -math.inf
    kept_step: int = 0
    waited: int = 0

    def is_kept(self, step: int, numbers: Mapping[str, float]) -> bool:
        """Take in a measurement. True if the weights of this step are to be kept."""
        value = numbers[self.number]
        if value >= self.best - self.tolerance:
            self.best, self.kept_step, self.waited = max(self.best, value), step, 0
            return True
        self.waited += 1
        return False

    @property
    def over(self) -> bool:
        """Whether training should stop."""
        return self.waited >= self.patience

    def state_dict(self) -> dict[str, float]:
        """For the checkpoint."""
        return {"best": self.best, "kept_step": self.kept_step, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """From the checkpoint."""
        self.best, self.kept_step, self.waited = state["best"], int(state["kept_step"]), int(state["waited"])
