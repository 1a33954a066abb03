"""The loop knows no pretext: those of sound alone leave the same folder, and being killed changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

import seehear
from seehear.cli import main
from seehear.data.batches import WindowBatches
from seehear.errors import ModelError
from seehear.models import build_model, store
from seehear.models.audio_only import APCOptions, CPCOptions
from seehear.training import pretrain as pretrain_module
from seehear.training.checkpoint import read_metrics
from seehear.training.pretrain import PretrainResult, pretrain
from talkers import DATA, ENGINE, OPTIM, Talkers

pytestmark = pytest.mark.trains

APC = APCOptions(sound={"bands": 8, "hidden": 6, "depth": 2})
CPC = CPCOptions(channels=4, hidden=6, steps=3, anchors=5)
TINY = {"apc": APC, "cpc": CPC}
SHOWN = {"apc": "copied", "cpc": "matched"}


@pytest.fixture(autouse=True)
def talkers(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(pretrain_module, "_views", lambda corpus, model, data, part, progress: Talkers())


def learn(name: str, out: Path) -> PretrainResult:
    return pretrain([Path("talkers")], out, f"{name}-small", TINY[name], DATA, OPTIM, ENGINE)


@pytest.mark.parametrize("name", TINY)
def test_a_run_leaves_the_same_behind(name: str, tmp_path: Path) -> None:
    summary = learn(name, tmp_path / "run")
    assert f"development clips: dev_loss {summary.metrics['dev_loss']:.4f}, dev_{SHOWN[name]} " in str(summary)
    rows = read_metrics(tmp_path / "run" / "metrics.csv")
    assert [row["step"] for row in rows] == [0, 2, 4, 4, 6, 8, 8]
    assert {"dev_loss", f"dev_{SHOWN[name]}"} <= rows[0].keys()
    assert {"loss", SHOWN[name], "lr", "gradient", "frames_per_s"} <= rows[1].keys()
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["model"]["pretext"] == name
    assert not (tmp_path / "run" / "pictures").exists()
    model = seehear.load(tmp_path / "run")
    assert (model.name, model.training) == (name, False)
    assert model.embed_audio(np.zeros(44100), 44100).shape == (25, 6)


@pytest.mark.parametrize("name", TINY)
def test_killed_and_resumed_equals_never_stopped(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn(name, tmp_path / "whole")

    class Killed(BaseException):
        pass

    with monkeypatch.context() as patch:
        original = WindowBatches.__iter__

        def iterate(self: WindowBatches) -> Any:
            for count, item in enumerate(original(self)):
                if count == 5:  # two steps after the checkpoint of step 3
                    raise Killed
                yield item

        patch.setattr(WindowBatches, "__iter__", iterate)
        with pytest.raises(Killed):
            learn(name, tmp_path / "parts")
    learn(name, tmp_path / "parts")
    whole, parts = (load_file(tmp_path / run / "model.safetensors") for run in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_options_of_another_pretext_than_the_preset_s_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"the preset apc-small is for apc, but .* cpc; name a preset such as cpc-small"
    ):
        pretrain([Path("talkers")], tmp_path / "run", "apc-small", CPC)
    with pytest.raises(ModelError, match="the preset sync-small is for sync"):
        pretrain([Path("talkers")], tmp_path / "run", model=CPC)
    assert list(tmp_path.iterdir()) == []


def test_a_run_from_before_there_were_others_goes_on(tmp_path: Path, train: Any) -> None:
    first = train(tmp_path / "run", optim={"steps": 2})
    path = tmp_path / "run" / "config.yaml"
    config = yaml.safe_load(path.read_text())
    del config["model"]["pretext"]
    path.write_text(yaml.safe_dump(config))
    assert train(tmp_path / "run", optim={"steps": 2}) == first


def test_what_needs_lips_refuses_a_model_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.save(build_model(APC), tmp_path / "run")
    (tmp_path / "talk.mp4").touch()
    for words in (["sync", "talk.mp4", "--model"], ["evaluate", "sync"]):
        more = [str(tmp_path / "corpus")] if words[0] == "evaluate" else []
        assert main([*words, str(tmp_path / "run"), *more]) == 2
        said = f"{tmp_path / 'run'} is an apc model; lip-sync needs a sync model such as sync-small"
        assert capsys.readouterr().err == f"seehear: {said}\n"
