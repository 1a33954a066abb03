"""How well a still is animated: the mouth's difference from the real one, against that of the still left as it is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seehear.clip import mouth_in
from seehear.encoders import Region
from seehear.tasks.significance import Bounds, Figure, Sums, figure, unit_sums
from seehear.tasks.units import Units

SCALE: Bounds = (-math.inf, 1.0)
"""Of `Likeness.lower`: 1 is perfect, and there is no limit to how bad a drawing can be."""


@dataclass(frozen=True)
class Likeness:
    """Mean absolute differences from the real pictures in the mouth's square, clip by clip, in 0..1.

    Attributes:
        drawn: of the pictures that were drawn, (clips,).
        copied: of the still, left as it is, (clips,).
        whole: of the pictures that were drawn, over all of them, (clips,).
    """

    drawn: NDArray[np.float64]
    copied: NDArray[np.float64]
    whole: NDArray[np.float64]

    @property
    def lower(self) -> float:
        """By which share drawing comes nearer than copying: 0 is no better, 1 is perfect, below 0 is worse."""
        return float(1 - self.drawn.sum() / max(self.copied.sum(), 1e-12))

    def sums(self, units: Units) -> Sums:
        """What each person (or source) adds to the sums that `nearer` is made of, (1, units, 2)."""
        return unit_sums(np.stack([self.drawn, self.copied], axis=1), units.of, len(units))[None]

    def figure(self, units: Units) -> Figure:
        """`lower` with its interval over people, or over sources where they are not known."""
        return figure(self.sums(units), nearer, bounds=SCALE)


def nearer(sums: Sums) -> NDArray[np.float64]:
    """`Likeness.lower` of sums over clips: (..., 2) -> (...)."""
    lower: NDArray[np.float64] = 1 - sums[..., 0] / np.maximum(sums[..., 1], 1e-12)
    return lower


def likeness(drawn: Tensor, real: Tensor, region: Region) -> Likeness:
    """Compare pictures; the still is the first of the real ones, and is not compared with itself.

    Args:
        drawn: (B, T, planes, S, S) in 0..1, T of 2 or more.
        real: the same shape.
        region: what they show; of a face only the mouth's square is looked at.
    """
    drawn, real = drawn[:, 1:].float(), real.float()
    still, real = real[:, :1], real[:, 1:]
    if region == "face":
        rows, columns = mouth_in(real.shape[-1])
    else:
        rows = columns = slice(None)
    off, stood = (drawn - real).abs(), (still - real).abs()
    means = [x.flatten(1).mean(1) for x in (off[..., rows, columns], stood[..., rows, columns], off)]
    return Likeness(*(mean.double().cpu().numpy() for mean in means))


def joined(parts: Iterable[Likeness]) -> Likeness:
    """Several batches as one."""
    listed = list(parts)
    return Likeness(*(np.concatenate([getattr(p, name) for p in listed]) for name in ("drawn", "copied", "whole")))
