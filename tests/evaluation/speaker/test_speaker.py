"""Speaker verification from files to a table, as the command line calls it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from people import Knows, speaking
from seehear.cli.output import check_outputs
from seehear.cli.parser import parse
from seehear.cli.verbs import VERBS
from seehear.errors import CorpusError, ModelError, SeehearError
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.speaker.few_labels import FewLabelOptions
from seehear.evaluation.speaker.pairs import TrialSides
from seehear.evaluation.speaker.result import SpeakerEvaluation
from seehear.evaluation.speaker.scoring import VerificationOptions, VoiceCrossValidation, pair_scores, plain_scores
from seehear.evaluation.speaker.verification import evaluate_speaker
from seehear.evaluation.speaker.voices import ModelVoice, scaled
from seehear.metrics.calibration import ScoreCalibration
from seehear.metrics.detection import ErrorCounts
from seehear.models import store
from seehear.models.match import MatchModel, MatchOptions

FEW = FewLabelOptions(steps=40, speakers=4, dim=8, lr=0.02)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speaking(tmp_path_factory.mktemp("speaking"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    small = MatchOptions(
        sound={"bands": 8, "channels": [4, 4, 4, 6], "temporal": [], "dilations": []},
        still={"size": 16, "channels": [4, 6], "strides": [2, 2]},
        dim=6,
    )
    folder = tmp_path_factory.mktemp("model") / "run"
    store.save(MatchModel(small), folder, {"corpus": ["speaking"], "split_by": "speaker", "dev_every": 2})
    return folder


def told(*given: object, **flags: object) -> SpeakerEvaluation:
    result = evaluate_speaker(*given, **({"seeds": 1, "seconds": 0.4} | flags))  # type: ignore[arg-type]
    assert isinstance(result, SpeakerEvaluation)
    return result


def test_pairs_of_recordings_by_their_speakers(data: Path, tmp_path: Path) -> None:
    result = told("logmel", [data], ["mfcc"], scaling="standardised")
    assert result.pairs == (10 * 3, 45 * 9)
    assert [row.encoder for row in result.rows] == ["logmel", "mfcc"]
    assert list(result.rows[0].figures) == ["EER", "EER raw", "EER whitened", "minDCF 0.01", "minDCF 0.05"]
    assert result.rows[0].main.value < 0.1
    assert (result.units, result.speakers, result.chance["EER"]) == ("speakers", 10, 0.5)
    assert set(json.loads(json.dumps(result.to_dict()))["det"]) == {"logmel", "mfcc"}
    result.plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert "pairs of one person" in str(result)


def test_all_pairs_in_blocks_say_the_same(data: Path) -> None:
    drawn, blocks = (told("mfcc", [data], [], scaling="none", pairs=pairs) for pairs in (1000, "all"))
    assert blocks.rows[0].main.value == pytest.approx(drawn.rows[0].main.value, abs=2e-4)
    within = [told("mfcc", [data], [], scaling="none", pairs=pairs, within=["sex"]) for pairs in (1000, "all")]
    assert within[0].pairs == (30, 20 * 9)
    assert within[1].rows[0].main.value == pytest.approx(within[0].rows[0].main.value, abs=2e-4)


def test_segments_of_a_recording_are_of_one_person(data: Path) -> None:
    result = told("logmel", [data], ["mfcc"], trials="segments", where=["speaker=s1|s4|s7"], seconds=0.2)
    assert result.pairs == (9 * 10, 3 * 15 * 15)  # five segments of each of nine recordings
    assert result.tested == 45


def test_a_list_of_trials(data: Path, tmp_path: Path) -> None:
    lines = [f"1 s{n}/t0.wav   s{n}/t1.wav" for n in range(10)] + [f"0 s{n}/t0.wav s{n - 1}/t2.wav" for n in range(10)]
    listed = tmp_path / "list.txt"
    listed.write_text("\r\n".join(lines).replace("s-1", "s9"))
    result = told("logmel", [data], [], trials=str(listed), scaling="none")
    assert (result.pairs, result.tested) == ((10, 10), 30)
    listed.write_text("1 s0/t0.wav s0/t9.wav\n0 s0/t0.wav s1/t0.wav\n")
    with pytest.raises(CorpusError, match=r"names 1 of 3 recordings that are not in .*s0/t9\.wav"):
        told("logmel", [data], [], trials=str(listed))


def test_what_a_seed_does_not_change_is_the_same_with_every_seed(data: Path) -> None:
    result = told("mfcc", [data], [], seeds=3)
    assert len(set(result.rows[0].main.per_seed)) == 1


def test_each_seed_draws_pairs_of_its_own(data: Path) -> None:
    recordings = Recordings.of(data).with_readable_sound()
    course = VoiceCrossValidation(
        recordings, TrialSides.of_recordings(recordings, 0.5), VerificationOptions(seeds=range(2), pairs=20)
    )
    one, other = (round_.trials for round_ in course.rounds)
    assert not np.array_equal(one.left, other.left)
    held = VoiceCrossValidation(
        recordings, course.sides, VerificationOptions(seeds=range(3), mode="projected"), labelled=True, hold_out=True
    )
    for asked in held.rounds:
        assert asked.train is not None
        tested = {held.sides.who[row] for row in asked.tested.tolist()}
        assert {recording.speaker for recording in asked.train} == {f"s{n}" for n in range(10)} - tested
        assert {held.sides.who[row] for row in asked.trials.left.tolist()} <= tested
        assert len(tested) == 2
    assert len(held.people) > 2


def test_a_model_that_has_learned_voices_gives_its_own(data: Path, model: Path) -> None:
    result = told(str(model), [data], ["untrained", "mfcc"], seeds=2)
    assert [row.encoder for row in result.rows] == [str(model), "untrained", "mfcc"]
    assert len(set(result.rows[1].main.per_seed)) == 2
    pooled = told(str(model), [data], [], layer=MatchModel.from_config(store.read_config(model)).speech.default_layer)
    assert pooled.det[str(model)] != result.det[str(model)]


def test_every_row_is_scaled_alike_and_the_other_scaling_stands_beside(data: Path, model: Path) -> None:
    names = (str(model), "logmel", "untrained")
    usual = told(names[0], [data], names[1:])
    raw = told(names[0], [data], names[1:], scaling="none")
    assert list(usual.rows[0].figures)[:2] == ["EER", "EER raw"]
    assert list(raw.rows[0].figures)[:2] == ["EER", "EER whitened"]
    for name in names:
        assert usual.row(name).figures["EER raw"] == raw.row(name).figures["EER"]
        assert usual.row(name).figures["EER"] == raw.row(name).figures["EER whitened"]
    assert usual.beside["EER raw"] == raw.comparisons
    assert raw.beside["EER whitened"] == usual.comparisons
    assert "EER raw: the model is better than logmel " in str(usual)


def test_a_model_trained_by_distances_is_compared_by_them(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    sound = {"bands": 8, "channels": [4, 4, 4, 6], "temporal": [], "dilations": []}
    options = MatchOptions(sound=sound, still={"size": 16, "channels": [4, 6], "strides": [2, 2]}, dim=6)
    made = MatchModel(replace(options, loss="multiway", similarity="inverse-euclidean"))
    store.save(made, tmp_path / "run", {})
    recordings = Recordings.of([data]).with_readable_sound()
    course = VoiceCrossValidation(
        recordings, TrialSides.of_recordings(recordings, 0.4), VerificationOptions(seeds=range(1))
    )
    trials = course.rounds[0].trials
    means = course.embedded(ModelVoice(made.eval()), "test", course.tested)
    apart = -np.linalg.norm(means[trials.left] - means[trials.right], axis=1)
    exact = float(ErrorCounts.from_scores(apart, trials.targets).eer)
    assert pair_scores(scaled(means, "none"), trials).max() > 0.5  # cosines, which thresholds would lie among
    for pairs in (1000, "all"):
        found = told(str(tmp_path / "run"), [data], [], scaling="none", pairs=pairs)
        assert found.rows[0].main.value == pytest.approx(exact, abs=2e-3)
        assert max(threshold for threshold, _, _ in found.det[str(tmp_path / "run")]) <= 0


def test_weights_of_no_step_are_read_as_an_untrained_encoder_is(data: Path, model: Path, tmp_path: Path) -> None:
    """A benchmark's untrained row: its random head would only hide what its encoder hears."""
    options = MatchModel.from_config(store.read_config(model)).options
    torch.manual_seed(0)
    store.save(MatchModel(options), tmp_path / "blank", {"steps": 0})
    untrained = told(str(model), [data], ["untrained"]).row("untrained")
    assert told(str(tmp_path / "blank"), [data], []).rows[0].figures == untrained.figures


