"""Any sound into features: rates, kinds of samples, lengths, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from seehear.errors import SeehearError
from seehear.nn.embed import embed_audio, to_model_audio
from seehear.nn.interface import SpeechEncoder


class Loudness(SpeechEncoder):
    """Mean square of each frame; in train mode it gives nonsense, as batch norms do."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = {"square": 1, "twice": 2}
        self.inner = torch.nn.Dropout(0.5)

    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        square = self.inner(audio.unflatten(1, (-1, 640)).square().mean(2, keepdim=True))
        return {"square": square, "twice": square.expand(-1, -1, 2)}


def tone(seconds: float, rate: int, hz: float = 300.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 11025])
def test_any_rate_gives_25_a_second(rate: int) -> None:
    features = embed_audio(Loudness(), tone(1.0, rate), rate)
    assert features.dtype == np.float32
    assert features.shape == (25, 2)
    np.testing.assert_allclose(features[2:-2], 0.5, atol=0.02)


def test_what_is_above_half_the_rate_is_not_folded_back() -> None:
    assert embed_audio(Loudness(), tone(1.0, 48000, 12000.0), 48000)[2:-2].max() < 1e-3


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (639, 1), (640, 1), (641, 2), (16000, 25)])
def test_part_of_a_frame_is_a_frame(samples: int, frames: int) -> None:
    assert embed_audio(Loudness(), np.zeros(samples, np.float32), 16000).shape == (frames, 2)


def test_whole_numbers_and_tensors_are_the_same_sound() -> None:
    wave = 0.5 * tone(0.2, 16000)
    expected = embed_audio(Loudness(), wave, 16000)
    for other in ((wave * 2**15).astype(np.int16), (wave * 2**31).astype(np.int32), torch.from_numpy(wave), wave[:]):
        np.testing.assert_allclose(embed_audio(Loudness(), other, 16000), expected, atol=1e-4)


def test_layers_by_name() -> None:
    assert embed_audio(Loudness(), np.zeros(640), 16000, "square").shape == (1, 1)
    with pytest.raises(SeehearError, match=r"no layer 'thrice'.* square, twice"):
        embed_audio(Loudness(), np.zeros(640), 16000, "thrice")


def test_modes_are_given_back() -> None:
    encoder = Loudness().train()
    frozen = encoder.inner.eval()
    encoder.training = True
    assert embed_audio(encoder, np.ones(640), 16000).min() == 1.0
    assert (encoder.training, frozen.training) == (True, False)


def test_pieces_are_joined() -> None:
    class Cut(Loudness):
        def stream(self, audio: Tensor, layer: str | None = None, frames: int = 2) -> Iterator[Tensor]:
            return (self(part, layer) for part in audio.split(640 * frames, dim=1))

    wave = tone(0.2, 16000)
    np.testing.assert_array_equal(embed_audio(Cut(), wave, 16000), embed_audio(Loudness(), wave, 16000))


@pytest.mark.parametrize(
    ("wave", "rate", "said"),
    [
        (np.zeros(0), 16000, "empty"),
        (np.zeros((2, 640)), 16000, r"one channel.* not \(2, 640\)"),
        (np.float32(0.0), 16000, "one channel"),
        (np.array([0.0, np.nan]), 16000, "NaN"),
        (np.array([0.0, -np.inf]), 16000, "NaN"),
        (np.zeros(640), 0, "sample rate of 0 Hz"),
        (np.zeros(640), -16000, "sample rate"),
        (np.zeros(640), 16000.5, "sample rate"),
        (np.zeros(640), 10**9, "sample rate"),
        (np.zeros(640, np.uint8), 16000, "signed integer, not uint8"),
        (np.zeros(640, complex), 16000, "not complex128"),
    ],
)
def test_what_is_no_sound_is_a_sentence(wave: np.ndarray, rate: int, said: str) -> None:
    with pytest.raises(SeehearError, match=said):
        embed_audio(Loudness(), wave, rate)


def test_as_heard_ends_with_a_whole_frame() -> None:
    heard = to_model_audio(np.ones(700), 16000)
    assert heard.dtype == np.float32
    assert len(heard) == 1280
    assert heard[700:].max() == 0
