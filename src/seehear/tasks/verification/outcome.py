"""The table of a verification: every contender's errors, and the model against each of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.tasks.result import LEFT_OUT_SHOWN, Result
from seehear.tasks.significance import FEW, SHARE, Bounds, Comparison, Figure, difference_bounds, interval, p_value
from seehear.tasks.units import counted
from seehear.tasks.verification.plot import Curve

Drawn = NDArray[np.float64]
"""A figure in every draw of people, (R,); not a number where nobody was drawn whom it tells of."""


@dataclass(frozen=True)
class VerificationResult(Result):
    """A table of errors.

    Attributes:
        pairs: of one person and of two, with the first seed.
        det: contender -> its curve of detection errors with the first seed: (threshold, false alarms, misses).
        also_trained: of those tested, people who are in the other part of the data too; None where it has no parts.
        calibration: what was fitted to the model's scores, if anything was.
        beside: EER with another scaling -> the model against each of the others in that.
    """

    pairs: tuple[int, int]
    det: dict[str, Curve]
    also_trained: int | None
    calibration: dict[str, Any] | None
    beside: dict[str, tuple[Comparison, ...]]

    def remarks(self) -> list[str]:
        """What has to be known to believe the table."""
        speakers = "unknown speakers" if self.speakers is None else f"{self.speakers} speakers"
        setting = ", ".join(f"{key} {value}" for key, value in self.setting.items())
        lines = [
            f"{self.recordings} recordings of {speakers}; {self.pairs[0]} pairs of one person, {self.pairs[1]} of two "
            f"among {self.tested} {self.setting.get('compared', 'sides')}; {setting}.",
            how_sure_of_pairs(self.rows[0].main.units, self.units),
        ]
        for figure, comparisons in self.beside.items():
            said = [
                f"{told.against} {-100 * told.difference:+.1f} points ({-100 * told.high:+.1f} to "
                f"{-100 * told.low:+.1f}; p {told.p:.4f})"
                for told in comparisons
            ]
            if said:
                lines.append(f"{figure}: the model is better than {', than '.join(said)}.")
        if self.also_trained:
            lines.append(f"{self.also_trained} of the {self.units} tested are in the other part of the data as well.")
        if self.calibration:
            lines.append(
                f"Calibrated on the model's plain scores: Cllr {self.calibration['cllr']:.3f}, "
                f"EER {self.calibration['eer']:.1%} at a score of {self.calibration['eer_threshold']:.3f}."
            )
        if self.left_out:
            lines.append(f"Left out: {len(self.left_out)} recordings.")
            lines += [f"  {name}: {reason}" for name, reason in list(self.left_out.items())[:LEFT_OUT_SHOWN]]
        return lines


def how_sure_of_pairs(units: int, kind: str) -> str:
    """What intervals and p are, in a sentence: over how many of what, and by which method."""
    how = "Student's t, bootstrap standard error" if units < FEW else "bootstrap, two-sided"
    return (
        f"95 % intervals and p of paired differences over {counted(units, kind)} ({how}), both sides of every pair "
        "drawn with them."
    )


def figure_of(values: Sequence[float], drawn: Sequence[Drawn], units: int, bounds: Bounds = SHARE) -> Figure:
    """A figure over its seeds, with the 95 % interval of its mean over the same draws of people with every seed.

    Args:
        values: with each seed.
        drawn: likewise.
        units: how many people there are.
        bounds: of the figure.
    """
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    draws, value = np.mean(drawn, axis=0), float(np.mean(values))
    return Figure(value, std, *interval(value, draws, units, bounds), tuple(values), units, draws)


def compared(
    name: str,
    ours: Sequence[float],
    drawn: Sequence[Drawn],
    theirs: Sequence[float],
    other_drawn: Sequence[Drawn],
    units: int,
) -> Comparison:
    """The model against another contender, both with the same draws of people.

    Scores of two models are on scales of their own and cannot be swapped, so instead of a permutation the draws are
    asked how likely a difference of the other sign is: see `p_value`.
    """
    differences = np.mean(drawn, axis=0) - np.mean(other_drawn, axis=0)
    value = float(np.mean(ours) - np.mean(theirs))
    low, high = interval(value, differences, units, difference_bounds(SHARE))
    return Comparison(name, value, low, high, p_value(value, differences, units), None, units)
