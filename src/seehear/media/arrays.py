"""Video and audio that are in memory already, in the form in which the readers of files give them."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from seehear.clip import FPS, SAMPLE_RATE
from seehear.errors import MediaError
from seehear.media.decode import FramePreparer, MediaFile, VideoInfo
from seehear.media.picture import Picture
from seehear.media.sound import Sound
from seehear.media.sound_decode import FULL_SCALE, SoundPiece
from seehear.media.timebase import to_ticks

NAME = "array"
"""Stands in results where the path of a file would."""


class ArrayMedia(MediaFile):
    """Frames in memory; see `MediaFile`."""

    def __init__(self, video: NDArray[np.uint8], fps: float = FPS, *, has_sound: bool = True) -> None:
        """Nothing is copied.

        Args:
            video: RGB uint8 (T, H, W, 3).
            fps: frames a second, more than 0.
            has_sound: whether there is audio that belongs to it.

        Raises:
            MediaError: the array is not such a video.
        """
        if video.ndim != 4 or video.shape[3] != 3 or video.dtype != np.uint8 or not video.size:
            raise MediaError(f"a video in memory is uint8 (frames, height, width, 3), not {video.dtype} {video.shape}")
        if not 0 < fps <= 1000:
            raise MediaError(f"fps must be more than 0 and at most 1000, not {fps:g}")
        self.path = NAME
        self.has_sound = has_sound
        self.seen_s = 0.0
        self.zero = Fraction(0)
        self._frames = video
        self._period = 1 / Fraction(fps).limit_denominator(1001)
        self._open: list[Generator[Picture]] = []
        length_s = float(len(video) * self._period)
        height, width = video.shape[1:3]
        self.video = VideoInfo(width, height, fps, round(length_s * FPS), length_s, "rawvideo")

    @property
    def duration_s(self) -> float:
        """Of the frames (s)."""
        return float(len(self._frames) * self._period)

    @property
    def damaged(self) -> int:
        """Nothing in memory is damaged."""
        return 0

    def _pictures(self) -> Generator[Picture]:
        preparer = FramePreparer(None)
        timed = (
            (index * self._period, self._period, VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24"))
            for index, frame in enumerate(self._frames)
        )
        for tick, frame in to_ticks(timed):
            self.seen_s = max(self.seen_s, (tick + 1) / FPS)
            yield preparer.picture(tick, frame)


def sound_of_array(audio: NDArray[np.floating] | NDArray[np.integer], sample_rate: int = SAMPLE_RATE) -> Sound:
    """Audio in memory as the `Sound` of a file that begins with its first frame; channels are averaged.

    Args:
        audio: (N,) or (N, channels); floats in [-1, 1], or integers at the full scale of their type.
        sample_rate: samples a second, Hz.

    Raises:
        MediaError: the array is not such a recording.
    """
    mono = resample_array(audio, sample_rate)
    samples = np.rint(np.clip(mono, -1, 1) * FULL_SCALE).astype(np.int16)
    return Sound(samples, [SoundPiece(0, len(samples), 0)] if len(samples) else [])


def resample_array(
    audio: NDArray[np.floating] | NDArray[np.integer], sample_rate: int = SAMPLE_RATE
) -> NDArray[np.float32]:
    """Audio in memory as float32 (N,) in [-1, 1] at 16 kHz; channels are averaged.

    Args:
        audio: (N,) or (N, channels); floats in [-1, 1], or integers at the full scale of their type.
        sample_rate: samples a second, Hz.

    Raises:
        MediaError: the array is not such a recording.
    """
    if audio.ndim not in (1, 2) or audio.dtype.kind not in "fi":
        raise MediaError(
            f"audio in memory is (samples,) or (samples, channels) of floats or signed integers, "
            f"not {audio.dtype} {audio.shape}"
        )
    if not 1000 <= sample_rate <= 384_000:
        raise MediaError(f"sample_rate must be from 1000 to 384000 Hz, not {sample_rate}")
    scale = 1.0 if audio.dtype.kind == "f" else 2.0 ** (8 * audio.dtype.itemsize - 1)
    mono = audio.astype(np.float32) / scale
    if mono.ndim == 2:
        mono = mono.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise MediaError("audio in memory has samples that are not finite numbers; replace them first")
    if sample_rate == SAMPLE_RATE or not len(mono):
        return mono
    frame = av.AudioFrame.from_ndarray(mono[None], format="flt", layout="mono")
    frame.sample_rate, frame.pts = sample_rate, 0
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    parts = [part.to_ndarray()[0] for part in [*resampler.resample(frame), *resampler.resample(None)]]
    return np.concatenate(parts).astype(np.float32)
