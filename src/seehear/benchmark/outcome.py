"""What came of a cell: figures with what is needed to compare them, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """Of a cell that was measured, or of any that failed.

    Attributes:
        key: of the cell.
        seconds: of work.
        failed: the reason, in a sentence; None where it was done.
        scores: score -> value, without noise; the first is the one that the task is about. Empty where it failed, and
            for cells that measure nothing.
        higher_is_better: of the first score.
        chance: score -> what guessing gets.
        draws: the first score in each draw of the test's units (speakers, clips) with replacement. Two cells that were
            tested on the same units have the same draws, so differences can be taken draw by draw.
        by_snr: ratio of sound to noise in dB, as text -> first score.
        confusion: truth (row) by what was said; None where there are no classes.
        classes: in its order.
        det: curve of detection errors: false alarms and misses; None where nothing is detected.
        recordings, tested: how many there were.
        units: what was drawn: speakers, people, sources.
        unit_count: how many of them; 0 where that is not known, as in folders of earlier versions.
        reproduce: commands that give these figures again, from the first that is needed.
        told: what else the evaluation says of its setting.
    """

    key: str
    seconds: float
    failed: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    higher_is_better: bool = True
    chance: Mapping[str, float] = field(default_factory=dict)
    draws: tuple[float, ...] = ()
    by_snr: Mapping[str, float] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] | None = None
    classes: tuple[str, ...] = ()
    det: tuple[tuple[float, float], ...] | None = None
    recordings: int = 0
    tested: int = 0
    units: str = ""
    unit_count: int = 0
    reproduce: tuple[str, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)
