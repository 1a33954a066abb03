"""Does a gradient reach everything that is to learn? A part that none reaches stays random, and nothing says so."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from lightning_fabric import Fabric
from torch import Tensor

from seehear.errors import ModelError
from seehear.pretext.interface import Pretext

STEPS = 10
"""Updates before the first verdict. A last layer that begins at zero passes no gradient back in the first step."""

LEAST = 3
"""A training of fewer updates than this is not judged, for the same reason."""

NAMED = 5  # parameters in the message
IN_SIGHT = 2  # faces in a batch: one alone has nothing to be told apart from


class GradientWatch:
    """Watches the first updates of a training, and refuses to go on where a parameter has not had any gradient.

    What is frozen (``requires_grad`` False) is not watched. Parts that learn from pictures alone (`Pretext.by_sight`)
    are not judged before batches had pictures: a corpus of sound alone teaches them nothing, and is allowed.

    All processes of a training have to call `look` equally often; they judge together, so that a parameter may get
    its gradient in any of them (sharded ones do).
    """

    def __init__(self, pretext: Pretext, fabric: Fabric) -> None:
        """Takes note of all parameters that are to learn."""
        self._fabric = fabric
        self._watched = {name: weight for name, weight in pretext.named_parameters() if weight.requires_grad}
        self._silent = dict(self._watched)
        self._by_sight = tuple(f"{part}." for part in pretext.by_sight)
        self._steps = self._sights = 0
        self._settled = False

    def look(self, batch: Mapping[str, Tensor], last: bool) -> None:
        """After the gradients of an update are there, before they are cleared.

        Args:
            batch: one of those that the gradients are of.
            last: no update will follow.

        Raises:
            ModelError: a parameter has had no gradient, or nothing but zeros, in any update so far.
        """
        if self._settled:
            return
        self._steps += 1
        self._sights += "seen" not in batch or int(batch["seen"].sum()) >= IN_SIGHT
        self._silent = {
            name: weight
            for name, weight in self._silent.items()
            if weight.grad is None or not bool(weight.grad.count_nonzero())
        }
        if self._steps % STEPS and not last:
            return
        silent, sights = self._of_all()
        judged = [name for name in silent if sights >= LEAST or not name.startswith(self._by_sight)]
        self._settled = not silent
        if judged and self._steps >= LEAST:
            raise ModelError(self._told(judged))

    def _of_all(self) -> tuple[list[str], int]:
        """What is silent in every process, and batches with pictures in any of them."""
        if self._fabric.world_size == 1:
            return list(self._silent), self._sights
        heard = [float(name not in self._silent) for name in self._watched]
        told = torch.tensor([*heard, float(self._sights)], device=self._fabric.device)
        *counts, sights = self._fabric.all_reduce(told, reduce_op="sum").tolist()
        return [name for name, count in zip(self._watched, counts, strict=True) if not count], int(sights)

    def _told(self, silent: list[str]) -> str:
        more = f" and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
        return (
            f"in {self._steps} updates no gradient has reached {len(silent)} of the {len(self._watched)} parameters "
            f"that are to learn: {', '.join(silent[:NAMED])}{more}. They would stay random. Change the options that "
            "cut them off from the loss (with model.shared, only the losses separate, merged and substitute train the "
            "voice encoder), or freeze them (model.freeze_voice; in Python requires_grad_(False))"
        )
