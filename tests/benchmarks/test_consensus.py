"""The delay that all moments of a film agree on, against a slow oracle."""

import torch
from real_people.consensus import consensus, halves, windows_right

from seehear.metrics.scores import MAX_OFFSET, OFFSET_COUNT


def random_curves(seed: int, *lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(length, OFFSET_COUNT, generator=generator) for length in lengths]


def slow_consensus(curves):
    """Offset by offset, moment by moment."""
    best, least = None, float("inf")
    for offset in range(-MAX_OFFSET, MAX_OFFSET + 1):
        total = 0.0
        for clip in curves:
            for moment in clip.tolist():
                total += moment[offset + MAX_OFFSET]
        if total < least:
            best, least = offset, total
    return best


def slow_right(curves, length, truth):
    right = windows = 0
    for clip in curves:
        moments = clip.tolist()
        for first in range(len(moments) - length + 1):
            means = [sum(row[o] for row in moments[first : first + length]) / length for o in range(OFFSET_COUNT)]
            windows += 1
            right += abs(means.index(min(means)) - MAX_OFFSET - truth) <= 1
    return right, windows


def test_consensus_is_the_offset_of_the_least_sum_over_all_clips():
    for seed in range(20):
        curves = random_curves(seed, 7, 0, 13)
        assert consensus(curves) == slow_consensus(curves)


def test_of_no_moments_there_is_no_consensus():
    assert consensus([]) is None
    assert consensus([torch.zeros(0, OFFSET_COUNT)]) is None


def test_windows_are_judged_by_the_given_truth_and_do_not_cross_clips():
    for seed in range(5):
        curves = random_curves(seed, 9, 4, 12)
        for truth in (-3, 0, 14):
            assert windows_right(curves, 5, truth) == slow_right(curves, 5, truth)


def test_a_plain_delay_is_found_with_its_sign():
    late = torch.ones(20, OFFSET_COUNT)
    late[:, MAX_OFFSET + 3] = 0  # the sound three frames later matches: it is late
    assert consensus([late]) == 3
    assert windows_right([late], 5, 3) == (16, 16)
    assert windows_right([late], 5, 4) == (16, 16)
    assert windows_right([late], 5, 0) == (0, 16)


def test_halves_part_the_moments_of_a_film_in_order_of_time():
    curves = random_curves(0, 5, 8, 4)
    first, last = halves(curves)
    assert sum(map(len, first)) == 8
    assert sum(map(len, last)) == 9
    assert torch.equal(torch.cat([*first, *last]), torch.cat(curves))
