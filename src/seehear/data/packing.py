"""Prepare a source in a worker; join the results to shards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Literal, Protocol, Self

from seehear.atomic_io import atomic_write
from seehear.clip import Clip
from seehear.data.datasets import Source, is_sound, printable
from seehear.data.manifest import END_OF_TAR, LABEL_PREFIX, MEMBERS, Row, pack, shard_name
from seehear.data.staging import Staging, clip_key, part_path
from seehear.errors import CorpusError, SeehearError, disk_full_error
from seehear.media.audio_streams import AudioStreamChoice
from seehear.media.clips import ClipOptions, ClipReader
from seehear.media.face_detector import load_detector
from seehear.media.sound import SoundOptions, SoundReader
from seehear.parallel import ReportProgress

Status = Literal["done", "empty", "failed", "skipped"]


@dataclass(frozen=True)
class PackedRow:
    """A clip in a part.

    Attributes:
        row: its row of the manifest, without its position in a shard
        size: bytes in the part, including headers
        spans: member -> offset from the first of these bytes, and size
    """

    row: dict[str, Any]
    size: int
    spans: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class SourceOutcome:
    """Outcome of a source.

    Attributes:
        status: ``done``; ``empty``: readable, but without clips; ``failed``: unreadable; ``skipped``: not to be read
        reason: why it is not ``done``, or a remark, as a sentence
        seconds: length of the source; 0 if unknown
        clip_count: number of clips
        clip_seconds: total length of the clips
        clips: the clips, until they are in a shard
    """

    status: Status
    reason: str = ""
    seconds: float = 0.0
    clip_count: int = 0
    clip_seconds: float = 0.0
    clips: list[PackedRow] = field(default_factory=list)

    def without_clips(self) -> SourceOutcome:
        """Return a copy without the clips, for the report."""
        return replace(self, clips=[])

    def to_json(self) -> str:
        """Convert to JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> SourceOutcome:
        """Parse the text of `to_json`."""
        content = json.loads(text)
        return cls(**{**content, "clips": [PackedRow(**clip) for clip in content["clips"]]})


class ClipSource(Protocol):
    """The clips of an open media file in order of their start, such as `seehear.media.clips.ClipReader`."""

    needs_pictures: ClassVar[bool]  # whether it cannot read sound files

    @property
    def media(self) -> Any: ...  # .duration_s (0 if unknown), .has_sound, .damaged (number of damaged packets)

    @property
    def sound(self) -> Any: ...  # .silent, .cautions (sentences)

    stats: Any  # after all clips: .empty_reason(): why there are none; .cautions (sentences)

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def __iter__(self) -> Iterator[Clip]: ...


class ReaderFactory(Protocol):
    """Opens media files for reading clips; can be pickled."""

    def __call__(self, path: Path, delay_s: float = 0.0, /) -> ClipSource:
        """Open a file whose audio is late by ``delay_s`` seconds; in the clips this is undone."""


@dataclass(frozen=True)
class FaceClipReaders:
    """Opens media files for face clips, decoded in one thread because there are many processes."""

    options: ClipOptions

    def __call__(self, path: Path, delay_s: float = 0.0) -> ClipSource:
        return ClipReader(path, self.options, threads=1, delay_s=delay_s)

    def options_dict(self) -> dict[str, Any]:
        """Return the options that determine the clips, as JSON values.

        Raises:
            ModelError: no face detector; better raised once here than for every source
        """
        whole = self.options.faces == "whole-frame"
        name = None if whole else load_detector("yunet", self.options.detector).name
        return with_audio_stream(asdict(self.options) | {"detector": name}, self.options.sound)


@dataclass(frozen=True)
class SoundClipReaders:
    """Opens media files for clips of audio only."""

    options: SoundOptions

    def __call__(self, path: Path, delay_s: float = 0.0) -> ClipSource:  # without video, a delay does not matter
        return SoundReader(path, self.options)

    def options_dict(self) -> dict[str, Any]:
        """Return the options that determine the clips, as JSON values."""
        return with_audio_stream({"faces": "none", "size": 0, **asdict(self.options)}, self.options.sound)


def with_audio_stream(options: dict[str, Any], sound: AudioStreamChoice | None) -> dict[str, Any]:
    """Return options as JSON values, with the chosen audio stream if there is one."""
    others = {name: value for name, value in options.items() if name != "sound"}
    return {**others, "audio_stream": str(sound)} if sound else others


SOUND_ONLY = (
    "it is audio only; give --faces none for a corpus of audio alone, or leave it as it is: `seehear evaluate` and "
    "`seehear embed` read sound files themselves"
)


@dataclass(frozen=True)
class Task:
    """A source to prepare, its number in the plan, and the beginning of its clips' keys."""

    number: int
    source: Source
    key: str


@dataclass(frozen=True)
class SourceProgress:
    """Progress after each clip: share of the source that is done, 0 to 1."""

    share: float


def prepare_source(task: Task, tell: ReportProgress, *, staging: Path, open_reader: ReaderFactory) -> SourceOutcome:
    """Read a source, encode its clips into its part, and return its outcome.

    All errors of the source, also unexpected ones, become an outcome ``failed``.

    Raises:
        OSError: the disk is full
    """
    try:
        with open_reader(task.source.path, task.source.delay_s) as reader:
            clips = _write_part(task, tell, part_path(staging, task.number), reader)
            clip_seconds = sum(clip.row["seconds"] for clip in clips)
            seconds = round(float(reader.media.duration_s) or clip_seconds, 3)
            if not clips and reader.needs_pictures and is_sound(task.source.path):
                return SourceOutcome("failed", f"there is no video: {SOUND_ONLY}", seconds)
            if not clips:
                return SourceOutcome("empty", reader.stats.empty_reason() or "no clips", seconds)
            return SourceOutcome("done", _remark(reader, task.source), seconds, len(clips), clip_seconds, clips)
    except Exception as error:
        if full := disk_full_error(error):
            raise full from error
        reason = str(error) if isinstance(error, SeehearError) else f"unforeseen {type(error).__name__}: {error}"
        return SourceOutcome("failed", printable(reason))


