"""Encoders of sound for a file whose sound is written anew: the source's own codec if that can be, else AAC."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec import Codec
from av.container import OutputContainer
from av.error import FFmpegError

from seehear.errors import MediaError

ENCODERS = {"mp3": "libmp3lame", "opus": "libopus", "vorbis": "libvorbis"}
"""FFmpeg's encoders that do not have the name of their codec."""

STEPPED = {"mp2", "ac3", "eac3", "mp3"}
STEPS = [1000 * kilo for kilo in (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640)]
"""Bit rates that codecs with a table of them know."""

GOOD_BITRATE = 96_000
"""Bits a second and channel: sound is encoded a second time, so it should not become worse by that."""


def add_encoder(out: OutputContainer, source: AudioStream, heard: AudioFrame) -> AudioStream:
    """Add a stream that encodes sound like `source`.

    Args:
        out: not yet written to.
        source: the stream that is replaced.
        heard: one of its frames, which say rate, channels and sample format as they really are.

    Raises:
        MediaError: neither its codec nor AAC fits the container.
    """
    codec = source.codec_context.codec.canonical_name
    for name in (ENCODERS.get(codec, codec), "aac", out.default_audio_codec):
        stream = _try(out, name, source, heard)
        if stream is not None:
            stream.metadata.update(source.metadata)
            stream.disposition = source.disposition
            return stream
    raise MediaError(f"Sound like this ({codec}, {heard.layout.name}) does not fit into {out.format.name}; use .mkv.")


def _try(out: OutputContainer, name: str, source: AudioStream, heard: AudioFrame) -> AudioStream | None:
    try:
        codec = Codec(name, "w")
        trial = AudioCodecContext.create(name, "w")
    except (FFmpegError, ValueError):
        return None
    settings: dict[str, Any] = {
        "format": _format(codec, heard),
        "layout": heard.layout.name,
        "bit_rate": _bit_rate(codec.canonical_name, source, heard),
    }
    try:
        for key, value in {**settings, "sample_rate": heard.sample_rate}.items():
            setattr(trial, key, value)
        trial.time_base = Fraction(1, heard.sample_rate)
        trial.open()
        stream = out.add_stream(name, heard.sample_rate, None, None, **settings)
    except (FFmpegError, ValueError):
        return None
    return cast(AudioStream, stream)


def _format(codec: Codec, heard: AudioFrame) -> str:
    """The encoder's sample format that loses nothing: the decoder's, or with its samples, or the encoder's first."""
    known = [form.name for form in codec.audio_formats or []]
    alike = heard.format.planar.name, heard.format.packed.name
    return next((name for name in (heard.format.name, *alike) if name in known), known[0])


def _bit_rate(codec: str, source: AudioStream, heard: AudioFrame) -> int:
    wanted = max(source.codec_context.bit_rate or 0, GOOD_BITRATE * len(heard.layout.channels))
    if codec in STEPPED:
        top = {"mp3": 320_000, "mp2": 384_000}.get(codec, STEPS[-1])
        return min(top, next((step for step in STEPS if step >= wanted), top))
    return wanted
