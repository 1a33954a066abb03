"""Choose an audio encoder for a rewritten file, and encode samples shifted in time."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec import Codec
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from numpy.typing import NDArray

from seehear.media.sound_decode import SampleReader, frame_of
from seehear.media.timebase import SoundRun

ENCODERS = {"mp3": "libmp3lame", "opus": "libopus"}
"""FFmpeg encoders whose name differs from that of their codec."""


LOSSLESS = ("flac", "alac", "wavpack", "tta", "ape", "truehd", "mlp")


STEPPED = {"mp2": 384_000, "mp3": 320_000, "ac3": 640_000, "eac3": 640_000}
"""Codecs limited to fixed bit rates, with their highest rate."""


STEPS = [1000 * kilo for kilo in (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640)]


GOOD_BITRATE = 96_000
"""Minimum bits per second and channel, so that re-encoding does not degrade the audio much further."""


DEFAULT_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


SIGNALS_DELAY = ("mp4", "mov", "matroska", "webm")
"""Containers that tell the player how much encoder delay to skip."""


@dataclass(frozen=True, slots=True)
class AudioEncoding:
    """An encoder that has been tested with a container.

    Attributes:
        name: encoder name
        rate: sample rate, 1/s
        settings: stream settings
        cut: whether to drop packets that begin before the first valid sample, because the container cannot tell the
            player how much encoder delay to skip
        lead: samples to feed before the first valid one, so that a packet begins exactly there
    """

    name: str
    rate: int
    settings: dict[str, Any]
    cut: bool = False
    lead: int = 0

    def add_to(self, out: OutputContainer) -> AudioStream:
        """Add the stream to a container that has not been written to yet."""
        stream = out.add_stream(self.name, self.rate, None, None, **self.settings)
        assert isinstance(stream, AudioStream)
        return stream


def choose_encoding(container: str, source: AudioStream, heard: AudioFrame) -> AudioEncoding | None:
    """Return the encoding closest to that of the source which the container accepts; None if there is none.

    Args:
        container: FFmpeg name of the muxer
        source: the audio stream
        heard: a decoded frame of the stream, which gives the actual rate, channels and sample format
    """
    codec = source.codec_context.codec.canonical_name
    lossless = ("flac", "alac") if codec in LOSSLESS or codec.startswith("pcm_") else ()
    names = dict.fromkeys((ENCODERS.get(codec, codec), *lossless, "aac", "libopus", "mp2"))
    for layout in dict.fromkeys((_layout(heard), "stereo")):
        for name in names:
            encoding = _encoding(container, name, layout, source, heard)
            if encoding is not None:
                return encoding
    return None


def _encoding(container: str, name: str, layout: str, source: AudioStream, heard: AudioFrame) -> AudioEncoding | None:
    try:
        encoder = Codec(name, "w")
    except ValueError:
        return None
    settings: dict[str, Any] = {
        "format": _format(encoder, heard),
        "layout": layout,
        "bit_rate": _bit_rate(encoder.canonical_name, source, heard),
    }
    encoding = AudioEncoding(name, _rate(encoder, heard), settings)
    trial = _try(container, encoding)
    if trial is None or container in SIGNALS_DELAY:
        return None if trial is None else encoding
    delay, packet = trial
    return replace(encoding, cut=True, lead=-delay % packet)


def _try(container: str, encoding: AudioEncoding) -> tuple[int, int] | None:
    """Write half a second and read it back. Return the encoder delay and packet length in samples, or None."""
    buffer = io.BytesIO()
    silence = AudioFrame.from_ndarray(np.zeros((1, encoding.rate // 2), np.float32), "fltp", "mono")
    silence.sample_rate = encoding.rate
    silence.pts = 0
    try:
        with av.open(buffer, "w", format=container) as out:
            stream = encoding.add_to(out)
            packets = [*stream.encode(silence), *stream.encode(None)]
            delay = -(packets[0].pts or 0) * packets[0].time_base * encoding.rate
            out.mux(packets)
        buffer.seek(0)
        with av.open(buffer, "r") as written:
            readable = any(sound.codec_context is not None for sound in written.streams.audio)
    except (FFmpegError, ValueError):
        return None
    return (round(delay), max(1, stream.codec_context.frame_size)) if readable else None


def _format(encoder: Codec, heard: AudioFrame) -> str:
    """Return a lossless sample format: the decoder's, its planar or packed form, or else the encoder's first."""
    supported = [form.name for form in encoder.audio_formats or []]
    candidates = heard.format.name, heard.format.planar.name, heard.format.packed.name
    return next((name for name in candidates if name in supported), supported[0] if supported else heard.format.name)


def _layout(heard: AudioFrame) -> str:
    """Return the channel layout name; the default one if only the number of channels is known."""
    name = heard.layout.name
    return DEFAULT_LAYOUTS.get(len(heard.layout.channels), name) if "channel" in name else name


def _rate(encoder: Codec, heard: AudioFrame) -> int:
    """Return the source's sample rate, or the next higher one that the encoder supports."""
    supported = sorted(encoder.audio_rates or [heard.sample_rate])
    return next((rate for rate in supported if rate >= heard.sample_rate), supported[-1])


