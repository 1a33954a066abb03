"""Two segments: inside the window, never overlapping, halves where there is no room for more."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from seehear.models.inputs import sample_two_segments


def numbered(count: int, frames: int) -> torch.Tensor:
    """Sound whose samples say which frame they are of."""
    return torch.arange(frames).repeat_interleave(640).float().expand(count, -1) + 1000 * torch.arange(count)[:, None]


@given(st.integers(1, 40), st.integers(1, 25), st.integers(0, 99))
def test_drawn_segments(total: int, frames: int, seed: int) -> None:
    audio = numbered(5, total)
    first, second = sample_two_segments(audio, frames, torch.Generator().manual_seed(seed))
    length = min(frames, max(1, total // 2))
    assert first.shape == second.shape == (5, 640 * length)
    for item, (one, other) in enumerate(zip(first, second, strict=True)):
        starts = [int(part[0]) - 1000 * item for part in (one, other)]
        for start, part in zip(starts, (one, other), strict=True):
            torch.testing.assert_close(part, audio[item, 640 * start : 640 * (start + length)])
        assert total == 1 or abs(starts[0] - starts[1]) >= length


def test_every_place_and_either_order_come_up() -> None:
    first, second = sample_two_segments(numbered(1, 7).expand(400, -1), 3, torch.Generator().manual_seed(0))
    drawn = {(int(a[0]), int(b[0])) for a, b in zip(first, second, strict=True)}
    assert drawn == {(0, 3), (0, 4), (1, 4), (3, 0), (4, 0), (4, 1)}


def test_nothing_is_drawn_without_a_generator() -> None:
    first, second = sample_two_segments(numbered(2, 9), 4)
    assert first[:, 0].tolist() == [0, 1000]
    assert second[:, 0].tolist() == [5, 1005]
