"""What came of animating clips: by how much their own sound does better than another, and what a sync model says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.corpus.detectors import FacesFrom
from seehear.tasks.likeness import SCALE, Likeness, nearer
from seehear.tasks.result import how_sure, percent_range
from seehear.tasks.scores import error_rate
from seehear.tasks.significance import Comparison, Figure, as_plain, compare, figure, unit_sums
from seehear.tasks.sync import CHANCE, TOLERANCE
from seehear.tasks.units import Units

OWN, ANOTHER, SILENCE = "own sound", "another clip's sound", "silence"
"""What a clip is drawn with."""

REAL, STILL = "real", "still"


@dataclass(frozen=True)
class Control:
    """Clips drawn with a sound that is not theirs.

    Attributes:
        sound: which.
        lower: by which share their mouths are nearer to the real ones than the still's are.
        gain: `lower` of their own sound less that, paired by person or source: what is heard.
    """

    sound: str
    lower: Figure
    gain: Comparison


@dataclass(frozen=True)
class Placed:
    """How many clips a sync model, asked for the offset of their sound, finds to be in sync.

    Attributes:
        drawn: share of the clips drawn with their own sound.
        another: share of the clips drawn with another clip's sound; None where there was none.
        real: share of the real clips.
        still: share of the stills left as they are: what is found without any lips to look at.
        clips: that were long enough to ask.
    """

    drawn: Figure
    another: Figure | None
    real: Figure
    still: Figure
    clips: int


@dataclass(frozen=True)
class AnimateResult:
    """How well clips are animated from their first frames.

    Attributes:
        lower: by which share the mouth of drawn frames is nearer to the real one than the still's is.
        low, high: 95 % interval of it, over people, or sources where these are not known.
        drawn, copied: mean absolute differences in the mouth's square, in 0..1.
        whole: that of drawn frames over the whole picture.
        clips: how many there were.
        units: what intervals are over: speakers or sources.
        unit_count: how many of them there were.
        controls: the same with sounds that are not the clips' own; what is claimed is the difference from the first.
        placed: what a sync model says; None where none was asked.
        draws: `lower` in each draw of the units with replacement, (R,). Not told.
        faces: which detector found them.
    """

    lower: float
    low: float
    high: float
    drawn: float
    copied: float
    whole: float
    clips: int
    units: str
    unit_count: int
    controls: tuple[Control, ...] = ()
    placed: Placed | None = None
    draws: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), compare=False, repr=False)
    faces: FacesFrom = field(default_factory=FacesFrom)

    @classmethod
    def of(cls, found: Mapping[str, Likeness], units: Units, placed: Placed | None = None) -> AnimateResult:
        """From what was measured clip by clip, with each sound."""
        own = found[OWN]
        sums = {name: one.sums(units) for name, one in found.items()}
        controls = tuple(
            Control(name, one.figure(units), compare(name, sums[OWN], sums[name], nearer, bounds=SCALE))
            for name, one in found.items()
            if name != OWN
        )
        told = own.figure(units)
        drawn, copied, whole = (float(values.mean()) for values in (own.drawn, own.copied, own.whole))
        return cls(
            told.value, told.low, told.high, drawn, copied, whole, len(own.drawn), units.kind, told.units, controls,
            placed, told.draws,
        )  # fmt: skip

    def control(self, sound: str) -> Control | None:
        """One of the controls; None where it was not drawn."""
        return next((one for one in self.controls if one.sound == sound), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return as_plain(self) | {"chance_placed": CHANCE}

    def __str__(self) -> str:
        lines = [
            f"mouth, L1: {self.drawn:.4f} drawn, {self.copied:.4f} copied still: {self.lower:.1%} lower"
            f"{_between(self.low, self.high)}, {self.clips} clips",
            *(f"with {one.sound}: {one.lower.value:.1%} lower{_between(one.lower.low, one.lower.high)}"
              for one in self.controls),
            *(_gained(one) for one in self.controls),
            f"whole picture, L1: {self.whole:.4f} drawn",
        ]  # fmt: skip
        if self.placed:
            p = self.placed
            rows = [(p.drawn, "drawn clips"), (p.real, "real ones"), (p.still, "stills")]
            if p.another:
                rows.insert(1, (p.another, f"those drawn with {ANOTHER}"))
            shares = ", ".join(f"{one.value:.1%}{_between(one.low, one.high)} of {what}" for one, what in rows)
            lines.append(
                f"in sync within ±{TOLERANCE} frame, says the sync model: {shares} (chance {CHANCE:.1%}, {p.clips} "
                "clips)"
            )
        return "\n".join([*lines, how_sure(self.unit_count, self.units, seeds=False), *self.faces.lines()])


def placed_over(asked: Mapping[str, Sequence[float]], units: Units) -> Placed:
    """Shares of the clips that were found to be in sync.

    Args:
        asked: kind of clip -> 1 for each that was found, 0 for each that was not.
        units: of these clips.
    """

    def share(name: str) -> Figure:
        entries = np.stack([np.asarray(asked[name]), np.ones(len(asked[name]))], axis=1)
        return figure(unit_sums(entries, units.of, len(units))[None], error_rate)

    another = share(ANOTHER) if ANOTHER in asked else None
    return Placed(share(OWN), another, share(REAL), share(STILL), len(asked[OWN]))


def _between(low: float, high: float) -> str:
    return "" if isnan(low) else f" ({percent_range(low, high)})"


def _gained(one: Control) -> str:
    """The claim: what the own sound adds, and whether that is sure."""
    gain = one.gain
    said = f"own sound less {one.sound}: {100 * gain.difference:+.1f} points"
    if isnan(gain.low):
        return said
    return f"{said} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f}), p = {gain.p:.4f}"
