"""Every piece of sound in a room, with a microphone, noise and codec of its own.

Two pieces of one recording share its room and its microphone, which helps every encoder to tell that they are of one
person, and tells nothing of the voice. Here each is heard somewhere else.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from seehear.avatars.room import draw_room, record
from seehear.clip import SAMPLE_RATE
from seehear.tasks.recordings import Recording

Sound = NDArray[np.float32]


class Codec(NamedTuple):
    """How sound is stored: FFmpeg's name, container, samples and bits a second (0: what the codec takes)."""

    name: str
    container: str
    rate: int
    bit_rate: int


CODECS = (
    None,
    Codec("pcm_mulaw", "wav", 8_000, 0),  # telephone
    Codec("aac", "mp4", 16_000, 24_000),
    Codec("libmp3lame", "mp3", 16_000, 32_000),
    Codec("libopus", "ogg", 16_000, 16_000),
)


class Elsewhere(Recording):
    """A recording as it would have been in another room, by another microphone."""

    def __init__(self, recording: Recording, seed: int) -> None:
        """Computes nothing yet; what is drawn depends on the seed and the recording's name alone."""
        super().__init__(recording.name, recording.source, recording.labels, recording._sound)
        self._recording, self._seed = recording, seed

    @property
    def samples(self) -> int:
        """How many there are."""
        return self._recording.samples

    def audio(self) -> Sound:
        """The sound, float32 (N,) in [-1, 1] at 16 kHz."""
        return self._heard

    @cached_property
    def _heard(self) -> Sound:
        rng = np.random.default_rng([self._seed, zlib.crc32(self.name.encode())])
        sound = record(rng, self._recording.audio(), draw_room(rng))
        codec = CODECS[int(rng.integers(len(CODECS)))]
        return coded(sound, codec) if codec else sound


def elsewhere(pieces: Sequence[Recording], seed: int = 0) -> list[Recording]:
    """Each piece somewhere else; see `Elsewhere`."""
    return [Elsewhere(piece, seed) for piece in pieces]


def coded(sound: Sound, codec: Codec) -> Sound:
    """Sound (N,) at 16 kHz after it was stored and read again, of the same length."""
    file = io.BytesIO()
    with av.open(file, "w", format=codec.container) as out:
        stream = cast(AudioStream, out.add_stream(codec.name, rate=codec.rate, layout="mono"))
        if codec.bit_rate:
            stream.bit_rate = codec.bit_rate
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[None]), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        resampler = av.AudioResampler(stream.format, "mono", codec.rate, stream.codec_context.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    file.seek(0)
    reader = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    with av.open(file, "r") as stored:
        parts = [part for decoded in stored.decode(audio=0) for part in reader.resample(decoded)]
        parts += reader.resample(None)
    heard = np.concatenate([part.to_ndarray()[0] for part in parts])[: len(sound)]
    return np.pad(heard, (0, len(sound) - len(heard))).astype(np.float32)
