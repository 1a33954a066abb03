"""Match: what is learned from, what is compared with what, several processes as one, and that it learns."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gathering import TINY, WORLD, batch, share, tiny
from seehear.errors import ModelError
from seehear.losses.audiovisual import Separate
from seehear.models import store
from seehear.models.match import MatchModel, MatchOptions

LOSSES = ("separate", "multiway", "merged", "avenet")


def test_the_loss_is_that_of_the_embeddings() -> None:
    """First segment and first still across, second ones within, of whole recordings; the unseen across nothing."""
    model, given = tiny(), batch(7, frames=25)
    out = model(given)
    halves = given["audio"][:, : 640 * 10], given["audio"][:, -640 * 10 :]
    voice, voice2 = (model.embed_voice(half) for half in halves)
    face, face2 = (model.embed_face(given["video"][:, which]) for which in (0, 1))
    for name, expected in {"voice": voice, "voice2": voice2}.items():
        torch.testing.assert_close(out[name], expected, atol=1e-5, rtol=1e-4)
    for name, expected in {"face": face, "face2": face2}.items():
        torch.testing.assert_close(out[name], expected * given["seen"][:, None], atol=1e-5, rtol=1e-4)
    assert isinstance(model.loss, Separate)
    loss = model.loss(voice[None], face[None], voice2[None], face2[None], seen=given["seen"][None])
    torch.testing.assert_close(out["loss"], loss)


def test_shares_of_right_choices() -> None:
    model, given = tiny(), batch(7)
    out = model(given)
    seen = given["seen"].nonzero().flatten().tolist()
    nearest = [max(seen, key=lambda j: float(out["voice"][i] @ out["face"][j])) for i in seen]
    assert float(out["matched"]) == pytest.approx(np.mean([i == j for i, j in zip(seen, nearest, strict=True)]))
    alike = out["voice"] @ out["voice2"].T
    assert float(out["same_voice"]) == pytest.approx(np.mean(alike.argmax(1).numpy() == np.arange(7)))


def test_black_pictures_are_not_looked_at() -> None:
    model, given = MatchModel(TINY), batch(6)
    torch.manual_seed(0)
    before = {name: value.clone() for name, value in model.face.state_dict().items()}
    model(given)
    only = {name: x[given["seen"]] for name, x in given.items()}
    once = {name: value.clone() for name, value in model.face.state_dict().items()}
    model.face.load_state_dict(before)
    model(only)
    assert all(torch.equal(value, once[name]) for name, value in model.face.state_dict().items())
    assert any(not torch.equal(value, before[name]) for name, value in once.items())


def test_voices_alone_teach_voices() -> None:
    model, given = MatchModel(TINY), batch(5)
    given |= {"seen": torch.zeros(5, dtype=torch.bool), "video": torch.zeros_like(given["video"])}
    model(given, torch.Generator().manual_seed(0))["loss"].backward()
    moved = {name: float(p.grad.abs().max()) for name, p in model.named_parameters() if p.grad is not None}
    assert moved["voice_head.linear.weight"] > 0
    assert moved["face_head.1.weight"] == 0  # and not None, or processes that train together would wait for it


def test_whatever_is_drawn_is_drawn_from_the_generator() -> None:
    model, given = tiny(), batch(6, frames=30)
    first, again, other = (model(given, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first["loss"], again["loss"])
    assert all((first[name] - other[name]).abs().max() > 1e-3 for name in ("voice", "voice2", "face", "face2"))
    assert torch.equal(model(given)["loss"], model(given)["loss"])


def test_the_two_of_a_kind_are_disturbed_each_by_itself() -> None:
    model, given = tiny(), batch(6, frames=20)
    given["audio"][:, 640 * 10 :] = given["audio"][:, : 640 * 10]
    given["video"][:, 1] = given["video"][:, 0]
    plain, drawn = model(given), model(given, torch.Generator().manual_seed(0))
    for one, other in (("voice", "voice2"), ("face", "face2")):
        torch.testing.assert_close(plain[one], plain[other])
        assert (drawn[one] - drawn[other])[given["seen"]].abs().max(1).values.min() > 1e-4


@pytest.fixture(scope="module")
def shares(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What two processes have left."""
    folder = tmp_path_factory.mktemp("shares")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(share, (port, folder, LOSSES), WORLD)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(WORLD)]


def test_gathered_with_gradients(shares: list[dict[str, Tensor]]) -> None:
    parts = [torch.arange(6.0).view(3, 2) + 100 * rank for rank in range(WORLD)]
    asked = torch.arange(12.0).view(6, 2)
    for rank, left in enumerate(shares):
        assert torch.equal(left["everyone"], torch.cat(parts))
        assert torch.equal(left["gradient"], asked.chunk(2)[rank] * (1 + 2))  # what the first and the second ask


@pytest.mark.parametrize("loss", LOSSES)
def test_two_processes_are_one_with_all_candidates(shares: list[dict[str, Any]], loss: str) -> None:
    model = tiny(replace(TINY, loss=loss))
    whole = batch(6)
    out = model(whole)
    out["loss"].backward()
    for rank, left in enumerate(shares):
        for name in ("loss", "matched", "same_voice"):
            torch.testing.assert_close(left[loss][name], out[name].detach())
        torch.testing.assert_close(left[loss]["voice"], out["voice"].chunk(WORLD)[rank], atol=1e-5, rtol=1e-4)
        for name, weight in model.named_parameters():
            if weight.requires_grad:
                torch.testing.assert_close(left[loss][name], weight.grad, atol=1e-6, rtol=1e-3)


