"""A media file to clips of its sound alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import ClassVar, Self

from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Clip
from seehear.errors import SeehearError
from seehear.media.decode import MediaFile, open_media
from seehear.media.sound import Sound, read_sound
from seehear.media.sound_part import SoundPart, Wanted, others_in_words


@dataclass(frozen=True, kw_only=True)
class SoundOptions:
    """How clips are cut from sound.

    Attributes:
        min_seconds: shorter recordings are dropped.
        max_seconds: longer ones are cut into contiguous pieces; at least twice ``min_seconds``.
        sound: which of a file's sounds; without it see `seehear.media.sound.read_sound`.
    """

    min_seconds: float = 0.4
    max_seconds: float = 10.0
    sound: Wanted | None = None

    def __post_init__(self) -> None:
        if not self.min_seconds >= 1 / FPS:
            raise SeehearError(f"min_seconds must be at least {1 / FPS} s, a frame of a clip, not {self.min_seconds}.")
        if not 2 * self.min_seconds <= self.max_seconds <= 600:
            raise SeehearError(
                f"max_seconds must be from twice min_seconds ({2 * self.min_seconds:g}) to 600, not {self.max_seconds}."
            )


@dataclass(slots=True)
class HeardStats:
    """What was met in a file; complete when all its clips have been read.

    Attributes:
        seconds: length of its sound; None where it has none.
        min_seconds: of the options.
        silent: whether there is nothing in it to be heard.
        part: which of the file's sounds it is.
        others: the others.
        cautions: none; a reader of pictures has some.
    """

    seconds: float | None = None
    min_seconds: float = 0.4
    silent: bool = False
    part: SoundPart | None = None
    others: tuple[SoundPart, ...] = ()
    cautions: tuple[str, ...] = ()

    def why_nothing(self) -> str:
        """In words, why no clip came out."""
        if self.seconds is None:
            return "there is no sound"
        if self.silent:
            return f"the sound is {self.seconds:.2f} s of silence{others_in_words(self.part, self.others)}"
        return f"the sound is {self.seconds:.2f} s long, shorter than {self.min_seconds:g} s"


class SoundReader:
    """The clips of a file's sound, in order; a context manager and an iterable, as `seehear.media.clips.ClipReader`.

    The whole recording is one stretch; pictures, where there are any, only say when its clock begins. Silence fills
    the last frame of 40 ms. A silent recording (`seehear.media.sound.SILENT`) gives no clips.

    Attributes:
        media: the open file.
        sound: its sound, decoded when first asked for.
        stats: what was met, of the latest iteration.

    Raises:
        MediaError: the file cannot be read (on entering or while iterating).
    """

    needs_pictures: ClassVar[bool] = False

    def __init__(self, path: str | os.PathLike[str], options: SoundOptions | None = None) -> None:
        """Nothing is opened yet."""
        self.path = path
        self.options = options or SoundOptions()
        self.stats = HeardStats(min_seconds=self.options.min_seconds)

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
        self.stats = HeardStats(seconds, options.min_seconds, sound.silent, sound.part, sound.others)
        if self.stats.silent:
            return
        frames = -(-round(sound.duration_s * SAMPLE_RATE) // SAMPLES_PER_FRAME)
        start = 0
        for length in piece_lengths(frames, round(options.min_seconds * FPS), round(options.max_seconds * FPS)):
            start_s, stop_s = start / FPS, (start + length) / FPS
            meta = {"source": str(self.path), "start_s": start_s, "track": 0}
            yield Clip.of_sound(sound.between(start_s, stop_s), meta)
            start += length


def piece_lengths(frames: int, shortest: int, longest: int) -> list[int]:
    """How a stretch is cut: full lengths, while enough is left for another piece, and the rest in one or two.

    Args:
        frames: of the stretch; one that is shorter than ``shortest`` gives nothing.
        shortest, longest: lengths of pieces; ``longest`` is at least twice ``shortest``.
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
