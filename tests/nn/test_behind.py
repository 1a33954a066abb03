"""What lies behind a layer asks no gradients, and nothing else is silenced."""

from __future__ import annotations

import pytest
import torch

from seehear.nn import build_encoder
from seehear.nn.embed import freeze_unused_layers

SMALL = {"channels": [4, 4, 4, 6], "width": 8, "dim": 5}


@pytest.mark.parametrize("layer", ["spectrum", "time1", "time3", "features"])
def test_exactly_what_the_layer_needs_goes_on_learning(layer: str) -> None:
    torch.manual_seed(0)
    encoder = build_encoder("speech", "small", SMALL)
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    freeze_unused_layers(encoder, layer)
    assert encoder.training
    assert all(torch.equal(value, state[name]) for name, value in encoder.state_dict().items())
    encoder(0.1 * torch.randn(2, 640 * 8), layer).square().sum().backward()
    asked = {name for name, weight in encoder.named_parameters() if weight.requires_grad}
    got = {name for name, weight in encoder.named_parameters() if weight.grad is not None}
    assert asked == got
    assert any(name.startswith("linear") for name in asked) == (layer == "features")


def test_no_such_layer() -> None:
    with pytest.raises(ValueError, match="no layer 'gru9' in this encoder; it has spectrum, time1"):
        freeze_unused_layers(build_encoder("speech", "small", SMALL), "gru9")
