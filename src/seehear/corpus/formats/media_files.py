"""Finding the video and sound files under some folders, by suffix or, where that says nothing, by their first bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from seehear.errors import CorpusError
from seehear.os_errors import missing

_VIDEO = ".3gp .asf .avi .dv .f4v .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv"
VIDEO_SUFFIXES = frozenset(_VIDEO.split())
_SOUND = ".aac .aif .aiff .amr .au .caf .flac .m4a .mka .mp3 .oga .ogg .opus .w64 .wav .wma .wv"
SOUND_SUFFIXES = frozenset(_SOUND.split())
HEAD = 376  # bytes looked at: two MPEG transport packets


def find_media(sources: Sequence[Path]) -> list[tuple[Path, str]]:
    """Every video and sound file in some files and folders, with its name in the corpus, in natural order of the names.

    A file that is named itself is taken whatever it is. Hidden files are passed over. Where several files or folders
    are given and their contents share a name, the name gets the folder's in front, as often as it takes.

    Raises:
        CorpusError: nothing is there or no such file is found.
    """
    found: dict[Path, Path] = {}  # file -> the folder its name is relative to; absolute, so that none comes twice
    for source in sources:
        place = Path(os.path.abspath(source))  # noqa: PTH100  a link keeps its name, which may be a speaker
        if source.is_dir():
            found.update(dict.fromkeys(_walk(place), place))
        elif source.exists():
            found[place] = place.parent
        else:
            raise CorpusError(missing(source, "name a video or sound file or a folder of them"))
    if not found:
        places = ", ".join(str(source) for source in sources) or "nothing"
        raise CorpusError(f"no video file in {places}, nor a sound file; name a folder that holds some")
    names = _unique_names(found)
    return sorted(names.items(), key=lambda item: natural_key(item[1]))


def natural_key(name: str) -> tuple[list[tuple[int, str, int]], str]:
    """Sorts clip2 before clip10: digits compare as numbers."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, "", int(p)) if p[0] in "0123456789" else (1, p, 0) for p in parts], name


def is_media(path: Path) -> bool:
    """Whether a file is video or sound by its suffix, or has none that tells and begins as such files do."""
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES or suffix in SOUND_SUFFIXES:
        return True
    return not _tells(suffix) and (begins_like_video(head := _head(path)) or begins_like_sound(head))


def is_sound(path: Path) -> bool:
    """Whether a file is sound without picture by its suffix, or has none that tells and begins as sound files do."""
    suffix = path.suffix.lower()
    if suffix == ".ogg":  # of old, films were called so, too
        return b"theora" not in _head(path)
    return suffix in SOUND_SUFFIXES or (not _tells(suffix) and begins_like_sound(_head(path)))


def begins_like_video(head: bytes) -> bool:
    """Whether the first bytes are those of a video container."""
    return (
        head[4:8] == b"ftyp"  # mp4, mov, 3gp
        or head.startswith(b"\x1aE\xdf\xa3")  # Matroska, WebM
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
        or head.startswith(b"FLV\x01")
        or head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"))  # MPEG programme or video stream
        or (head[:1] == b"G" and head[188:189] == b"G")  # MPEG transport stream
        or head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")  # ASF, WMV
    )


def begins_like_sound(head: bytes) -> bool:
    """Whether the first bytes are those of a file that holds sound alone."""
    return (head.startswith(b"RIFF") and head[8:12] == b"WAVE") or head.startswith((b"fLaC", b"ID3"))


def _tells(suffix: str) -> bool:
    """Whether a suffix says what kind of file it is; ``.001`` and none at all do not."""
    return bool(suffix) and len(suffix) <= 5 and not suffix[1:].isdigit()


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _walk(folder: Path) -> Iterator[Path]:
    """Media files under a folder, links followed once each."""
    seen = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for name in files if not name.startswith(".") and is_media(path := Path(here) / name))


def _unique_names(found: dict[Path, Path]) -> dict[Path, str]:
    """Names relative to the given folders; those that meet grow by one parent folder until they differ."""
    names = {path: printable(path.relative_to(root).as_posix()) for path, root in found.items()}
    while True:
        by_name: dict[str, list[Path]] = {}
        for path, name in names.items():
            by_name.setdefault(name, []).append(path)
        meeting = [path for paths in by_name.values() if len(paths) > 1 for path in paths]
        if not meeting:
            return names
        for path in meeting:
            longer = Path(*path.parts[-len(Path(names[path]).parts) - 1 :])
            names[path] = printable(longer.as_posix().lstrip("/"))


def printable(name: str) -> str:
    """The same text, where bytes that are not UTF-8 (old file names have such) are written out."""
    return name.encode("utf-8", "backslashreplace").decode()
