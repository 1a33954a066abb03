"""Pairs by list and by rule."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.errors import CorpusError, SeehearError
from seehear.evaluation.speaker import pairs as module
from seehear.evaluation.speaker.pairs import Trials, read_trial_list, resolve_listed, sample_trials

SOURCES = ["id1/a/00001.wav", "id1/b/00002.m4a", "id2/c/00001.wav", "id2/c/00001.wav"]  # the last two: two clips of one


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "list.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_list_is_read_with_any_blanks_and_ends_of_lines(tmp_path: Path) -> None:
    file = written(tmp_path, "1   id1/a/1.wav \t id1/b/2.wav\r\n\r\n0 id1/a/1.wav id2/c/3.wav\r\n1 a b")
    assert read_trial_list(file) == [
        (True, "id1/a/1.wav", "id1/b/2.wav"),
        (False, "id1/a/1.wav", "id2/c/3.wav"),
        (True, "a", "b"),
    ]


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=12)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.booleans(), NAMES, NAMES), min_size=1, max_size=8),
    st.sampled_from([" ", "   ", "\t"]),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
)
def test_any_list_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[bool, str, str]], blank: str, end: str
) -> None:
    lines = [
        blank.join((str(int(target)), one, other))
        for target, one, other in [*pairs, (True, "x", "y"), (False, "x", "z")]
    ]
    file = written(tmp_path_factory.mktemp("lists"), end.join(lines))
    assert read_trial_list(file)[: len(pairs)] == pairs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 a b\n2 a b\n", "line 2 of .* is not '1 one.wav other.wav'"),
        ("1 a\n", "line 1 of"),
        ("1 a b c\n", "line 1 of"),
        ("1 a b\n1 b c\n", "pairs of one speaker .1. and of two"),
        ("", "pairs of one speaker"),
        (b"\xff\xfe\x00", "line 1 of"),
    ],
)
def test_what_is_no_list_is_a_sentence(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        read_trial_list(written(tmp_path, text))


def test_no_list_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SeehearError, match="does not exist"):
        read_trial_list(tmp_path / "none.txt")


def test_paths_are_found_by_their_ends_whatever_the_suffix(tmp_path: Path) -> None:
    file = written(tmp_path, "1 id1/a/00001.wav b/00002.wav\n0 id1/a/00001.wav id2/c/00001.flac\n")
    rows, trials = resolve_listed(read_trial_list(file), SOURCES, file, "data")
    assert [group.tolist() for group in rows] == [[0], [1], [2, 3]]
    assert (trials.left.tolist(), trials.right.tolist(), trials.targets.tolist()) == ([0, 0], [1, 2], [True, False])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "1 id1/a/00001.wav x/y.wav\n0 z.wav id2/c/00001.wav",
            r"names 2 of 4 recordings that are not in data .*x/y\.wav",
        ),
        ("1 id1/a/00001.wav b/00002.wav\n0 00001.wav b/00002.wav", r"00001\.wav of .* may be any of 2 recordings"),
    ],
)
def test_missing_and_ambiguous_paths_are_sentences(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(CorpusError, match=said):
        resolve_listed(read_trial_list(file), SOURCES, file, "data")


def people(count: int = 40, speakers: int = 6) -> tuple[list[str], list[str], list[tuple[str, ...]]]:
    rng = np.random.default_rng(0)
    who = [f"s{number}" for number in rng.integers(speakers, size=count).tolist()]
    sources = [f"{name}-{take}" for name, take in zip(who, rng.integers(3, size=count).tolist(), strict=True)]
    return who, sources, [("woman" if int(name[1:]) % 2 else "man",) for name in who]


def as_set(trials: Trials, kind: bool) -> set[tuple[int, int]]:
    chosen = trials.targets == kind
    pairs = zip(trials.left[chosen].tolist(), trials.right[chosen].tolist(), strict=True)
    found = [(min(pair), max(pair)) for pair in pairs]
    assert len(set(found)) == len(found)
    return set(found)


@pytest.mark.parametrize("same_sex", [False, True])
def test_all_pairs_are_those_of_the_rule(same_sex: bool) -> None:
    who, sources, sexes = people()
    drawn = sample_trials(who, who, sources, sexes if same_sex else None)
    targets = {(i, j) for i, j in combinations(range(40), 2) if who[i] == who[j] and sources[i] != sources[j]}
    others = {
        (i, j) for i, j in combinations(range(40), 2) if who[i] != who[j] and (not same_sex or sexes[i] == sexes[j])
    }
    assert (as_set(drawn, True), as_set(drawn, False)) == (targets, others)


@pytest.mark.parametrize("enumerated", [3000, 10])
def test_so_many_are_drawn_by_the_seed(monkeypatch: pytest.MonkeyPatch, enumerated: int) -> None:
    monkeypatch.setattr(module, "ENUMERATED", enumerated)
    who, sources, sexes = people()
    every = sample_trials(who, who, sources, sexes, count=2000)
    one, again, other = (sample_trials(who, who, sources, sexes, count=20, seed=seed) for seed in (0, 0, 1))
    assert as_set(one, False) == as_set(again, False) != as_set(other, False)
    assert (len(as_set(one, True)), len(as_set(one, False))) == (20, 20)
    assert as_set(one, True) <= as_set(every, True)
    assert as_set(one, False) <= as_set(every, False)


def test_a_pair_that_is_rare_is_found_though_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENUMERATED", 10)
    who = [f"s{number // 2}" for number in range(200)]
    sexes = [("woman",), ("woman",), ("woman",), *[(str(number // 2),) for number in range(3, 200)]]
    drawn = sample_trials(who, who, alike=sexes, count=1)
    assert as_set(drawn, False) <= {(0, 2), (1, 2)}
    assert len(as_set(drawn, False)) == 1


def test_segments_of_one_recording_are_a_pair_and_those_of_its_speaker_no_pair_of_two() -> None:
    who, same = ["a", "a", "a", "b"], ["a1", "a1", "a2", "b1"]
    drawn = sample_trials(who, same)
    assert as_set(drawn, True) == {(0, 1)}
    assert as_set(drawn, False) == {(0, 3), (1, 3), (2, 3)}


def test_no_pairs_are_sentences() -> None:
    with pytest.raises(CorpusError, match="--trials segments"):
        sample_trials(["a", "b"], ["a", "b"], ["x", "y"])
    with pytest.raises(CorpusError, match="of two speakers"):
        sample_trials(["a", "a"], ["a", "a"], ["x", "y"])
