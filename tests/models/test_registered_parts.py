"""Losses and encoders from outside of the package: their names and options work wherever built-in ones do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from benchmark_plans import small_plan
from seehear import registry as registry_module
from seehear.benchmark.sweep import apply_set, pretext_settings
from seehear.cli.parser import parse
from seehear.cli.verbs import VERBS
from seehear.config import build_options
from seehear.errors import ModelError
from seehear.losses import LOSSES
from seehear.losses.audiovisual import Multiway
from seehear.losses.base import Candidates, Loss, choice_loss
from seehear.models import store
from seehear.models.disentangle import DisentangleOptions
from seehear.models.joint import JointModel, JointOptions
from seehear.models.match import MatchModel, MatchObjectiveOptions, MatchOptions
from seehear.models.sync import SyncModel, SyncObjectiveOptions, SyncOptions
from seehear.nn import ENCODERS, Encoder, build_encoder
from seehear.nn.interface import FaceEncoder, LipEncoder, SoundEncoder, StreamedSpeech
from seehear.registry import PluginError, register
from seehear.training.settings import TrainingSettings, build_settings, preset_names, read_settings


class Tempered(Loss):
    """Multi-way with a fixed temperature."""

    name = "tempered"
    distance = "cosine"
    normalised = True

    def __init__(self, temperature: float = 1.0, exclude: int = 0) -> None:
        super().__init__(exclude)
        self.temperature = temperature

    def compare(self, sound: Tensor, lips: Tensor, sound2: Tensor, lips2: Tensor, among: Candidates) -> Tensor:
        logits = F.normalize(sound, dim=-1) @ F.normalize(lips, dim=-1).mT / self.temperature
        return choice_loss(logits.diagonal(dim1=1, dim2=2), logits, among.negative, among.anchors)


class Gentle(Multiway):
    """A relative of the built-in ones, with an option of its own."""

    name = "gentle"
    separates = "gently"

    def __init__(self, force: float = 0.5, symmetric: bool = True, exclude: int = 0) -> None:
        super().__init__("angular", symmetric, exclude)
        self.force = force


@dataclass(frozen=True)
class DimOptions:
    dim: int = 4
    wider: int = 1


class PixelLips(LipEncoder):
    region, size, colour, context = "mouth", 16, False, 0

    def __init__(self, options: DimOptions) -> None:
        super().__init__()
        self.dim = options.dim
        self.head = nn.Sequential(nn.Conv1d(16 * 16, options.dim, 1))

    def features(self, video: Tensor) -> Tensor:
        return video.mean(1).flatten(2).mT


class BandSound(SoundEncoder):
    bands, context = 8, 0

    def __init__(self, options: DimOptions) -> None:
        super().__init__()
        self.dim = options.dim
        self.head = nn.Sequential(nn.Conv1d(4 * 8, options.dim, 1))

    def features(self, mel: Tensor) -> Tensor:
        return mel.reshape(len(mel), -1, 4 * 8).mT


class LoudSpeech(StreamedSpeech):
    reach = context = 0

    def __init__(self, options: DimOptions) -> None:
        super().__init__()
        self.linear = nn.Linear(640, options.dim)
        self.layers = {"wave": 640, "features": options.dim}

    def local(self, audio: Tensor) -> dict[str, Tensor]:
        wave = audio.view(len(audio), -1, 640)
        return {"wave": wave, "features": self.linear(wave)}


class ColourFace(FaceEncoder):
    size = 8

    def __init__(self, options: DimOptions) -> None:
        super().__init__()
        self.dim = 3 * options.wider

    def convolve(self, pictures: Tensor) -> Tensor:
        return pictures.mean((2, 3)).repeat(1, self.dim // 3)


TOYS = (
    Encoder("toy", "lips", PixelLips, DimOptions, "pixels"),
    Encoder("toy", "sound", BandSound, DimOptions, "bands"),
    Encoder("toy", "speech", LoudSpeech, DimOptions, "samples"),
    Encoder("toy", "face", ColourFace, DimOptions, "mean colour"),
)


@pytest.fixture(autouse=True)
def own() -> Iterator[None]:
    """Register the parts, for one test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry_module, "_worker_modules", {})
        for known in (LOSSES, *ENCODERS.values()):
            patch.setattr(known, "_declared", dict(known._declared))
            patch.setattr(known, "_added_by", dict(known._added_by))
        register(Tempered, Gentle, *TOYS)
        yield
    assert "tempered" not in LOSSES
    assert not any("toy" in known for known in ENCODERS.values())


