"""The disturbances of a pretext as a config.json keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seehear.audio.augment import SoundAugmentOptions
from seehear.pretext.augment import PictureAugmentOptions


def with_disturbances(given: Mapping[str, Any]) -> dict[str, Any]:
    """Plain options with ``pictures`` and ``sounds`` made what they are; those that are not there are the usual ones.

    Raises:
        TypeError: an option that there is not.
    """
    options = dict(given)
    options["pictures"] = PictureAugmentOptions(**options.get("pictures", {}))
    options["sounds"] = SoundAugmentOptions(**options.get("sounds", {}))
    return options
