"""animate: a still face speaks.

Where much has changed, the fine lines of the picture would shine through as a ghost (closed lips in an open mouth):
there they are taken away, as far as the small face does not have them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, mouth_slices
from seehear.errors import MediaError, ModelError, SeehearError, check_writable

if TYPE_CHECKING:
    from seehear.clip import Region
    from seehear.media.audio_streams import AudioStreamChoice
    from seehear.media.face_detector import Detector, Face
    from seehear.media.sound import Sound
    from seehear.media.still import StillImage
    from seehear.models.animate import AnimateModel


FEATHER = 0.12
"""Share of the crop's side over which a change fades out towards its edges."""


LITTLE, MUCH = 0.04, 0.16
"""Mean change of a pixel and its neighbours, in 0..1, from which on fine lines go, and at which they are gone."""


Floats = NDArray[np.float32]


LUMA = np.array([[0.299], [0.587], [0.114]], np.float32)  # ITU-R BT.601


class FaceCompositor:
    """A place in a picture where drawn faces go.

    Attributes:
        still: what is there now, as the network saw it.
    """

    def __init__(self, picture: NDArray[np.uint8], matrix: NDArray[np.floating], still: Floats) -> None:
        """Finds out which pixels are touched.

        Args:
            picture: RGB uint8 (H, W, 3).
            matrix: 2x3, picture pixels to crop pixels.
            still: the crop of the picture as the network saw it, (S, S, 3) in 0..1, or (S, S, 1) luma.
        """
        self._picture, self.still = picture, still
        side = still.shape[0]
        self._mask = blend_mask(side)
        corners = np.array([(-0.5, -0.5), (side - 0.5, -0.5), (-0.5, side - 0.5), (side - 0.5, side - 0.5)])
        turn, shift = np.asarray(matrix[:, :2], np.float64), np.asarray(matrix[:, 2], np.float64)
        around = np.linalg.solve(turn, (corners - shift).T).T
        low = np.maximum(np.floor(around.min(0)), 0).astype(int)
        high = np.minimum(np.ceil(around.max(0)) + 1, picture.shape[1::-1]).astype(int)
        self._rows, self._columns = slice(low[1], high[1]), slice(low[0], high[0])
        self._size = (int(high[0] - low[0]), int(high[1] - low[1]))
        self._matrix = np.column_stack([turn, shift + turn @ low])  # from pixels of the part that is touched
        part = picture[self._rows, self._columns].astype(np.float32)
        self._grey = part @ LUMA if still.shape[-1] == 1 else None
        self._fine = (part if self._grey is None else self._grey) - 255 * self._wide(still)

    def __call__(self, drawn: Floats) -> NDArray[np.uint8]:
        """The picture with a drawn crop, (S, S, 3 or 1) in 0..1: RGB uint8 (H, W, 3), a new array."""
        change = drawn - self.still
        changed = cv2.blur(np.abs(change).mean(-1), (3, 3))
        gone = np.clip((changed - LITTLE) / (MUCH - LITTLE), 0, 1) * self._mask
        out = self._picture.copy()
        part = out[self._rows, self._columns]
        shift = 255 * self._wide(change * self._mask[..., None]) - self._fine * self._wide(gone)
        pasted = part + shift if self._grey is None else self._tinted(part, shift)
        part[...] = np.rint(np.clip(pasted, 0, 255)).astype(np.uint8)
        return out

    def _tinted(self, part: NDArray[np.uint8], shift: Floats) -> Floats:
        """A change of luma in a coloured picture: what darkens keeps its hue, lest lips turn grey; light is white."""
        assert self._grey is not None
        share = np.clip(1 + shift / np.maximum(self._grey, 1), 0, 1)
        return np.where(shift < 0, part * share, part + shift)

    def _wide(self, small: Floats) -> Floats:
        """From the crop to the part of the picture that is touched: (S, S) or (S, S, planes) -> (h, w, 1 or planes)."""
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        wide = cv2.warpAffine(small, self._matrix, self._size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(wide, np.float32).reshape(self._size[1], self._size[0], -1)


def blend_mask(side: int) -> Floats:
    """(side, side): 1 in the middle, and half a cosine down to 0 over `FEATHER` of the side at each edge."""
    middle = (np.arange(side) + 0.5) / side
    near = np.clip(np.minimum(middle, 1 - middle) / FEATHER, 0, 1)
    ramp = (1 - np.cos(np.pi * near)) / 2
    return np.outer(ramp, ramp).astype(np.float32)


DEFAULT_MODEL = "animate-small"


DEFAULT_STRENGTH, STRONGEST = 2.0, 5.0


CROP_SIDE = 256


@dataclass(frozen=True)
class AnimatedVideo:
    """A video that was written.

    Attributes:
        path: of the video.
        seconds: its length.
        size: its width and height in pixels.
        faces: how many faces there were in the picture; the largest speaks.
        detector: name of the face detector.
    """

    path: Path
    seconds: float
    size: tuple[int, int]
    faces: int
    detector: str

    def __str__(self) -> str:
        who = f"; of {self.faces} faces the largest speaks" if self.faces > 1 else ""
        size = f"{self.size[0]} x {self.size[1]} pixels, {FPS} a second"
        return f"{self.path}: {self.seconds:.2f} s, {size}; face found by {self.detector}{who}"


def animate(
    face: Path,
    speech: Path,
    *,
    out: Path = Path("animated.mp4"),
    model: str = DEFAULT_MODEL,
    crop: bool = False,
    strength: float = DEFAULT_STRENGTH,
    audio_stream: str | None = None,
    detector: Path | None = None,
) -> AnimatedVideo:
    """Make a still face say what is heard.

    Writes an MP4 file (H.264, AAC) that browsers play. The face moves where the model has learned that faces move; the
    rest of the picture stays as it is.

    Args:
        face: A picture of a face, or a video, whose first picture is taken.
        speech: A recording, or a video with sound; of any length.
        out: The video to write; replaced if it exists.
        model: Folder of a run of an animate preset, name of a model, or hf:owner/name on the Hugging Face hub.
        crop: Write the face alone, 256 x 256 pixels.
        strength: Factor on every movement, 0 to 5; 1 is what was learned. Where an L1 is unsure it draws the middle of
            what might be, so people look livelier at 2.
        audio_stream: Which stream of sound, from 1, and perhaps which channel: 2 or 2:left; by default what a player
            would choose, or the first that is not silent.
        detector: YuNet's .onnx file; by default the cached one, or fetched.

    Raises:
        SeehearError: no such strength, or no such stream of sound.
        MediaError: a file cannot be read or written, there is no face, or nothing to hear.
        ModelError: there is no such model, or it has not learned to animate.
    """
    from seehear.media.audio_streams import AudioStreamChoice
    from seehear.media.encode import write_video
    from seehear.media.face_detector import load_detector
    from seehear.media.still import read_still

    wanted = AudioStreamChoice.parse(audio_stream)
    if not 0 <= strength <= STRONGEST:
        raise SeehearError(f"--strength must be from 0 to {STRONGEST}, not {strength}")
    _check_place(out, face, speech)
    trained, still, finder = _load(model), read_still(face), load_detector("yunet", detector)
    still, found = _faces(still, face, finder)
    with tempfile.TemporaryFile(prefix="seehear-") as file:
        heard = _stored(_read(speech, wanted), file)
        paste = _place(trained, still, found[0], crop)
        frames = _frames(trained, paste, heard, strength)
        first = next(frames)
        write_video(out, chain([first], frames), FPS, heard)
    height, width = first.shape[:2]
    return AnimatedVideo(
        out, len(heard) / SAMPLE_RATE, (width + width % 2, height + height % 2), len(found), finder.name
    )


def _check_place(out: Path, *sources: Path) -> None:
    """Before anything is computed, that the video can be written there.

    Raises:
        MediaError: it cannot, or would replace what it is made of.
    """
    if out.suffix.lower() not in (".mp4", ".m4v", ".mov"):
        raise MediaError(f"{out} would be an MP4 file; give it a name that ends in .mp4")
    check_writable(out)
    for source in sources:
        if out.exists() and source.exists() and out.samefile(source):
            raise MediaError(f"{out} is what the video is made of; give --out another name")


def _load(name: str) -> AnimateModel:
    """The model.

    Raises:
        ModelError: there is none, or it has learned something else.
    """
    from seehear.models.store import load_animate_model, packaged_models

    if name == DEFAULT_MODEL and not Path(name).is_dir() and name not in packaged_models():
        raise ModelError(
            f"this version comes without the model {name}; train one with "
            f"`seehear pretrain CORPUS RUN --preset {name}` and give --model RUN"
        )
    return load_animate_model(name)


def _faces(still: StillImage, path: Path, detector: Detector) -> tuple[StillImage, list[Face]]:
    """The picture, turned if its faces are not upright, and its faces, the largest first.

    Raises:
        MediaError: there is none.
    """
    from seehear.media.still import describe_rotation

    still, turns = still.upright(detector)
    if turns:
        print(f"seehear: {path}: {describe_rotation(turns)}", file=sys.stderr)  # noqa: T201
    found = still.faces(detector)
    if not found:
        raise MediaError(f"{path} shows no face that can be found; give a picture of a face seen from the front")
    if len(found) > 1:
        print(f"seehear: {path} shows {len(found)} faces; the largest speaks", file=sys.stderr)  # noqa: T201
    return still, found


def _read(speech: Path, wanted: AudioStreamChoice | None) -> Sound:
    """The sound.

    Raises:
        MediaError: there is none, it is silent, or it has samples that are no numbers.
    """
    from seehear.media.audio_streams import describe_others
    from seehear.media.decode import open_media
    from seehear.media.sound import read_sound

    with open_media(speech) as media:
        if not media.has_sound:
            raise MediaError(f"{speech} has no sound; give a recording of speech, or a video that has some")
    sound = read_sound(speech, wanted=wanted)
    if sound.repaired:
        raise MediaError(
            f"{speech} has {sound.repaired} samples that are no numbers (NaN or infinite); repair it first"
        )
    if sound.duration_s <= 0:
        raise MediaError(f"{speech} has 0 samples of sound; give a recording that is not empty")
    if sound.silent:
        others = describe_others(sound.part, sound.others)
        raise MediaError(f"{speech} is {sound.duration_s:.2f} s of silence; give a recording of speech{others}")
    for caution in sound.cautions:
        print(f"seehear: {speech}: {caution}", file=sys.stderr)  # noqa: T201
    return sound


def _stored(sound: Sound, file: IO[bytes]) -> NDArray[np.float32]:
    """The sound up to a whole video frame, in a file that is mapped into memory: it may be hours."""
    frames = max(1, -(-round(sound.duration_s * SAMPLE_RATE) // SAMPLES_PER_FRAME))
    return sound.stored(file, frames * SAMPLES_PER_FRAME)


def _place(model: AnimateModel, still: StillImage, face: Face, crop: bool) -> FaceCompositor:
    """Where in the picture the model draws, and what it sees there now."""
    import cv2

    from seehear.media.crops import face_matrices, map_to_crop
    from seehear.media.still import StillImage

    landmarks, o = face.landmarks, model.options
    if crop:
        matrix = face_matrices(landmarks, CROP_SIDE)
        still, landmarks = (
            StillImage(still.picture.crop(matrix, (CROP_SIDE, CROP_SIDE))),
            map_to_crop(landmarks, matrix),
        )
    matrix = drawing_matrix(landmarks, o.region, o.size)
    twice = still.picture.crop(2 * matrix + [[0, 0, 0.5], [0, 0, 0.5]], (2 * o.size, 2 * o.size))
    seen = cv2.resize(twice, (o.size, o.size), interpolation=cv2.INTER_AREA)
    if not o.colour:
        seen = cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY)[..., None]
    return FaceCompositor(still.rgb, matrix, seen.astype(np.float32) / 255)


def drawing_matrix(landmarks: NDArray[np.floating], region: Region, size: int) -> NDArray[np.float64]:
    """2x3, picture pixels to the ``size`` x ``size`` pixels that a model of a region draws."""
    from seehear.media.crops import face_matrices

    if region == "face":
        return face_matrices(landmarks, size)
    matrix = face_matrices(landmarks, 2 * size)
    rows, columns = mouth_slices(2 * size)
    return matrix - [[0, 0, columns.start], [0, 0, rows.start]]  # type: ignore[no-any-return]


def _frames(
    model: AnimateModel, paste: FaceCompositor, heard: NDArray[np.float32], strength: float
) -> Iterator[NDArray[np.uint8]]:
    """The pictures of the video, as they are drawn."""
    import torch

    from seehear.progress import ProgressReporter

    total = len(heard) // SAMPLES_PER_FRAME
    still = torch.from_numpy(np.ascontiguousarray(paste.still.transpose(2, 0, 1)))
    with ProgressReporter("animating", total) as telling:
        done = 0
        for piece in model.animate(still, torch.from_numpy(heard)):
            for drawn in piece.permute(0, 2, 3, 1).numpy():
                moved = paste.still + strength * (drawn - paste.still)
                yield paste(np.ascontiguousarray(moved.clip(0, 1)))
                done += 1
                telling.update(done, f"{done / max(telling.elapsed_s, 1e-3):.0f} frames/s")
