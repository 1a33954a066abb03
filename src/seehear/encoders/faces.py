"""The encoders of faces by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from seehear.encoders.base_face import BaseFace, BaseFaceOptions
from seehear.encoders.face import FaceEncoder
from seehear.encoders.families import Family, all_options, make_encoder
from seehear.encoders.small_face import SmallFace, SmallFaceOptions
from seehear.encoders.vggm_face import VGGMFace, VGGMFaceOptions

FaceName = Literal["small", "base", "paper"]


KIND = "encoder of faces"

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
    encoder: FaceEncoder = make_encoder(FACE_ENCODERS, KIND, name, options)
    return encoder


def full_face_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of an encoder, defaults too, so that a model on disk outlives a change of the defaults.

    Raises:
        ModelError: no such encoder, or no such option.
    """
    return all_options(FACE_ENCODERS, KIND, name, given)
