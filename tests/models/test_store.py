"""Models by path and name: what is written can be read, and what does not fit is a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import seehear
from seehear import config as shipped
from seehear.errors import ModelError
from seehear.models import store
from seehear.models.animate import AnimateModel, AnimateOptions
from seehear.models.joint import JointModel, JointOptions
from seehear.models.sync import SyncModel, SyncOptions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    lips = {"size": 16, "stem_channels": 4, "channels": [8], "strides": [2], "dim": 8}
    model = SyncModel(SyncOptions(lips=lips, sound={"bands": 8, "channels": [4, 8, 8, 8], "dim": 8}))
    store.save(model, tmp_path / "model", {"steps": 3})
    return tmp_path / "model"


def change(folder: Path, **entries: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | entries))


def test_written_and_read(folder: Path) -> None:
    model = seehear.load(folder)
    assert isinstance(model, SyncModel)
    assert not model.training
    assert model.config["trained"] == {"steps": 3}
    assert model.config["seehear"] == seehear.__version__
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    weights, config = ((folder / name).stat().st_mode for name in ("model.safetensors", "config.json"))
    assert weights == config  # who may read the one may read the other


def test_the_version_of_a_model_changes_with_its_weights(folder: Path, tmp_path: Path) -> None:
    before = store.model_version(folder)
    assert before == store.model_version(str(folder))
    model = store.load(folder)
    with torch.no_grad():
        next(model.parameters()).add_(1)
    store.save(model, folder)
    assert store.model_version(folder) != before
    with pytest.raises(ModelError):
        store.model_version(tmp_path / "nowhere")


def test_importing_seehear_does_not_import_torch() -> None:
    check = "import sys, seehear; assert 'torch' not in sys.modules; seehear.load; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True)
    with pytest.raises(AttributeError, match="no attribute 'unload'"):
        _ = seehear.unload  # type: ignore[attr-defined]


def test_packaged_models_are_found_by_name(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").mkdir()
    folder.rename(tmp_path / "weights" / "sync-tiny")
    monkeypatch.setattr(shipped.resources, "files", lambda _: tmp_path)
    assert store.packaged_models() == ["sync-tiny"]
    seehear.load("sync-tiny")
    with pytest.raises(ModelError, match=r"there is no model 'sync-huge'.*models that come with seehear: sync-tiny"):
        seehear.load("sync-huge")


@pytest.mark.parametrize("name", ["nowhere", "/no/such/folder", "./nowhere", "a/b/c"])
def test_nowhere_is_a_sentence(name: str) -> None:
    with pytest.raises(ModelError, match=f"there is no model '{name}'"):
        seehear.load(name)


def test_a_hub_that_does_not_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(repository: str, allow_patterns: list[str]) -> str:
        assert allow_patterns == ["model.safetensors", "config.json"]
        raise FileNotFoundError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(ModelError, match=r"'somebody/model'.*hub does not give it \(no network\)"):
        seehear.load("somebody/model")


def test_a_hub_that_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(folder))
    seehear.load("somebody/model")


def test_a_mistyped_path_does_not_go_to_the_hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: asked.append(name) or str(folder))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(ModelError, match="there is no model 'runs/foo'"):
        seehear.load("runs/foo")
    assert asked == []
    seehear.load("hf:runs/foo")  # whatever is here
    assert asked == ["runs/foo"]


def test_missing_and_damaged_files_are_sentences(folder: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()
    for broken in (weights[:100], weights[:-10], b"", b"\x80\x04pickle"):
        (folder / "model.safetensors").write_bytes(broken)
        with pytest.raises(ModelError, match="is damaged"):
            seehear.load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors is missing"):
        seehear.load(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json is damaged"):
        seehear.load(folder)
    (folder / "config.json").write_text("[]")
    with pytest.raises(ModelError, match=r"config\.json is damaged"):
        seehear.load(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match="holds no model"):
        seehear.load(folder)


def test_weights_of_another_shape_are_a_sentence(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    name = next(key for key in state if key.startswith("lips.head"))
    for changed, sentence in (
        ({**state, name: torch.zeros(3, 3)}, rf"{name} has the shape \(3, 3\), not"),
        ({key: value for key, value in state.items() if key != name}, f"{name} is missing"),
        ({**state, "lips.tail": torch.zeros(1)}, "it has lips.tail, which the model has not"),
    ):
        save_file(changed, folder / "model.safetensors")
        with pytest.raises(ModelError, match=sentence):
            seehear.load(folder)


def test_another_version_is_a_sentence(folder: Path) -> None:
    change(folder, format=99)
    with pytest.raises(ModelError, match="another version of seehear"):
        seehear.load(folder)


def test_a_run_of_an_unknown_model_names_it(folder: Path) -> None:
    change(folder, pretext="telepathy")
    with pytest.raises(ModelError) as refusal:
        seehear.load(folder)
    assert refusal.value.code == "unknown-model"
    assert all(word in str(refusal.value) for word in (str(folder), "telepathy"))


def test_unknown_options_are_a_sentence(folder: Path) -> None:
    change(folder, model={"colour_of_hair": "red"})
    with pytest.raises(ModelError, match="does not describe a sync model of this version"):
        seehear.load(folder)


SPEECH = {"bands": 20, "channels": [4, 8, 8, 8], "temporal": [3], "dilations": [1], "width": 16, "dim": 12}


def drawing(dim: int = 12) -> AnimateModel:
    return AnimateModel(AnimateOptions(sound=SPEECH | {"dim": dim}, size=16, widths=(8, 8)))


def test_another_pretext_begins_with_the_encoder_of_speech(tmp_path: Path) -> None:
    store.save(drawing(), tmp_path / "drawing")
    model = JointModel(JointOptions(sound=SPEECH, sync_weight=0.0))
    heads = {name: values.clone() for name, values in model.state_dict().items() if not name.startswith("encoder.")}
    store.init_from(model, str(tmp_path / "drawing"))
    begun = store.load(tmp_path / "drawing").speech.state_dict()
    for name, values in model.speech.state_dict().items():
        assert torch.equal(values, begun[name])
    for name, values in heads.items():
        assert torch.equal(model.state_dict()[name], values)


def test_an_encoder_of_another_shape_is_a_sentence(tmp_path: Path, folder: Path) -> None:
    store.save(drawing(dim=10), tmp_path / "drawing")
    model = JointModel(JointOptions(sound=SPEECH, sync_weight=0.0))
    with pytest.raises(ModelError, match=r"drawing is an animate model, of which only the encoder .*linear.weight has"):
        store.init_from(model, str(tmp_path / "drawing"))
    with pytest.raises(ModelError, match="model is a sync model, of which only the encoder"):
        store.init_from(model, str(folder))


def test_lip_sync_is_what_a_joint_model_does_too(tmp_path: Path) -> None:
    store.save(JointModel(JointOptions(sound=SPEECH)), tmp_path / "joint")
    store.save(drawing(), tmp_path / "drawing")
    for load in (store.load_sync_model, store.load_identity_model):
        assert isinstance(load(tmp_path / "joint"), JointModel)
        with pytest.raises(ModelError, match=r"drawing is an animate model; .* needs a"):
            load(tmp_path / "drawing")


def test_a_joint_model_draws_unless_it_has_not_learned_to(tmp_path: Path, folder: Path) -> None:
    store.save(JointModel(JointOptions(sound=SPEECH, sync_weight=0.0)), tmp_path / "joint", {"split_by": "speaker"})
    model = store.load_animate_model(tmp_path / "joint")
    assert model.options.region == "mouth"
    assert model.config["trained"] == {"split_by": "speaker"}
    store.save(JointModel(JointOptions(sound=SPEECH, sync_weight=0.0, animate_weight=0.0)), tmp_path / "people")
    for cannot in (tmp_path / "people", folder):
        with pytest.raises(ModelError) as refusal:
            store.load_animate_model(cannot)
        assert refusal.value.code == "cannot-draw"
        assert str(cannot) in str(refusal.value)
