"""Models by name: what each declares, and a model of somebody else's that is used like the built-in ones."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seehear
from seehear import registry as registry_module
from seehear.cli import main
from seehear.config import options_to_dict
from seehear.errors import ModelError
from seehear.models import DEFAULT_MODEL, MODELS, build_model, store
from seehear.models.interface import PretextModel
from seehear.models.sync import SyncModel
from seehear.models.validation import LossValidation, Validation
from seehear.training import pretrain as pretrain_module
from seehear.training.settings import build_settings, default_preset, pretext_on_command_line, read_settings
from talkers import DATA, ENGINE, MODEL, OPTIM, Talkers

TINY = "data: {batch: 3, frames: 25, min_frames: 25, probe_clips: 4}\noptim: {steps: 2, warmup: 1}\n"
CPU = "engine: {accelerator: cpu, precision: 32-true}\n"


@pytest.fixture
def talkers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips in memory in the place of corpora."""
    torch.set_num_threads(1)
    monkeypatch.setattr(pretrain_module, "_views", lambda corpus, model, data, part, progress: Talkers())


def test_models_are_listed_without_torch() -> None:
    code = "import sys; from seehear.models import MODELS; print(MODELS.names(), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, loaded = done.stdout.rsplit(maxsplit=1)
    assert "'joint'" in names
    assert loaded == "False"


@pytest.mark.parametrize("name", MODELS.names())
def test_the_class_declares_the_model(name: str) -> None:
    kind = MODELS[name]
    assert issubclass(kind, PretextModel)
    assert (kind.name, kind.registry_kind) == (name, "model")
    assert kind.summary
    assert kind.paper
    assert issubclass(kind.validation, Validation)
    assert default_preset(name) == f"{name}-small"


@pytest.mark.parametrize("name", MODELS.names())
def test_the_name_of_a_model_is_a_preset_with_its_default_options(name: str) -> None:
    settings = read_settings(name)
    assert settings.model == MODELS[name].Options()
    assert settings == replace(build_settings({}, "defaults"), model=settings.model)


@pytest.mark.parametrize("name", MODELS.names())
def test_a_saved_model_is_built_again_with_all_its_options(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build_model(MODELS[name].Options())
    store.save(model, tmp_path / "run")
    config = store.read_config(tmp_path / "run")
    again = store.load(tmp_path / "run")
    assert json.loads(json.dumps(options_to_dict(again.options))) == config["model"]
    assert list(again.state_dict()) == list(model.state_dict())
    random = torch.get_rng_state()
    fresh = store.load_untrained(tmp_path / "run", 0).state_dict()
    assert all(torch.equal(fresh[key], value) for key, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


def test_options_without_a_name_are_those_of_the_default_model() -> None:
    assert pretext_on_command_line([]) == (DEFAULT_MODEL, default_preset(DEFAULT_MODEL))


def test_only_models_that_draw_have_an_animator() -> None:
    with pytest.raises(ModelError) as refusal:
        SyncModel(MODEL).animator()
    assert refusal.value.code == "cannot-draw"


def test_options_must_say_whose_they_are() -> None:
    @dataclass(frozen=True)
    class Nameless:
        width: int = 4

    for options in (Nameless, MODELS["sync"].Options, dict):
        with pytest.raises(ModelError, match=f"{options.__name__} needs the field pretext"):
            type("Mine", (PretextModel,), {"name": "mine", "Options": options})


def test_own_models_are_known_by_name(own_model: type[PretextModel]) -> None:
    assert MODELS["loudness"] is own_model
    assert registry_module.plugin_modules() == ("own_model",)
    assert pretext_on_command_line(["--model.pretext", "loudness"]) == ("loudness", "loudness")


@pytest.mark.trains
@pytest.mark.parametrize(
    ("flags", "preset"),
    [
        (["--config", "mine.yaml"], "loudness"),
        (["--preset", "mine.yaml"], "mine.yaml"),
        (["--preset", "loudness", "--config", "small.yaml", "--model.widths", "[3,5]"], "loudness"),
    ],
)
def test_an_own_model_is_trained_loaded_and_embeds(
    own_model: type[PretextModel], talkers: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str],
    preset: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(f"model: {{pretext: loudness, widths: [3, 5]}}\n{TINY}{CPU}")
    Path("small.yaml").write_text(TINY + CPU)
    assert main(["pretrain", "corpus", "-o", "run", *flags]) == 0
    rows = Path("run/metrics.csv").read_text().splitlines()
    assert {"loss", "level", "dev_loss", "dev_level"} <= set(rows[0].split(","))
    model = seehear.load("run")
    assert isinstance(model, own_model)
    assert model.options.widths == (3, 5)
    assert model.config["trained"]["preset"] == preset
    assert model.embed_audio(np.zeros(32000, np.float32), 16000).shape == (50, 5)
    assert main(["pretrain", "corpus", "-o", "run", *flags]) == 0  # finished: the same options


@pytest.mark.trains
def test_an_own_model_begins_with_the_encoder_of_another(
    own_model: Any, talkers: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = own_model.Options(widths=(3, 5))
    store.save(own_model(options), tmp_path / "before")
    optim = replace(OPTIM, steps=1, warmup=0, lr=0.0)
    pretrain_module.pretrain(
        ["talkers"], tmp_path / "run", "loudness", options, DATA, optim, ENGINE, str(tmp_path / "before")
    )
    one, other = (store.load(tmp_path / name).state_dict() for name in ("before", "run"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_without_its_plugin_is_a_sentence(
    own_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(own_model(), tmp_path / "run")
    monkeypatch.setattr(MODELS, "_declared", {})
    monkeypatch.setattr(MODELS, "_added_by", {})
    with pytest.raises(ModelError) as refusal:
        seehear.load(tmp_path / "run")
    assert refusal.value.code == "unknown-model"


def test_a_validation_that_a_model_does_not_declare_is_its_loss(own_model: type[PretextModel]) -> None:
    assert own_model.validation is LossValidation
