"""The table of a verification: every contender's errors, and the model against each of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.tasks.result import LEFT_OUT_SHOWN, Result
from seehear.tasks.significance import Comparison, Figure
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
            f"Intervals: bootstrap over {self.units}, both sides of every pair with them. p: how often the draws have "
            "the other sign, two-sided.",
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


def figure_of(values: Sequence[float], drawn: Sequence[Drawn]) -> Figure:
    """A figure over its seeds, with the 95 % interval of its mean over the same draws of people with every seed.

    Args:
        values: with each seed.
        drawn: likewise.
    """
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    draws = np.mean(drawn, axis=0)
    return Figure(float(np.mean(values)), std, *_interval(draws), tuple(values), draws)


def compared(
    name: str, ours: Sequence[float], drawn: Sequence[Drawn], theirs: Sequence[float], other_drawn: Sequence[Drawn]
) -> Comparison:
    """The model against another contender, both with the same draws of people.

    Scores of two models are on scales of their own and cannot be swapped, so instead of a permutation the draws are
    asked how often the difference has the other sign.
    """
    differences = np.mean(drawn, axis=0) - np.mean(other_drawn, axis=0)
    known = differences[np.isfinite(differences)]
    beyond = min((known <= 0).sum(), (known >= 0).sum())
    p = min(1.0, 2 * (int(beyond) + 1) / (len(known) + 1))
    return Comparison(name, float(np.mean(ours) - np.mean(theirs)), *_interval(differences), p, None)


def _interval(drawn: Drawn) -> tuple[float, float]:
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)
