"""One source to a part: what a worker process of the preparation does."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seehear.beside import written_beside
from seehear.clip import Clip
from seehear.corpus.formats.media_files import is_sound, printable
from seehear.corpus.formats.source import Source
from seehear.corpus.manifest import LABEL_PREFIX
from seehear.corpus.outcome import Outcome, PackedRow
from seehear.corpus.plan import clip_key
from seehear.corpus.reading import OpenReader, Reader
from seehear.corpus.shards import pack
from seehear.corpus.staging import part_path
from seehear.crew import Tell
from seehear.errors import SeehearError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
SOUND_ONLY = (
    "it is sound only; give --faces none for a corpus of sound alone, or leave it as it is: `seehear evaluate` and "
    "`seehear embed` read sound files themselves"
)


@dataclass(frozen=True)
class Task:
    """One source to be prepared: its number in the plan and what its clips' keys begin with."""

    number: int
    source: Source
    key: str


@dataclass(frozen=True)
class Step:
    """What a worker tells after each clip: the share of its source that is done, 0..1."""

    share: float


def prepare_source(task: Task, tell: Tell, *, staging: Path, open_reader: OpenReader) -> Outcome:
    """Read a source, encode its clips into its part, and say what became of it.

    Whatever is wrong with the source, including what nobody has thought of, becomes an outcome ``failed``.

    Raises:
        OSError: the disk is full, which is not the source's fault.
    """
    try:
        with open_reader(task.source.path, task.source.delay_s) as reader:
            clips = _write_part(task, tell, part_path(staging, task.number), reader)
            clip_seconds = sum(clip.row["seconds"] for clip in clips)
            seconds = round(float(reader.media.duration_s) or clip_seconds, 3)
            if not clips and reader.needs_pictures and is_sound(task.source.path):
                return Outcome("failed", f"there is no picture: {SOUND_ONLY}", seconds)
            if not clips:
                return Outcome("empty", reader.stats.why_nothing() or "no clips", seconds)
            return Outcome("done", _remark(reader, task.source), seconds, len(clips), clip_seconds, clips)
    except Exception as error:
        if full := no_room(error):
            raise full from error
        reason = str(error) if isinstance(error, SeehearError) else f"unforeseen {type(error).__name__}: {error}"
        return Outcome("failed", printable(reason))


def no_room(error: BaseException | None) -> OSError | None:
    """The full disk at the bottom of an error, if that is what it comes from."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return error
        error = error.__cause__ or error.__context__
    return None


def _write_part(task: Task, tell: Tell, part: Path, reader: Reader) -> list[PackedRow]:
    """Encode every clip as it comes; memory holds one."""
    clips: list[PackedRow] = []
    with written_beside(part) as temporary, temporary.open("wb") as file:
        for clip in reader:
            key = clip_key(task.key, len(clips))
            packed = pack(key, clip, task.source)
            file.write(packed.blocks)
            row = _row(key, clip, task.source, has_sound=bool(reader.media.has_sound) and not reader.sound.silent)
            clips.append(PackedRow(row, len(packed.blocks), packed.spans))
            end_s = clip.meta["start_s"] + clip.seconds
            tell(Step(min(1.0, end_s / reader.media.duration_s) if reader.media.duration_s else 0.0))
    if not clips:
        part.unlink()
    return clips


def _row(key: str, clip: Clip, source: Source, *, has_sound: bool) -> dict[str, Any]:
    """The columns of the manifest that are known before the clip has a place in a shard."""
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


def _remark(reader: Reader, source: Source) -> str:
    """What a user should know of a source that gave clips."""
    remarks = [printable(source.remark)] if source.remark else []
    if not reader.media.has_sound:
        remarks.append("there is no sound: its clips are silent")
    else:
        remarks += ["the sound is silence, so its clips are counted as without sound"] * reader.sound.silent
        remarks += reader.sound.cautions
    remarks += reader.stats.cautions
    if reader.media.damaged:
        remarks.append(f"{reader.media.damaged} pieces of the picture are damaged and were passed over")
    return "; ".join(remarks)
