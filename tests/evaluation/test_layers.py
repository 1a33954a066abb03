"""The layer that is read is chosen on development data, for every encoder alike, and the figure of the last is told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from seehear.errors import ModelError
from seehear.evaluation import evaluate
from seehear.evaluation.baselines import ALL_BASELINES, AUTO, LAST, ComparedEncoder, available_baselines
from seehear.evaluation.cross_validation import CrossValidation, FoldResult, Protocol, TrainedHead, best_layer
from seehear.evaluation.probes.ctc import CharacterCountObjective, CharacterObjective
from seehear.evaluation.probes.heads import BGRUOptions, PooledHead
from seehear.evaluation.probes.interface import ClassObjective, ConcordanceObjective, FittedProbe
from seehear.evaluation.probes.linear import PooledClassifier
from seehear.evaluation.probes.training import fixed_seed
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.runner import BEST_BASELINE, ScoreTally, best_on_development, classify, compared_encoders
from tones import HZ, Ear, recording, tone, tones

FAST = BGRUOptions(hidden=8, layers=1, epochs=15, lr=0.02, batch=16)


class ThreeEars(Ear):
    """Its first and its last layer are deaf."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = {"first": 2, "heard": 2, "last": 3}

    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        states = super().layer_outputs(audio)
        return {"first": states["heard"] * 0, "heard": states["heard"], "last": states["last"] * 0}


def ears(layer: str | None) -> ComparedEncoder:
    with fixed_seed(0):
        made = ThreeEars().eval()
    return ComparedEncoder("ears", "frozen", lambda seed: made, layer=layer)


def words(named: Sequence[ComparedEncoder], protocol: Protocol, readout: str = "pooled") -> EvaluationResult:
    return classify("words", tones(), "word", named, readout, protocol)  # type: ignore[arg-type]


def test_the_layer_that_hears_is_chosen_in_every_fold_and_the_last_is_told() -> None:
    result = words([ears(AUTO)], Protocol(split="leave-one-speaker-out", seeds=2))
    (row,) = result.rows
    assert row.layers == {"heard": 12}
    assert row.main.value > 0.9
    assert list(row.by_layer) == ["first", "heard", "last"]
    assert row.by_layer["heard"] == row.main
    assert row.by_layer["last"].value == pytest.approx(1 / 3)
    assert "heard 12" in str(result)
    assert "last 33.3%" in str(result)


def test_a_layer_by_name_and_the_last_one() -> None:
    named = words([ears("first")], Protocol(seeds=1)).rows[0]
    assert (named.layers, list(named.by_layer)) == ({"first": 1}, ["first", "last"])
    assert named.main.value == pytest.approx(1 / 3)
    last = words([ears(LAST)], Protocol(seeds=1)).rows[0]
    assert (last.layers, list(last.by_layer)) == ({"last": 1}, ["last"])


@pytest.mark.trains
def test_what_is_trained_for_minutes_reads_the_layer_that_the_quick_read_out_chose() -> None:
    row = words([ears(AUTO)], Protocol(seeds=1, bgru=FAST), "bgru").rows[0]
    assert row.layers == {"heard": 1}
    assert row.main.value > 0.6


@pytest.mark.trains
def test_weights_that_move_are_read_at_the_last_layer() -> None:
    with fixed_seed(0):
        made = Ear().eval()
    one = ComparedEncoder("ear", "finetuned", lambda seed: made, layer=AUTO)
    row = words([one], Protocol(mode="finetuned", seeds=1, bgru=FAST)).rows[0]
    assert row.layers == {"last": 1}


def test_the_test_part_has_no_say() -> None:
    """Another truth for the people who are tested changes neither the layer nor what is said of them."""
    data, protocol, goal = tones(), Protocol(split="leave-one-speaker-out", seeds=1), ClassObjective(3)
    names = [str(word) for word in data.labels("word")]
    truth = [sorted(HZ).index(name) for name in names]
    training = TrainedHead(goal, lambda width: PooledHead(width, 3))

    def trials(targets: list[int]) -> list[FoldResult]:
        course = CrossValidation(data, targets, protocol, names)
        return [trial for trial in course.run(ears(AUTO), PooledClassifier(goal), training) if trial.fold == 0]

    tested = CrossValidation(data, truth, protocol, names).folds[0][0].test
    other = [(target + 1) % 3 if row in tested else target for row, target in enumerate(truth)]
    for before, after in zip(trials(truth), trials(other), strict=True):
        assert (before.layer, before.chosen, before.predictions, before.dev) == (
            after.layer, after.chosen, after.predictions, after.dev,
        )  # fmt: skip


def test_features_of_all_layers_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    states = ThreeEars.layer_outputs

    def counted(self: ThreeEars, audio: Tensor) -> dict[str, Tensor]:
        passes.append(len(audio))
        return states(self, audio)

    monkeypatch.setattr(ThreeEars, "layer_outputs", counted)
    words([ears(AUTO)], Protocol(split="leave-one-speaker-out", seeds=2))
    assert sum(passes) == 72


def test_of_equal_layers_the_last_is_read() -> None:
    same = {name: FittedProbe(lambda inputs: [], 0.5) for name in "abc"}
    assert best_layer(same) == "c"
    assert best_layer({**same, "a": FittedProbe(lambda inputs: [], 0.6)}) == "a"


def test_layers_are_asked_for_alike() -> None:
    found = compared_encoders("animate-small", ["mfcc", "untrained", "sync-small"], "frozen")
    assert [one.layer for one in found] == [AUTO] * 4
    found = compared_encoders("animate-small", ["mfcc", "untrained", "sync-small"], "frozen", "time1")
    assert [one.layer for one in found] == ["time1", AUTO, "time1", AUTO]
    assert [one.layer for one in compared_encoders("mfcc", ["logmel"], "frozen", LAST)] == [LAST] * 2
    with pytest.raises(ModelError, match="no layer 'time9'"):
        compared_encoders("animate-small", [], "frozen", "time9")


