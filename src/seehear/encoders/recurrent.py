"""A stack of GRUs whose layers can all be read, and which can go on where it stopped."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seehear.encoders.streamed import Memory


class Recurrent(nn.Module):
    """Unidirectional GRU layers, each with its own weights, as `nn.GRU` with ``num_layers`` has them.

    Attributes:
        layers: width by name: ``gru1``, ``gru2``, ...
    """

    def __init__(self, inputs: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.stack = nn.ModuleList(nn.GRU(inputs if i == 0 else hidden, hidden, batch_first=True) for i in range(depth))
        self.layers = {f"gru{i + 1}": hidden for i in range(depth)}

    def forward(self, features: Tensor, memory: Memory | None = None) -> tuple[dict[str, Tensor], Memory]:
        """(B, T, inputs) -> every layer (B, T, hidden), and what to hand to the next piece.

        In float32 whatever autocast is on: rounding would add up over the steps, and bf16 is no faster here.
        """
        found, kept = {}, []
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            for number, layer in enumerate(self.stack):
                features, last = layer(features, memory[number] if memory else None)
                found[f"gru{number + 1}"] = features
                kept.append(last)
        return found, kept
