"""The annotated video."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.apps.diarization.result import Diarization
from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.errors import MediaError
from seehear.media.decode import open_media
from seehear.media.encode import write_video
from seehear.media.picture import Picture as Shown
from seehear.media.sound import read_sound

SPEAKING, SILENT, INK = (40, 200, 70), (170, 170, 170), (255, 255, 255)


SHADE = (30, 30, 30)


FACE_SHARE = 0.86
"""Of a crop's side: the face without what is around it."""


Picture = NDArray[np.uint8]


def write_annotated_video(result: Diarization, path: Path) -> None:
    """Write the video, 25 frames per second, with its audio, as MP4.

    Raises:
        MediaError: it cannot be written, or would replace the video itself.
    """
    analysis = result.analysis
    if path.suffix.lower() not in (".mp4", ".m4v", ".mov"):
        raise MediaError(f"{path} would be an MP4 file; give it a name that ends in .mp4")
    if path.exists() and path.samefile(analysis.path):
        raise MediaError(f"{path} is the video itself; give another name")
    with open_media(analysis.path) as media, tempfile.TemporaryFile(prefix="seehear-") as file:
        frames = max(
            [len(analysis.unseen), *(track.stop for track in analysis.tracks), round(analysis.duration_s * FPS), 1]
        )
        choice = analysis.sound.choice if analysis.sound else None
        sound = read_sound(analysis.path, media.zero, choice) if media.has_sound else None
        audio = sound.to_memmap(file, frames * SAMPLES_PER_FRAME) if sound else None
        write_video(
            path, _pictures(result, (picture.turned(analysis.turns) for picture in media.pictures())), FPS, audio
        )


def _pictures(result: Diarization, pictures: Iterator[Shown]) -> Iterator[Picture]:
    """Yield every frame with its annotations; a frame shown over a gap is repeated."""
    next_index = 0
    for picture in pictures:
        rgb = picture.crop(np.eye(2, 3), picture.shape)
        while next_index <= picture.index:
            yield draw_annotations(rgb, result, next_index)
            next_index += 1


def draw_annotations(rgb: Picture, result: Diarization, index: int) -> Picture:
    """A copy of the ``index``-th picture, RGB (H, W, 3), with frames, names and bars."""
    annotated = rgb.copy()
    analysis = result.analysis
    for number, track in enumerate(analysis.tracks):
        at = index - track.start
        if 0 <= at < len(track.boxes):
            name = result.names[result.persons[number]]
            likely, speaks = float(analysis.probabilities[number][at]), bool(analysis.speaks[number][at])
            _draw_face(annotated, track.boxes[at], name, likely, speaks)
    return annotated


def _draw_face(picture: Picture, box: NDArray[np.float32], name: str, likely: float, speaks: bool) -> None:
    """The frame around one face, its name above and a bar as long as the probability below."""
    height, width = picture.shape[:2]
    line = max(1, round(min(height, width) / 240))
    side = float(box[2]) * FACE_SHARE
    middle = box[:2] + box[2:] / 2
    left, top = (int(edge) for edge in np.maximum(middle - side / 2, line))
    right, bottom = int(min(middle[0] + side / 2, width - 1 - line)), int(min(middle[1] + side / 2, height - 1 - line))
    colour = SPEAKING if speaks else SILENT
    cv2.rectangle(picture, (left, top), (right, bottom), colour, 2 * line if speaks else line, cv2.LINE_AA)
    thick = 4 * line
    cv2.rectangle(picture, (left, bottom - thick), (right, bottom), SHADE, -1)
    cv2.rectangle(picture, (left, bottom - thick), (left + round((right - left) * likely), bottom), colour, -1)
    size = max(0.35, min(height, width) / 700)
    (wide, high), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, size, line)
    base = max(top - 2 * line, high + 2 * line)
    cv2.rectangle(picture, (left, base - high - 2 * line), (left + wide + 2 * line, base + 2 * line), SHADE, -1)
    cv2.putText(picture, name, (left + line, base), cv2.FONT_HERSHEY_SIMPLEX, size, INK, line, cv2.LINE_AA)
