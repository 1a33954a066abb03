"""The few numbers that a voice and a face have in common."""

from __future__ import annotations

import torch

from seehear.nn.layers import SharedSubspace


def test_the_voice_learns_nothing_through_them() -> None:
    voice = torch.randn(8, 16, requires_grad=True)
    common = SharedSubspace(16, 4)
    found = common(voice)
    found.square().mean().backward()
    assert found.shape == (8, 4)
    assert voice.grad is None
    assert all(weight.grad is not None for weight in common.parameters())


def test_the_size_of_the_inputs_does_not_matter_once_learned() -> None:
    torch.manual_seed(0)
    small, large = SharedSubspace(16, 4), SharedSubspace(16, 4)
    large.load_state_dict(small.state_dict())
    voices = torch.randn(64, 16)
    for _ in range(100):  # the running statistics follow
        small(voices)
        large(1000 * voices)
    one, other = small.eval()(voices), large.eval()(1000 * voices)
    torch.testing.assert_close(one, other, atol=0.05, rtol=0.05)