LIPS = {"size": 16, "stem_channels": 4, "channels": [8], "strides": [2], "temporal": [], "dim": 8}
SOUND = {"bands": 8, "channels": [4, 8, 8, 8], "temporal": [2], "dim": 8}


def sync(**options: Any) -> SyncModel:
    torch.manual_seed(0)
    return SyncModel(SyncOptions(**{"lips": LIPS, "sound": SOUND, **options}))


def batch(clips: int = 3, frames: int = 12) -> dict[str, Tensor]:
    rng = Generator().manual_seed(0)
    video = torch.randint(0, 256, (clips, frames, 16, 16), generator=rng, dtype=torch.uint8)
    return {"video": video, "audio": 0.1 * torch.randn(clips, frames * 640, generator=rng)}


def test_a_loss_is_built_with_the_options_of_its_own(tmp_path: Path) -> None:
    model = sync(loss="tempered", exclude=2, loss_options={"temperature": 0.25})
    assert isinstance(model.loss, Tempered)
    assert (model.loss.temperature, model.loss.exclude, model.distance) == (0.25, 2, "cosine")
    model(batch(), Generator().manual_seed(0))["loss"].backward()
    assert all(p.grad is not None for p in model.lips.parameters())

    store.save(model, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model"]["loss_options"] == {"temperature": 0.25}
    again = store.load(tmp_path)
    assert isinstance(again, SyncModel)
    assert again.options.loss_options == {"temperature": 0.25}
    assert again.loss.temperature == 0.25
    assert MatchModel(MatchOptions(loss="tempered", loss_options={"temperature": 0.5})).loss.temperature == 0.5


def test_joint_takes_losses_that_compare_angles() -> None:
    options = JointOptions(
        sync=SyncObjectiveOptions(loss="gentle", loss_options={"force": 2}),
        match=MatchObjectiveOptions(loss="gentle", symmetric=False),
        animate_weight=0,
    )
    model = JointModel(options)
    assert model.sync is not None
    assert model.match is not None
    assert (model.sync.loss.force, model.match.loss.force, model.match.loss.symmetric) == (2, 0.5, False)
    config = json.loads(json.dumps(model.config))["model"]
    assert config["sync"]["loss_options"] == {"force": 2}
    assert "loss_options" not in config["match"]
    assert build_options(JointOptions, config).sync.loss_options == {"force": 2}
    for objective in (SyncObjectiveOptions, MatchObjectiveOptions):
        with pytest.raises(ModelError) as refusal:
            objective(loss="tempered")
        assert refusal.value.code == "unfit-loss"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"loss": "tempered", "loss_options": {"heat": 1}}, "model.loss_options temperature"),
        ({"loss": "multiway", "loss_options": {"temperature": 1}}, "model.loss_options multiway"),
        ({"loss": "tempered", "loss_options": {"exclude": 1}}, "model.exclude"),
        ({"loss": "multiway", "loss_options": {"shared": 1}}, "model.loss_options multiway"),
        ({"loss": "separate", "similarity": "inverse-euclidean"}, "model.similarity"),
    ],
)
def test_options_that_a_loss_does_not_have_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=r"model\.") as refusal:
        SyncOptions(**options)
    assert all(word in str(refusal.value) for word in named.split())


def test_dimensions_cannot_be_shared_by_a_loss_that_compares_all() -> None:
    for options, section in ((MatchOptions, "model"), (MatchObjectiveOptions, "model.match")):
        with pytest.raises(ValueError, match="gentle") as refusal:
            options(loss="gentle", shared=2)
        assert f"{section}.shared" in str(refusal.value)


@pytest.mark.parametrize("preset", preset_names())
def test_files_have_no_loss_options_where_none_are_set(preset: str) -> None:
    settings = read_settings(preset)
    assert "loss_options" not in json.dumps(settings.to_dict())
    if preset.startswith(("sync", "match")):
        assert settings.flags()["model.loss_options"] == {}


