"""Encoders of faces: sizes, the papers' counts of parameters, and options that build none."""

from __future__ import annotations

import pytest
import torch

from seehear.errors import ModelError
from seehear.nn import ENCODERS, build_encoder, complete_options

TINY = {
    "small": {"size": 20, "channels": [4, 6], "strides": [2, 3]},
    "base": {"size": 32, "widths": [4, 6, 8, 10]},
    "paper": {},
}


def stills(size: int, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ENCODERS["face"].names())
def test_every_still_has_features_of_its_own(name: str) -> None:
    torch.manual_seed(0)
    encoder = build_encoder("face", name, TINY[name]).eval()
    pictures = stills(encoder.size)
    with torch.no_grad():
        features, alone = encoder(pictures), encoder(pictures[1:])
    assert features.shape == (2, encoder.dim)
    torch.testing.assert_close(features[1:], alone, atol=1e-5, rtol=1e-4)
    assert (features[0] - features[1]).abs().max() > 1e-4


@pytest.mark.parametrize("name", ENCODERS["face"].names())
def test_light_and_colour_are_seen(name: str) -> None:
    """Nothing takes them out, as lip encoders do: they say who it is."""
    torch.manual_seed(0)
    encoder = build_encoder("face", name, TINY[name])
    pictures = stills(encoder.size, 1)
    encoder(stills(encoder.size, 3))  # batch norms that have seen something
    with torch.no_grad():
        plain, darker, other = encoder.eval()(torch.cat([pictures, pictures * 0.5, pictures.flip(1)]))
    assert (plain - darker).abs().max() > 1e-3
    assert (plain - other).abs().max() > 1e-3


def test_where_something_is_counts_in_the_small_one() -> None:
    encoder = build_encoder("face", "small", TINY["small"])
    assert encoder.dim == 6 * 4 * 4  # 20 pixels, halved to 10, a third of it is 4


def test_the_published_counts_of_parameters() -> None:
    """Those of ResNet-18 (He et al. 2016) without its last layer; of VGG-M from its table."""
    counts = {name: sum(p.numel() for p in build_encoder("face", name).parameters()) for name in ("base", "paper")}
    table = ((3, 96, 7), (96, 256, 5), (256, 256, 3), (256, 256, 3), (256, 256, 3), (256, 512, 6), (512, 512, 1))
    expected = sum(outputs * (inputs * kernel**2 + 2) for inputs, outputs, kernel in table)
    assert counts == {"base": 11_176_512, "paper": expected}


def test_all_options_are_told() -> None:
    assert complete_options("face", "small", {"size": 32}) == {
        "size": 32,
        "channels": (32, 64, 96, 128),
        "strides": (2, 2, 2, 2),
    }


def test_what_builds_no_encoder_is_a_sentence() -> None:
    with pytest.raises(ModelError) as refusal:
        build_encoder("face", "huge")
    assert refusal.value.code == "unknown-face-encoder"
    assert all(name in str(refusal.value) for name in ("huge", *ENCODERS["face"]))
    with pytest.raises(ModelError, match="has no option 'depth'"):
        build_encoder("face", "small", {"depth": 3})
    with pytest.raises(ModelError, match=r"face.channels and face.strides must be equally many"):
        build_encoder("face", "small", {"strides": [2]})
    with pytest.raises(ModelError, match=r"face.widths must be one at least"):
        build_encoder("face", "base", {"widths": []})
