"""The sound back from its features: MFCC, log-mel and waveform (Shukla et al. 2020, arXiv 2007.04134, section 2)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn

from seehear.audio.logmel import LogMel
from seehear.audio.mfcc import MFCC
from seehear.encoders.mel_speech import MEL_DEVIATION, MEL_MEAN
from seehear.encoders.span import MEL_FRAMES

WIDTHS = (64, 32, 16, 8, 1)
STEPS = (5, 4, 4, 8)
"""Of the transposed convolutions: 25 features a second to 16 000 samples."""

MFCC_DEVIATION = 8.0
"""Of the 13 coefficients of speech, roughly: brings their L1 near that of the log-mel."""


class Reconstruct(nn.Module):
    """One fully connected layer of 256 each for MFCC and log-mel, transposed convolutions for the waveform; L1."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mfcc, self.logmel = MFCC(13), LogMel(80)
        self.to_mfcc = nn.Sequential(nn.Linear(dim, 256), nn.ReLU(), nn.Linear(256, MEL_FRAMES * 13))
        self.to_logmel = nn.Sequential(nn.Linear(dim, 256), nn.ReLU(), nn.Linear(256, MEL_FRAMES * 80))
        layers: list[nn.Module] = []
        for (width, narrower), step in zip(pairwise((dim, *WIDTHS[:-1])), STEPS, strict=True):
            layers += [nn.ConvTranspose1d(width, narrower, step, step), nn.ReLU()]
        self.to_waveform = nn.Sequential(*layers, nn.Conv1d(WIDTHS[-2], WIDTHS[-1], 9, padding=4))

    def forward(
        self, hear: Callable[[Tensor], Tensor], heard: Tensor, clean: Tensor, rng: Generator | None
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Features and loss.

        Args:
            hear: the encoder, (B, 640 T) -> (B, T, dim).
            heard: disturbed sound, (B, 640 T).
            clean: the same before: what is to be found again.
            rng: not used.

        Returns:
            features (B, T, dim), the sum of the three L1, and no further numbers.
        """
        features = hear(heard)
        with torch.autocast(clean.device.type, enabled=False), torch.no_grad():
            mfcc = self.mfcc(clean).view(*features.shape[:2], -1) / MFCC_DEVIATION
            logmel = (self.logmel(clean).view(*features.shape[:2], -1) - MEL_MEAN) / MEL_DEVIATION
        waveform = self.to_waveform(features.mT).squeeze(1)
        loss = (
            (self.to_mfcc(features).float() - mfcc).abs().mean()
            + (self.to_logmel(features).float() - logmel).abs().mean()
            + (waveform.float() - clean).abs().mean()
        )
        return features, loss, {}
