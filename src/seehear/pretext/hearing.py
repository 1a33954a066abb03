"""What encoders hear of sound that is disturbed while they learn."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from seehear.audio.augment import SoundAugment
from seehear.audio.equaliser import equalise
from seehear.audio.logmel import LogMel
from seehear.encoders.mel_speech import MelSpeech
from seehear.encoders.spectrum import Spectrum
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


def disturbed_spectrum(spectrum: Spectrum, audio: Tensor, augment: SoundAugment, rng: Generator) -> Tensor:
    """What a sound encoder takes, of disturbed sound: (B, 640 T) -> (B, 4 T, bands)."""
    audio = augment.waves(audio, rng)
    if isinstance(spectrum, LogMel):
        return augment.mel(spectrum(audio), spectrum.centres_hz, rng)
    cepstra: Tensor = spectrum(equalise(audio, rng, augment.options.equaliser_db))
    return cepstra  # which have no bands to be warped
