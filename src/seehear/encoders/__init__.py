"""Networks from sound and from lips to embeddings, 25 a second, fully convolutional in time, no time padding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from seehear.encoders.interface import LipsEncoder, Region, SoundEncoder
from seehear.encoders.resnet import BaseLips, BaseLipsOptions, BaseSound, BaseSoundOptions
from seehear.encoders.small import SmallLips, SmallLipsOptions, SmallSound, SmallSoundOptions
from seehear.encoders.vggm import PaperLipsOptions, PaperSoundOptions, VGGMLips, VGGMSound
from seehear.errors import ModelError

EncoderName = Literal["small", "base", "paper"]


@dataclass(frozen=True)
class Family:
    """A pair of encoders made for each other, with the dataclasses that shape them."""

    lips: type[LipsEncoder]
    lips_options: type
    sound: type[SoundEncoder]
    sound_options: type


ENCODERS: dict[str, Family] = {
    "small": Family(SmallLips, SmallLipsOptions, SmallSound, SmallSoundOptions),
    "base": Family(BaseLips, BaseLipsOptions, BaseSound, BaseSoundOptions),
    "paper": Family(VGGMLips, PaperLipsOptions, VGGMSound, PaperSoundOptions),
}

__all__ = [
    "ENCODERS",
    "EncoderName",
    "LipsEncoder",
    "Region",
    "SoundEncoder",
    "full_lips_options",
    "full_options",
    "make_encoders",
    "make_lips",
]


def make_encoders(
    name: str, lips: Mapping[str, Any] | None = None, sound: Mapping[str, Any] | None = None
) -> tuple[LipsEncoder, SoundEncoder]:
    """The lip and the sound encoder of a family.

    Args:
        name: of the family.
        lips: options of the lip encoder that differ from the family's defaults.
        sound: likewise for the sound encoder.

    Raises:
        ModelError: no such family, or no such option.
    """
    family = _family(name)
    make: Any = family.sound
    return make_lips(name, lips), make(shape(family.sound_options, sound or {}))


def full_options(name: str, lips: Mapping[str, Any], sound: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Every option of both encoders, defaults too, so that a model on disk outlives a change of the defaults.

    Raises:
        ModelError: no such family, or no such option.
    """
    return full_lips_options(name, lips), asdict(shape(_family(name).sound_options, sound))


def make_lips(name: str, options: Mapping[str, Any] | None = None) -> LipsEncoder:
    """The lip encoder of a family by itself.

    Raises:
        ModelError: no such family, or no such option.
    """
    family = _family(name)
    make: Any = family.lips
    lips: LipsEncoder = make(shape(family.lips_options, options or {}))
    return lips


def full_lips_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """As `full_options`, of the lip encoder alone."""
    return asdict(shape(_family(name).lips_options, given))


def _family(name: str) -> Family:
    if name not in ENCODERS:
        raise ModelError(f"there are no encoders called {name!r}; there are {', '.join(ENCODERS)}")
    return ENCODERS[name]


def shape(options: type, given: Mapping[str, Any]) -> Any:
    """An options dataclass from plain values, as YAML and JSON have them (lists become tuples)."""
    known = [field.name for field in fields(options)]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ModelError(f"{options.__name__} has no option {unknown[0]!r}; it has {', '.join(known)}")
    return options(**{key: _tuples(value) for key, value in given.items()})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value
