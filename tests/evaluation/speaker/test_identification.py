"""Naming speakers from files to a table; the probe and the hits against what is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from people import speaking
from seehear.errors import CorpusError, ModelError, SeehearError
from seehear.evaluation.probes.linear import fit_probe
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.speaker import identification
from seehear.evaluation.speaker.identification import evaluate_identification


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speaking(tmp_path_factory.mktemp("speaking"), speakers=7)


def told(*given: object, **flags: object) -> EvaluationResult:
    result = evaluate_identification(*given, **({"seeds": 1, "seconds": 0.4} | flags))  # type: ignore[arg-type]
    assert isinstance(result, EvaluationResult)
    return result


def test_speakers_are_named(data: Path) -> None:
    result = told("logmel", [data], ["mfcc"], seeds=2)
    assert result.rows[0].figures["top-1"].value > 0.8
    assert result.rows[0].figures["top-5"].value > 0.9
    assert (result.chance["top-1"], result.chance["top-5"]) == (1 / 7, 5 / 7)
    assert (result.speakers, result.recordings, result.units) == (7, 21, "speakers")
    assert 7 <= result.tested <= 14  # one of three recordings of each, twice
    assert json.loads(json.dumps(result.to_dict()))["chance"] == result.chance
    assert "top-5" in str(result)


def test_the_only_recording_of_a_speaker_is_cut(data: Path, tmp_path: Path) -> None:
    lone = speaking(tmp_path, speakers=5, takes=1)
    result = told("logmel", [lone], [], seconds=0.2)
    assert (result.tested, result.speakers) == (5, 5)
    assert result.rows[0].main.value > 0.7  # guessing: a fifth
    with pytest.raises(CorpusError, match="0 speakers with two recordings or two pieces"):
        told("logmel", [lone], [], seconds=0.6)


def test_who_is_too_short_is_left_out_and_named(tmp_path: Path) -> None:
    folder = speaking(tmp_path, speakers=4, takes=2, seconds=0.5)
    (folder / "s3" / "t1.wav").unlink()
    rows = (folder / "labels.csv").read_text().splitlines()
    (folder / "labels.csv").write_text("\n".join(row for row in rows if "s3/t1" not in row))
    result = told("mfcc", [folder], [])
    assert result.speakers == 3
    assert "shorter than two pieces of 0.4 s" in result.left_out["s3/t0.wav"]


def test_held_out_are_some_of_every_speaker() -> None:
    speakers = np.repeat(np.arange(4), [2, 5, 10, 11])
    for seed in range(3):
        held = identification._held_out(speakers, seed)
        assert np.bincount(speakers[held]).tolist() == [1, 1, 2, 2]
    assert not np.array_equal(identification._held_out(speakers, 0), identification._held_out(speakers, 1))


def test_hits_are_those_of_the_summed_pieces() -> None:
    said = np.log(np.array([[0.6, 0.4, 1e-9], [0.1, 0.9, 1e-9], [0.2, 0.2, 0.6], [1 / 3, 1 / 3, 1 / 3]]))
    hits = identification._hits(said, np.array([4, 4, 6, 7]), np.array([9, 9, 9, 9, 1, 9, 1, 0]))
    assert hits[:, 0].tolist() == [1, 0, 0]  # 0.06 against 0.36; behind the third; a third of a guess is none
    assert hits[:, 1:].tolist() == [[1, 1]] * 3


def test_probe_tells_classes_apart_and_knows_what_it_has_not_met() -> None:
    rng = np.random.default_rng(0)
    targets = np.repeat([0, 1, 3], 20)
    vectors = (np.eye(4)[targets] * 4 + rng.standard_normal((60, 4))).astype(np.float32)
    said = fit_probe(vectors, targets, 4)(vectors)
    assert (said.argmax(1) == targets).mean() > 0.9
    assert np.isneginf(said[:, 2]).all()
    np.testing.assert_allclose(np.exp(said).sum(1), 1, atol=1e-6)


def test_what_cannot_be_done_is_a_sentence(data: Path, tmp_path: Path) -> None:
    nameless = tmp_path / "nameless"
    nameless.mkdir()
    (nameless / "a.wav").write_bytes((data / "s0" / "t0.wav").read_bytes())
    asked: list[tuple[type[SeehearError], str, dict[str, object]]] = [
        (CorpusError, "has no label 'speaker'", {"data": [nameless]}),
        (CorpusError, "--seconds must be", {"seconds": -1.0}),
        (CorpusError, "leave finetuned out", {"baselines": ["finetuned"]}),
        (CorpusError, "has 1 speakers", {"where": ["speaker=s1"]}),
        (ModelError, "there is no model", {"model": "nothing"}),
        (SeehearError, "--seeds must be", {"seeds": 0}),
    ]
    for error, sentence, flags in asked:
        with pytest.raises(error, match=sentence):
            told(**({"model": "mfcc", "data": [data], "baselines": []} | flags))
