"""The generator: the still's share computed once is the same function, and noise can be had again."""

import pytest
import torch
from torch import nn

from seehear.nn.generator import FrameDecoder, FrameGenerator, IdentityEncoder, NoiseGRU

WIDTHS = (6, 8, 10)


def made(residual: bool = False, planes: int = 3) -> FrameGenerator:
    torch.manual_seed(0)
    return FrameGenerator(32, planes, WIDTHS, heard=5, identity=7, noise=2, residual=residual).eval()


def slow_decoder(decoder: FrameDecoder, identity, maps, moving):
    """As the papers write it: everything of the still repeated for each frame, joined maps convolved together."""
    pictures = []
    for clip in range(len(moving)):
        for frame in range(moving.shape[1]):
            latent = torch.cat([moving[clip, frame], identity[clip]])
            weight = torch.cat([decoder.what.weight, decoder.who.weight], dim=1)
            x = decoder.begin((weight @ latent).view(1, decoder.width, decoder.side, decoder.side))
            for level, still in zip(decoder.levels, reversed(maps), strict=True):
                if level.joins:
                    joined = torch.cat([x, still[clip : clip + 1]], dim=1)
                    kernel = torch.cat([level.own.weight, level.still.weight], dim=1)
                    x = level.joined(nn.functional.conv2d(joined, kernel, padding=1))
                x = level.after(level.larger(x))
            pictures.append(x)
    return torch.cat(pictures).view(*moving.shape[:2], *x.shape[1:])


@pytest.mark.parametrize(("skips", "norm"), [(None, "group"), (2, "batch"), (0, "layer")])
def test_the_stills_share_once_a_clip_is_the_convolution_of_joined_maps(skips, norm):
    torch.manual_seed(0)
    identity_encoder = IdentityEncoder(32, 3, WIDTHS, 7, norm).eval()
    decoder = FrameDecoder(identity_encoder.side, 3, WIDTHS, 7, 5, skips, norm)
    identity, maps = identity_encoder(torch.rand(2, 3, 32, 32))
    moving = torch.randn(2, 3, 5)
    decoder(identity, maps, moving)  # batch norms see something
    decoder.eval()
    expected = slow_decoder(decoder, identity, maps, moving)
    torch.testing.assert_close(decoder(identity, maps, moving), expected, atol=1e-5, rtol=1e-4)


def test_maps_halve_and_identity_is_bounded():
    encoder = IdentityEncoder(32, 1, WIDTHS, 7).eval()
    identity, maps = encoder(torch.rand(2, 1, 32, 32))
    assert [tuple(m.shape[1:]) for m in maps] == [(6, 16, 16), (8, 8, 8), (10, 4, 4)]
    assert identity.shape == (2, 7)
    assert identity.abs().max() <= 1


def test_a_size_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="cannot be halved 3 times"):
        IdentityEncoder(36, 3, WIDTHS, 7)


def test_pictures_are_drawn_within_bounds():
    still, moving = torch.rand(2, 3, 32, 32), 50 * torch.randn(2, 4, 7)
    for residual in (False, True):
        drawn = made(residual)(still, moving)
        assert drawn.shape == (2, 4, 3, 32, 32)
        assert drawn.min() >= 0
        assert drawn.max() <= 1


def test_a_residual_begins_with_the_still():
    still = torch.rand(2, 1, 32, 32)
    drawn = made(residual=True, planes=1)(still, torch.randn(2, 3, 7))
    torch.testing.assert_close(drawn, still.unsqueeze(1).expand_as(drawn))


def test_pictures_depend_on_their_own_sound_and_still_only():
    generator = made()
    still, moving = torch.rand(2, 3, 32, 32), torch.randn(2, 4, 7)
    drawn = generator(still, moving)
    torch.testing.assert_close(generator(still[1:], moving[1:, 2:3])[0, 0], drawn[1, 2], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(generator(still.flip(0), moving), drawn, atol=1e-3)
    assert not torch.allclose(generator(still, moving.flip(1)), drawn, atol=1e-5)


def test_without_a_generator_noise_is_always_the_same():
    walk = NoiseGRU(10)
    torch.testing.assert_close(walk(2, 5), walk(2, 5))
    rng = torch.Generator().manual_seed(1)
    assert not torch.allclose(walk(2, 5, rng), walk(2, 5, rng))
    assert walk(3, 4).shape == (3, 4, 10)


def test_noise_walks_instead_of_jumping():
    """Neighbouring frames are more alike than distant ones, once the GRU remembers."""
    walk = NoiseGRU(10)
    with torch.no_grad():
        walk.gru.bias_ih_l0[10:20] = 3.0  # the update gate holds on to the past
        noise = walk(1, 400)[0]
    steps = (noise[1:] - noise[:-1]).square().mean()
    assert steps < 0.5 * noise.var(0).mean()
