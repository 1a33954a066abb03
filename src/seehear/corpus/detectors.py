"""Which face detector has cut a corpus: two corpora of different detectors are different data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seehear.media.weights import YUNET

OLDER = "yunet-opencv"
"""What seehear 0.1 called the published network; for another file, its SHA-256 came behind."""


def recorded_detector(options: Mapping[str, Any]) -> str | None:
    """The name of the detector in the options of a corpus, as it is called today.

    Args:
        options: ``made.options`` of corpus.json.

    Returns:
        Such as ``yunet-2023mar``; None where no faces were looked for: whole frames, or sound alone.
    """
    name, _, digest = str(options.get("detector") or "").partition(" ")
    if name == OLDER:
        return f"{YUNET.kind}-{digest[:8]}" if digest else YUNET.name
    return name or None


@dataclass(frozen=True)
class FacesFrom:
    """Which detector has cut the faces that a model was measured on, and those that it learned from.

    Attributes:
        cut: of what it was measured on; none for whole frames.
        learned: of what it learned from; none where that is not known.
    """

    cut: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any], cut: Sequence[str]) -> FacesFrom:
        """For a model of this config.json, and corpora of these detectors."""
        return cls(tuple(cut), tuple((config.get("trained") or {}).get("detectors", ())))

    def setting(self) -> dict[str, str]:
        """What decides the numbers, for a result's setting."""
        return {"faces found by": " and ".join(self.cut)} if self.cut else {}

    def remarks(self) -> list[str]:
        """A caution where the detectors are not the same, as far as they are known."""
        if not self.learned or set(self.cut) <= set(self.learned):
            return []
        return [
            f"The model learned from faces found by {' and '.join(self.learned)}, these were found by "
            f"{' and '.join(self.cut)}: the figures may differ for that alone."
        ]

    def lines(self) -> list[str]:
        """Both, for a result that prints as lines."""
        return [f"{name} {value}" for name, value in self.setting().items()] + self.remarks()
