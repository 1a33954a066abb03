"""Emotion, words, transcription and affect from files to numbers, as functions and on the command line."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile

from seehear.cli import BAD_INPUT, main
from seehear.cli.parser import parse
from seehear.cli.verbs import VERBS
from seehear.errors import CorpusError, ModelError, SeehearError
from seehear.evaluation import evaluate
from seehear.evaluation.probes.heads import BGRUOptions
from seehear.evaluation.result import EvaluationResult
from tones import HZ, tone

FAST = BGRUOptions(hidden=12, layers=1, epochs=25, lr=0.02, batch=8, rate=50)
MOODS = dict(zip(("calm", "cross"), list(HZ.values())[::2], strict=True))
SPELT = {"a": 300.0, "b": 2700.0}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tones in a row each: their letters are the text, the first one's height the mood and the valence."""
    folder = tmp_path_factory.mktemp("moods")
    rows = []
    for speaker in range(5):
        for first, low in SPELT.items():
            for second, high in SPELT.items():
                name = f"{speaker}{first}{second}.wav"
                sound = np.concatenate([tone(hz * (1 + 0.01 * speaker), 0.24) for hz in (low, high)])
                wavfile.write(folder / name, 16000, np.rint(sound * 32767).astype(np.int16))
                height = {"a": 0.2, "b": 0.8}
                rows.append(
                    {
                        "file": name,
                        "speaker": f"s{speaker}",
                        "emotion": "calm" if first == "a" else "cross",
                        "text": f"{first} {second}",
                        "calmness": str(height[first] + 0.01 * speaker),
                        "constant": "0.5",
                        "valence": json.dumps([[str(height[first]), 0, 0.24], [str(height[second]), 0.24, 0.48]]),
                        "words": json.dumps([[first, 0, 0.24], [second, 0.24, 0.48]]),
                    }
                )
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_emotion(data: Path) -> None:
    result = evaluate("emotion", "logmel", [data], baselines=["mfcc"], seeds=2)
    assert isinstance(result, EvaluationResult)
    assert result.rows[0].main.value > 0.9
    assert [row.encoder for row in result.rows] == ["logmel", "mfcc"]


def test_another_label_and_json(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "emotion", "mfcc", str(data), "--baselines", "--label", "speaker", "--split", "random"]
    assert main([*words, "--seeds", "1", "--json", "--out", str(tmp_path / "a.json")]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["classes"] == [f"s{n}" for n in range(5)]
    assert json.loads((tmp_path / "a.json").read_text()) == plain
    result = evaluate("emotion", "mfcc", [data], baselines=[], label="speaker", split="random", seeds=1)
    assert json.loads(json.dumps(result.to_dict())) == plain


def test_output_is_checked_before_anything_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place, sentence in ((tmp_path, "is a folder"), (tmp_path / "no" / "a.json", "does not exist")):
        assert main(["evaluate", "emotion", "no-such-model", "no-such-data", "--out", str(place)]) == BAD_INPUT
        assert sentence in capsys.readouterr().err


def test_words_are_cut_out_of_sentences(data: Path) -> None:
    result = evaluate("words", "logmel", [data], baselines=[], min_count=2, seeds=1)
    assert isinstance(result, EvaluationResult)
    assert (result.recordings, result.classes) == (40, ("a", "b"))
    assert result.rows[0].main.value > 0.9


@pytest.mark.trains
def test_transcription(data: Path) -> None:
    result = evaluate("transcription", "logmel", [data], baselines=[], bgru=replace(FAST, epochs=40))
    assert isinstance(result, EvaluationResult)
    assert list(result.rows[0].figures) == ["WER", "CER"]
    assert result.rows[0].main.value < 0.45  # always the same text: a half and more
    assert not result.higher_is_better


@pytest.mark.trains
@pytest.mark.parametrize(("label", "probe"), [("valence", "bgru"), ("calmness", "bgru"), ("calmness", "pooled")])
def test_affect_moment_by_moment_and_once(data: Path, label: str, probe: Any) -> None:
    result = evaluate("affect", "logmel", [data], label=label, baselines=[], probe=probe, seeds=1, bgru=FAST)
    assert isinstance(result, EvaluationResult)
    assert result.rows[0].main.value > 0.8


def test_what_cannot_be_done_is_a_sentence(data: Path) -> None:
    asked: list[tuple[type[SeehearError], str, str, dict[str, Any]]] = [
        (CorpusError, "needs --probe bgru", "affect", {"probe": "pooled"}),
        (CorpusError, "which is no number", "affect", {"label": "emotion"}),
        (CorpusError, "no label 'arousal'", "affect", {"label": "arousal"}),
        (CorpusError, "--beam must be 1", "transcription", {"beam": 0}),
        (CorpusError, "--label-fraction must be", "emotion", {"label_fraction": 0}),
        (CorpusError, "the same for all", "affect", {"label": "constant"}),
        (SeehearError, "no device 'abacus'", "emotion", {"device": "abacus"}),
        (SeehearError, "--first-seed must be 0", "emotion", {"first_seed": -1}),
    ]
    for error, sentence, task, options in asked:
        with pytest.raises(error, match=sentence):
            evaluate(task, "mfcc", [data], baselines=[], **options)
    with pytest.raises(ModelError, match="there is no model"):
        evaluate("words", "nothing", [data])


@pytest.mark.parametrize("verb", ["emotion", "words", "transcription", "affect"])
def test_flags_are_the_signature(verb: str) -> None:
    words = "run a b --baselines mfcc other --seeds 5 --snr-db 0 5 --bgru.epochs 7 --json"
    command = parse(f"evaluate {verb}", VERBS[f"evaluate {verb}"], words.split())
    given, protocol = command.arguments, command.arguments["protocol"]
    assert (given["model"], given["data"], protocol.seeds) == ("run", [Path("a"), Path("b")], 5)
    assert (list(protocol.baselines), list(protocol.snr_db)) == (["mfcc", "other"], [0.0, 5.0])
    assert (protocol.bgru.epochs, command.json) == (7, True)


def test_fsdd_is_told_by_its_own_names(shared: Path) -> None:
    from seehear.evaluation.recordings import Recordings
    from seehear.evaluation.splits import partition

    digits = Recordings.of(shared / "data" / "fsdd", "fsdd")
    assert (len(digits), len(set(digits.labels("word"))), len(set(digits.labels("speaker")))) == (3000, 10, 6)
    assert [len(fold.test) for fold in partition(digits, "leave-one-speaker-out")] == [500] * 6
