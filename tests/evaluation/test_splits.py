"""Nobody is on two sides of a split unless that is asked for by name."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seehear.errors import CorpusError
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.splits import Fold, SplitName, partition, subsample_labels
from tones import recording, tones

SILENCE = np.zeros(10, np.float32)


def of(rows: list[dict[str, str]], sources: list[str] | None = None) -> Recordings:
    names = sources or [f"r{i}" for i in range(len(rows))]
    made = [recording(f"{i}", SILENCE, row, source=s) for i, (row, s) in enumerate(zip(rows, names, strict=True))]
    return Recordings(made, "some data")


def speakers_of(recordings: Recordings, fold: Fold) -> list[set[str | None]]:
    return [{recordings[row].speaker for row in part.tolist()} for part in (fold.train, fold.dev, fold.test)]


@given(st.lists(st.integers(0, 9), min_size=3, max_size=60), st.integers(0, 3))
def test_speakers_are_never_shared(who: list[int], seed: int) -> None:
    recordings = of([{"speaker": f"s{n}"} for n in who])
    if len(set(who)) < 3:
        with pytest.raises(CorpusError, match="need one each"):
            partition(recordings, "speakers", seed)
        return
    for split in ("speakers", "leave-one-speaker-out"):
        for fold in partition(recordings, split, seed):
            train, dev, test = speakers_of(recordings, fold)
            assert train
            assert dev
            assert test
            assert len(train) + len(dev) + len(test) == len(set(who))
            assert sorted([*fold.train, *fold.dev, *fold.test]) == list(range(len(who)))


def test_leave_one_out_tests_everybody_once() -> None:
    recordings = tones(speakers=5)
    folds = partition(recordings, "leave-one-speaker-out")
    assert [test for fold in folds for test in speakers_of(recordings, fold)[2]] == [f"s{n}" for n in range(5)]
    assert Counter(np.concatenate([fold.test for fold in folds]).tolist()) == Counter(range(len(recordings)))


def test_a_fifth_is_tested_and_the_seed_decides_who() -> None:
    recordings = tones(speakers=20, takes=1)
    (one,), (again,), (other,) = (partition(recordings, "speakers", seed) for seed in (0, 0, 1))
    assert len(speakers_of(recordings, one)[2]) == len(speakers_of(recordings, one)[1]) == 4
    assert one.test.tolist() == again.test.tolist()
    assert one.test.tolist() != other.test.tolist()


@given(st.integers(3, 23), st.integers(0, 3))
def test_a_round_of_seeds_tests_everybody_once(speakers: int, turn: int) -> None:
    recordings = of([{"speaker": f"s{n}"} for n in range(speakers)])
    count = min(5, speakers)
    folds = [partition(recordings, "speakers", count * turn + seed)[0] for seed in range(count)]
    assert Counter(row for fold in folds for row in fold.test.tolist()) == Counter(range(speakers))
    assert Counter(row for fold in folds for row in fold.dev.tolist()) == Counter(range(speakers))


@pytest.mark.parametrize("split", ["speakers", "leave-one-speaker-out"])
def test_unknown_speakers_are_refused_and_one_speaker_too(split: SplitName) -> None:
    nameless = of([{"speaker": "a"}, {"speaker": "b"}, {}])
    with pytest.raises(CorpusError, match=r"does not say who speaks in 2.*--split random"):
        partition(nameless, split)
    with pytest.raises(CorpusError, match=r"has 1 speakers.*--split random"):
        partition(of([{"speaker": "a"}] * 9), split)


def test_random_keeps_the_pieces_of_a_source_together() -> None:
    recordings = of([{}] * 30, [f"source{i // 3}" for i in range(30)])
    (fold,) = partition(recordings, "random")
    sides = [{recordings[row].source for row in part.tolist()} for part in (fold.train, fold.dev, fold.test)]
    assert [len(side) for side in sides] == [6, 2, 2]
    assert len(set.union(*sides)) == 10


def test_official_parts_are_taken_as_they_are() -> None:
    parts = ["train", "test", "dev", "train", "other", "test"]
    (fold,) = partition(of([{"part": p, "speaker": f"{i}"} for i, p in enumerate(parts)]), "official")
    assert (fold.train.tolist(), fold.dev.tolist(), fold.test.tolist()) == ([0, 3], [2], [1, 5])


def test_official_without_development_part_takes_training_speakers() -> None:
    rows = [{"part": "train", "speaker": f"s{i % 5}"} for i in range(20)] + [{"part": "test", "speaker": "t"}]
    recordings = of(rows)
    (fold,) = partition(recordings, "official")
    train, dev, test = speakers_of(recordings, fold)
    assert (len(train), len(dev), test) == (4, 1, {"t"})
    assert not train & dev


def test_official_split_that_shares_speakers_has_to_be_asked_for() -> None:
    recordings = of([{"part": part, "speaker": "a"} for part in ("train", "train", "train", "test")])
    with pytest.raises(CorpusError, match=r"speaker a on both sides.*--shared-speakers"):
        partition(recordings, "official")
    (fold,) = partition(recordings, "official", shared_speakers=True)
    assert (len(fold.train), len(fold.dev), fold.test.tolist()) == (2, 1, [3])


def test_no_official_split() -> None:
    with pytest.raises(CorpusError, match=r"no official split.*'part' is 'test'"):
        partition(of([{"part": "train"}] * 4), "official")


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=80), st.sampled_from([0.01, 0.1, 0.5, 0.9]))
def test_a_share_of_the_labels_has_some_of_each_class(classes: list[str], share: float) -> None:
    train = np.arange(0, len(classes), 2)
    kept = subsample_labels(train, classes, share, seed=3)
    there = Counter(classes[row] for row in train)
    assert Counter(classes[row] for row in kept) == {c: max(1, round(share * n)) for c, n in there.items()}
    assert set(kept) <= set(train)


def test_all_labels_are_all_labels_and_none_is_refused() -> None:
    train = np.array([4, 2, 7])
    assert subsample_labels(train, ["x"] * 9, 1.0, 0) is train
    for share in (0.0, 1.5, -1, float("nan")):
        with pytest.raises(CorpusError, match="--label-fraction must be more than 0"):
            subsample_labels(train, ["x"] * 9, share, 0)
