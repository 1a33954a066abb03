"""Which face detector has cut a corpus: two corpora of different detectors are different data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def other_detectors(learned: Sequence[str], cut: Sequence[str]) -> str | None:
    """What there is to say where a model learned from faces that another detector has cut.

    Args:
        learned: detectors of the corpora that the model learned from; empty where that is not known.
        cut: detectors of the corpora that it is measured on.

    Returns:
        A sentence; None where there is nothing to say.
    """
    strange = [name for name in cut if name not in learned]
    if not learned or not strange:
        return None
    return (
        f"the faces were cut out by {' and '.join(strange)}, those that the model learned from by "
        f"{' and '.join(learned)}: the figures may differ for that alone"
    )
