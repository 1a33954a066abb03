"""Sync's sound encoder as a speech encoder: one embedding a frame, and those that sync knows are the same."""

from __future__ import annotations

import pytest
import torch

from seehear.clip import SAMPLES_PER_FRAME
from seehear.models.sync import SyncModel, SyncOptions
from seehear.nn import ENCODERS, build_encoder
from seehear.nn.embed import PaddedSpeechEncoder, _centred

TINY = {
    "small": {"bands": 8, "channels": [2, 3, 3, 3], "temporal": [2, 3], "dim": 4},
    "base": {"bands": 8, "widths": [6, 6, 6, 6], "dim": 4},
    "paper": {"dim": 4},
}
LIPS = {"small": {"size": 16, "channels": [4], "strides": [2], "dim": 4}, "base": {"widths": [2] * 4, "dim": 4}}


def noise(frames: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(1, frames * SAMPLES_PER_FRAME, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=ENCODERS["sound"].names())
def model(request: pytest.FixtureRequest) -> SyncModel:
    torch.manual_seed(0)
    options = SyncOptions(encoder=request.param, lips=LIPS.get(request.param, {"dim": 4}), sound=TINY[request.param])
    return SyncModel(options).eval()


@torch.no_grad()
def test_an_embedding_a_frame_and_sync_s_own_in_the_middle(model: SyncModel) -> None:
    audio, lost = noise(20), model.sound.context
    assert model.speech(audio).shape == (1, 20, 4)
    own = make_own(model, audio)
    torch.testing.assert_close(model.speech(audio)[:, lost:-lost], own)


def make_own(model: SyncModel, audio: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(model.sound(model.spectrum(audio)), dim=-1)


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_very_short_sound_is_embedded_too(model: SyncModel, frames: int) -> None:
    for layer, width in model.speech.layers.items():
        features = model.speech(noise(frames), layer)
        assert features.shape == (1, frames, width)
        assert features.isfinite().all()


@torch.no_grad()
def test_pieces_are_what_the_whole_gives(model: SyncModel) -> None:
    audio = noise(33)
    for layer in model.speech.layers:
        torch.testing.assert_close(torch.cat([*model.speech.stream(audio, layer, 7)], 1), model.speech(audio, layer))


@torch.no_grad()
def test_cepstra_in_pieces_are_what_the_whole_gives() -> None:
    options = SyncOptions(encoder="paper", lips={"dim": 4}, sound={"dim": 4, "spectrum": "mfcc"}, loss="contrastive")
    speech, audio = SyncModel(options).eval().speech, noise(12)
    torch.testing.assert_close(torch.cat([*speech.stream(audio, None, 5)], 1), speech(audio), atol=1e-4, rtol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("layer", ["spectrum", "embedding"])
def test_a_feature_belongs_to_its_own_frame(model: SyncModel, layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Disturb frame 12: the features that change lie around feature 12, as far to the left as to the right."""
    audio = noise(25)
    mean, deviation = model.spectrum(audio).mean(1, keepdim=True), model.spectrum(audio).std(1, keepdim=True)
    monkeypatch.setattr(model.sound, "normalise", lambda mel: (mel - mean) / deviation)  # else all would change
    other = audio.clone()
    other[:, 12 * SAMPLES_PER_FRAME : 13 * SAMPLES_PER_FRAME] += noise(1, seed=1)
    change = (model.speech(other, layer) - model.speech(audio, layer))[0].norm(dim=-1)
    changed = torch.nonzero(change > 1e-6).flatten()
    assert (changed[0] + changed[-1]).item() / 2 == pytest.approx(12, abs=1)  # some units are dead
    assert change.argmax().item() == pytest.approx(12, abs=model.sound.context)


def test_it_learns_with_the_model_and_adds_no_weights(model: SyncModel) -> None:
    assert {id(p) for p in model.speech.parameters()} <= {id(p) for p in model.parameters()}
    assert not model.speech.training
    assert model.train().speech.training
    model.eval()
    assert not [name for name in model.state_dict() if name.startswith("speech")]


def test_centres_of_an_even_and_an_odd_surplus() -> None:
    features = torch.arange(7.0).view(1, 1, 7)
    assert _centred(features, 3).flatten().tolist() == [2, 3, 4]
    assert _centred(features, 4).flatten().tolist() == [1.5, 2.5, 3.5, 4.5]
    assert _centred(features, 7).flatten().tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_euclidean_embeddings_keep_their_length() -> None:
    sound = build_encoder("sound", "small", TINY["small"]).eval()
    model = SyncModel(SyncOptions(lips=LIPS["small"], sound=TINY["small"]))
    long = PaddedSpeechEncoder(sound, model.spectrum, normalised=False)(noise(5)).norm(dim=-1)
    assert (long - 1).abs().max() > 0.05
