"""Which sound of a file is meant: one stream of several, and perhaps one channel of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from seehear.errors import MediaError, SeehearError


@dataclass(frozen=True)
class Wanted:
    """What a user asks for with ``--audio-stream``.

    Attributes:
        stream: number of the stream of sound, from 1.
        channel: its channel (see `seehear.media.channels.named`); None leaves the mixture to the program.
    """

    stream: int
    channel: str | None = None

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """From ``2`` or ``2:left``; None for None.

        Raises:
            SeehearError: something else.
        """
        if text is None:
            return None
        number, colon, channel = str(text).partition(":")
        if not number.isdecimal() or int(number) < 1 or (colon and not channel):
            raise SeehearError(
                f"--audio-stream must be the number of a stream of sound, from 1, such as 2, or 2:left, not {text}"
            )
        return cls(int(number), channel or None)

    def __str__(self) -> str:
        return f"{self.stream}:{self.channel}" if self.channel else str(self.stream)


@dataclass(frozen=True)
class SoundPart:
    """One of the sounds of a file.

    Attributes:
        stream: number of the stream among all streams of sound, from 1 (FFmpeg's 0:a:N is one less).
        of: how many there are.
        language: as the file says; None where it does not.
        title: likewise.
        channel: the one channel that is taken; None for a mixture.
    """

    stream: int
    of: int
    language: str | None = None
    title: str | None = None
    channel: str | None = None

    @property
    def wanted(self) -> Wanted:
        """How to ask for it again."""
        return Wanted(self.stream, self.channel)

    def __str__(self) -> str:
        return f"sound stream {self.stream} of {self.of}{self._details()}"

    @property
    def short(self) -> str:
        """As one of several in a sentence: ``2 (ita, left)``."""
        return f"{self.stream}{self._details()}"

    def to_json(self) -> dict[str, Any]:
        """The entry ``sound`` of a JSON object."""
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


def find_part(parts: Sequence[SoundPart], wanted: Wanted, path: object) -> SoundPart:
    """The stream that is asked for.

    Raises:
        MediaError: there is none of that number.
    """
    for part in parts:
        if part.stream == wanted.stream:
            return part
    if not parts:
        raise MediaError(f"{path} has no sound, so --audio-stream {wanted} means nothing; leave it out")
    there = ", ".join(part.short for part in parts)
    raise MediaError(f"{path} has no sound stream {wanted.stream}; give --audio-stream one of {there}")


def others_in_words(part: SoundPart | None, others: Sequence[SoundPart]) -> str:
    """What else there is to be listened to, as the end of a sentence; empty where there is nothing."""
    if part is None or not others:
        return ""
    return f"; {part} was used, and there are {', '.join(other.short for other in others)}: see --audio-stream"
