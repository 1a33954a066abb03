"""Every shipped preset fits the signature of `pretrain`, and bad ones are sentences."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from seehear.errors import ModelError
from seehear.models import MODELS, build_model
from seehear.models.interface import PretextModel
from seehear.training.pretrain import pretrain
from seehear.training.settings import (
    TrainingSettings,
    preset_names,
    pretext_on_command_line,
    read_preset,
    read_settings,
)


@pytest.mark.parametrize("name", preset_names())
def test_shipped_presets_fit(name: str) -> None:
    chosen = read_settings(name)
    assert name.startswith(f"{chosen.model.pretext}-")
    assert read_preset(name).keys() <= inspect.signature(pretrain).parameters.keys()
    assert isinstance(build_model(chosen.model), PretextModel)


def test_every_pretext_has_a_small_and_a_large_preset() -> None:
    assert {f"{pretext}-{size}" for pretext in MODELS for size in ("small", "base")} <= set(preset_names())
    assert {field.name for field in fields(TrainingSettings)} <= inspect.signature(pretrain).parameters.keys()


@pytest.mark.parametrize("pretext", MODELS.names())
def test_options_say_whose_they_are(pretext: str) -> None:
    options = MODELS[pretext].Options
    assert "pretext" in {field.name for field in fields(options)}
    assert options().pretext == MODELS[pretext].name == pretext


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("corpus run", ("sync", "sync-small")),
        ("corpus run --preset animate-base", ("animate", "animate-base")),
        ("corpus run --preset=animate-base --model.alpha 0.5", ("animate", "animate-base")),
        ("corpus run --model.pretext animate", ("animate", "animate-small")),
        ("corpus run --config over.yaml", ("animate", "animate-small")),
        ("corpus run --config over.yaml --preset animate-base", ("animate", "animate-base")),
        ("corpus run --config run.yaml", ("animate", "mine.yaml")),
        ("corpus run --config absent.yaml", ("sync", "sync-small")),  # which the parser will say
        ("--preset", None),
    ],
)
def test_whose_flags_a_command_line_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, told: tuple[str, str] | None
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("over.yaml").write_text("model: {pretext: animate, alpha: 0.5}")
    Path("mine.yaml").write_text("model: {pretext: animate}\noptim: {steps: 3}")
    Path("run.yaml").write_text("preset: mine.yaml\nmodel: {pretext: animate, alpha: 0.5}")
    if told:
        assert pretext_on_command_line(words.split()) == told
    else:
        with pytest.raises(ModelError, match="there is no preset ''"):
            pretext_on_command_line(words.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--preset sync-small --model.pretext animate", "sync-small is for sync.*are for animate.*animate-small"),
        ("--model.pretext telepathy", "--model.pretext asks for the pretext 'telepathy'; there are sync"),
        ("--config over.yaml", r"over.yaml asks for the pretext \['sync'\]"),
    ],
)
def test_a_pretext_that_does_not_go_with_the_preset_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("over.yaml").write_text("model: {pretext: [sync]}")
    with pytest.raises(ModelError, match=said):
        pretext_on_command_line(words.split())


def test_the_small_preset_is_the_default() -> None:
    assert read_settings("sync-small") == TrainingSettings()
    assert read_settings("sync-base") != TrainingSettings()


def test_own_preset_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("optim: {steps: 7}\nmodel: {lips: {channels: [8, 8]}, pictures: {flip: 0.0}}\n")
    chosen = read_settings(str(path))
    assert (chosen.optim.steps, chosen.optim.lr) == (7, TrainingSettings().optim.lr)
    assert (chosen.model.lips, chosen.model.pictures.flip) == ({"channels": [8, 8]}, 0.0)


def test_flags_have_dotted_names_and_whole_mappings(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("optim: {steps: 7}\nmodel: {lips: {channels: [8, 8]}, pictures: {flip: 0.0}}\n")
    flags = read_settings(str(path)).flags()
    assert flags["optim.steps"] == 7
    assert flags["model.pictures.flip"] == 0.0
    assert flags["model.lips"] == {"channels": [8, 8]}
    assert flags["model.sound"] == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("optim: {speed: 7}", "is not valid.*speed"),
        ("optim: {steps: many}", "is not valid.*steps"),
        ("optimizer: {lr: 1}", "is not valid.*optimizer"),
        ("optim: {ema: 2.0}", "is not valid.*ema"),
        ("model: {loss: hinge}", "is not valid.*loss"),
        ("[1, 2]", "must be a mapping"),
        ("a: [", "is no YAML"),
    ],
)
def test_bad_presets_are_sentences(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ModelError, match=sentence):
        read_settings(str(path))


def test_unknown_preset_names_the_known() -> None:
    with pytest.raises(ModelError, match=r"there is no preset 'huge'; there are .*sync-base, sync-paper, sync-small"):
        read_settings("huge")
