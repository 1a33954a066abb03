"""What `evaluate_sync` measures on: which clips of a corpus, by which split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from seehear.errors import CorpusError, SeehearError
from seehear.evaluation.sync import LengthAccuracy, SyncEvaluation, evaluate_sync
from seehear.metrics.scores import CHANCE, LENGTHS


class FakeModel:
    def __init__(self, **trained: object) -> None:
        self.config = {"trained": trained} if trained else {}


class FakeCorpus(list[str]):
    """Remembers how it was split; every other clip is silent."""

    asked: tuple[object, ...] = ()
    detectors = ("yunet-2023mar",)

    def __init__(self, path: Path) -> None:
        super().__init__(["loud", "silent", "loud"] if path.name == "corpus" else ["silent"])

    def split(self, *how: object) -> FakeCorpus:
        type(self).asked = how
        return self

    def with_faces(self) -> FakeCorpus:
        return self

    def with_sound(self) -> FakeCorpus:
        self[:] = [clip for clip in self if clip == "loud"]
        return self


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Its one item is the model."""
    models: list[object] = [FakeModel()]
    monkeypatch.setattr("seehear.evaluation.sync.Corpus", FakeCorpus)
    monkeypatch.setattr("seehear.evaluation.sync.load_sync_model", lambda name: models[0])
    monkeypatch.setattr("seehear.evaluation.sync.evaluate_sync_clips", measure)
    FakeCorpus.asked = ()
    return models


def measure(model: FakeModel, clips: Iterable[str], lengths: Sequence[int]) -> SyncEvaluation:
    count = len(list(clips))
    return SyncEvaluation(tuple(LengthAccuracy(k, 0.5, 0.4, 0.6, 10, count) for k in lengths), CHANCE, count, 0)


def test_dev_is_what_training_kept(trained: list[object]) -> None:
    evaluate_sync("run", Path("corpus"))
    assert FakeCorpus.asked == ("dev", 8, "source")  # a model that does not remember
    trained[0] = FakeModel(split_by="speaker", dev_every=3)
    evaluate_sync("run", Path("corpus"))
    assert FakeCorpus.asked == ("dev", 3, "speaker")
    evaluate_sync("run", Path("corpus"), split="train", split_by="source", dev_every=5)
    assert FakeCorpus.asked == ("train", 5, "source")


@pytest.mark.parametrize("every", [1, 0, -3])
def test_a_split_that_holds_out_everything_is_a_sentence(trained: list[object], every: int) -> None:
    with pytest.raises(CorpusError, match=f"cannot hold out one source in {every}"):
        evaluate_sync("run", Path("corpus"), dev_every=every)


def test_silent_clips_are_not_measured(trained: list[object]) -> None:
    result = evaluate_sync("run", Path("corpus"), split="all")
    assert result.clips == 2
    assert list(result.to_dict()["faces"]["cut"]) == ["yunet-2023mar"]
    assert FakeCorpus.asked == ()
    with pytest.raises(CorpusError, match="has no clips with audio in the split dev"):
        evaluate_sync("run", Path("silence"))


def test_lengths_are_those_asked_for_or_of_the_papers(trained: list[object]) -> None:
    assert [entry.frames for entry in evaluate_sync("run", Path("corpus")).by_length] == list(LENGTHS)
    assert [entry.frames for entry in evaluate_sync("run", Path("corpus"), lengths=(2, 4)).by_length] == [2, 4]
    with pytest.raises(SeehearError, match="1 or more, not 0"):
        evaluate_sync("run", Path("corpus"), lengths=(5, 0))


def test_it_is_shown_as_a_table(trained: list[object]) -> None:
    assert "9.7%" in str(evaluate_sync("run", Path("corpus")))
