"""Disentangle: two choices and two that cannot be made, from shared trunks; both kinds of embeddings for every tool."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Generator, Tensor

from seehear.errors import ModelError
from seehear.models.disentangle import DisentangleModel, DisentangleOptions
from seehear.models.interface import IdentityModel, LipSyncModel

LIPS = {"size": 16, "region": "face", "colour": True, "stem_channels": 4, "channels": [8], "strides": [2],
        "temporal": [3], "dim": 8}  # fmt: skip
SOUND = {"bands": 8, "channels": [4, 8, 8, 8], "temporal": [2], "dim": 8}


def made(**given: object) -> DisentangleModel:
    torch.manual_seed(0)
    return DisentangleModel(DisentangleOptions(**{"lips": LIPS, "sound": SOUND} | given))  # type: ignore[arg-type]


def clips(count: int = 4, frames: int = 14, seed: int = 1) -> dict[str, Tensor]:
    rng = Generator().manual_seed(seed)
    video = torch.randint(0, 256, (count, frames, 16, 16, 3), dtype=torch.uint8, generator=rng)
    return {"video": video, "audio": 0.1 * torch.randn(count, 640 * frames, generator=rng)}


def seeded() -> Generator:
    return Generator().manual_seed(2)


@pytest.mark.parametrize("similarity", ["angular", "inverse-euclidean"])
def test_every_part_learns_from_one_step(similarity: str) -> None:
    model = made(similarity=similarity)
    out = model(clips(), seeded())
    assert set(out) == {"loss", "content", "identity", "confusion", "matched", "found"}
    torch.testing.assert_close(out["loss"].detach(), out["content"] + out["identity"] + out["confusion"])
    out["loss"].backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not [name for name in silent if not name.endswith("similarity.bias")]  # which moves all logits alike


@pytest.mark.parametrize("left_out", ["content", "identity", "confusion"])
def test_without_a_weight_a_part_asks_for_nothing(left_out: str) -> None:
    model = made(**{f"{left_out}_weight": 0.0})
    out = model(clips(), seeded())
    assert left_out not in out
    out["loss"].backward()
    assert all((p.grad is not None) == p.requires_grad for p in model.parameters())
    assert model.learns == tuple(
        name for name, part in (("sync", "content"), ("match", "identity")) if part != left_out
    )


@pytest.mark.trains
def test_confusion_takes_from_each_head_what_is_the_other_s() -> None:
    """Learn confusion alone, on one batch: both choices become guesses."""
    model, data = made(content_weight=1e-6, identity_weight=1e-6), clips()
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    first = model(data)["confusion"].item()
    for _ in range(40):
        optimiser.zero_grad()
        out = model(data)
        out["loss"].backward()
        optimiser.step()
    assert out["confusion"].item() < 0.3 * first


@pytest.mark.trains
def test_it_learns_one_batch_by_heart() -> None:
    model, data = made(confusion_weight=0.1, exclude=0), clips(count=3, frames=9)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(80):
        optimiser.zero_grad()
        out = model(data)
        out["loss"].backward()
        optimiser.step()
    assert out["matched"] > 0.8
    assert out["found"] == 1


@torch.no_grad()
def test_it_is_lip_sync_and_identity_and_an_encoder_of_speech() -> None:
    model = made().eval()
    assert isinstance(model, LipSyncModel)
    assert isinstance(model, IdentityModel)
    data = clips()
    lips, sound = model.embed_lips(data["video"]), model.embed_sound(data["audio"])
    assert lips.shape == sound.shape == (4, 14 - 2 * model.context, 8)
    voice, face = model.embed_voice(data["audio"]), model.embed_face(data["video"][:, 3])
    assert voice.shape == face.shape == (4, 8)
    for embedded in (lips, sound, voice, face):
        torch.testing.assert_close(embedded.norm(dim=-1), torch.ones(embedded.shape[:-1]))
    assert list(model.speech.layers) == ["spectrum", "identity", "embedding"]
    inner = model.speech(data["audio"], "embedding")[:, model.context : -model.context]
    torch.testing.assert_close(inner, sound)
    assert not torch.allclose(model.speech(data["audio"], "identity"), model.speech(data["audio"], "embedding"))
    assert model.embed_voice(data["audio"][:, :640]).shape == (4, 8)  # shorter than what the encoder sees


@torch.no_grad()
def test_a_face_that_is_held_is_that_of_a_still_clip() -> None:
    model, data = made().eval(), clips(2)
    held = {"video": data["video"][:, :1].expand(-1, 14, -1, -1, -1), "audio": data["audio"]}
    torch.testing.assert_close(model(held)["face"], model.embed_face(data["video"][:, 0]))


@torch.no_grad()
def test_what_is_compared_is_told_where_nothing_is_drawn() -> None:
    out = made().eval()(clips())
    assert out["lips"].shape == out["sound"].shape
    assert {out[name].shape for name in ("voice", "voice2", "face", "face2")} == {(4, 8)}
    again = made().eval()(clips())
    torch.testing.assert_close(out["loss"], again["loss"])


def test_config_rebuilds_the_model() -> None:
    model = made(confusion_weight=0.0)
    config = json.loads(json.dumps(model.config))
    again = DisentangleModel.from_config(config)
    assert {k: v.shape for k, v in again.state_dict().items()} == {k: v.shape for k, v in model.state_dict().items()}
    assert again.input_view == "face-16"
    assert json.loads(json.dumps(again.config["model"])) == config["model"]


def test_the_papers_networks_can_be_built() -> None:
    model = made(encoder="paper", lips={"dim": 8}, sound={"dim": 8}, similarity="inverse-euclidean")
    assert (model.input_view, model.distance, model.context) == ("face-224", "euclidean", 2)


def test_strange_options_are_sentences() -> None:
    with pytest.raises(ModelError, match=r" 8 .* 16"):
        made(sound=SOUND | {"dim": 16})
    with pytest.raises(ValueError, match="must be more than 0"):
        DisentangleOptions(content_weight=0, identity_weight=0)
    with pytest.raises(ModelError, match="does not describe a disentangle model"):
        DisentangleModel.from_config({"model": {"pictures": {"x": 1}}})
