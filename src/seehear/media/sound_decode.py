"""Decode audio streams to 16 kHz, several in one pass; convert between samples and frames."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import IO, Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.error import FFmpegError
from numpy.typing import NDArray

from seehear.clip import SAMPLE_RATE
from seehear.errors import MediaError
from seehear.media.audio_streams import (
    AudioStreamInfo,
    ChannelMix,
    ChannelStatistics,
    channel_by_name,
    channel_names,
    initial_mix,
)
from seehear.media.demux import Damage, FileClock, decode_audio, open_container, packets
from seehear.media.timebase import FrameTimes, SoundRun

PLANES = 8
"""With this many planar channels or more, PyAV 18 reads beyond the end of the list of planes."""


class SampleReader:
    """Extract the samples of the frames of one stream."""

    def __init__(self, like: AudioFrame | None = None) -> None:
        """Args: like: a frame with the sample type, layout and rate to convert to; None converts nothing."""
        self._like = like
        self._kind: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None

    def samples(self, frame: AudioFrame) -> NDArray[Any]:
        """Return the samples of a frame, (channels, samples)."""
        parts = [_unpacked(part) for part in self._converted(frame)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _converted(self, frame: AudioFrame) -> list[AudioFrame]:
        like = self._like or frame
        too_many_planes = frame.format.is_planar and len(frame.layout.channels) >= PLANES
        if not too_many_planes and _kind(frame) == _kind(like):
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
    """Convert samples of any type to float32 with full scale 1."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    half = 2.0 ** (8 * samples.dtype.itemsize - 1)
    middle = half if samples.dtype.kind == "u" else 0
    return ((samples.astype(np.float32) - middle) / half).astype(np.float32)


def frame_of(samples: NDArray[Any], packed_format: str, layout: AudioLayout, rate: int, first: int) -> AudioFrame:
    """Make a frame of (channels, samples) that begins with sample number `first`."""
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples.T).reshape(1, -1), packed_format, layout)
    frame.sample_rate = rate
    frame.time_base = Fraction(1, rate)
    frame.pts = first
    return frame


FULL_SCALE = 32767


ChannelNames = tuple[str, ...]
"""FFmpeg's channel names of a layout."""


@dataclass(frozen=True, slots=True)
class SoundPiece:
    """Stored samples ``offset : offset + stop - start`` play at samples ``start : stop`` of the source clock."""

    start: int
    stop: int
    offset: int


@dataclass(frozen=True)
class DecodeRequest:
    """An audio stream to decode.

    Attributes:
        part: the stream
        mixes: mix for each known channel layout; others use `initial_mix`
        channel: channel chosen by the user, for any layout
    """

    part: AudioStreamInfo
    mixes: dict[ChannelNames, ChannelMix] = field(default_factory=dict)
    channel: str | None = None


@dataclass(frozen=True)
class DecodedSound:
    """A decoded audio stream.

    Attributes:
        ask: the request
        part: the stream or channel that was read
        samples: int16 (N,) at 16 kHz, of all pieces, mapped into memory
        pieces: when they play
        repaired: number of NaN or infinite samples
        damaged: number of packets that could not be decoded
        used: mix used for each channel layout
        seen: channel statistics of each layout
        caution: how jumps of the clock were handled; None without jumps
    """

    ask: DecodeRequest
    part: AudioStreamInfo
    samples: NDArray[np.int16]
    pieces: list[SoundPiece]
    repaired: int
    damaged: int
    used: dict[ChannelNames, ChannelMix]
    seen: dict[ChannelNames, ChannelStatistics]
    caution: str | None = None

    @property
    def channels(self) -> ChannelStatistics:
        """Statistics of the most frequent channel layout."""
        return max(self.seen.values(), key=lambda channels: channels.samples, default=ChannelStatistics(()))


def decode_sounds(path: str | os.PathLike[str], zero: Fraction, asked: Sequence[DecodeRequest]) -> list[DecodedSound]:
    """Decode several audio streams of a file in one pass.

    Args:
        path: the file
        zero: time 0 on the file's own axis (s)
        asked: the requests; a stream may occur several times

    Raises:
        MediaError: the file cannot be read, has no such channel, or there is no room for temporary files
    """
    if not asked:
        return []
    decoded, clock = [], FileClock(path)
    with open_container(path) as container, ExitStack() as files:
        streams = dict(enumerate(container.streams.audio, 1))
        damage = {request.part.stream: Damage() for request in asked}
        by_index = {streams[number].index: number for number in damage}
        broken = Damage()
        try:
            spools = [
                _Spool(files.enter_context(tempfile.TemporaryFile(prefix="seehear-")), path, clock, request)
                for request in asked
            ]
            for packet in packets(container, [streams[number] for number in damage], broken):
                number = by_index[packet.stream.index]
                for frame in decode_audio(packet, damage[number]):
                    for spool in spools:
                        if spool.ask.part.stream == number:
                            spool.take(frame)
            for spool in spools:
                samples = spool.finished()
                damaged = damage[spool.ask.part.stream].count + broken.count
                pieces = _pieces(spool.heard.continuous_runs(zero), len(samples))
                counts_and_caution = spool.repaired, damaged, spool.used, spool.seen, clock.caution()
                entry = DecodedSound(spool.ask, spool.part, samples, pieces, *counts_and_caution)
                decoded.append(entry)
        except FFmpegError as error:
            raise MediaError(f"The audio of {path} is damaged ({error.strerror}); copy or export it again.") from error
        except OSError as error:
            raise MediaError(
                f"The audio of {path} cannot be stored in {tempfile.gettempdir()} ({error}); make room there."
            ) from error
    return decoded


