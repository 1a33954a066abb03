"""What an encoder of speech makes of sound that is disturbed while it learns."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from seehear.audio.augment import SoundAugment
from seehear.audio.equaliser import equalise
from seehear.encoders.mel_speech import MelSpeech
from seehear.encoders.streamed import StreamedSpeech


def hear(
    encoder: StreamedSpeech, audio: Tensor, augment: SoundAugment, rng: Generator | None = None
) -> dict[str, Tensor]:
    """The layers of an encoder.

    Args:
        encoder: of speech.
        audio: (B, 640 T) in [-1, 1], its waves disturbed already.
        augment: what disturbs the spectrum between the log-mel and the rest, or else colours the waves.
        rng: where that is drawn from; without one nothing is disturbed.

    Returns:
        (B, T, width) each, by their names.
    """
    with torch.autocast(audio.device.type, enabled=False):  # a spectrum needs its digits
        if isinstance(encoder, MelSpeech):
            mel = encoder.logmel(audio)
            mel = augment.mel(mel, encoder.logmel.centres_hz, rng) if rng else mel
        elif rng and augment.options.equaliser_db > 0:
            audio = equalise(audio, rng, augment.options.equaliser_db)
    return encoder.states_of_mel(mel) if isinstance(encoder, MelSpeech) else encoder.states(audio)