def test_people_of_a_part_and_those_who_are_on_both_sides(data: Path, model: Path) -> None:
    result = told(str(model), [data], [], split="dev")
    assert (result.tested, result.also_trained) == (5 * 3, 0)  # every second speaker
    by_source = told(str(model), [data], [], split="train", split_by="source", dev_every=3)
    assert by_source.also_trained == 10
    assert "other part" in str(by_source)


@pytest.mark.trains
@pytest.mark.parametrize("mode", ["projected", "finetuned", "scratch"])
def test_labels_of_a_few_speakers(data: Path, model: Path, mode) -> None:
    result = told(str(model), [data], ["mfcc"], mode=mode, train_speakers=6, few=FEW, split="all")
    assert [row.mode for row in result.rows] == [mode, "projected"]
    assert result.tested == 2 * 3  # a fifth of the speakers
    assert result.setting["trained with"] == "6 speakers"


def test_more_speakers_than_there_are_is_a_sentence(data: Path) -> None:
    with pytest.raises(CorpusError, match=r"8 speakers .* are outside the test, fewer than the 9"):
        told("mfcc", [data], [], mode="projected", train_speakers=9)


def test_calibration_is_what_verify_reads(data: Path, model: Path, tmp_path: Path) -> None:
    result = told(str(model), [data], [], write_calibration=tmp_path / "c.json", seconds=0.4)
    made = ScoreCalibration.read(tmp_path / "c.json")
    assert (made.trials, made.model, made.seconds) == (30 + 405, str(model), 0.4)
    assert result.calibration == made.to_dict()
    assert "Cllr" in str(result)


