"""The samples of one stream of sound, put where they are to be heard, and encoded."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from numpy.typing import NDArray

from seehear.media.encoder import Encoding
from seehear.media.samples import Reader, frame_of
from seehear.media.timebase import Run


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to become of one stream of sound.

    Attributes:
        runs: when its sound is to be heard, on the clock of the pictures.
        zero: of that clock, on the file's time axis (s).
        like: a frame of the sound as decoded; what differs from it later is converted.
        encoding: how it is written.
    """

    runs: list[Run]
    zero: Fraction
    like: AudioFrame
    encoding: Encoding

    @property
    def rate(self) -> int:
        """Samples a second, as decoded."""
        return self.like.sample_rate


class Mover:
    """Puts the samples of one stream of sound where its plan says, and encodes them."""

    def __init__(self, plan: Plan, stream: AudioStream) -> None:
        self.stream = stream
        self._plan = plan
        self._reader = Reader(plan.like)
        self._read = 0.0  # s, of decoded sound
        self._written = -round(plan.encoding.lead * plan.rate / plan.encoding.rate)  # samples; the pictures begin at 0

    def packets(self, frame: AudioFrame | None) -> list[Packet[AudioStream]]:
        """What is to be written now that this frame is read; None: the sound has ended."""
        packets = self.stream.encode(None) if frame is None else []
        for part in [] if frame is None else self._parts(frame):
            packets += self.stream.encode(part)
        if not self._plan.encoding.cut:
            return packets
        return [packet for packet in packets if (packet.pts or 0) * packet.time_base > -Fraction(1, 1000)]

    def _parts(self, frame: AudioFrame) -> list[AudioFrame]:
        """Silence up to the frame, and what of the frame comes after what has been written."""
        plan, middle = self._plan, self._read + frame.samples / frame.sample_rate / 2
        run = next((run for run in plan.runs if run.first <= middle < run.stop), plan.runs[-1])
        first = round((run.start + self._read - run.first) * plan.rate)
        self._read += frame.samples / frame.sample_rate
        samples = self._reader.samples(frame)
        nothing = np.full((len(samples), plan.rate), 128 if samples.dtype == np.uint8 else 0, samples.dtype)
        parts = []
        while first > self._written:
            parts.append(self._frame(nothing[:, : first - self._written]))
        fresh = samples[:, max(0, self._written - first) :]
        if fresh.shape[1]:
            parts.append(self._frame(fresh))
        return parts

    def _frame(self, samples: NDArray[Any]) -> AudioFrame:
        like = self._plan.like
        number = self._written
        self._written += samples.shape[1]
        return frame_of(samples, like.format.packed.name, like.layout, like.sample_rate, number)
