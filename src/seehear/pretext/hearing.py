"""What an encoder of speech makes of sound that is disturbed while it learns."""

from __future__ import annotations

from typing import cast

import torch
from torch import Generator, Tensor

from seehear.audio.augment import SoundAugment
from seehear.audio.equaliser import equalise
from seehear.encoders.mel_speech import MelSpeech
from seehear.encoders.streamed import StreamedSpeech


def hear(encoder: StreamedSpeech, audio: Tensor, augment: SoundAugment, rng: Generator | None = None) -> Tensor:
    """The last layer of an encoder.

    Args:
        encoder: of speech.
        audio: (B, 640 T) in [-1, 1], its waves disturbed already.
        augment: what disturbs the spectrum between the log-mel and the rest, or else colours the waves.
        rng: where that is drawn from; without one nothing is disturbed.

    Returns:
        (B, T, dim).
    """
    with torch.autocast(audio.device.type, enabled=False):  # a spectrum needs its digits
        if isinstance(encoder, MelSpeech):
            mel = encoder.logmel(audio)
            mel = augment.mel(mel, encoder.logmel.centres_hz, rng) if rng else mel
        elif rng and augment.options.equaliser_db > 0:
            audio = equalise(audio, rng, augment.options.equaliser_db)
    if isinstance(encoder, MelSpeech):
        return encoder.states_of_mel(mel)[encoder.last]
    return cast(Tensor, encoder(audio, encoder.last))
