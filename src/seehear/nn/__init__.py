"""Registry of all encoders (audio, lips, speech, faces): build one by name, or complete its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from seehear.config import build_options
from seehear.errors import ModelError
from seehear.nn.interface import FaceEncoder, LipEncoder, SoundEncoder, StreamedSpeech
from seehear.nn.resnet import BaseFace, BaseFaceOptions, BaseLips, BaseLipsOptions, BaseSound, BaseSoundOptions
from seehear.nn.small import (
    SmallFace,
    SmallFaceOptions,
    SmallLips,
    SmallLipsOptions,
    SmallSound,
    SmallSoundOptions,
    SmallSpeech,
    SmallSpeechOptions,
)
from seehear.nn.speech import LogMelGRU, LogMelGRUOptions, ResNet1D, ResNet1DOptions, WaveformOptions, WaveformSpeech
from seehear.nn.vggm import (
    PaperLipsOptions,
    PaperSoundOptions,
    VGGMFace,
    VGGMFaceOptions,
    VGGMLips,
    VGGMSound,
    VGGMSpeech,
    VGGMSpeechOptions,
)


class Family(NamedTuple):
    """An encoder class and its options dataclass."""

    encoder: type
    options: type


def build_encoder(families: Mapping[str, Family], kind: str, name: str, options: Mapping[str, Any] | None) -> Any:
    """Build an encoder with random weights.

    Args:
        families: all encoders of one kind, by name.
        kind: name of the kind for error messages, such as "encoder of speech".
        name: a key of ``families``.
        options: options that differ from the defaults.

    Raises:
        ModelError: unknown encoder, unknown option, or an invalid value.
    """
    family = find_family(families, kind, name)
    try:
        return family.encoder(build_options(family.options, options or {}))
    except (TypeError, ValueError) as error:
        raise ModelError(f"cannot build {kind} {name!r} from these options: {error}") from error


def complete_options(families: Mapping[str, Family], kind: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option of an encoder, defaults included, so that saved models survive a change of the defaults.

    Raises:
        ModelError: unknown encoder or option.
    """
    return asdict(build_options(find_family(families, kind, name).options, given))


def find_family(families: Mapping[str, Family], kind: str, name: str) -> Family:
    """Look up a family by name.

    Raises:
        ModelError: unknown name.
    """
    if name not in families:
        raise ModelError(f"there is no {kind} called {name!r}; there are {', '.join(families)}")
    return families[name]


FaceName = Literal["small", "base", "paper"]


FACE_KIND = "encoder of faces"


FACE_ENCODERS: dict[str, Family] = {
    "small": Family(SmallFace, SmallFaceOptions),
    "base": Family(BaseFace, BaseFaceOptions),
    "paper": Family(VGGMFace, VGGMFaceOptions),
}


def build_face_encoder(name: str, options: Mapping[str, Any] | None = None) -> FaceEncoder:
    """Build a face encoder with random weights.

    Args:
        name: a key of `FACE_ENCODERS`.
        options: options that differ from the defaults.

    Raises:
        ModelError: unknown encoder, unknown option, or an invalid value.
    """
    encoder: FaceEncoder = build_encoder(FACE_ENCODERS, FACE_KIND, name, options)
    return encoder


def complete_face_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """As `complete_options`, for a face encoder.

    Raises:
        ModelError: unknown encoder or option.
    """
    return complete_options(FACE_ENCODERS, FACE_KIND, name, given)


SpeechName = Literal["small", "waveform", "logmel-gru", "resnet1d", "vggm"]


SPEECH_KIND = "encoder of speech"


SPEECH_ENCODERS: dict[str, Family] = {
    "small": Family(SmallSpeech, SmallSpeechOptions),
    "waveform": Family(WaveformSpeech, WaveformOptions),
    "logmel-gru": Family(LogMelGRU, LogMelGRUOptions),
    "resnet1d": Family(ResNet1D, ResNet1DOptions),
    "vggm": Family(VGGMSpeech, VGGMSpeechOptions),
}


def build_speech_encoder(name: str, options: Mapping[str, Any] | None = None) -> StreamedSpeech:
    """Build a speech encoder with random weights.

    Args:
        name: a key of `SPEECH_ENCODERS`.
        options: options that differ from the defaults.

    Raises:
        ModelError: unknown encoder, unknown option, or an invalid value.
    """
    encoder: StreamedSpeech = build_encoder(SPEECH_ENCODERS, SPEECH_KIND, name, options)
    return encoder


def complete_speech_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """As `complete_options`, for a speech encoder.

    Raises:
        ModelError: unknown encoder or option.
    """
    return complete_options(SPEECH_ENCODERS, SPEECH_KIND, name, given)


EncoderName = Literal["small", "base", "paper"]


@dataclass(frozen=True)
class EncoderPair:
    """A matching pair of encoders with their options dataclasses."""

    lips: type[LipEncoder]
    lips_options: type
    sound: type[SoundEncoder]
    sound_options: type


ENCODERS: dict[str, EncoderPair] = {
    "small": EncoderPair(SmallLips, SmallLipsOptions, SmallSound, SmallSoundOptions),
    "base": EncoderPair(BaseLips, BaseLipsOptions, BaseSound, BaseSoundOptions),
    "paper": EncoderPair(VGGMLips, PaperLipsOptions, VGGMSound, PaperSoundOptions),
}


def build_encoder_pair(
    name: str, lips: Mapping[str, Any] | None = None, sound: Mapping[str, Any] | None = None
) -> tuple[LipEncoder, SoundEncoder]:
    """Build the lip and the audio encoder of a family.

    Args:
        name: a key of `ENCODERS`.
        lips: options of the lip encoder that differ from the family's defaults.
        sound: likewise for the audio encoder.

    Raises:
        ModelError: unknown family or option.
    """
    family = _family(name)
    make: Any = family.sound
    return build_lip_encoder(name, lips), make(build_options(family.sound_options, sound or {}))


def complete_pair_options(
    name: str, lips: Mapping[str, Any], sound: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return every option of both encoders, defaults included, so that saved models survive a change of the defaults.

    Raises:
        ModelError: unknown family or option.
    """
    return complete_lip_options(name, lips), asdict(build_options(_family(name).sound_options, sound))


def build_lip_encoder(name: str, options: Mapping[str, Any] | None = None) -> LipEncoder:
    """Build only the lip encoder of a family.

    Raises:
        ModelError: unknown family or option.
    """
    family = _family(name)
    make: Any = family.lips
    lips: LipEncoder = make(build_options(family.lips_options, options or {}))
    return lips


def complete_lip_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """As `complete_pair_options`, for the lip encoder only."""
    return asdict(build_options(_family(name).lips_options, given))


def _family(name: str) -> EncoderPair:
    if name not in ENCODERS:
        raise ModelError(f"there are no encoders called {name!r}; there are {', '.join(ENCODERS)}")
    return ENCODERS[name]
