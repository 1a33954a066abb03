"""A continuous number: trained and scored by the concordance with the truth (arXiv 2005.01400, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seehear.tasks.readouts.goals import Goal
from seehear.tasks.scores import concordance, concordance_sums

TINY = 1e-8


class Concordance(Goal):
    """One number, of every step or of the whole: loss 1 - (CCC + 1) / 2.

    Targets are float arrays (T,), not a number where nothing is known; or single floats.
    """

    outputs = 1

    def __init__(self, every_step: bool) -> None:
        """Of every step, or of the whole."""
        self.every_step = every_step

    def loss(self, out: Tensor, lengths: Tensor, targets: Sequence[Any]) -> Tensor:
        """Over all steps of the batch together."""
        said = out[..., 0]
        if self.every_step:
            said = torch.cat([one[:n] for one, n in zip(said, lengths.tolist(), strict=True)])
        truth = torch.from_numpy(np.concatenate([np.atleast_1d(target) for target in targets])).to(said)
        known = truth.isfinite()
        said, truth = said[known], truth[known]
        if not len(truth):
            return out.sum() * 0
        apart = (said.mean() - truth.mean()).square()
        together = ((said - said.mean()) * (truth - truth.mean())).mean()
        spread = said.var(correction=0) + truth.var(correction=0) + apart
        return 1 - (2 * together / (spread + TINY) + 1) / 2

    def meaning(self, out: Tensor, lengths: Tensor) -> list[Any]:
        numbers = out[..., 0].cpu().numpy().astype(np.float64)
        if not self.every_step:
            return list(numbers)
        return [one[:n] for one, n in zip(numbers, lengths.tolist(), strict=True)]

    def score(self, said: Sequence[Any], targets: Sequence[Any]) -> float:
        return float(concordance(known_sums(targets, said).sum(0)))

    def pooled(self) -> Concordance:
        return Concordance(every_step=False)

    def whole(self, target: Any) -> float | None:
        """The mean of what is known."""
        known = np.atleast_1d(np.asarray(target, float))
        known = known[np.isfinite(known)]
        return float(known.mean()) if len(known) else None


def known_sums(truths: Sequence[Any], said: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What each recording adds to the sums of the concordance where the truth is known, (N, 6)."""
    entries = []
    for truth, one in zip(truths, said, strict=True):
        wanted, given = np.atleast_1d(np.asarray(truth, float)), np.atleast_1d(np.asarray(one, float))
        known = np.isfinite(wanted)
        entries.append(concordance_sums(given[known], wanted[known]))
    return np.array(entries)