def people(count: int, rng: torch.Generator, pitch: Tensor | None = None) -> dict[str, Tensor]:
    """Whose faces are as red as their voices are high; content is noise."""
    pitch = torch.rand(count, generator=rng) if pitch is None else pitch
    time = torch.arange(640 * 25) / 16000
    hum = (2 * torch.pi * 200 * 8 ** pitch[:, None] * time).sin()
    audio = 0.1 * hum + 0.01 * torch.randn(hum.shape, generator=rng)
    video = torch.randint(60, (count, 2, 16, 16, 3), generator=rng)
    video[..., 0] += (pitch * 190).long()[:, None, None, None]
    return {"audio": audio, "video": video.to(torch.uint8), "seen": torch.ones(count, dtype=torch.bool)}


@pytest.mark.trains
def test_it_learns() -> None:
    torch.manual_seed(0)
    quiet = dict.fromkeys(vars(TINY.pictures), 0.0)
    pictures, sounds = replace(TINY.pictures, **quiet), replace(TINY.sounds, noise=0.0, equaliser_db=0.0)
    model = MatchModel(replace(TINY, pictures=pictures, sounds=sounds, face_dropout=0.0))
    optimizer, rng = torch.optim.Adam(model.parameters(), 1e-2), torch.Generator().manual_seed(0)
    for _ in range(60):
        optimizer.zero_grad()
        model(people(16, rng), rng)["loss"].backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        out = model(people(12, rng, torch.linspace(0, 1, 12)))
    assert own_before_others(model.cross_similarity(out["voice"], out["face"])) >= 0.75  # chance: 0.5
    assert own_before_others(model.similarity(out["voice"], out["voice2"])) >= 0.75


def own_before_others(alike: Tensor) -> float:
    """Share of all pairs of an own and another one, (N, N), in which the own one is nearer."""
    others = ~torch.eye(len(alike), dtype=torch.bool)
    return float((alike.diagonal()[:, None] > alike)[others].float().mean())


def test_written_and_read(tmp_path: Path) -> None:
    model = tiny()
    store.save(model, tmp_path)
    again = store.load_identity_model(tmp_path)
    assert isinstance(again, MatchModel)
    assert (again.dim, again.distance, again.input_view) == (6, "cosine", "face-16")
    audio, faces = batch(3)["audio"], batch(3)["video"][:, 0]
    with torch.no_grad():
        torch.testing.assert_close(again.embed_voice(audio), model.eval().embed_voice(audio))
        torch.testing.assert_close(again.embed_face(faces), model.embed_face(faces))
    told = json.loads((tmp_path / "config.json").read_text())["model"]
    assert (told["layer"], told["sound"]["normalise"], told["still"]["strides"]) == ("spectrum", "fixed", [2, 2])


def test_voices_and_faces_of_any_size() -> None:
    model = tiny().eval()
    with torch.no_grad():
        assert model.embed_voice(torch.zeros(2, 640)).shape == (2, 6)
        faces = model.embed_face(torch.zeros(2, 96, 96, 3, dtype=torch.uint8))
    assert faces.shape == (2, 6)
    torch.testing.assert_close(faces.norm(dim=1), torch.ones(2))
    assert model.embed_segments(np.zeros(16000 * 3), 16000).shape == (2, 6)
    assert model.embed_audio(np.zeros(44100), 44100).shape == (25, 6 * 1)
    assert model.speech is model.encoder


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dim": 0}, "model.dim must be 1 or more"),
        ({"seconds": 0.01}, "model.seconds must be 0.04 or more"),
        ({"face_dropout": 1.0}, "model.face_dropout must be less than 1"),
        ({"shared": 0}, "model.shared must be 1 or more"),
        ({"shared": 2, "loss": "avenet"}, "the loss avenet compares all of an embedding"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MatchOptions(**options)


def test_voices_and_faces_meet_in_numbers_of_their_own_that_teach_the_voice_tower_nothing() -> None:
    model = tiny(replace(TINY, shared=2, loss="multiway"))
    out = model(batch(6))
    assert model.dim == out["voice"].shape[1] == 8
    torch.testing.assert_close(out["voice"].norm(dim=1), torch.ones(6))
    expected = torch.cosine_similarity(out["voice"][:, None, :2], out["face"][:, :2], dim=-1)
    torch.testing.assert_close(model.cross_similarity(out["voice"], out["face"]), expected)
    out["loss"].backward()
    assert all(p.grad is None or not p.grad.any() for p in model.encoder.parameters())
    assert model.common is not None
    assert any(p.grad is not None and p.grad.any() for p in model.common.parameters())


def test_a_frozen_voice_tower_keeps_weights_and_statistics() -> None:
    torch.manual_seed(0)
    model = MatchModel(replace(TINY, shared=2, freeze_voice=True)).train()
    towers = model.encoder, model.voice_head
    before = [value.clone() for tower in towers for value in tower.state_dict().values()]
    model(batch(6), torch.Generator().manual_seed(0))["loss"].backward()
    assert all(p.grad is None for tower in towers for p in tower.parameters())
    after = [value for tower in towers for value in tower.state_dict().values()]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no layer 'gru7'"):
        MatchModel(replace(TINY, layer="gru7"))
    with pytest.raises(ModelError, match=r"config.json does not describe a match model"):
        MatchModel.from_config({"model": {"layer": "gru7"}})
