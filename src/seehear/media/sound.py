"""The audio of a file on the source clock, of any length; clips of audio alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from types import TracebackType
from typing import IO, ClassVar, Self

import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Clip
from seehear.errors import SeehearError
from seehear.media.audio_streams import AudioStreamChoice, AudioStreamInfo, describe_others, find_stream
from seehear.media.decode import MediaFile, open_media
from seehear.media.demux import clock_zero, open_container, sound_streams
from seehear.media.sound_decode import FULL_SCALE, DecodedSound, DecodeRequest, SoundPiece, decode_sounds

Samples = NDArray[np.float32]


STORED_AT_ONCE = 60 * SAMPLE_RATE


SILENCE_PEAK = 1e-4
"""A recording whose samples are all below this, -80 dB, is silent: rounding and codecs leave no more than that."""


MAX_SOUNDS = 12
"""Maximum number of streams decoded per file: each needs a temporary file for its samples."""


class Sound:
    """Audio on the source clock; see `read_sound`.

    Attributes:
        duration_s: from the origin of the clock to the end of the audio (s); 0.0 without audio
        repaired: number of NaN or infinite samples that were replaced by 0
        damaged: number of packets that could not be decoded; they are silence
        part: the stream in use; None without audio
        others: the other audio streams of the file
        cautions: warnings about how the stream was chosen or mixed, and about clock jumps, one sentence each
    """

    def __init__(
        self,
        samples: NDArray[np.int16],
        pieces: list[SoundPiece],
        repaired: int = 0,
        damaged: int = 0,
        part: AudioStreamInfo | None = None,
        others: Sequence[AudioStreamInfo] = (),
        cautions: Sequence[str] = (),
    ) -> None:
        self._samples = samples
        self._pieces = pieces
        self.duration_s = max((piece.stop for piece in pieces), default=0) / SAMPLE_RATE
        self.repaired = repaired
        self.damaged = damaged
        self.part, self.others, self.cautions = part, tuple(others), tuple(cautions)

    @property
    def peak(self) -> float:
        """Largest absolute sample, 0 to 1; 0 without audio."""
        if not len(self._samples):
            return 0.0
        return max(-int(self._samples.min()), int(self._samples.max())) / FULL_SCALE

    @cached_property
    def silent(self) -> bool:
        """Whether the audio is silent, see `SILENCE_PEAK`; also True without audio."""
        return self.peak < SILENCE_PEAK

    def between(self, start_s: float, stop_s: float) -> Samples:
        """Return the audio of a time span, zeros where there is none.

        Args:
            start_s, stop_s: on the source clock; rounded to whole samples

        Returns:
            float32 (N,) in [-1, 1], 16 kHz
        """
        start, stop = round(start_s * SAMPLE_RATE), round(stop_s * SAMPLE_RATE)
        out = np.zeros(max(0, stop - start), np.float32)
        for piece in self._pieces:
            first, last = max(start, piece.start), min(stop, piece.stop)
            if first < last:
                offset = piece.offset - piece.start
                out[first - start : last - start] = self._samples[first + offset : last + offset]
        out /= FULL_SCALE
        return out

    def to_memmap(self, file: IO[bytes], samples: int) -> Samples:
        """Store the first samples from time 0 on in an empty file and map it into memory, as it may be hours.

        Raises:
            ValueError: no samples
        """
        stored: Samples = np.memmap(file, np.float32, "w+", shape=(samples,))
        for start in range(0, samples, STORED_AT_ONCE):
            stop = min(start + STORED_AT_ONCE, samples)
            stored[start:stop] = self.between(start / SAMPLE_RATE, stop / SAMPLE_RATE)
        return stored


def read_sound(
    path: str | os.PathLike[str], zero: Fraction | None = None, wanted: AudioStreamChoice | None = None
) -> Sound:
    """Decode the audio of a local media file to 16 kHz, one channel.

    Of several streams it takes the player's default or, if that is silent, the first one that is not. Several channels
    are mixed as in `seehear.media.audio_streams.ChannelStatistics.usual`. Time 0 is that of `MediaFile.pictures`:
    audio that starts after the first frame begins with silence, audio before it has negative times, and gaps in the
    timestamps are silence. The samples are in an anonymous temporary file, so memory does not grow with length.

    Args:
        path: a regular file on this machine
        zero: time 0 on the file's own axis (s), if known (`MediaFile.zero`)
        wanted: the stream, and optionally the channel, to read

    Raises:
        MediaError: the file cannot be read (see `open_media`), has no such stream or channel, or there is no room for
            temporary files
    """
    zero = clock_zero(path) if zero is None else zero
    parts = sound_parts(path)
    if wanted is not None:
        part = find_stream(parts, wanted, path)
        return _default_mixes(path, zero, [part], parts, wanted.channel)[0]
    if not parts:
        return Sound(np.zeros(0, np.int16), [])
    first = _default_mixes(path, zero, parts[:1], parts)[0]
    if not first.silent or len(parts) == 1:
        return first
    rest = _default_mixes(path, zero, parts[1:MAX_SOUNDS], parts)
    audible = next((sound for sound in rest if not sound.silent), None)
    if audible is None:
        return first
    audible.cautions += (f"sound stream {parts[0].stream} is silent: {audible.part} was used",)
    return audible


def read_all_sounds(path: str | os.PathLike[str], zero: Fraction | None = None) -> list[Sound]:
    """Decode all audio of a file that may contain its speech; the player's default comes first.

    This means every stream, mixed as by `read_sound`, and the single channels of streams whose channels are dissimilar
    (two languages, two microphones). Silent ones are omitted unless all are silent.

    Args:
        path, zero: as for `read_sound`

    Returns:
        At most `MAX_SOUNDS`; at least one, unless the file has no audio.

    Raises:
        MediaError: as `read_sound`
    """
    zero = clock_zero(path) if zero is None else zero
    parts = sound_parts(path)
    if not parts:
        return []
    streams = _first_pass(path, zero, parts[:MAX_SOUNDS])
    single = [
        DecodeRequest(replace(stream.part, channel=mix.channel), {stream.channels.names: mix})
        for stream in streams
        for mix in stream.channels.separate_mixes()
    ]
    defaults = _settled(path, zero, streams, parts)
    room = max(0, MAX_SOUNDS - len(defaults))
    candidates = defaults + [_sound(decoded, parts) for decoded in decode_sounds(path, zero, single[:room])]
    return [sound for sound in candidates if not sound.silent] or candidates[:1]


def sound_parts(path: str | os.PathLike[str]) -> list[AudioStreamInfo]:
    """Return the audio streams of a file that can be decoded; the player's default comes first.

    Raises:
        MediaError: the file cannot be read
    """
    with open_container(path) as container:
        numbers = {stream.index: number for number, stream in enumerate(container.streams.audio, 1)}
        return [
            AudioStreamInfo(
                numbers[stream.index], len(numbers), _language(stream), stream.metadata.get("title") or None
            )
            for stream in sound_streams(container)
        ]


def _language(stream: AudioStream) -> str | None:
    return stream.language if stream.language not in (None, "", "und") else None


def _default_mixes(
    path: str | os.PathLike[str],
    zero: Fraction,
    wanted: Sequence[AudioStreamInfo],
    parts: Sequence[AudioStreamInfo],
    channel: str | None = None,
) -> list[Sound]:
    """Decode streams with the default mix, or one channel of each."""
    return _settled(path, zero, _first_pass(path, zero, wanted, channel), parts)


def _first_pass(
    path: str | os.PathLike[str], zero: Fraction, wanted: Sequence[AudioStreamInfo], channel: str | None = None
) -> list[DecodedSound]:
    """Decode streams with the most likely mix, before their channels have been compared."""
    return decode_sounds(path, zero, [DecodeRequest(part, channel=channel) for part in wanted])


def _settled(
    path: str | os.PathLike[str], zero: Fraction, streams: Sequence[DecodedSound], parts: Sequence[AudioStreamInfo]
) -> list[Sound]:
    """Return the streams with the default mix of their channels, decoding again where the first mix differs."""
    mixes_by_stream = [
        stream.used if stream.ask.channel else {names: seen.default_mix() for names, seen in stream.seen.items()}
        for stream in streams
    ]
    repeated = {
        index: DecodeRequest(stream.part, mixes)
        for index, (stream, mixes) in enumerate(zip(streams, mixes_by_stream, strict=True))
        if any(mix.weights != stream.used[names].weights for names, mix in mixes.items())
    }
    redecoded = dict(zip(repeated, decode_sounds(path, zero, list(repeated.values())), strict=True))
    sounds = []
    for index, (stream, mixes) in enumerate(zip(streams, mixes_by_stream, strict=True)):
        sound = _sound(redecoded.get(index, stream), parts)
        sound.cautions += tuple(dict.fromkeys(mix.caution for mix in mixes.values() if mix.caution))
        sounds.append(sound)
    return sounds


def _sound(taken: DecodedSound, parts: Sequence[AudioStreamInfo]) -> Sound:
    others = [part for part in parts if part.stream != taken.part.stream]
    cautions = [taken.caution] if taken.caution else []
    return Sound(taken.samples, taken.pieces, taken.repaired, taken.damaged, taken.part, others, cautions)


@dataclass(frozen=True, kw_only=True)
class SoundOptions:
    """How to cut clips from audio.

    Attributes:
        min_seconds: drop shorter recordings
        max_seconds: cut longer ones into contiguous clips; at least twice ``min_seconds``
        sound: audio stream to use; by default see `seehear.media.sound.read_sound`
    """

    min_seconds: float = 0.4
    max_seconds: float = 10.0
    sound: AudioStreamChoice | None = None

    def __post_init__(self) -> None:
        if not self.min_seconds >= 1 / FPS:
            raise SeehearError(f"min_seconds must be at least {1 / FPS} s, a frame of a clip, not {self.min_seconds}.")
        if not 2 * self.min_seconds <= self.max_seconds <= 600:
            raise SeehearError(
                f"max_seconds must be from twice min_seconds ({2 * self.min_seconds:g}) to 600, not {self.max_seconds}."
            )


@dataclass(slots=True)
class SoundClipStats:
    """Statistics of one file; complete when all clips have been read.

    Attributes:
        seconds: duration of its audio; None without audio
        min_seconds: the option
        silent: whether the audio is silent
        part: the audio stream in use
        others: the other audio streams
        cautions: always empty; `ClipStats` has some
    """

    seconds: float | None = None
    min_seconds: float = 0.4
    silent: bool = False
    part: AudioStreamInfo | None = None
    others: tuple[AudioStreamInfo, ...] = ()
    cautions: tuple[str, ...] = ()

    def empty_reason(self) -> str:
        """Explain why there is no clip."""
        if self.seconds is None:
            return "there is no sound"
        if self.silent:
            return f"the audio is {self.seconds:.2f} s of silence{describe_others(self.part, self.others)}"
        return f"the audio is {self.seconds:.2f} s long, shorter than {self.min_seconds:g} s"


class SoundReader:
    """The clips of a file's audio, in order; a context manager and an iterable, like `seehear.media.clips.ClipReader`.

    The whole recording is one segment; video, if there is any, only determines the origin of the clock. The last frame
    of 40 ms is padded with silence. A silent recording (`seehear.media.sound.SILENCE_PEAK`) gives no clips.

    Attributes:
        media: the open file
        sound: its audio, decoded on first use
        stats: statistics of the latest iteration

    Raises:
        MediaError: the file cannot be read (on entering or while iterating)
    """

    needs_pictures: ClassVar[bool] = False

    def __init__(self, path: str | os.PathLike[str], options: SoundOptions | None = None) -> None:
        """Set up the reader; nothing is opened yet."""
        self.path = path
        self.options = options or SoundOptions()
        self.stats = SoundClipStats(min_seconds=self.options.min_seconds)

    @cached_property
    def media(self) -> MediaFile:
        return open_media(self.path, threads=1)

    @cached_property
    def sound(self) -> Sound:
        return read_sound(self.path, self.media.zero, self.options.sound)

    def __enter__(self) -> Self:
        _ = self.media
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.media.close()

    def __iter__(self) -> Iterator[Clip]:
        options, sound = self.options, self.sound
        seconds = sound.duration_s if self.media.has_sound else None
        self.stats = SoundClipStats(seconds, options.min_seconds, sound.silent, sound.part, sound.others)
        if self.stats.silent:
            return
        frames = -(-round(sound.duration_s * SAMPLE_RATE) // SAMPLES_PER_FRAME)
        start = 0
        for length in split_lengths(frames, round(options.min_seconds * FPS), round(options.max_seconds * FPS)):
            start_s, stop_s = start / FPS, (start + length) / FPS
            meta = {"source": str(self.path), "start_s": start_s, "track": 0}
            yield Clip.from_audio(sound.between(start_s, stop_s), meta)
            start += length


def split_lengths(frames: int, shortest: int, longest: int) -> list[int]:
    """Split a segment into full lengths, while enough remains for another piece, and the rest into one or two.

    Args:
        frames: length of the segment; nothing is returned if it is shorter than ``shortest``
        shortest, longest: limits of the length of pieces; ``longest`` is at least twice ``shortest``
    """
    lengths: list[int] = []
    if frames < max(1, shortest):
        return lengths
    while frames >= longest + shortest:
        lengths.append(longest)
        frames -= longest
    if frames > longest:
        lengths.append((frames + 1) // 2)
        frames //= 2
    return [*lengths, frames]