def _write_part(task: Task, tell: ReportProgress, part: Path, reader: ClipSource) -> list[PackedRow]:
    """Encode clip by clip, with one in memory at a time."""
    clips: list[PackedRow] = []
    with atomic_write(part) as temporary, temporary.open("wb") as file:
        for clip in reader:
            key = clip_key(task.key, len(clips))
            packed = pack(key, clip, task.source)
            file.write(packed.blocks)
            row = _row(key, clip, task.source, has_sound=bool(reader.media.has_sound) and not reader.sound.silent)
            clips.append(PackedRow(row, len(packed.blocks), packed.spans))
            end_s = clip.meta["start_s"] + clip.seconds
            tell(SourceProgress(min(1.0, end_s / reader.media.duration_s) if reader.media.duration_s else 0.0))
    if not clips:
        part.unlink()
    return clips


def _row(key: str, clip: Clip, source: Source, *, has_sound: bool) -> dict[str, Any]:
    """Return the row of the manifest, without the position in a shard."""
    return {
        "key": key,
        "frames": clip.frames,
        "seconds": clip.seconds,
        "source": source.name,
        "start_s": round(float(clip.meta["start_s"]), 4),
        "track": int(clip.meta["track"]),
        "has_sound": has_sound,
        **{LABEL_PREFIX + name: value for name, value in source.labels.items()},
    }


def _remark(reader: ClipSource, source: Source) -> str:
    """Return remarks on a source with clips, for the report."""
    remarks = [printable(source.remark)] if source.remark else []
    if not reader.media.has_sound:
        remarks.append("there is no sound: its clips are silent")
    else:
        remarks += ["the audio is silence, so its clips are counted as without sound"] * reader.sound.silent
        remarks += reader.sound.cautions
    remarks += reader.stats.cautions
    if reader.media.damaged:
        remarks.append(f"{reader.media.damaged} damaged packets of the video were skipped")
    return "; ".join(remarks)


SHARD_BYTES = 1 << 30  # a shard ends with the clip that reaches this size


@dataclass
class _Shard:
    """A shard in preparation: its bytes, as pieces of parts, and its rows of the manifest."""

    number: int
    pieces: list[tuple[int, int, int]] = field(default_factory=list)  # source, offset in its part, bytes
    rows: list[Row] = field(default_factory=list)
    size: int = 0


class Assembler:
    """Takes the outcomes of the sources in order, and writes each shard when it is full.

    Positions of clips are computed from the start in every run. A resumed run therefore finds that the existing shards
    are those that it would write, and skips them.
    """

    def __init__(self, out: Path, staging: Staging[SourceOutcome], shard_clips: int) -> None:
        """Write shards of ``shard_clips`` clips into ``out``."""
        self.out = out
        self.staging = staging
        self.shard_clips = shard_clips
        self.rows: list[Row] = []
        self.next_source = 0
        self._shard = _Shard(0)
        self._spent: list[int] = []  # sources whose clips are all packed, some perhaps in the current shard

    @property
    def shards(self) -> int:
        """Number of shards written so far."""
        return self._shard.number

    def take_all(self, outcomes: dict[int, SourceOutcome]) -> None:
        """Pack the clips of the next sources, as far as their outcomes are known, and drop these clips from memory."""
        while (outcome := outcomes.get(self.next_source)) is not None:
            outcomes[self.next_source] = outcome.without_clips()
            self.take(outcome)

    def take(self, outcome: SourceOutcome) -> None:
        """Pack the clips of the next source."""
        part_offset = 0
        for clip in outcome.clips:
            self._pack(clip, part_offset)
            part_offset += clip.size
            if len(self._shard.rows) == self.shard_clips or self._shard.size >= SHARD_BYTES:
                self._write()
        self._spent.append(self.next_source)
        self.next_source += 1

    def finish(self) -> None:
        """Write the last shard."""
        if self._shard.rows:
            self._write()

    def _pack(self, clip: PackedRow, part_offset: int) -> None:
        shard = self._shard
        positions: Row = {}
        for member in MEMBERS:
            offset, size = clip.spans[member]
            positions |= {f"{member}_offset": shard.size + offset, f"{member}_size": size}
        shard.rows.append({**clip.row, "shard": shard.number, **positions})
        shard.pieces.append((self.next_source, part_offset, clip.size))
        shard.size += clip.size

    def _write(self) -> None:
        shard = self._shard
        path = self.out / shard_name(shard.number)
        if not path.exists():
            with atomic_write(path) as temporary, temporary.open("wb") as file:
                for source, offset, size in shard.pieces:
                    file.write(self._read(source, offset, size))
                file.write(END_OF_TAR)
        self.rows += shard.rows
        self._shard = _Shard(shard.number + 1)
        for source in self._spent:
            self.staging.part(source).unlink(missing_ok=True)
        self._spent.clear()

    def _read(self, source: int, offset: int, size: int) -> bytes:
        try:
            with self.staging.part(source).open("rb") as file:
                file.seek(offset)
                data = file.read(size)
        except FileNotFoundError:
            data = b""
        if len(data) != size:
            raise CorpusError(f"{self.staging.part(source)} is damaged or missing; remove {self.out} and prepare again")
        return data
