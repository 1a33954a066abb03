"""Single images from an image file or a video; correction of their orientation.

The detector also finds rotated faces, but with landmarks as if they were upright, so crops made from these do not show
a mouth. Its scores are higher for upright faces. So the first frames with a face are searched in all four orientations.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.errors import MediaError
from seehear.media.decode import open_media
from seehear.media.face_detector import Detector, Face, FaceSearch
from seehear.media.picture import BT601, Geometry, Picture

SIDE = 320
"""Long side of the copy that is searched, px."""


VOTES = 3
"""Number of frames that must agree."""


EVERY = 5
"""Frames between searches once there is a face."""


FIRST, PATIENT = FPS, 2 * FPS
"""Search every `EVERY` frames during the first FIRST frames, then every PATIENT frames."""


SURE = 0.8
"""Minimum score of a face: upright ones have about 0.93, rotated ones up to 0.91 but mostly are not detected."""


LEAD = 0.02
"""Minimum lead of the best orientation's score. In 75 videos, upright faces lead by at least 0.035."""


def orientation_scores(small_bgr: NDArray[np.uint8], detector: Detector) -> NDArray[np.float64]:
    """Return the best face score, (4,), for rotations by 0, 90, 180 and 270 degrees clockwise; 0 without a face."""
    detections = (detector(np.ascontiguousarray(np.rot90(small_bgr, -turns))) for turns in range(4))
    return np.array([max((face.score for face in faces), default=0.0) for faces in detections])


def quarter_turns(votes: list[NDArray[np.float64]]) -> int:
    """Return the clockwise quarter turns, 0 to 3, needed according to the `orientation_scores` of some frames."""
    if not votes:
        return 0
    mean = np.mean(votes, axis=0)
    best = int(mean.argmax())
    agreed = all(int(vote.argmax()) == best for vote in votes)
    return best if agreed and mean[best] - mean[0] >= LEAD else 0


def correct_orientation(
    shots: Iterator[tuple[Picture, bool]], detector: Detector, tell: Callable[[int], None]
) -> Iterator[tuple[Picture, bool]]:
    """Pass frames on, each with whether it is the first of a shot, rotated if the first faces are not upright.

    Until the orientation is known, the frames since the first face are held back: about `VOTES` times `EVERY`.

    Args:
        shots: as of `seehear.media.tracks.split_shots`
        detector: face detector
        tell: called with the number of clockwise quarter turns, if there are any
    """
    votes: list[NDArray[np.float64]] = []
    held: list[tuple[Picture, bool]] = []
    turns: int | None = None
    frame_count = 0
    for picture, first in shots:
        if turns is not None:
            yield picture.turned(turns), first
            continue
        if frame_count % (EVERY if votes or frame_count < FIRST else PATIENT) == 0:
            vote = orientation_scores(picture.small_bgr(SIDE)[0], detector)
            votes += [vote] * bool(vote.max() >= SURE)
        frame_count += 1
        if not votes:
            yield picture, first
            continue
        held.append((picture, first))
        if len(votes) == VOTES or len(held) > 3 * VOTES * EVERY:
            turns = quarter_turns(votes)
            yield from _turned(held, turns, tell)
            held = []
    if turns is None:
        yield from _turned(held, quarter_turns(votes), tell)


def _turned(
    held: list[tuple[Picture, bool]], turns: int, tell: Callable[[int], None]
) -> Iterator[tuple[Picture, bool]]:
    if turns:
        tell(turns)
    for number, (picture, first) in enumerate(held):
        yield picture.turned(turns), first or (number == 0 and turns > 0)  # earlier frames had another orientation


def describe_rotation(turns: int) -> str:
    """Return the message for frames rotated clockwise by this many quarter turns."""
    pose = "upside down" if turns == 2 else "on its side"
    return f"the image is stored {pose}, without a rotation flag: it was rotated by {90 * turns} degrees clockwise"


MAX_SIDE = 1920
"""Larger images are downscaled: they are used to make a video."""


MAX_FILE = 256 << 20


RGB = NDArray[np.uint8]


@dataclass(frozen=True)
class StillImage:
    """A single image.

    Attributes:
        rgb: uint8 (H, W, 3), upright
    """

    rgb: RGB

    @property
    def picture(self) -> Picture:
        """Convert to a video frame, from which faces are cropped as in `prepare`."""
        height, width = self.rgb.shape[:2]
        even = np.pad(self.rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = VideoFrame.from_ndarray(even, "rgb24").reformat(format="yuvj420p", dst_colorspace="ITU601")
        frame.colorspace = BT601
        return Picture(0, frame, Geometry(stored=even.shape[:2]))

    def upright(self, detector: Detector) -> tuple[StillImage, int]:
        """Return the image rotated so that its largest face is upright, and the number of clockwise quarter turns."""
        vote = orientation_scores(self.picture.small_bgr(SIDE)[0], detector)
        turns = quarter_turns([vote]) if vote.max() >= SURE else 0
        return (StillImage(np.ascontiguousarray(np.rot90(self.rgb, -turns))), turns) if turns else (self, 0)

    def faces(self, detector: Detector) -> list[Face]:
        """Detect its faces, the largest first."""
        detections = FaceSearch(detector).find(self.picture, [])
        return sorted(detections, key=lambda face: -float(face.box[2] * face.box[3]))


def read_still(path: str | os.PathLike[str]) -> StillImage:
    """Read an image file (PNG, JPEG, WebP, BMP, TIFF, ...), or the first frame of a video.

    Transparent pixels keep their stored colour. Images are rotated according to their metadata.

    Raises:
        MediaError: the file is neither, or cannot be read
    """
    rgb = read_picture_file(path)
    if rgb is None:
        rgb = _first_of_video(path)
    shrink = MAX_SIDE / max(rgb.shape[:2])
    if shrink < 1:
        height, width = (max(1, round(shrink * side)) for side in rgb.shape[:2])  # a line of pixels remains one
        rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return StillImage(rgb)


def read_picture_file(path: str | os.PathLike[str]) -> RGB | None:
    """Return RGB (H, W, 3) of an image file; None if it is not one, so the caller can say why."""
    file = Path(path)
    if not file.is_file() or not 0 < file.stat().st_size <= MAX_FILE or not os.access(file, os.R_OK):
        return None
    try:
        bgr = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # more pixels than OpenCV accepts
        raise MediaError(f"{path} has too many pixels; give a smaller picture.") from None
    return None if bgr is None else np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _first_of_video(path: str | os.PathLike[str]) -> RGB:
    with open_media(path) as media:
        if media.video is None:
            raise MediaError(f"{path} has audio but no video; give a picture of a face, or a video of one.")
        picture = next(iter(media.pictures()), None)
        if picture is None:
            raise MediaError(f"{path} has no frame that can be decoded; give another picture or video.")
        return picture.crop(np.eye(2, 3), picture.shape)