def _pieces(runs: list[SoundRun], stored: int) -> list[SoundPiece]:
    """Convert runs to samples, dropping overlaps with the previous run."""
    pieces: list[SoundPiece] = []
    for run in sorted(runs, key=lambda run: run.start):
        start, offset = round(run.start * SAMPLE_RATE), round(run.first * SAMPLE_RATE)
        stop = start + min(round(run.stop * SAMPLE_RATE), stored) - offset
        skip = max(0, pieces[-1].stop - start) if pieces else 0
        if start + skip < stop:
            pieces.append(SoundPiece(start + skip, stop, offset + skip))
    return pieces


def _mapped(file: IO[bytes]) -> NDArray[np.int16]:
    file.flush()
    if file.tell() == 0:
        return np.zeros(0, np.int16)
    return np.memmap(file, np.int16, mode="r")


class _Spool:
    """Convert audio frames to 16 kHz int16, one channel, in a file; record when they play and channel statistics.

    Attributes:
        ask: the request
        heard: when the frames play
        repaired: number of NaN or infinite samples
        used: mix of each channel layout so far
        seen: channel statistics of each layout so far
    """

    CHUNK_S = 1.0

    def __init__(self, file: IO[bytes], path: str | os.PathLike[str], clock: FileClock, ask: DecodeRequest) -> None:
        self.ask = ask
        self.heard = FrameTimes(clock)
        self.repaired = 0
        self.used: dict[ChannelNames, ChannelMix] = {}
        self.seen: dict[ChannelNames, ChannelStatistics] = {}
        self._file, self._path = file, path
        self._reader = SampleReader()
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        self._pushed = 0
        self._buffered: list[NDArray[Any]] = []
        self._kind: tuple[int, ChannelNames, Any] = 0, (), None
        self._seconds = 0.0

    @property
    def part(self) -> AudioStreamInfo:
        """The stream or channel that has been read."""
        channels = {mix.channel for mix in self.used.values()}
        return replace(
            self.ask.part, channel=channels.pop() if self.ask.channel and len(channels) == 1 else self.ask.part.channel
        )

    def take(self, frame: AudioFrame) -> None:
        """Process the next frame."""
        samples = self._reader.samples(frame)
        names = channel_names(frame.layout)
        kind = frame.sample_rate, names, samples.dtype
        if kind != self._kind or self._seconds >= self.CHUNK_S:
            self._push(last=frame.sample_rate != self._kind[0])
            self._kind = kind
        self.heard.add(frame)
        self._seconds += frame.samples / frame.sample_rate
        self._buffered.append(samples)

    def finished(self) -> NDArray[np.int16]:
        """Return all samples, mapped into memory."""
        self._push(last=True)
        return _mapped(self._file)

    def _push(self, last: bool) -> None:
        """Resample the buffered samples; `last`: they are the last ones of this rate."""
        if not self._buffered:
            return
        rate, names, _ = self._kind
        block = as_float(np.concatenate(self._buffered, axis=1))
        self._buffered, self._seconds = [], 0.0
        bad = ~np.isfinite(block.sum(axis=0))
        if bad.any():
            self.repaired += int(bad.sum())
            block[:, bad] = 0
        self.seen.setdefault(names, ChannelStatistics(names)).add(block, rate)
        frame = frame_of(self._mix(names)(block)[None], "flt", AudioLayout("mono"), rate, self._pushed)
        self._pushed += frame.samples
        out = self._resampler.resample(frame)
        if last:
            out += self._resampler.resample(None)
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            self._pushed = 0
        for part in out:
            samples = np.rint(np.clip(part.to_ndarray()[0], -1, 1) * FULL_SCALE).astype(np.int16)
            self._file.write(samples.tobytes())

    def _mix(self, names: ChannelNames) -> ChannelMix:
        """Return the mix for a channel layout."""
        if names not in self.used:
            if self.ask.channel is None:
                self.used[names] = self.ask.mixes.get(names) or initial_mix(names)
            else:
                try:
                    self.used[names] = channel_by_name(names, self.ask.channel)
                except MediaError as error:
                    raise MediaError(f"{self._path}, {self.ask.part}: {error}") from None
        return self.used[names]
