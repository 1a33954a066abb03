"""Audio streams and channels of a file, and how to mix channels without losing a voice.

The plain mean of two channels of opposite polarity is silence, and that of 5.1 is mostly music. So the channels are
compared over the whole recording before they are mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Self

import numpy as np
from av.audio.layout import AudioLayout
from numpy.typing import NDArray

from seehear.errors import MediaError, SeehearError


@dataclass(frozen=True)
class AudioStreamChoice:
    """The value of ``--audio-stream``.

    Attributes:
        stream: number of the audio stream, from 1
        channel: channel to use (see `channel_by_name`); None mixes automatically
    """

    stream: int
    channel: str | None = None

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Parse ``2`` or ``2:left``; None gives None.

        Raises:
            SeehearError: the text has another form
        """
        if text is None:
            return None
        number, colon, channel = str(text).partition(":")
        if not number.isdecimal() or int(number) < 1 or (colon and not channel):
            raise SeehearError(
                f"--audio-stream must be the number of an audio stream, from 1, such as 2, or 2:left, not {text}"
            )
        return cls(int(number), channel or None)

    def __str__(self) -> str:
        return f"{self.stream}:{self.channel}" if self.channel else str(self.stream)


@dataclass(frozen=True)
class AudioStreamInfo:
    """One audio stream of a file, or one of its channels.

    Attributes:
        stream: number among all audio streams, from 1 (FFmpeg's 0:a:N is one less)
        of: number of audio streams
        language: language tag of the file, or None
        title: title tag of the file, or None
        channel: the single channel in use; None for a mix
    """

    stream: int
    of: int
    language: str | None = None
    title: str | None = None
    channel: str | None = None

    @property
    def choice(self) -> AudioStreamChoice:
        """The choice that selects this stream again."""
        return AudioStreamChoice(self.stream, self.channel)

    def __str__(self) -> str:
        return f"sound stream {self.stream} of {self.of}{self._details()}"

    @property
    def label(self) -> str:
        """Short form for lists: ``2 (ita, left)``."""
        return f"{self.stream}{self._details()}"

    def to_json(self) -> dict[str, Any]:
        """Return the ``sound`` entry of a JSON object."""
        return {
            "stream": self.stream,
            "of": self.of,
            "channel": self.channel,
            "language": self.language,
            "title": self.title,
        }

    def _details(self) -> str:
        known = [detail for detail in (self.language, self.title, self.channel) if detail]
        return f" ({', '.join(known)})" if known else ""


def find_stream(parts: Sequence[AudioStreamInfo], wanted: AudioStreamChoice, path: object) -> AudioStreamInfo:
    """Return the requested stream.

    Raises:
        MediaError: there is no stream of that number
    """
    for part in parts:
        if part.stream == wanted.stream:
            return part
    if not parts:
        raise MediaError(f"{path} has no audio, so leave out --audio-stream {wanted}")
    there = ", ".join(part.label for part in parts)
    raise MediaError(f"{path} has no audio stream {wanted.stream}; give --audio-stream one of {there}")


def describe_others(part: AudioStreamInfo | None, others: Sequence[AudioStreamInfo]) -> str:
    """Describe the other audio streams, as the end of a sentence; empty if there are none."""
    if part is None or not others:
        return ""
    return f"; {part} was used, and there are {', '.join(other.label for other in others)}: see --audio-stream"


SPEECH_RATE = 8000
"""Approximate rate (1/s) at which channels are compared, after differentiation: hum, rumble and hiss do not count."""


OPPOSITE = -0.5
"""Channels with a correlation below this have opposite polarity: one microphone is wired the wrong way round."""


APART = 0.5
"""Channels with an absolute correlation below this may hold different voices (two languages or microphones)."""


UNRELATED = 0.2
"""Below this the channels certainly hold different audio, and the user is warned."""


FAINT = 1e-4
"""Power of a channel relative to the loudest (-40 dB) below which it counts as empty."""


FAINT_CENTRE = 1e-2
"""The same for the centre of 5.1 (-20 dB): leakage into an unused centre is not dialogue."""


WORDS = {"FL": "left", "FR": "right", "FC": "centre"}
"""Readable names for FFmpeg's channel names."""


STEREO = ("FL", "FR")


NAMELESS = frozenset(("", "NONE", "UNSD", "UNK"))
"""FFmpeg's names for channels that the file does not label."""


@dataclass(frozen=True)
class ChannelMix:
    """How to reduce several channels to one.

    Attributes:
        weights: one factor per channel; empty for the plain mean
        channel: readable name of the single channel in use; None for a mix
        caution: warning for the user; empty if there is none
    """

    weights: tuple[float, ...] = ()
    channel: str | None = None
    caution: str = ""

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """(channels, N) -> (N,)."""
        if not self.weights:
            return np.asarray(samples.mean(axis=0))
        return np.asarray(np.asarray(self.weights, np.float32) @ samples)


MEAN = ChannelMix()


