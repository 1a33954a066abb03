"""How any network is trained with labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainingOptions:
    """What all networks that are trained with labels have in common; the defaults are those of arXiv 2001.04316.

    Attributes:
        rate: features a second that are read: those that are computed every 10 ms are averaged down to it.
        epochs: passes over the training part; the one that is best on the development part is kept.
        lr: learning rate of Adam.
        encoder_lr: learning rate of the encoder's weights, as a share of it, when it is fine-tuned.
        decay_every: epochs after which the rates fall.
        decay: to this share.
        batch: recordings in a batch.
    """

    rate: Literal[25, 50, 100] = 25
    epochs: int = 100
    lr: float = 1e-3
    encoder_lr: float = 0.1
    decay_every: int = 30
    decay: float = 0.1
    batch: int = 64
