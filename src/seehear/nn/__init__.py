"""Encoders of lips, sound, speech and faces: what declares one, their registries, and how to build one by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, overload

from seehear.config import build_options
from seehear.errors import ModelError
from seehear.registry import OneOf, Registry

if TYPE_CHECKING:
    from seehear.nn.interface import FaceEncoder, LipEncoder, SoundEncoder, StreamedSpeech

EncoderKind = Literal["lips", "sound", "speech", "face"]


@dataclass(frozen=True)
class Encoder:
    """Declares an encoder; register your own with `seehear.registry.register`.

    Models that name one encoder for both lips and sound (sync, disentangle) need one of each kind with that name.

    Attributes:
        name: value of the options that choose it.
        kind: base class of what it builds: ``lips`` is a `LipEncoder`, ``sound`` a `SoundEncoder`, ``speech`` a
            `StreamedSpeech` and ``face`` a `FaceEncoder`.
        build: makes the encoder from an instance of ``options``; usually its class.
        options: frozen dataclass, all of whose fields have defaults. Those of lips and sound have the width of an
            embedding, ``dim``.
        summary: what the network is, in one line.
        paper: where it was published.
    """

    name: str
    kind: EncoderKind
    build: Callable[[Any], Any]
    options: type
    summary: str
    paper: str = ""

    @property
    def registry_kind(self) -> str:
        """Kind of its registry."""
        return f"{self.kind} encoder"


_BUILTIN: dict[EncoderKind, dict[str, str]] = {
    "lips": {
        "small": "seehear.nn.small:SMALL_LIPS",
        "base": "seehear.nn.resnet:BASE_LIPS",
        "paper": "seehear.nn.vggm:PAPER_LIPS",
    },
    "sound": {
        "small": "seehear.nn.small:SMALL_SOUND",
        "base": "seehear.nn.resnet:BASE_SOUND",
        "paper": "seehear.nn.vggm:PAPER_SOUND",
    },
    "speech": {
        "small": "seehear.nn.small:SMALL_SPEECH",
        "waveform": "seehear.nn.speech:WAVEFORM",
        "logmel-gru": "seehear.nn.speech:LOGMEL_GRU",
        "resnet1d": "seehear.nn.speech:RESNET1D",
        "vggm": "seehear.nn.vggm:VGGM_SPEECH",
    },
    "face": {
        "small": "seehear.nn.small:SMALL_FACE",
        "base": "seehear.nn.resnet:BASE_FACE",
        "paper": "seehear.nn.vggm:PAPER_FACE",
    },
}

ENCODERS: dict[EncoderKind, Registry[Encoder]] = {
    kind: Registry(f"{kind} encoder", ModelError, builtin) for kind, builtin in _BUILTIN.items()
}

EncoderName = Annotated[str, OneOf("lips encoder"), OneOf("sound encoder")]
LipsName = Annotated[str, OneOf("lips encoder")]
SpeechName = Annotated[str, OneOf("speech encoder")]
FaceName = Annotated[str, OneOf("face encoder")]


@overload
def build_encoder(kind: Literal["lips"], name: str, options: Mapping[str, Any] | None = None) -> LipEncoder: ...
@overload
def build_encoder(kind: Literal["sound"], name: str, options: Mapping[str, Any] | None = None) -> SoundEncoder: ...
@overload
def build_encoder(kind: Literal["speech"], name: str, options: Mapping[str, Any] | None = None) -> StreamedSpeech: ...
@overload
def build_encoder(kind: Literal["face"], name: str, options: Mapping[str, Any] | None = None) -> FaceEncoder: ...
def build_encoder(kind: EncoderKind, name: str, options: Mapping[str, Any] | None = None) -> Any:
    """Build an encoder with random weights.

    Args:
        kind: a key of `ENCODERS`
        name: of the encoder
        options: options that differ from the defaults

    Raises:
        ModelError: unknown encoder, unknown option, or an invalid value
    """
    declared = ENCODERS[kind][name]
    try:
        return declared.build(build_options(declared.options, options or {}))
    except (TypeError, ValueError) as error:
        raise ModelError(f"no {kind} encoder {name!r} can be built from these options: {error}") from error


def complete_options(kind: EncoderKind, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option of an encoder, defaults included, so that saved models survive a change of the defaults.

    Raises:
        ModelError: unknown encoder or option
    """
    return asdict(build_options(ENCODERS[kind][name].options, given))