def test_a_calibrated_score_is_the_similarity_of_mean_embeddings(data: Path) -> None:
    recordings = Recordings.of(data).with_readable_sound().subset(range(9))
    course = VoiceCrossValidation(
        recordings, TrialSides.of_recordings(recordings, 0.5), VerificationOptions(seeds=range(1))
    )
    voice, trials = ModelVoice(Knows()), course.rounds[0].trials
    scores = plain_scores(voice, course.embedded(voice, "test", course.tested), trials)
    for score, left, right in zip(scores, trials.left, trials.right, strict=True):
        both = [
            voice.model.mean(torch.from_numpy(voice.model.embed_segments(recordings[row].audio(), 16000, 0.5, 0.5)))
            for row in (left, right)
        ]
        assert score == pytest.approx(float(voice.model.similarity(both[0][None], both[1][None]).detach()), abs=1e-5)


def test_what_cannot_be_done_is_a_sentence(data: Path, model: Path, tmp_path: Path) -> None:
    nameless = tmp_path / "nameless"
    nameless.mkdir()
    (nameless / "a.wav").write_bytes((data / "s0" / "t0.wav").read_bytes())
    asked: list[tuple[type[SeehearError], str, dict[str, object]]] = [
        (CorpusError, "--pairs must be", {"pairs": 0}),
        (CorpusError, "--pairs all means", {"pairs": "all", "trials": "segments"}),
        (CorpusError, "--seconds must be", {"seconds": 0.0}),
        (CorpusError, "no recording .* has two pieces", {"trials": "segments", "seconds": 5.0}),
        (CorpusError, "does not say of all who speaks", {"data": [nameless]}),
        (CorpusError, "might be trained with", {"data": [nameless], "trials": "segments", "mode": "projected"}),
        (CorpusError, "no label 'age'", {"within": ["age"]}),
        (ModelError, "gives no scores of its own", {"write_calibration": tmp_path / "c.json"}),
        (ModelError, "no weights that could be", {"mode": "scratch"}),
        (SeehearError, "--seeds must be", {"seeds": 0}),
        (SeehearError, "does not exist", {"write_calibration": tmp_path / "no" / "c.json"}),
        (SeehearError, "does not exist", {"trials": str(tmp_path / "none.txt")}),
    ]
    for error, sentence, flags in asked:
        with pytest.raises(error, match=sentence):
            told(**({"model": "mfcc", "data": [data], "baselines": []} | flags))


def test_flags_are_the_signature(tmp_path: Path) -> None:
    entry = VERBS["evaluate speaker"]
    words = "run a b --trials list.txt --pairs all --mode finetuned --few.steps 7 --within sex age --plot d.png --json"
    command = parse("evaluate speaker", entry, words.split())
    given = command.arguments
    assert (given["trials"], given["pairs"], given["mode"], given["few"].steps) == ("list.txt", "all", "finetuned", 7)
    assert list(given["within"]) == ["sex", "age"]
    assert (command.json, command.outputs) == (True, {"plot": Path("d.png")})
    assert parse("evaluate speaker", entry, ["run", "a", "--pairs", "50"]).arguments["pairs"] == 50
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(SeehearError, match="is a folder"):
        check_outputs(entry, parse("evaluate speaker", entry, ["run", "a", "--plot", str(tmp_path / "folder.png")]))


def test_options_that_make_no_sense_are_refused() -> None:
    assert replace(FEW, steps=3).steps == 3
    with pytest.raises(ValueError, match=r"few\.speakers must be 2 or more"):
        FewLabelOptions(speakers=1)


def test_better_contenders_have_a_smaller_error_and_a_small_p(data: Path) -> None:
    result = told("logmel", [data], ["mfcc"], scaling="none", pooling="mean", trials="segments", seconds=0.2)
    one, other = (row.main.value for row in result.rows)
    told_apart = result.comparisons[0]
    assert told_apart.difference == pytest.approx(one - other)
    assert told_apart.low <= told_apart.difference <= told_apart.high
    assert 0 < told_apart.p <= 1
    assert np.isfinite([told_apart.low, told_apart.high]).all()
