"""The encoders of speech by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal, NamedTuple

from seehear.encoders import shape
from seehear.encoders.logmel_gru import LogMelGRU, LogMelGRUOptions
from seehear.encoders.resnet1d import ResNet1D, ResNet1DOptions
from seehear.encoders.small_speech import SmallSpeech, SmallSpeechOptions
from seehear.encoders.speech import SpeechEncoder
from seehear.encoders.streamed import StreamedSpeech
from seehear.encoders.vggm_speech import VGGMSpeech, VGGMSpeechOptions
from seehear.encoders.waveform import WaveformOptions, WaveformSpeech
from seehear.errors import ModelError

SpeechName = Literal["small", "waveform", "logmel-gru", "resnet1d", "vggm"]


class Family(NamedTuple):
    """An encoder with the dataclass that shapes it."""

    encoder: type[StreamedSpeech]
    options: type


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
    family = _family(name)
    make: Any = family.encoder
    try:
        encoder: StreamedSpeech = make(shape(family.options, options or {}))
    except (TypeError, ValueError) as error:
        raise ModelError(f"no encoder {name!r} can be built from these options: {error}") from error
    return encoder


def full_speech_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of an encoder, defaults too, so that a model on disk outlives a change of the defaults.

    Raises:
        ModelError: no such encoder, or no such option.
    """
    return asdict(shape(_family(name).options, given))


def _family(name: str) -> Family:
    if name not in SPEECH_ENCODERS:
        raise ModelError(f"there is no encoder of speech called {name!r}; there are {', '.join(SPEECH_ENCODERS)}")
    return SPEECH_ENCODERS[name]


__all__ = ["SPEECH_ENCODERS", "SpeechEncoder", "SpeechName", "full_speech_options", "make_speech_encoder"]