def test_settings_keep_loss_options_that_are_set() -> None:
    settings = TrainingSettings(SyncOptions(loss="tempered", loss_options={"temperature": 0.5}))
    assert settings.to_dict()["model"]["loss_options"] == {"temperature": 0.5}
    assert build_settings(settings.to_dict(), "mine.yaml") == settings
    with pytest.raises(ModelError) as refusal:
        build_settings({"model": {"loss": "triplet"}}, "mine.yaml")
    assert all(word in str(refusal.value) for word in ("mine.yaml", "triplet", "tempered"))


def test_the_command_line_takes_a_loss_and_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["corpus", "-o", "run", "--model.loss", "tempered", "--model.loss-options", "{temperature: 0.5}"]
    model = parse("pretrain", VERBS["pretrain"], words).arguments["model"]
    assert (model.loss, model.loss_options) == ("tempered", {"temperature": 0.5})
    dotted = [*words[:5], "--model.loss-options.temperature", "0.25", "--model.encoder", "toy"]
    model = parse("pretrain", VERBS["pretrain"], dotted).arguments["model"]
    assert (model.encoder, model.loss_options) == ("toy", {"temperature": 0.25})
    for flag in ("--model.loss", "--model.encoder"):
        with pytest.raises(SystemExit):
            parse("pretrain", VERBS["pretrain"], ["corpus", "-o", "run", flag, "triplet"])
        assert "triplet" in capsys.readouterr().err


def test_a_benchmark_varies_a_loss_and_its_options() -> None:
    plan = apply_set(small_plan(), ["sync.model.loss=tempered", "sync.model.loss_options.temperature=0.5,1"])
    rows = [name for name in plan.pretexts if name.startswith("sync[")]
    assert len(rows) == 2
    assert [pretext_settings(name, plan.pretexts[name]).model.loss_options for name in rows] == [
        {"temperature": 0.5},
        {"temperature": 1},
    ]
    gentle = apply_set(small_plan(), ["loss.separation=gently"])
    assert gentle.pretexts["grids"].set["model.loss"] == "gentle"
    assert apply_set(small_plan(), ["loss.separation=none"]).pretexts["grids"].set["model.loss"] == "multiway"


def test_encoders_are_built_by_name() -> None:
    model = sync(encoder="toy", lips={"dim": 6}, sound={"dim": 6, "wider": 2})
    assert (type(model.lips), type(model.sound), model.dim) == (PixelLips, BandSound, 6)
    assert model.config["model"]["sound"] == {"dim": 6, "wider": 2}
    model(batch(), Generator().manual_seed(0))["loss"].backward()
    assert type(SyncModel.from_config(json.loads(json.dumps(model.config))).lips) is PixelLips
    assert DisentangleOptions(encoder="toy").encoder == "toy"

    match = MatchModel(MatchOptions(encoder="toy", sound={"dim": 5}, face="toy", still={"wider": 2}, seconds=0.2))
    assert (type(match.encoder), type(match.face), match.face.dim) == (LoudSpeech, ColourFace, 6)
    assert (match.layer, match.embed_voice(torch.zeros(2, 6400)).shape) == ("features", (2, 128))
    with pytest.raises(ModelError, match="DimOptions"):
        build_encoder("lips", "toy", {"depth": 1})


def test_an_encoder_of_lips_alone_does_not_do_where_sound_is_encoded_too() -> None:
    register(replace(TOYS[0], name="blind"), replace(TOYS[2], name="blind"))

    assert SyncObjectiveOptions(encoder="blind").encoder == "blind"
    with pytest.raises(ModelError) as refusal:
        SyncOptions(encoder="blind")
    assert refusal.value.code == "unknown-sound-encoder"
    with pytest.raises(ModelError) as refusal:
        MatchOptions(encoder="blind", face="blind")
    assert refusal.value.code == "unknown-face-encoder"


def test_names_of_built_in_parts_are_taken() -> None:
    with pytest.raises(PluginError) as refusal:
        register(replace(TOYS[0], name="small"))
    assert refusal.value.code == "name-taken"
