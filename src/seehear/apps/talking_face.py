"""Move a still face with speech: find the face, generate frames, blend them into the picture, write the video.

Where the picture has changed much, its fine lines would show through as a ghost, such as closed lips in an open mouth.
They are removed there, unless the small generated face has them too.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from seehear.apps.animate import DEFAULT_MODEL, AnimatedVideo
from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Region, mouth_slices
from seehear.errors import MediaError, ModelError, check_writable
from seehear.media.arrays import sound_of_array
from seehear.media.audio_streams import AudioStreamChoice, describe_others
from seehear.media.crops import face_matrices, map_to_crop
from seehear.media.decode import open_media
from seehear.media.encode import write_video
from seehear.media.face_detector import Detector, Face, load_detector
from seehear.media.sound import Sound, read_sound
from seehear.media.still import StillImage, describe_rotation, read_still
from seehear.models.animate import AnimateModel
from seehear.models.store import load_animate_model, packaged_models
from seehear.parallel_files import PathLike
from seehear.progress import Progress

if TYPE_CHECKING:
    pass


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


CROP_SIDE = 256


def write_talking_face(
    face: PathLike | NDArray[np.uint8],
    speech: PathLike | NDArray[np.floating] | NDArray[np.integer],
    out: Path,
    model: str | Path | AnimateModel,
    face_only: bool,
    strength: float,
    audio_stream: AudioStreamChoice | None,
    detector: Path | None,
    sample_rate: int,
    progress: Progress | None,
) -> AnimatedVideo:
    """Write the video of a still face that speaks; see `animate`."""
    _check_place(out, *(Path(source) for source in (face, speech) if isinstance(source, (str, os.PathLike))))
    trained, finder = _load(model), load_detector("yunet", detector)
    still, found, cautions = _find_faces(face, finder)
    with tempfile.TemporaryFile(prefix="seehear-") as file:
        if isinstance(speech, (str, os.PathLike)):
            name, sound = str(speech), _read(Path(speech), audio_stream)
            cautions += [f"{speech}: {caution}" for caution in sound.cautions]
        else:
            name, sound = "the audio in memory", sound_of_array(speech, sample_rate)
        _require_speech(name, sound)
        audio = _stored(sound, file)
        compositor = _place(trained, still, found[0], face_only)
        frames = _frames(trained, compositor, audio, strength, progress)
        first = next(frames)
        write_video(out, chain([first], frames), FPS, audio)
    height, width = first.shape[:2]
    size = (width + width % 2, height + height % 2)
    return AnimatedVideo(out, len(audio) / SAMPLE_RATE, size, len(found), finder.name, tuple(cautions))


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


def _load(model: str | Path | AnimateModel) -> AnimateModel:
    """The model.

    Raises:
        ModelError: there is none, or it has learned something else.
    """
    if model == DEFAULT_MODEL and not Path(DEFAULT_MODEL).is_dir() and DEFAULT_MODEL not in packaged_models():
        raise ModelError(
            f"this version comes without the model {model}; train one with "
            f"`seehear pretrain CORPUS -o RUN --preset {model}` and give --model RUN"
        )
    return load_animate_model(model)


def _find_faces(face: PathLike | NDArray[np.uint8], detector: Detector) -> tuple[StillImage, list[Face], list[str]]:
    """The picture, turned if its faces are not upright, its faces, the largest first, and cautions.

    Raises:
        MediaError: there is none, or an array is no picture.
    """
    if isinstance(face, (str, os.PathLike)):
        name, still = str(face), read_still(face)
    elif face.ndim == 3 and face.shape[2] == 3 and face.dtype == np.uint8 and face.size:
        name, still = "the picture", StillImage(np.ascontiguousarray(face))
    else:
        raise MediaError(f"a picture in memory is uint8 (height, width, 3), not {face.dtype} {face.shape}")
    still, turns = still.upright(detector)
    found = still.faces(detector)
    if not found:
        raise MediaError(f"{name} shows no detectable face; give a picture of a face seen from the front")
    cautions = [f"{name}: {describe_rotation(turns)}"] if turns else []
    if len(found) > 1:
        cautions.append(f"{name} shows {len(found)} faces; the largest speaks")
    return still, found, cautions


def _read(speech: Path, choice: AudioStreamChoice | None) -> Sound:
    """The sound.

    Raises:
        MediaError: there is none, or it has samples that are not finite.
    """
    with open_media(speech) as media:
        if not media.has_sound:
            raise MediaError(f"{speech} has no audio; give a recording of speech, or a video with audio")
    sound = read_sound(speech, wanted=choice)
    if sound.repaired:
        raise MediaError(
            f"{speech} has {sound.repaired} samples that are not finite (NaN or infinite); repair it first"
        )
    return sound


def _require_speech(name: str, sound: Sound) -> None:
    """Check that the audio is not silent.

    Raises:
        MediaError: there are no samples, or nothing but silence.
    """
    if sound.duration_s <= 0:
        raise MediaError(f"{name} has no audio samples; give a recording that is not empty")
    if sound.silent:
        others = describe_others(sound.part, sound.others)
        raise MediaError(f"{name} is {sound.duration_s:.2f} s of silence; give a recording of speech{others}")


def _stored(sound: Sound, file: IO[bytes]) -> NDArray[np.float32]:
    """The sound up to a whole video frame, in a file that is mapped into memory: it may be hours."""
    frames = max(1, -(-round(sound.duration_s * SAMPLE_RATE) // SAMPLES_PER_FRAME))
    return sound.to_memmap(file, frames * SAMPLES_PER_FRAME)


def _place(model: AnimateModel, still: StillImage, face: Face, face_only: bool) -> FaceCompositor:
    """Where in the picture the model draws, and what it sees there now."""
    landmarks, o = face.landmarks, model.options
    if face_only:
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
    if region == "face":
        return face_matrices(landmarks, size)
    matrix = face_matrices(landmarks, 2 * size)
    rows, columns = mouth_slices(2 * size)
    return matrix - [[0, 0, columns.start], [0, 0, rows.start]]  # type: ignore[no-any-return]


def _frames(
    model: AnimateModel,
    compositor: FaceCompositor,
    audio: NDArray[np.float32],
    strength: float,
    progress: Progress | None,
) -> Iterator[NDArray[np.uint8]]:
    """The frames of the video, as they are generated."""
    total, begun, done = len(audio) // SAMPLES_PER_FRAME, time.monotonic(), 0
    still = torch.from_numpy(np.ascontiguousarray(compositor.still.transpose(2, 0, 1)))
    for piece in model.animate(still, torch.from_numpy(audio)):
        for generated in piece.permute(0, 2, 3, 1).numpy():
            moved = compositor.still + strength * (generated - compositor.still)
            yield compositor(np.ascontiguousarray(moved.clip(0, 1)))
            done += 1
            if progress:
                progress(done / total, f"{done / max(time.monotonic() - begun, 1e-3):.0f} frames/s")
