"""Views of the tests' own; workers import this."""

import numpy as np
from numpy.typing import NDArray

from seehear.clip import Clip
from seehear.data.views import CachedView


def top(clip: Clip) -> NDArray[np.uint8]:
    return clip.video[:, :4, :, 0]


def uneven(clip: Clip) -> NDArray[np.uint8]:
    return clip.video[:, : clip.frames]


TOP = CachedView("top", 3, top)
UNEVEN = CachedView("uneven", 1, uneven)
