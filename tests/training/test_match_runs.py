"""Match from a preset to a run that others can use: it learns, stops and goes on, and two processes train one model."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.io import wavfile

import seehear
from seehear.cli import main
from seehear.data.batches import WindowBatches
from seehear.models import store
from seehear.training import pretrain as module
from seehear.training.checkpoint import read_metrics
from seehear.training.pretrain import PretrainResult, pretrain
from talkers import DATA, ENGINE, MATCH, OPTIM, People

pytestmark = pytest.mark.trains

MATCH_DATA = replace(DATA, batch=8, probe_clips=24)


@pytest.fixture(autouse=True)
def people(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(module, "_views", lambda corpus, model, data, part, progress: People())


def learn(out: Path, **optim: Any) -> PretrainResult:
    return pretrain([Path("people")], out, "match-small", MATCH, MATCH_DATA, replace(OPTIM, **optim), ENGINE)


def test_a_run_is_measured_and_its_model_is_of_use(tmp_path: Path) -> None:
    summary = learn(tmp_path / "run")
    assert "face_of_2" in str(summary)
    assert "(chance 50.0%)" in str(summary)
    assert summary.frames == 8 * 8 * 25  # as long as its sound
    rows = read_metrics(tmp_path / "run" / "metrics.csv")
    assert {"face_voice_auc", "face_of_2", "voice_eer"} <= rows[0].keys()
    assert {"loss", "matched", "same_voice"} <= rows[1].keys()
    assert store.load_identity_model(tmp_path / "run").name == "match"
    wavfile.write(tmp_path / "a.wav", 16000, np.zeros(16000, dtype=np.int16))
    assert main(["embed", str(tmp_path / "run"), str(tmp_path / "a.wav"), "--out", str(tmp_path / "a.npz")]) == 0
    assert np.load(tmp_path / "a.npz")["a.wav"].shape == (25, 6)
    assert seehear.load(tmp_path / "run").config["trained"]["preset"] == "match-small"


def test_killed_and_resumed_equals_never_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn(tmp_path / "whole")

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
            learn(tmp_path / "parts")
    learn(tmp_path / "parts")
    whole, parts = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [{here!r}, str(Path({here!r}).parent)]
import torch
from dataclasses import replace
from talkers import ENGINE, OPTIM, People
from test_match_runs import MATCH, MATCH_DATA
from seehear.training import pretrain

pretrain._views = lambda corpus, model, data, part, progress: People()
torch.set_num_threads(1)
pretrain.pretrain(
    [Path("people")], Path({out!r}), "match-small", MATCH, replace(MATCH_DATA, batch=4), replace(OPTIM, steps=3),
    replace(ENGINE, devices=2, strategy="ddp"),
)
"""


def test_two_processes_train_one_model(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(here=str(Path(__file__).parent), out=str(tmp_path / "run")))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    rows = read_metrics(tmp_path / "run" / "metrics.csv")
    assert rows[-1].keys() >= {"face_voice_auc", "voice_eer"}
    assert store.load_identity_model(tmp_path / "run").dim == 6
