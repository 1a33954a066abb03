"""Samples out of decoded frames of sound, and into frames for an encoder."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from numpy.typing import NDArray

PLANES = 8
"""PyAV 18 reads beyond the end of the list of planes from this many planar channels on."""


class Reader:
    """Takes the samples out of the frames of one stream."""

    def __init__(self, like: AudioFrame | None = None) -> None:
        """Args: like: a frame whose sample type, layout and rate all samples are to have; None leaves them."""
        self._like = like
        self._kind: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None

    def samples(self, frame: AudioFrame) -> NDArray[Any]:
        """The samples of a frame, (channels, samples)."""
        parts = [_unpacked(part) for part in self._converted(frame)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _converted(self, frame: AudioFrame) -> list[AudioFrame]:
        like = self._like or frame
        many = frame.format.is_planar and len(frame.layout.channels) >= PLANES
        if not many and _kind(frame) == _kind(like):
            return [frame]
        if self._resampler is None or self._kind != _kind(frame):
            self._kind = _kind(frame)
            self._resampler = av.AudioResampler(like.format.packed.name, like.layout.name, like.sample_rate)
        return self._resampler.resample(frame)


def _kind(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.packed.name, frame.layout.name, frame.sample_rate


def _unpacked(frame: AudioFrame) -> NDArray[Any]:
    samples: NDArray[Any] = frame.to_ndarray()
    return samples if frame.format.is_planar else samples.reshape(-1, len(frame.layout.channels)).T


def as_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Samples of any type as float32, full scale is 1."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    half = 2.0 ** (8 * samples.dtype.itemsize - 1)
    middle = half if samples.dtype.kind == "u" else 0
    return ((samples.astype(np.float32) - middle) / half).astype(np.float32)


def frame_of(samples: NDArray[Any], packed_format: str, layout: AudioLayout, rate: int, first: int) -> AudioFrame:
    """A frame of (channels, samples) that begins with sample number `first`."""
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples.T).reshape(1, -1), packed_format, layout)
    frame.sample_rate = rate
    frame.time_base = Fraction(1, rate)
    frame.pts = first
    return frame
