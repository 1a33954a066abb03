"""Every shipped preset fits the signature of `pretrain`, and bad ones are sentences."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from seehear.encoders import make_encoders
from seehear.errors import ModelError
from seehear.losses import make_loss
from seehear.training.presets import Settings, preset_names, read_preset, settings
from seehear.training.pretrain import pretrain


@pytest.mark.parametrize("name", preset_names())
def test_shipped_presets_fit(name: str) -> None:
    chosen = settings(name)
    make_encoders(chosen.model.encoder, chosen.model.lips, chosen.model.sound)
    make_loss(chosen.model.loss, similarity=chosen.model.similarity)
    assert read_preset(name).keys() <= inspect.signature(pretrain).parameters.keys()


def test_presets_are_there() -> None:
    assert preset_names() == ["sync-base", "sync-paper", "sync-small"]
    assert {field.name for field in fields(Settings)} <= inspect.signature(pretrain).parameters.keys()


def test_the_small_preset_is_the_default() -> None:
    assert settings("sync-small") == Settings()
    assert settings("sync-base") != Settings()


def test_own_preset_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("optim: {steps: 7}\nmodel: {lips: {channels: [8, 8]}, pictures: {flip: 0.0}}\n")
    chosen = settings(str(path))
    assert (chosen.optim.steps, chosen.optim.lr) == (7, Settings().optim.lr)
    assert (chosen.model.lips, chosen.model.pictures.flip) == ({"channels": [8, 8]}, 0.0)


def test_flags_have_dotted_names_and_whole_mappings(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("optim: {steps: 7}\nmodel: {lips: {channels: [8, 8]}, pictures: {flip: 0.0}}\n")
    flags = settings(str(path)).flags()
    assert flags["optim.steps"] == 7
    assert flags["model.pictures.flip"] == 0.0
    assert flags["model.lips"] == {"channels": [8, 8]}
    assert flags["model.sound"] == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("optim: {speed: 7}", "does not fit.*speed"),
        ("optim: {steps: many}", "does not fit.*steps"),
        ("optimizer: {lr: 1}", "does not fit.*optimizer"),
        ("optim: {ema: 2.0}", "does not fit.*ema"),
        ("model: {loss: hinge}", "does not fit.*loss"),
        ("[1, 2]", "must be a mapping"),
        ("a: [", "is no YAML"),
    ],
)
def test_bad_presets_are_sentences(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ModelError, match=sentence):
        settings(str(path))


def test_unknown_preset_names_the_known() -> None:
    with pytest.raises(ModelError, match="there is no preset 'huge'; there are sync-base, sync-paper, sync-small"):
        settings("huge")
