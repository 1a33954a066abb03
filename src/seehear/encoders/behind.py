"""What of an encoder is not needed for one of its layers."""

from __future__ import annotations

import torch

from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.encoders.embed import evaluating
from seehear.encoders.speech import SpeechEncoder


def freeze_behind(encoder: SpeechEncoder, layer: str) -> None:
    """Ask no gradients of what lies behind a layer: it would never get any, and processes that train together wait for
    the gradients of all that ask for them.

    Raises:
        ValueError: no such layer.
    """
    if layer not in encoder.layers:
        raise ValueError(f"there is no layer {layer!r} in this encoder; it has {', '.join(encoder.layers)}")
    if layer == encoder.last:
        return
    weights = [weight for weight in encoder.parameters() if weight.requires_grad]
    with evaluating(encoder), torch.enable_grad():
        heard = encoder.states(torch.zeros(1, FPS * SAMPLES_PER_FRAME))[layer]
    gradients = torch.autograd.grad(heard.sum(), weights, allow_unused=True)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.requires_grad_(gradient is not None)
