"""Sync accuracy against a protocol written out loop by loop, and on embeddings whose answer is known."""

from __future__ import annotations

import io
import json

import pytest
import torch
from rich.console import Console
from torch import Tensor

from seehear.errors import SeehearError
from seehear.losses.similarity import Distance
from seehear.tasks.sync import CHANCE, LENGTHS, distances_by_offset, found, sync_accuracy


def embeddings(clips: int, moments: int, width: int = 16, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [tuple(torch.randn(2, moments, width, generator=generator)) for _ in range(clips)]  # type: ignore[misc]


def slow_accuracy(clips: list[tuple[Tensor, Tensor]], distance: str, length: int) -> tuple[int, int]:
    hits = windows = 0
    for lips, sound in clips:
        for start in range(len(lips)):
            if start - 15 < 0 or start + length - 1 + 15 >= len(lips):
                continue
            best, best_offset = float("inf"), 0
            for offset in range(-15, 16):
                total = 0.0
                for k in range(length):
                    x, y = lips[start + k], sound[start + k + offset]
                    total += (
                        (x - y).norm().item()
                        if distance == "euclidean"
                        else 1 - torch.cosine_similarity(x, y, dim=0).item()
                    )
                if total < best:
                    best, best_offset = total, offset
            windows += 1
            hits += abs(best_offset) <= 1
    return hits, windows


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_equals_the_protocol_written_out(distance: Distance) -> None:
    clips = [(lips, 0.35 * lips + sound) for lips, sound in embeddings(2, 40) + embeddings(1, 37, seed=1)]
    result = sync_accuracy(clips, distance, lengths=(1, 5))
    for entry in result.by_length:
        hits, windows = slow_accuracy(clips, distance, entry.frames)
        assert (entry.accuracy, entry.windows) == (hits / windows, windows)
        assert entry.accuracy > 0.2


def test_matching_embeddings_are_always_found() -> None:
    result = sync_accuracy([(lips, lips) for lips, _ in embeddings(3, 71)])
    assert [entry.frames for entry in result.by_length] == list(LENGTHS)
    assert {(entry.accuracy, entry.low, entry.high) for entry in result.by_length} == {(1.0, 1.0, 1.0)}
    assert [entry.windows for entry in result.by_length] == [3 * (71 - 29 - k) for k in LENGTHS]


def test_random_embeddings_are_at_chance() -> None:
    result = sync_accuracy(embeddings(200, 71, width=4), lengths=(5,))
    (entry,) = result.by_length
    assert entry.low < CHANCE < entry.high
    assert entry.high - entry.low < 0.04


def test_constant_embeddings_do_not_win_by_ties() -> None:
    result = sync_accuracy([(torch.ones(71, 4), torch.ones(71, 4))])
    assert result.at(5) == 0.0


@pytest.mark.parametrize(("shift", "accuracy"), [(1, 1.0), (-1, 1.0), (2, 0.0), (-2, 0.0)])
def test_one_frame_off_is_right_and_two_are_not(shift: int, accuracy: float) -> None:
    clips = [(lips, lips.roll(shift, dims=0)) for lips, _ in embeddings(2, 71)]
    assert sync_accuracy(clips).at(15) == accuracy


def test_positive_offset_means_late_sound() -> None:
    lips, _ = embeddings(1, 71)[0]
    apart = distances_by_offset(lips, lips.roll(4, dims=0), "cosine")  # moment t of the lips is heard at t + 4
    assert set(apart[4:-4].argmin(1).tolist()) == {15 + 4}


def test_short_clips_are_counted_apart() -> None:
    result = sync_accuracy(embeddings(1, 34) + embeddings(1, 35) + embeddings(1, 10))
    assert (result.clips, result.too_short) == (3, 2)
    assert [(entry.frames, entry.windows, entry.clips) for entry in result.by_length] == [(5, 1, 1)]
    with pytest.raises(SeehearError, match="no clip is long enough to measure sync over 15 frames"):
        result.at(15)


def test_nothing_to_measure() -> None:
    result = sync_accuracy([])
    assert result.by_length == ()
    assert len(found(torch.zeros(3, 31), 5)) == 0


def test_interval_resamples_clips_not_windows() -> None:
    good = [(lips, lips) for lips, _ in embeddings(10, 71)]
    bad = [(lips, lips.roll(5, dims=0)) for lips, _ in embeddings(10, 71)]
    (entry,) = sync_accuracy(good + bad, lengths=(15,)).by_length
    assert entry.accuracy == 0.5
    assert (entry.low, entry.high) == (pytest.approx(0.28, abs=0.05), pytest.approx(0.72, abs=0.05))


def test_it_prints_and_serialises() -> None:
    result = sync_accuracy([(lips, lips) for lips, _ in embeddings(2, 71)])
    assert json.loads(json.dumps(result.to_dict()))["by_length"][0]["windows"] == 2 * 37
    console = Console(width=100, file=io.StringIO())
    with console.capture() as capture:
        console.print(result.table())
    assert "9.7%" in capture.get()
    assert "100.0% to 100.0%" in capture.get()
