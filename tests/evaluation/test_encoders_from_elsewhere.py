"""Encoders that were not learned here run through tasks and tools as any other does."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from seehear.cli import main
from seehear.errors import ModelError
from seehear.evaluation import evaluate
from seehear.evaluation.baselines import available_baselines, compared_encoder
from seehear.evaluation.probes.heads import BGRUOptions
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.speaker.verification import evaluate_speaker
from seehear.models.store import load
from seehear.nn.embed import embed_audio
from seehear.nn.external import load_external
from tones import HZ, tone

MODULE = """
import numpy as np

def crossings(wave):
    parts = wave[: len(wave) // 320 * 320].reshape(-1, 320)
    return np.log(0.01 + np.abs(np.diff(np.sign(parts), axis=1)).mean(1, keepdims=True))

def nothing(wave):
    return np.zeros((len(wave) // 160, 1))
"""
EAR, DEAF = "python:ear:crossings@50", "python:ear:nothing@100"


@pytest.fixture(autouse=True)
def ear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ear.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "ear", raising=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten speakers say three tones twice each."""
    folder = tmp_path_factory.mktemp("tones")
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "speaker", "word"])
        for speaker in range(10):
            for word, hz in HZ.items():
                for take in range(2):
                    name = f"{speaker}-{word}-{take}.wav"
                    sound = tone(hz * (1 + 0.02 * speaker), 0.4 + 0.03 * take, seed=take)
                    wavfile.write(folder / name, 16000, np.rint(sound * 32767).astype(np.int16))
                    table.writerow([name, f"s{speaker}", word])
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of transformers with random weights."""
    transformers = pytest.importorskip("transformers", reason="needs the extra transformers")
    folder = tmp_path_factory.mktemp("models") / "tiny"
    config = transformers.HubertConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    transformers.HubertModel(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return f"transformers:{folder}"


def accuracy(result: EvaluationResult | str) -> dict[str, float]:
    assert isinstance(result, EvaluationResult)
    return {row.encoder: row.main.value for row in result.rows}


def test_a_function_is_a_model_and_what_it_is_compared_with(data: Path) -> None:
    found = accuracy(evaluate("words", EAR, [data], baselines=["mfcc", DEAF], seeds=1, min_count=2))
    assert list(found) == [EAR, "mfcc", DEAF]
    assert found[EAR] > 0.9
    assert found[DEAF] == pytest.approx(1 / 3)


def test_what_a_function_has_not_is_left_out_or_refused(data: Path) -> None:
    assert list(available_baselines(EAR, ("logmel", "mfcc", "untrained"))) == ["logmel", "mfcc"]
    with pytest.raises(ModelError, match="has no weights that could be finetuned"):
        compared_encoder(EAR, EAR, "finetuned")
    with pytest.raises(ModelError, match="leave it out of --baselines"):
        compared_encoder("untrained", EAR)
    with pytest.raises(ModelError, match="has no layer 'gru2'; its layers are features"):
        compared_encoder(EAR, EAR, layer="gru2")
    with pytest.raises(ModelError, match="encodes audio only"):
        load(EAR)


def test_voices_are_told_by_a_function(data: Path) -> None:
    result = evaluate_speaker(EAR, [data], baselines=[], seeds=1, split="all")
    assert not isinstance(result, str)


@pytest.mark.trains
def test_a_model_of_transformers_in_every_mode(data: Path, tiny: str) -> None:
    quick = BGRUOptions(hidden=4, layers=1, epochs=1, batch=8)
    named = ["untrained", "finetuned", "scratch"]
    first = evaluate("words", tiny, [data], baselines=named, seeds=1, min_count=2, bgru=quick)
    again = evaluate("words", tiny, [data], baselines=named, seeds=1, min_count=2, bgru=quick)
    assert list(accuracy(first)) == [tiny, *named]
    assert accuracy(first) == accuracy(again)


def test_a_layer_is_read(data: Path, tiny: str) -> None:
    by_flag = evaluate("words", tiny, [data], baselines=[], seeds=2, min_count=2, layer="0")
    by_name = evaluate("words", f"{tiny}@0", [data], baselines=[], seeds=2, min_count=2)
    assert list(accuracy(by_flag).values()) == list(accuracy(by_name).values())


def test_features_are_written(data: Path, tmp_path: Path) -> None:
    assert main(["embed", EAR, str(data / "0-low-0.wav"), "--out", str(tmp_path / "out")]) == 0
    rate, sound = wavfile.read(data / "0-low-0.wav")
    expected = embed_audio(load_external(EAR), sound, rate)
    np.testing.assert_allclose(np.load(tmp_path / "out" / "0-low-0.wav.npy"), expected, atol=1e-6)
