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

    def __init__(self) -> None:
        self._packer: av.AudioResampler | None = None
        self._packs: tuple[str, str, int] | None = None

    def samples(self, frame: AudioFrame) -> NDArray[Any]:
        """The samples of a frame, (channels, samples), of its own type."""
        channels = len(frame.layout.channels)
        if frame.format.is_planar and channels >= PLANES:
            frame = self._packed(frame)
        samples: NDArray[Any] = frame.to_ndarray()
        return samples if frame.format.is_planar else samples.reshape(-1, channels).T

    def _packed(self, frame: AudioFrame) -> AudioFrame:
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if self._packer is None or self._packs != kind:
            self._packer = av.AudioResampler(format=frame.format.packed.name)
            self._packs = kind
        (packed,) = self._packer.resample(frame)
        return packed


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