def test_baselines_that_cannot_be_had_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seehear.evaluation.baselines.egemaps_installed", lambda: False)
    assert "egemaps" not in available_baselines("animate-small", ALL_BASELINES)
    assert "untrained" in available_baselines("animate-small", ALL_BASELINES)
    assert "untrained" not in available_baselines("mfcc", ALL_BASELINES)
    assert available_baselines("animate-small", ["egemaps"]) == ["egemaps"]


def test_the_best_baseline_of_a_table_is_a_row() -> None:
    with fixed_seed(0):
        ear = Ear().eval()
    named = [
        ComparedEncoder("ear", "frozen", lambda seed: ear, layer=AUTO),
        ComparedEncoder("mfcc", "frozen", ears(AUTO).encoder, layer="first"),  # deaf
        ComparedEncoder("logmel", "frozen", ears(AUTO).encoder, layer="heard"),
    ]
    result = words(named, Protocol(split="leave-one-speaker-out", seeds=1))
    best = result.row(BEST_BASELINE)
    assert best.layers == {"logmel": 6}
    assert best.figures == result.row("logmel").figures
    assert [one.against for one in result.comparisons] == ["mfcc", "logmel", BEST_BASELINE]
    assert len(words(named[:2], Protocol(seeds=1)).rows) == 2  # one baseline is the best one by itself


def trial(seed: int, fold: int, rows: list[int], dev: float, chosen: bool = True, layer: str = "a") -> FoldResult:
    return FoldResult(seed, fold, None, np.array(rows), [0] * len(rows), layer, chosen, dev)


def test_development_scores_of_all_seeds_decide_where_the_same_people_are_tested() -> None:
    one, other = ScoreTally([0, 1], 2), ScoreTally([0, 1], 2)
    units = np.array([0, 1])
    for tally, dev, entry in ((one, (0.9, 0.1), 1.0), (other, (0.6, 0.7), 2.0)):
        for seed in (0, 1):
            tally.add(trial(seed, 0, [3, 4], dev[seed]), np.full((2, 1), entry), units)
    best = best_on_development([one, other], ["one", "other"])
    assert best.chosen == {(0, 0): "other", (1, 0): "other"}
    assert best.at_chosen_layers()[None].tolist() == other.at_chosen_layers()[None].tolist() == [[[2.0], [2.0]]] * 2
    alone, rival = ScoreTally([0, 1], 2), ScoreTally([0, 1], 2)
    for tally, dev in ((alone, (0.9, 0.1)), (rival, (0.6, 0.7))):
        for seed in (0, 1):  # each seed tests others
            tally.add(trial(seed, 0, [3 + seed, 7], dev[seed]), np.ones((2, 1)), units)
    assert best_on_development([alone, rival], ["one", "other"]).chosen == {(0, 0): "one", (1, 0): "other"}


def test_a_tally_adds_up_layer_by_layer() -> None:
    tally, units = ScoreTally([4], 3), np.array([0, 2])
    tally.add(trial(4, 0, [0, 1], 0.5, False, "a"), np.array([[1.0], [2.0]]), units)
    tally.add(trial(4, 0, [0, 1], 0.8, True, "b"), np.array([[3.0], [4.0]]), units)
    tally.add(trial(4, 1, [2, 3], 0.8, True, "a"), np.array([[5.0], [6.0]]), np.array([1, 1]))
    assert tally.chosen == {(4, 0): "b", (4, 1): "a"}
    assert tally.layers == ["a"]
    assert tally.at_chosen_layers()[None].tolist() == [[[3.0], [11.0], [4.0]]]
    assert tally.of_layer("a").tolist() == [[[1.0], [11.0], [2.0]]]
    with pytest.raises(KeyError):
        tally.of_layer("b")


def test_what_a_probe_is_asked_in_place_of_a_sequence() -> None:
    assert ConcordanceObjective(every_step=True).pooled_target(np.array([1.0, np.nan, 3.0])) == 2
    assert ConcordanceObjective(every_step=True).pooled_target(np.full(3, np.nan)) is None
    assert ConcordanceObjective(every_step=False).pooled_target(2.5) == 2.5
    assert CharacterObjective(["a", "b", " "]).pooled_target("abba a").tolist() == [3, 2, 1]
    counts, truth = CharacterCountObjective(2), [np.array([0.0, 1]), np.array([2.0, 1])]
    assert counts.score(truth, truth) == 1
    assert counts.score([np.array([1.0, 1])] * 2, truth) == 0  # the mean of each; the second never varies
    out = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    assert counts.loss(out, torch.tensor([1, 1]), truth).item() == 0
    assert ClassObjective(3).pooled().pooled_target(2) == 2


def test_affect_chooses_its_layer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arousal is the level of the tone, which the middle layer alone hears."""
    made = [
        recording(
            f"{s}{i}",
            tone(300.0, 0.4, 0.05 * (1 + i), seed=i),
            {"speaker": s, "arousal": f"{np.log(1 + i):.3f}"},
        )
        for s in "abcdef"
        for i in range(8)
    ]
    monkeypatch.setattr(Recordings, "of", classmethod(lambda cls, data, dataset: Recordings(made, "levels")))
    monkeypatch.setattr("seehear.evaluation.speech.compared_encoders", lambda *given: [ears(AUTO)])
    result = evaluate("affect", "ears", [], label="arousal", probe="pooled", seeds=1)
    assert isinstance(result, EvaluationResult)
    assert result.rows[0].layers == {"heard": 1}
    assert result.rows[0].main.value > 0.9
