"""Encoders of sound for a file whose sound is written anew: the source's own codec if that can be, else AAC."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec import Codec
from av.container import OutputContainer
from av.error import FFmpegError

ENCODERS = {"mp3": "libmp3lame", "opus": "libopus"}
"""FFmpeg's encoders that do not have the name of their codec."""

LOSSLESS = ("flac", "alac", "wavpack", "tta", "ape", "truehd", "mlp")

STEPPED = {"mp2": 384_000, "mp3": 320_000, "ac3": 640_000, "eac3": 640_000}
"""Codecs that know only some bit rates, and the highest."""

STEPS = [1000 * kilo for kilo in (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640)]

GOOD_BITRATE = 96_000
"""Bits a second and channel, at least: sound that is encoded a second time should not become much worse by that."""

USUAL_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}

SIGNALS_DELAY = ("mp4", "mov", "matroska", "webm")
"""Containers that tell the player how much of an encoder's run-up to skip."""


@dataclass(frozen=True, slots=True)
class Encoding:
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


def choose_encoding(container: str, source: AudioStream, heard: AudioFrame) -> Encoding | None:
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


def _encoding(container: str, name: str, layout: str, source: AudioStream, heard: AudioFrame) -> Encoding | None:
    try:
        encoder = Codec(name, "w")
    except ValueError:
        return None
    settings: dict[str, Any] = {
        "format": _format(encoder, heard),
        "layout": layout,
        "bit_rate": _bit_rate(encoder.canonical_name, source, heard),
    }
    encoding = Encoding(name, _rate(encoder, heard), settings)
    trial = _try(container, encoding)
    if trial is None or container in SIGNALS_DELAY:
        return None if trial is None else encoding
    delay, packet = trial
    return replace(encoding, cut=True, lead=-delay % packet)


def _try(container: str, encoding: Encoding) -> tuple[int, int] | None:
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
    return USUAL_LAYOUTS.get(len(heard.layout.channels), name) if "channel" in name else name


def _rate(encoder: Codec, heard: AudioFrame) -> int:
    """The sample rate as it is, or the lowest one above it that the encoder knows."""
    known = sorted(encoder.audio_rates or [heard.sample_rate])
    return next((rate for rate in known if rate >= heard.sample_rate), known[-1])


def _bit_rate(codec: str, source: AudioStream, heard: AudioFrame) -> int:
    wanted = max(source.codec_context.bit_rate or 0, GOOD_BITRATE * len(heard.layout.channels))
    if codec in STEPPED:
        return min(STEPPED[codec], next((step for step in STEPS if step >= wanted), STEPS[-1]))
    return wanted
