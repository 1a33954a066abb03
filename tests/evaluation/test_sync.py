"""Sync accuracy against a protocol written out loop by loop, and on embeddings whose answer is known."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor

from seehear.clip import Clip
from seehear.errors import SeehearError
from seehear.evaluation.sync import evaluate_sync_clips, sync_accuracy
from seehear.losses.base import Distance
from seehear.metrics.bootstrap import units_of
from seehear.metrics.scores import CHANCE, LENGTHS, distances_by_offset, hits_offset


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
    assert {(entry.accuracy, entry.high) for entry in result.by_length} == {(1.0, 1.0)}
    assert result.by_length[0].low == pytest.approx(0.025 ** (1 / 3))  # three clips are not many
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
    assert len(hits_offset(torch.zeros(3, 31), 5)) == 0


def test_interval_is_over_clips_not_windows_and_over_people_where_they_are_known() -> None:
    good = [(lips, lips) for lips, _ in embeddings(20, 71)]
    bad = [(lips, lips.roll(5, dims=0)) for lips, _ in embeddings(20, 71)]
    (entry,) = sync_accuracy(good + bad, lengths=(15,)).by_length
    assert entry.accuracy == 0.5
    assert (entry.low, entry.high) == (pytest.approx(0.34, abs=0.04), pytest.approx(0.66, abs=0.04))
    people = units_of([str(clip // 5) for clip in range(40)], [f"film {clip}" for clip in range(40)])
    told = sync_accuracy(good + bad, lengths=(15,), units=lambda: people)
    assert (told.by_length[0].units, told.units) == (8, "speakers")
    half = 2.364624 * (0.5 / 7**0.5)  # t of seven degrees of freedom; 8 people, half of whom are always found
    assert told.by_length[0].high == pytest.approx(0.5 + half, abs=0.02)
    assert "over 8 speakers" in str(told)


def test_people_are_read_off_the_clips_that_are_evaluated() -> None:
    class Blind:
        context, dim, distance = 4, 8, "cosine"

        def parameters(self):
            return iter([torch.zeros(1)])

        def embed_lips(self, video: Tensor) -> Tensor:
            return video[:, 8:, :2, :2, 0].float().flatten(2)

        def embed_sound(self, audio: Tensor) -> Tensor:
            return audio.unflatten(1, (-1, 640))[:, 8:, :4]

    rng = np.random.default_rng(0)

    def film(name: str, labels: dict[str, str]) -> Clip:
        video = rng.integers(0, 255, (60, 4, 4, 3), dtype=np.uint8)
        audio = np.zeros(60 * 640, np.float32)
        meta = {"source": name, "start_s": 0, "track": 0, "labels": labels}
        return Clip(video, np.zeros((60, 5, 2), np.float32), audio, meta)

    named = [film(f"{who}-{take}", {"speaker": who}) for who in ("anna", "ben", "carla") for take in range(4)]
    assert evaluate_sync_clips(Blind(), named, (5,)).units == "speakers"
    assert evaluate_sync_clips(Blind(), named, (5,)).by_length[0].units == 3
    alone = [film(f"{take // 2}", {"speaker": "anna"}) for take in range(8)]
    told = evaluate_sync_clips(Blind(), alone, (5,))
    assert (told.units, told.by_length[0].units) == ("sources", 4)  # of one person, two pieces of each of four films
    assert "over 4 source files" in str(told)
    one = evaluate_sync_clips(Blind(), alone[:2], (5,))
    assert "No interval: all is of 1 source file" in str(one)
    assert one.to_dict()["by_length"][0]["low"] is None


def test_it_prints_and_serialises() -> None:
    result = sync_accuracy([(lips, lips) for lips, _ in embeddings(2, 71)])
    assert json.loads(json.dumps(result.to_dict()))["by_length"][0]["windows"] == 2 * 37
    console = Console(width=100, file=io.StringIO())
    with console.capture() as capture:
        console.print(result.table())
    assert "9.7%" in capture.get()
    assert "15.8% to 100.0%" in capture.get()
