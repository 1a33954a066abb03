"""A run from start to end: what it leaves behind, that it learns, and that being stopped changes nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

import seehear
from seehear.data.batches import WindowBatches
from seehear.data.corpus import Split
from seehear.errors import CorpusError, ModelError, SeehearError
from seehear.machine import supports_bf16
from seehear.models import build_model
from seehear.models.audio_only import APCOptions
from seehear.models.sync import SyncModel
from seehear.training import pretrain as module
from seehear.training.checkpoint import read_metrics
from seehear.training.loop import TrainingStopped
from seehear.training.pretrain import pretrain
from talkers import DATA, ENGINE, MODEL, Talkers

pytestmark = pytest.mark.trains


def state_of(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model.safetensors")


def same(one: Path, other: Path) -> bool:
    left, right = state_of(one), state_of(other)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def stop_at(monkeypatch: pytest.MonkeyPatch, batch: int, number: signal.Signals) -> None:
    """Send this process a signal when that batch is asked for."""
    original = WindowBatches.__iter__

    def iterate(self: WindowBatches):  # type: ignore[no-untyped-def]
        for count, item in enumerate(original(self)):
            if count == batch:
                os.kill(os.getpid(), number)
            yield item

    monkeypatch.setattr(WindowBatches, "__iter__", iterate)


def test_a_run_leaves_everything_behind(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    summary = train(tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {
        "checkpoints",
        "config.json",
        "config.yaml",
        "metrics.csv",
        "model.safetensors",
        "summary.json",
        "tb",
    }
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["last.ckpt"]
    assert list((tmp_path / "run" / "tb").iterdir())
    told = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (told["steps"], told["frames"]) == (8, 8 * 3 * 25)
    rows = read_metrics(tmp_path / "run" / "metrics.csv")
    assert [row["step"] for row in rows] == [0, 2, 4, 4, 6, 8, 8]
    assert {"sync_k5", "sync_k15"} <= rows[0].keys()  # chance is seen before anything is learned
    assert {"loss", "matched", "lr", "gradient", "frames_per_s"} <= rows[1].keys()
    assert "8 steps" in str(summary)
    assert "chance 9.7%" in str(summary)
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert (config["optim"]["steps"], config["model"]["lips"]["size"]) == (8, 16)


def test_it_learns(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    off = dict.fromkeys(("shift", "warp", "rotation_deg", "shear", "scale", "held", "occlusion", "blur"), 0.0)
    pictures = replace(MODEL.pictures, **off)
    summary = train(
        tmp_path / "run", optim={"steps": 60, "lr": 5e-3}, engine={"probe_every": 60}, model={"pictures": pictures}
    )
    first = read_metrics(tmp_path / "run" / "metrics.csv")[0]
    assert first["sync_k15"] < 0.5
    assert summary.metrics["sync_k15"] > 0.9


def test_the_model_loads_by_path(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    train(tmp_path / "run")
    model = seehear.load(tmp_path / "run")
    assert not model.training
    trained = model.config["trained"]
    assert (trained["preset"], trained["split_by"], trained["dev_every"]) == ("sync-small", "source", 8)
    assert trained["corpus"] == ["talkers"]  # and not where it is on this machine
    assert (trained["faces"], trained["detectors"]) == ("filmed", ["yunet-2023mar"])
    assert Split.of_training(model.config) == Split("source", 8)
    assert all(torch.equal(value, state_of(tmp_path / "run")[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_stopped_and_resumed_equals_never_stopped(  # type: ignore[no-untyped-def]
    train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, ema: float
) -> None:
    train(tmp_path / "whole", optim={"ema": ema, "accumulate": 2})
    with monkeypatch.context() as patch:
        stop_at(patch, 8, number)  # in the middle of step 5, whose two batches are the ninth and the tenth
        with pytest.raises(TrainingStopped, match=r"stopped at step 5 of 8 and saved to .*parts; the same") as stopped:
            train(tmp_path / "parts", optim={"ema": ema, "accumulate": 2})
    assert stopped.value.signal_number == number
    torch.manual_seed(99)  # whatever happens between the two
    train(tmp_path / "parts", optim={"ema": ema, "accumulate": 2})
    assert same(tmp_path / "whole", tmp_path / "parts")
    whole, parts = (read_metrics(tmp_path / name / "metrics.csv") for name in ("whole", "parts"))
    for row in (*whole, *parts):
        row.pop("frames_per_s", None)
    assert whole == parts


MIXED = pytest.param(
    "bf16-mixed", marks=pytest.mark.skipif(not supports_bf16(), reason="here nothing multiplies in bf16 natively")
)


@pytest.mark.parametrize("precision", ["32-true", MIXED])
def test_killed_and_resumed_equals_never_stopped(  # type: ignore[no-untyped-def]
    train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    engine = {"precision": precision}
    train(tmp_path / "whole", engine=engine)

    class Killed(BaseException):
        pass

    with monkeypatch.context() as patch:
        original = WindowBatches.__iter__

        def iterate(self: WindowBatches):  # type: ignore[no-untyped-def]
            for count, item in enumerate(original(self)):
                if count == 5:  # two steps after the checkpoint of step 3
                    raise Killed
                yield item

        patch.setattr(WindowBatches, "__iter__", iterate)
        with pytest.raises(Killed):
            train(tmp_path / "parts", engine=engine)
    assert [row["step"] for row in read_metrics(tmp_path / "parts" / "metrics.csv")] == [0, 2, 4, 4]
    train(tmp_path / "parts", engine=engine)
    assert same(tmp_path / "whole", tmp_path / "parts")
    assert [row["step"] for row in read_metrics(tmp_path / "parts" / "metrics.csv")] == [0, 2, 4, 4, 6, 8, 8]


def test_a_signal_during_the_last_step_ends_nothing_early(  # type: ignore[no-untyped-def]
    train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(monkeypatch, 7, signal.SIGTERM)
    assert train(tmp_path / "run").steps == 8
    assert (tmp_path / "run" / "summary.json").is_file()


def test_a_finished_run_is_not_trained_again(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    first = train(tmp_path / "run")
    before = (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns
    assert train(tmp_path / "run") == first
    assert (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns == before


def test_a_run_begins_with_the_weights_of_another(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    train(tmp_path / "first")
    train(tmp_path / "second", optim={"lr": 0.0, "warmup": 0, "steps": 1}, init=str(tmp_path / "first"))
    learned = dict(seehear.load(tmp_path / "first").named_parameters())
    kept = dict(seehear.load(tmp_path / "second").named_parameters())
    assert all(torch.equal(learned[name], kept[name]) for name in learned)
    with pytest.raises(ModelError, match="does not fit the model that is to begin with it"):
        train(tmp_path / "third", init=str(tmp_path / "first"), model={"lips": {**MODEL.lips, "stem_channels": 12}})
    assert not any((tmp_path / "third").iterdir())  # which can be given again, put right


def test_other_options_or_another_folder_are_refused(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    train(tmp_path / "run")
    with pytest.raises(ModelError, match=r"holds a run with other options \(optim\)"):
        train(tmp_path / "run", optim={"lr": 0.5})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(ModelError, match="is there already and is not a run"):
        train(tmp_path / "mine")


def test_a_damaged_checkpoint_is_a_sentence(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    train(tmp_path / "run")
    (tmp_path / "run" / "summary.json").unlink()
    checkpoint = tmp_path / "run" / "checkpoints" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"cannot be resumed from .*; remove it to start this run again"):
        train(tmp_path / "run")


def test_a_folder_that_cannot_be_made_is_a_sentence(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "file").touch()
    with pytest.raises(SeehearError, match="file/run cannot be there: a part of its path is a file"):
        train(tmp_path / "file" / "run")


def test_options_that_build_no_network_are_a_sentence(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ModelError, match="can be built from these options"):
        train(tmp_path / "run", model={"lips": {"channels": "many"}})


def test_a_model_remembers_the_faces_that_it_has_met() -> None:
    views = Talkers()
    views.faces, views.detectors = "drawn", ("yunet-2023mar",)
    assert module.face_provenance(views, {}) == {"faces": "drawn", "detectors": ["yunet-2023mar"]}  # type: ignore[arg-type]
    before = {"faces": "filmed", "detectors": ["yunet-25a606a1"]}
    assert module.face_provenance(views, before) == {  # type: ignore[arg-type]
        "faces": "drawn and filmed",
        "detectors": ["yunet-2023mar", "yunet-25a606a1"],
    }


def test_silent_clips_are_not_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class FakeCorpus:
        def __init__(self, *paths: str) -> None:
            asked.append(paths)

        def with_faces(self) -> FakeCorpus:
            asked.append(("faces",))
            return self

        def split(self, *how: object) -> FakeCorpus:
            asked.append(how)
            return self

        def with_sound(self) -> str:
            return "loud"

    monkeypatch.setattr(module, "Corpus", FakeCorpus)
    monkeypatch.setattr(module, "ClipViews", lambda clips, kept, progress: clips)
    assert module._views(["a", "b"], SyncModel(MODEL), DATA, "dev", False) == "loud"
    assert asked == [("a", "b"), ("faces",), ("dev", 8, "source")]
    assert module._views(["a"], build_model(APCOptions()), DATA, "train", False) == "loud"
    assert asked[3:] == [("a",), ("train", 8, "source")]  # which hears only


def test_a_missing_device_is_a_sentence(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has what is asked for")
    with pytest.raises(ModelError, match="this machine cannot train as engine says"):
        pretrain([tmp_path], tmp_path / "run", engine=replace(ENGINE, accelerator="cuda"))


def test_mixed_precision_trains(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    summary = train(tmp_path / "run", engine={"precision": "bf16-mixed"}, optim={"steps": 3})
    assert all(value == value for value in summary.metrics.values())
    assert {tensor.dtype for tensor in state_of(tmp_path / "run").values()} <= {torch.float32, torch.int64}


def test_a_second_training_in_a_folder_is_refused(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "run").mkdir()
    folder = os.open(tmp_path / "run", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with pytest.raises(ModelError, match="another seehear is training"):
        train(tmp_path / "run")
    os.close(folder)
    train(tmp_path / "run")


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = [{here!r}, str(Path({here!r}).parent)]
import torch
from dataclasses import replace
from talkers import DATA, ENGINE, MODEL, OPTIM, Talkers
from seehear.training import pretrain

pretrain._views = lambda corpus, model, data, part, progress: Talkers()
torch.set_num_threads(1)
pretrain.pretrain(
    [Path("talkers")], Path({out!r}), model=MODEL, data=DATA, optim=replace(OPTIM, steps=4, ema=0.5),
    engine=replace(ENGINE, devices=2, strategy="ddp"),
)
"""


def test_two_processes_train_one_model(train, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(here=str(Path(__file__).parent), out=str(tmp_path / "run")))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert told["frames"] == 2 * 4 * 3 * 25  # both processes' share
    checkpoint = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert len(checkpoint["random"]) == 2
    assert not torch.equal(checkpoint["random"][0], checkpoint["random"][1])  # each disturbs in its own way
    seehear.load(tmp_path / "run")
    (tmp_path / "run" / "summary.json").unlink()
    with pytest.raises(CorpusError, match=r"batch_size 6 .*with 3"):  # that of all processes
        train(tmp_path / "run", optim={"steps": 4, "ema": 0.5})
