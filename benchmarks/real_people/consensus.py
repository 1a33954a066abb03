"""The delay that all moments of a film agree on, which is its truth where its own delay is not known.

A model that agrees with itself need not be right. So the consensus is also taken from moments that are not judged by
it: those of the other half of the film, or of other films with the same delay.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from seehear.metrics.scores import hits_offset

Curves = Sequence[Tensor]
"""Of each clip of a film: distance of each moment to the sound at every offset, float32 (moments, offsets)."""


def consensus(curves: Curves) -> int | None:
    """The offset (frames, positive: the audio is late) of the least distance, added up over all moments; None: none."""
    sums = [clip.double().sum(0) for clip in curves if len(clip)]
    if not sums:
        return None
    total = sum(sums[1:], start=sums[0])
    return int(total.argmin()) - len(total) // 2


def halves(curves: Curves) -> tuple[list[Tensor], list[Tensor]]:
    """The first and the last half of all moments of a film.

    The lips of the moments nearest to the border overlap by the model's context, a few frames.
    """
    left = sum(map(len, curves)) // 2
    first, last = [], []
    for clip in curves:
        taken = min(left, len(clip))
        first.append(clip[:taken])
        last.append(clip[taken:])
        left -= taken
    return first, last


def windows_right(curves: Curves, length: int, truth: int) -> tuple[int, int]:
    """How many windows of ``length`` moments find an offset, to within a frame, and how many there are."""
    hits = [hits_offset(clip, length, truth) for clip in curves]
    return sum(int(hit.sum()) for hit in hits), sum(map(len, hits))
