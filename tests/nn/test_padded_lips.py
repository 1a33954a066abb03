"""Lips for reading: a feature a frame in every layer, and in the middle of a clip those that sync knows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seehear.nn import ENCODERS, build_encoder
from seehear.nn.embed import PaddedLipEncoder, PixelEncoder
from seehear.nn.interface import LipEncoder

TINY = {
    "small": {"size": 16, "channels": [4], "strides": [2], "dim": 4},
    "base": {"size": 32, "widths": [2] * 4, "dim": 4},
    "paper": {"dim": 4},
}


def pictures(lips: LipEncoder, frames: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3 if lips.colour else 1, frames, lips.size, lips.size, generator=generator)


@pytest.fixture(scope="module", params=ENCODERS["lips"].names())
def lips(request: pytest.FixtureRequest) -> LipEncoder:
    torch.manual_seed(0)
    return build_encoder("lips", request.param, TINY[request.param]).eval()


@torch.no_grad()
def test_an_embedding_a_frame_and_sync_s_own_in_the_middle(lips: LipEncoder) -> None:
    lost = lips.context
    clip = pictures(lips, 2 * lost + 2)
    seen = PaddedLipEncoder(lips, normalised=True)(clip, "embedding")
    assert seen.shape == (1, 2 * lost + 2, lips.dim)
    torch.testing.assert_close(seen[:, lost:-lost], F.normalize(lips(clip), dim=-1), rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_every_layer_has_a_feature_a_frame(lips: LipEncoder, frames: int) -> None:
    reader = PaddedLipEncoder(lips, normalised=False)
    assert [*reader.layers][:: len(reader.layers) - 1] == ["trunk", "embedding"]
    assert reader.default_layer in reader.layers
    for layer, width in reader.layers.items():
        seen = reader(pictures(lips, frames), layer)
        assert seen.shape == (1, frames, width)
        assert seen.isfinite().all()


@torch.no_grad()
def test_layers_are_those_of_the_head(lips: LipEncoder) -> None:
    reader, clip = PaddedLipEncoder(lips, normalised=False), pictures(lips, 3)
    inside = F.pad(lips.normalise(clip), (0, 0, 0, 0, lips.context, lips.context), mode="replicate")
    states = lips.features(inside)
    for module, layer in zip(lips.head, list(reader.layers)[1:], strict=True):
        states = module(states)
        spare = (states.shape[2] - 3) // 2
        torch.testing.assert_close(reader(clip, layer), states[:, :, spare : spare + 3].transpose(1, 2))


def test_the_encoder_learns_through_it(lips: LipEncoder) -> None:
    if lips.region == "face":
        pytest.skip("the same, and slow")
    PaddedLipEncoder(lips, normalised=True)(pictures(lips, 3)).sum().backward()
    assert all(weight.grad is not None for weight in lips.parameters())
    lips.zero_grad()


def test_no_such_layer(lips: LipEncoder) -> None:
    with pytest.raises(KeyError, match="nothing"):
        PaddedLipEncoder(lips, normalised=False)(pictures(lips, 3), "nothing")


def test_pixels_are_the_pictures_without_their_brightness() -> None:
    reader = PaddedLipEncoder(PixelEncoder(), normalised=False)
    clip = pictures(reader.lips, 5)
    seen = reader(clip)
    assert reader.layers == {"trunk": 256, "embedding": 256}
    flat = clip[:, 0].flatten(2)
    torch.testing.assert_close(seen, (flat - flat.mean()) / (flat.std(correction=0) + 0.02), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(reader(0.5 * clip + 0.2), seen, rtol=0.1, atol=0.1)
