"""How sources become clips: the clip reader with its options, in a form that travels to worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

from seehear.clip import Clip
from seehear.media.clips import ClipOptions, ClipReader
from seehear.media.faces import load_detector
from seehear.media.sound_clips import SoundOptions, SoundReader
from seehear.media.sound_part import Wanted


class Reader(Protocol):
    """The clips of one open media file in order of their start; `seehear.media.clips.ClipReader` is one."""

    needs_pictures: ClassVar[bool]  # and can make nothing of a sound file

    @property
    def media(self) -> Any: ...  # .duration_s (0 where not known), .has_sound, .damaged (pieces of pictures)

    @property
    def sound(self) -> Any: ...  # .silent, .cautions (sentences)

    stats: Any  # .why_nothing(): after all clips, why there were none; .cautions: what else there is to know

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def __iter__(self) -> Iterator[Clip]: ...


class OpenReader(Protocol):
    """Opens a media file for reading clips; can be pickled."""

    def __call__(self, path: Path, delay_s: float = 0.0, /) -> Reader:
        """Args: delay_s: by how much the sound is late (s); the clips have it undone."""


@dataclass(frozen=True)
class ReadClips:
    """Opens media files with the same options, decoding in one thread: the processes are many."""

    options: ClipOptions

    def __call__(self, path: Path, delay_s: float = 0.0) -> Reader:
        return ClipReader(path, self.options, threads=1, delay_s=delay_s)

    def told(self) -> dict[str, Any]:
        """What decides the clips, as JSON takes it.

        Raises:
            ModelError: there is no face detector. Better before all work than in every source.
        """
        whole = self.options.faces == "whole-frame"
        name = None if whole else load_detector("yunet", self.options.detector).name
        return with_sound(asdict(self.options) | {"detector": name}, self.options.sound)


@dataclass(frozen=True)
class ReadSound:
    """Opens media files for their sound alone, with the same options."""

    options: SoundOptions

    def __call__(self, path: Path, delay_s: float = 0.0) -> Reader:  # nothing is seen that sound could be late for
        return SoundReader(path, self.options)

    def told(self) -> dict[str, Any]:
        """What decides the clips, as JSON takes it; faces are of no size."""
        return with_sound({"faces": "none", "size": 0, **asdict(self.options)}, self.options.sound)


def with_sound(options: dict[str, Any], sound: Wanted | None) -> dict[str, Any]:
    """Options that decide the clips, as JSON takes them; which sound is wanted is among them where that is said."""
    told = {name: value for name, value in options.items() if name != "sound"}
    return {**told, "audio_stream": str(sound)} if sound else told
