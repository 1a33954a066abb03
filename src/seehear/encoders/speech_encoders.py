"""The encoders of speech by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from seehear.encoders.families import Family, all_options, make_encoder
from seehear.encoders.logmel_gru import LogMelGRU, LogMelGRUOptions
from seehear.encoders.resnet1d import ResNet1D, ResNet1DOptions
from seehear.encoders.small_speech import SmallSpeech, SmallSpeechOptions
from seehear.encoders.speech import SpeechEncoder
from seehear.encoders.streamed import StreamedSpeech
from seehear.encoders.vggm_speech import VGGMSpeech, VGGMSpeechOptions
from seehear.encoders.waveform import WaveformOptions, WaveformSpeech

SpeechName = Literal["small", "waveform", "logmel-gru", "resnet1d", "vggm"]


KIND = "encoder of speech"

SPEECH_ENCODERS: dict[str, Family] = {
    "small": Family(SmallSpeech, SmallSpeechOptions),
    "waveform": Family(WaveformSpeech, WaveformOptions),
    "logmel-gru": Family(LogMelGRU, LogMelGRUOptions),
    "resnet1d": Family(ResNet1D, ResNet1DOptions),
    "vggm": Family(VGGMSpeech, VGGMSpeechOptions),
}


def make_speech_encoder(name: str, options: Mapping[str, Any] | None = None) -> StreamedSpeech:
    """An encoder with random weights.

    Args:
        name: of `SPEECH_ENCODERS`.
        options: those that differ from its defaults.

    Raises:
        ModelError: no such encoder, no such option, or a value that no encoder can be built from.
    """
    encoder: StreamedSpeech = make_encoder(SPEECH_ENCODERS, KIND, name, options)
    return encoder


def full_speech_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of an encoder, defaults too, so that a model on disk outlives a change of the defaults.

    Raises:
        ModelError: no such encoder, or no such option.
    """
    return all_options(SPEECH_ENCODERS, KIND, name, given)


__all__ = ["SPEECH_ENCODERS", "SpeechEncoder", "SpeechName", "full_speech_options", "make_speech_encoder"]
