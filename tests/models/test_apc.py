"""APC: nothing of the future is heard, the loss is what the paper says, and it learns."""

from __future__ import annotations

import json

import pytest
import torch

from seehear.errors import ModelError
from seehear.models.audio_only import APCModel, APCOptions

SOUND = {"bands": 8, "hidden": 12, "depth": 2}


def tiny(ahead: int = 3) -> APCModel:
    torch.manual_seed(0)
    return APCModel(APCOptions(sound=SOUND, ahead=ahead))


def noise(clips: int = 2, frames: int = 5, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(clips, frames * 640, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("ahead", [1, 3, 7])
def test_the_loss_frame_by_frame(ahead: int) -> None:
    """A slow oracle: run the encoder anew up to each frame, predict one, take the mean of all differences."""
    model, audio = tiny(ahead), noise(frames=3)
    mel = model.encoder.logmel(audio)
    real = model.encoder.normalise(mel)
    differences, copies = [], []
    for m in range(mel.shape[1] - ahead):
        heard = model.encoder.frames100(mel[:, : m + 1])[:, -1]
        differences.append((model.predict(heard) - real[:, m + ahead]).abs())
        copies.append((real[:, m] - real[:, m + ahead]).abs())
    out = model({"audio": audio})
    torch.testing.assert_close(out["loss"], torch.stack(differences).mean())
    torch.testing.assert_close(out["copied"], torch.stack(copies).mean())


def test_what_is_predicted_is_not_heard() -> None:
    """From 3 frames on, the samples of the target lie behind all that the prediction knows."""
    model, audio = tiny().eval(), noise(1, 8).requires_grad_()
    model.encoder.frames100(model.encoder.logmel(audio))[0, 10].sum().backward()
    last_heard = int(torch.nonzero(audio.grad[0])[-1])
    other = noise(1, 8).requires_grad_()
    model.encoder.logmel(other)[0, 10 + 3].sum().backward()
    assert last_heard < int(torch.nonzero(other.grad[0])[0])


def test_windows_that_are_too_short_are_a_sentence() -> None:
    assert tiny(ahead=3)({"audio": noise(frames=1)})["loss"].isfinite()
    with pytest.raises(
        ModelError, match=r"windows of 40 ms are too short to predict 40 ms ahead; raise data.min_frames"
    ):
        tiny(ahead=4)({"audio": noise(frames=1)})


@pytest.mark.trains
def test_it_learns_a_rhythm() -> None:
    model = tiny()
    beat = (torch.arange(10 * 640) // 320 % 4 == 0).float()
    audio = noise(4, 10) * beat
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        out = model({"audio": audio})
        out["loss"].backward()
        optimizer.step()
    assert out["loss"] < 0.5 * out["copied"]


def test_config_rebuilds_the_model() -> None:
    config = json.loads(json.dumps(tiny().config))
    again = APCModel.from_config(config)
    assert {k: v.shape for k, v in again.state_dict().items()} == {k: v.shape for k, v in tiny().state_dict().items()}
    assert config["model"]["sound"]["normalise"] == "fixed"  # defaults too
    with pytest.raises(ModelError, match="does not describe an apc model"):
        APCModel.from_config({"model": {"depth": 3}})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (APCOptions(encoder="small"), "does not hear the future: model.encoder logmel-gru$"),
        (APCOptions(encoder="waveform"), "does not hear the future"),
        (APCOptions(sound=SOUND | {"normalise": "clip"}), "logmel-gru whose sound.normalise is fixed"),
    ],
)
def test_an_encoder_that_hears_the_future_is_refused(options: APCOptions, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        APCModel(options)


def test_its_features_are_25_a_second() -> None:
    assert tiny().embed_audio(noise(1, 7)[0].numpy(), 16000).shape == (7, 12)
