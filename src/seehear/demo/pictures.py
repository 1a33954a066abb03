"""Pictures as a page holds them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    """RGB uint8 (H, W, 3) as JPEG."""
    done, coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert done
    return bytes(coded)
