"""One picture, from a picture file or from the beginning of a video, and the faces in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from seehear.errors import MediaError
from seehear.media.colour import BT601
from seehear.media.decode import open_media
from seehear.media.faces import Detector, Face
from seehear.media.picture import Geometry, Picture
from seehear.media.search import FaceSearch
from seehear.media.upright import SIDE, SURE, quarter_turns, scores

LONGEST_SIDE = 1920
"""Larger pictures are made smaller: what is made of them is a video."""

LARGEST_FILE = 256 << 20

RGB = NDArray[np.uint8]


@dataclass(frozen=True)
class Still:
    """One picture.

    Attributes:
        rgb: uint8 (H, W, 3), upright.
    """

    rgb: RGB

    @property
    def picture(self) -> Picture:
        """The same as a picture of a video, from which faces are cropped as `prepare` crops them."""
        height, width = self.rgb.shape[:2]
        even = np.pad(self.rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = VideoFrame.from_ndarray(even, "rgb24").reformat(format="yuvj420p", dst_colorspace="ITU601")
        frame.colorspace = BT601
        return Picture(0, frame, Geometry(stored=even.shape[:2]))

    def upright(self, detector: Detector) -> tuple[Still, int]:
        """The picture with its largest face upright, and by how many quarters it was turned clockwise for that."""
        vote = scores(self.picture.small_bgr(SIDE)[0], detector)
        turns = quarter_turns([vote]) if vote.max() >= SURE else 0
        return (Still(np.ascontiguousarray(np.rot90(self.rgb, -turns))), turns) if turns else (self, 0)

    def faces(self, detector: Detector) -> list[Face]:
        """Its faces, the largest first."""
        found = FaceSearch(detector).find(self.picture, [])
        return sorted(found, key=lambda face: -float(face.box[2] * face.box[3]))


def read_still(path: str | os.PathLike[str]) -> Still:
    """Read a picture file (PNG, JPEG, WebP, BMP, TIFF, ...), or the first picture of a video.

    Transparent pixels keep the colour that lies under them. Pictures are turned as their tags say.

    Raises:
        MediaError: it is neither, or cannot be read.
    """
    rgb = picture_file(path)
    if rgb is None:
        rgb = _first_of_video(path)
    shrink = LONGEST_SIDE / max(rgb.shape[:2])
    if shrink < 1:
        rgb = np.asarray(cv2.resize(rgb, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
    return Still(rgb)


def picture_file(path: str | os.PathLike[str]) -> RGB | None:
    """RGB (H, W, 3) of a picture file; None where it is no such file, and something else has to say why."""
    file = Path(path)
    if not file.is_file() or not 0 < file.stat().st_size <= LARGEST_FILE or not os.access(file, os.R_OK):
        return None
    try:
        bgr = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # more pixels than OpenCV reads
        raise MediaError(f"{path} is a picture of too many pixels; give a smaller one.") from None
    return None if bgr is None else np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _first_of_video(path: str | os.PathLike[str]) -> RGB:
    with open_media(path) as media:
        if media.video is None:
            raise MediaError(f"{path} has sound but no picture; give a picture of a face, or a video of one.")
        picture = next(iter(media.pictures()), None)
        if picture is None:
            raise MediaError(f"{path} has no picture that can be decoded; give another picture or video.")
        return picture.crop(np.eye(2, 3), picture.shape)
