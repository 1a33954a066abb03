"""Encoders of sound for a rewritten file; samples moved in time."""

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
"""FFmpeg's encoders that do not have the name of their codec."""


LOSSLESS = ("flac", "alac", "wavpack", "tta", "ape", "truehd", "mlp")


STEPPED = {"mp2": 384_000, "mp3": 320_000, "ac3": 640_000, "eac3": 640_000}
"""Codecs that know only some bit rates, and the highest."""


STEPS = [1000 * kilo for kilo in (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640)]


GOOD_BITRATE = 96_000
"""Bits a second and channel, at least: sound that is encoded a second time should not become much worse by that."""


DEFAULT_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


SIGNALS_DELAY = ("mp4", "mov", "matroska", "webm")
"""Containers that tell the player how much of an encoder's run-up to skip."""


@dataclass(frozen=True, slots=True)
class AudioEncoding:
    """An encoder that is known to work in a container.

    Attributes:
        name: of the encoder.
        rate: samples a second.
        settings: of the stream.
        cut: whether packets that begin before the first sample that counts are to be left out, because the container
            cannot say how much of an encoder's run-up is to be skipped.
        lead: samples to feed in front of the first one that counts, so that a packet begins exactly there.
    """

    name: str
    rate: int
    settings: dict[str, Any]
    cut: bool = False
    lead: int = 0

    def add_to(self, out: OutputContainer) -> AudioStream:
        """Add the stream to a container that has not been written to."""
        stream = out.add_stream(self.name, self.rate, None, None, **self.settings)
        assert isinstance(stream, AudioStream)
        return stream


def choose_encoding(container: str, source: AudioStream, heard: AudioFrame) -> AudioEncoding | None:
    """The encoding that is nearest to a stream's own and that a container takes; None if it takes none.

    Args:
        container: FFmpeg's name of its muxer.
        source: the stream.
        heard: one of its frames, which say rate, channels and sample format as they really are.
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
    """Write half a second and read it back: (run-up of the encoder, length of its packets) in samples, or None."""
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
    """The encoder's sample format that loses nothing: the decoder's, or with its samples, or the encoder's first."""
    known = [form.name for form in encoder.audio_formats or []]
    alike = heard.format.name, heard.format.planar.name, heard.format.packed.name
    return next((name for name in alike if name in known), known[0] if known else heard.format.name)


def _layout(heard: AudioFrame) -> str:
    """Name of the channel layout; where only the number of channels is known, the usual one."""
    name = heard.layout.name
    return DEFAULT_LAYOUTS.get(len(heard.layout.channels), name) if "channel" in name else name


def _rate(encoder: Codec, heard: AudioFrame) -> int:
    """The sample rate as it is, or the lowest one above it that the encoder knows."""
    known = sorted(encoder.audio_rates or [heard.sample_rate])
    return next((rate for rate in known if rate >= heard.sample_rate), known[-1])


def _bit_rate(codec: str, source: AudioStream, heard: AudioFrame) -> int:
    wanted = max(source.codec_context.bit_rate or 0, GOOD_BITRATE * len(heard.layout.channels))
    if codec in STEPPED:
        return min(STEPPED[codec], next((step for step in STEPS if step >= wanted), STEPS[-1]))
    return wanted


@dataclass(frozen=True, slots=True)
class AudioMovePlan:
    """What is to become of one stream of sound.

    Attributes:
        runs: when its sound is to be heard, on the clock of the pictures.
        zero: of that clock, on the file's time axis (s).
        like: a frame of the sound as decoded; what differs from it later is converted.
        encoding: how it is written.
    """

    runs: list[SoundRun]
    zero: Fraction
    like: AudioFrame
    encoding: AudioEncoding

    @property
    def rate(self) -> int:
        """Samples a second, as decoded."""
        return self.like.sample_rate


class AudioMover:
    """Puts the samples of one stream of sound where its plan says, and encodes them."""

    def __init__(self, plan: AudioMovePlan, stream: AudioStream) -> None:
        self.stream = stream
        self._plan = plan
        self._reader = SampleReader(plan.like)
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
