"""Two segments of one recording: the same voice heard at two times."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from seehear.clip import SAMPLES_PER_FRAME


def two_segments(audio: Tensor, frames: int, rng: Generator | None = None) -> tuple[Tensor, Tensor]:
    """Cut two segments out of each window of sound, at whole video frames; they do not overlap.

    Args:
        audio: (B, 640 T).
        frames: video frames of a segment, 1 or more. A window that is shorter than two of them gives its halves; one of
            a single frame gives that, twice.
        rng: where they lie and which of them is the first is drawn from; without one they are the window's first and
            its last part.

    Returns:
        (B, 640 min(frames, T / 2)) each.
    """
    by_frame = audio.view(len(audio), -1, SAMPLES_PER_FRAME)  # (B, T, 640)
    first, second = two_stretches(by_frame, frames, rng)
    return first.flatten(1), second.flatten(1)


def two_stretches(by_frame: Tensor, frames: int, rng: Generator | None = None) -> tuple[Tensor, Tensor]:
    """As `two_segments`, of anything that has a row a video frame: (B, T, D) -> (B, min(frames, T / 2), D) each."""
    count, total, _ = by_frame.shape
    length = min(frames, max(1, total // 2))
    room = max(0, total - 2 * length)
    starts = torch.tensor([0, total - length]).expand(count, 2)
    if rng is not None:
        drawn = torch.randint(room + 1, (count, 2), generator=rng, device=rng.device).sort(1).values
        starts = drawn + torch.tensor([0, total - length - room], device=rng.device)
        swapped = torch.rand(count, 1, generator=rng, device=rng.device) < 0.5
        starts = torch.where(swapped, starts.flip(1), starts)
    rows = torch.arange(count, device=by_frame.device).unsqueeze(1)
    moments = starts.to(by_frame.device).unsqueeze(2) + torch.arange(length, device=by_frame.device)  # (B, 2, length)
    first, second = (by_frame[rows, moments[:, which]] for which in (0, 1))
    return first, second