def _bit_rate(codec: str, source: AudioStream, heard: AudioFrame) -> int:
    bit_rate = max(source.codec_context.bit_rate or 0, GOOD_BITRATE * len(heard.layout.channels))
    if codec in STEPPED:
        return min(STEPPED[codec], next((step for step in STEPS if step >= bit_rate), STEPS[-1]))
    return bit_rate


@dataclass(frozen=True, slots=True)
class AudioMovePlan:
    """How to shift and encode one audio stream.

    Attributes:
        runs: when the audio plays, on the video clock
        zero: origin of that clock on the file's time axis (s)
        like: a decoded frame; later frames that differ are converted to its format
        encoding: how to encode the stream
    """

    runs: list[SoundRun]
    zero: Fraction
    like: AudioFrame
    encoding: AudioEncoding

    @property
    def rate(self) -> int:
        """Sample rate of the decoded audio, 1/s."""
        return self.like.sample_rate


class AudioMover:
    """Shift the samples of one audio stream according to its plan and encode them."""

    def __init__(self, plan: AudioMovePlan, stream: AudioStream) -> None:
        self.stream = stream
        self._plan = plan
        self._reader = SampleReader(plan.like)
        self._read = 0.0  # decoded audio, s
        self._written = -round(plan.encoding.lead * plan.rate / plan.encoding.rate)  # samples; the video begins at 0

    def packets(self, frame: AudioFrame | None) -> list[Packet[AudioStream]]:
        """Return the packets to write after this frame; None ends the audio."""
        packets = self.stream.encode(None) if frame is None else []
        for part in [] if frame is None else self._parts(frame):
            packets += self.stream.encode(part)
        if not self._plan.encoding.cut:
            return packets
        return [packet for packet in packets if (packet.pts or 0) * packet.time_base > -Fraction(1, 1000)]

    def _parts(self, frame: AudioFrame) -> list[AudioFrame]:
        """Return silence up to the frame, then the part of the frame that follows what has been written."""
        plan, middle = self._plan, self._read + frame.samples / frame.sample_rate / 2
        run = next((run for run in plan.runs if run.first <= middle < run.stop), plan.runs[-1])
        first = round((run.start + self._read - run.first) * plan.rate)
        self._read += frame.samples / frame.sample_rate
        samples = self._reader.samples(frame)
        silence = np.full((len(samples), plan.rate), 128 if samples.dtype == np.uint8 else 0, samples.dtype)
        parts = []
        while first > self._written:
            parts.append(self._frame(silence[:, : first - self._written]))
        fresh = samples[:, max(0, self._written - first) :]
        if fresh.shape[1]:
            parts.append(self._frame(fresh))
        return parts

    def _frame(self, samples: NDArray[Any]) -> AudioFrame:
        like = self._plan.like
        number = self._written
        self._written += samples.shape[1]
        return frame_of(samples, like.format.packed.name, like.layout, like.sample_rate, number)
