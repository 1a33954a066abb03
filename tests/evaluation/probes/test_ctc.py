"""Decoding against all paths written out, and errors against an edit distance written out."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seehear.evaluation.probes.ctc import CharacterObjective, best_prefix, collapsed
from seehear.metrics.scores import character_errors, normalise_text, word_errors


def likeliest(steps: np.ndarray) -> tuple[int, ...]:
    totals: dict[tuple[int, ...], float] = defaultdict(float)
    for path in product(range(steps.shape[1]), repeat=len(steps)):
        totals[tuple(collapsed(path))] += np.exp(sum(step[n] for step, n in zip(steps, path, strict=True)))
    return max(totals, key=lambda text: totals[text])


@pytest.mark.parametrize("seed", range(12))
def test_a_wide_beam_finds_the_likeliest_text(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = np.log(rng.dirichlet(np.full(3, 0.7), size=6).clip(1e-3))
    assert tuple(best_prefix(steps, beam=200)) == likeliest(steps)


def test_summed_paths_beat_the_best_path() -> None:
    steps = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))  # blank twice: .36; the letter, by three paths: .64
    assert collapsed(steps.argmax(1)) == []
    assert best_prefix(steps, beam=4) == [1]


def test_a_double_letter_needs_a_blank() -> None:
    assert collapsed([1, 1, 0, 1, 2, 2]) == [1, 1, 2]
    sharp = np.log(np.eye(3)[[1, 1, 0, 1, 2, 2]].clip(1e-6))
    assert best_prefix(sharp, beam=8) == [1, 1, 2]


def test_loss_falls_to_nothing_where_a_text_is_spelt_out() -> None:
    goal = CharacterObjective("ab", beam=4)
    path = [1, 0, 1, 2, 0]
    out = torch.full((2, 7, 3), -20.0)
    for step, number in enumerate(path):
        out[:, step, number] = 20
    lengths = torch.tensor([5, 5])
    assert goal.loss(out, lengths, ["aab", "aab"]) < 1e-3
    assert goal.loss(out, lengths, ["abb", "aab"]) > 1
    assert goal.decode(out, lengths) == goal.decode_fast(out, lengths) == ["aab", "aab"]
    assert goal.score(["aab"], ["aab"]) == 0
    assert goal.score(["ab", "x"], ["aab", "b"]) == -0.5


def test_a_text_longer_than_its_sound_has_no_gradient() -> None:
    goal = CharacterObjective("ab")
    out = torch.randn(1, 2, 3, requires_grad=True)
    goal.loss(out, torch.tensor([2]), ["abab"]).backward()
    assert out.grad is not None
    assert not out.grad.any()


def edits(a: list[str], b: list[str]) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


@given(
    st.lists(st.sampled_from(["bin", "blue", "at"]), min_size=1, max_size=6), st.lists(st.sampled_from(["bin", "at"]))
)
def test_errors_are_edits(truth: list[str], said: list[str]) -> None:
    a, b = " ".join(truth), " ".join(said)
    assert word_errors(a, b) == (edits(truth, said), len(truth))
    assert character_errors(a, b) == (edits(list(a), list(b)), len(a))


@given(st.text())
def test_plain_text_is_plain(text: str) -> None:
    assert normalise_text(normalise_text(text)) == normalise_text(text)
    assert "  " not in normalise_text(text)


def test_what_plain_keeps() -> None:
    assert normalise_text("  Don’t, PLEASE…\n go—Ünder 2! ") == "don't please go ünder 2"