class ChannelStatistics:
    """Channel statistics of one recording, accumulated block by block.

    Attributes:
        names: FFmpeg's channel names
        samples: number of samples per channel so far
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.samples = 0
        self._products = np.zeros((len(self.names), len(self.names)))

    def add(self, samples: NDArray[np.float32], rate: int) -> None:
        """Add a block of audio (channels, N); all values finite."""
        self.samples += samples.shape[1]
        if len(self.names) < 2:
            return
        step = max(1, round(rate / SPEECH_RATE))
        whole = samples[:, : samples.shape[1] // step * step].reshape(len(samples), -1, step)
        band = np.diff(whole.mean(axis=2, dtype=np.float64), axis=1)
        self._products += band @ band.T

    def correlation(self, one: int, other: int) -> float:
        """Return the correlation of two channels, -1 to 1; 0 if one of them is silent."""
        power = sqrt(self._products[one, one] * self._products[other, other])
        return float(self._products[one, other] / power) if power else 0.0

    def default_mix(self) -> ChannelMix:
        """Return the default mix, which loses no voice.

        This is the centre of a layout that has one as well as left and right, unless it is empty: films carry their
        dialogue there. Otherwise it is the mean, with channels of opposite polarity inverted.
        """
        centre = initial_mix(self.names)
        if centre != MEAN and self._power(self.names.index("FC")) >= FAINT_CENTRE * self._loudest():
            return centre
        sounding = self._sounding()
        if len(sounding) < 2:
            return MEAN
        loud = next(channel for channel in sounding if 2 * self._power(channel) >= self._loudest())
        inverted = [channel for channel in sounding if self.correlation(loud, channel) < OPPOSITE]
        if not inverted:
            return ChannelMix(caution=self._unrelated(sounding))
        if 2 * len(inverted) > len(sounding):  # invert the minority
            inverted = [channel for channel in sounding if channel not in inverted]
        weights = [(-1.0 if channel in inverted else 1.0) / len(self.names) for channel in range(len(self.names))]
        against = " and ".join(self.word(channel) for channel in range(len(self.names)) if channel in inverted)
        rest = " and ".join(self.word(channel) for channel in sounding if channel not in inverted)
        return ChannelMix(
            tuple(weights), caution=f"{rest} and {against} are of opposite polarity: {against} was inverted"
        )

    def separate_mixes(self) -> list[ChannelMix]:
        """Return single channels that may hold different voices; none if all are similar, or one is the centre."""
        if self.default_mix().channel:
            return []
        kept: list[int] = []
        for channel in self._sounding():
            if all(abs(self.correlation(channel, other)) < APART for other in kept):
                kept.append(channel)
        return [single_channel(self.names, channel) for channel in kept] if len(kept) > 1 else []

    def word(self, channel: int) -> str:
        """Return the readable name of a channel."""
        return _word(self.names, channel)

    def _unrelated(self, sounding: Sequence[int]) -> str:
        """Return the warning for unrelated channels."""
        if len(self.names) != 2 or len(sounding) != 2 or abs(self.correlation(0, 1)) >= UNRELATED:
            return ""
        return (
            f"{self.word(0)} and {self.word(1)} hold different sound (correlation {self.correlation(0, 1):+.2f}): "
            f"their mean was used; --audio-stream N:{self.word(0)} takes one of them"
        )

    def _power(self, channel: int) -> float:
        return float(self._products[channel, channel])

    def _loudest(self) -> float:
        return max((self._power(channel) for channel in range(len(self.names))), default=0.0)

    def _sounding(self) -> list[int]:
        """Return the channels that are not empty."""
        least = FAINT * self._loudest()
        return [channel for channel in range(len(self.names)) if self._power(channel) > least]


def channel_names(layout: AudioLayout) -> tuple[str, ...]:
    """Return FFmpeg's channel names of a layout; two unnamed channels are left and right."""
    names = tuple(channel.name for channel in layout.channels)
    return STEREO if len(names) == 2 and set(names) <= NAMELESS else names


def initial_mix(names: Sequence[str]) -> ChannelMix:
    """Return the most likely default mix, before any audio is known."""
    return single_channel(names, list(names).index("FC")) if len(names) > 2 and "FC" in names else MEAN


def single_channel(names: Sequence[str], channel: int) -> ChannelMix:
    """Return the mix that takes one channel alone."""
    return ChannelMix(tuple(float(number == channel) for number in range(len(names))), _word(names, channel))


def mix_down(samples: NDArray[np.float32], names: Sequence[str], rate: int) -> NDArray[np.float32]:
    """Mix a whole recording (channels, N) to one channel (N,); NaN samples stay NaN."""
    statistics = ChannelStatistics(names)
    statistics.add(np.where(np.isfinite(samples), samples, 0), rate)
    return statistics.default_mix()(samples)


def channel_by_name(names: Sequence[str], wanted: str) -> ChannelMix:
    """Return the channel with the given name: left, right, centre, FFmpeg's name, or a number from 1.

    Raises:
        MediaError: there is no such channel
    """
    words = [_word(names, channel) for channel in range(len(names))]
    requested = wanted.lower().replace("center", "centre")
    for channel, (name, word) in enumerate(zip(names, words, strict=True)):
        if requested in (word.lower(), name.lower(), str(channel + 1)):
            return single_channel(names, channel)
    raise MediaError(f"there is no channel {wanted}; the channels are {', '.join(words)}")


def _word(names: Sequence[str], channel: int) -> str:
    name = names[channel]
    known = names.count(name) == 1 and name not in NAMELESS
    return WORDS.get(name, name) if known else str(channel + 1)
