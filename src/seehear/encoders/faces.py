"""The encoders of faces by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal, NamedTuple

from seehear.encoders import shape
from seehear.encoders.base_face import BaseFace, BaseFaceOptions
from seehear.encoders.face import FaceEncoder
from seehear.encoders.small_face import SmallFace, SmallFaceOptions
from seehear.encoders.vggm_face import VGGMFace, VGGMFaceOptions
from seehear.errors import ModelError

FaceName = Literal["small", "base", "paper"]


class Family(NamedTuple):
    """An encoder with the dataclass that shapes it."""

    encoder: type[FaceEncoder]
    options: type


FACE_ENCODERS: dict[str, Family] = {
    "small": Family(SmallFace, SmallFaceOptions),
    "base": Family(BaseFace, BaseFaceOptions),
    "paper": Family(VGGMFace, VGGMFaceOptions),
}

__all__ = ["FACE_ENCODERS", "FaceEncoder", "FaceName", "full_face_options", "make_face_encoder"]


def make_face_encoder(name: str, options: Mapping[str, Any] | None = None) -> FaceEncoder:
    """An encoder with random weights.

    Args:
        name: of `FACE_ENCODERS`.
        options: those that differ from its defaults.

    Raises:
        ModelError: no such encoder, no such option, or a value that no encoder can be built from.
    """
    family = _family(name)
    make: Any = family.encoder
    try:
        encoder: FaceEncoder = make(shape(family.options, options or {}))
    except (TypeError, ValueError) as error:
        raise ModelError(f"no encoder of faces {name!r} can be built from these options: {error}") from error
    return encoder


def full_face_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of an encoder, defaults too, so that a model on disk outlives a change of the defaults.

    Raises:
        ModelError: no such encoder, or no such option.
    """
    return asdict(shape(_family(name).options, given))


def _family(name: str) -> Family:
    if name not in FACE_ENCODERS:
        raise ModelError(f"there is no encoder of faces called {name!r}; there are {', '.join(FACE_ENCODERS)}")
    return FACE_ENCODERS[name]
