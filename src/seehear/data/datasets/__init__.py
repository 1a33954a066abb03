"""`Dataset` (layout, labels, download in one object), `Source`, `Span`, label words, media files of a folder.

speaker   who speaks, unique within the data set
text      the words, lower case, without punctuation but apostrophes
word      the one word of a recording of an isolated word
emotion   one of `EMOTIONS`
sex       female or male
age       years
valence, arousal   numbers on the data set's own scale, which its card says
part      train, dev or test, only where the data set itself says which
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from seehear.errors import CorpusError, missing_file_message


class Span(NamedTuple):
    """A word, a phoneme or anything else with a beginning and an end in seconds."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Source:
    """One media file.

    Attributes:
        path: where it is.
        name: its name in the corpus: relative to the folder it was found in, with forward slashes; unique.
        labels: what is known of the whole file, as text: speaker, text, emotion, ...; `seehear.data.datasets`
            has the names and words that all data sets share.
        spans: what is known of parts of it, in seconds on the file's clock: words, phonemes, ...
        problem: why it is left out, if it is: a sentence for the report.
        remark: what else the report is to say of it, if it gives clips.
        recording: name of the recording, where a data set has it in several files (the video, and its sound as wav
            and mp3): they share it, and `find_sources` gives one of them. Empty where the file stands alone.
        camera: which one filmed it, where several did at once: each film is worth seeing, but they sound the same.
        delay_s: by how much its sound is late (s; negative: early). Its clips are cut with that undone.
    """

    path: Path
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    spans: dict[str, list[Span]] = field(default_factory=dict)
    problem: str = ""
    remark: str = ""
    recording: str = ""
    camera: str = ""
    delay_s: float = 0.0


def spans_within(spans: dict[str, list[Span]], start_s: float, seconds: float) -> dict[str, list[Span]]:
    """The spans that touch [start_s, start_s + seconds), with times counted from start_s (so they may be negative)."""
    return {
        kind: [
            Span(s.text, round(s.start_s - start_s, 4), round(s.end_s - start_s, 4))
            for s in every
            if s.end_s > start_s and s.start_s < start_s + seconds
        ]
        for kind, every in spans.items()
    }


EMOTIONS = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fear",
    "disgust",
    "surprise",
    "boredom",
    "excitement",
    "frustration",
    "other",
)


PARTS = ("train", "dev", "test")


SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}


def spoken_words(sentence: str) -> str:
    """The words of a sentence as they are spoken: lower case, punctuation gone, apostrophes within words kept."""
    words = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", sentence.lower())
    return " ".join(words).replace("’", "'")


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
            raise CorpusError(missing_file_message(source, "name a video or sound file or a folder of them"))
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


Medium = Literal["picture", "sound"]


_LOSSLESS = frozenset({".aif", ".aiff", ".au", ".caf", ".flac", ".w64", ".wav", ".wv"})


def prefer_medium(found: Sequence[Source], prefer: Medium) -> list[Source]:
    """Of sources that share a recording only the one that is preferred; all others as they are, in their order.

    Args:
        found: sources.
        prefer: "picture" takes a video where there is one, of every camera; "sound" one file whose words have times, a
            sound file before a video, lossless before compressed.
    """
    best: dict[tuple[str, str], Source] = {}
    for source in found:
        if source.recording and not source.problem:
            key = _key(source, prefer)
            rival = best.get(key)
            if rival is None or _rank(source, prefer) < _rank(rival, prefer):
                best[key] = source
    return [s for s in found if not s.recording or s.problem or best[_key(s, prefer)] is s]


def _key(source: Source, prefer: Medium) -> tuple[str, str]:
    """What only one file is wanted of."""
    return source.recording, source.camera if prefer == "picture" else ""


def _rank(source: Source, prefer: Medium) -> tuple[bool, bool, bool]:
    """Lower is better."""
    sound, compressed = is_sound(source.path), source.path.suffix.lower() not in _LOSSLESS
    return (sound, not source.spans, compressed) if prefer == "picture" else (not source.spans, not sound, compressed)


def find_by_name(
    sources: Sequence[Path],
    labels: Path | None,
    read: Callable[[Path, str], Source],
    data_set: str,
) -> list[Source]:
    """Every file that is named as a data set names its own; others are kept with a problem, for the report.

    Args:
        sources: files and folders.
        labels: a labels CSV, which such a data set has no use for.
        read: path and name in the corpus to source; with a problem where the name is not of the data set.
        data_set: its name, for sentences.

    Raises:
        CorpusError: no video or sound, none named as the data set names its files, or a labels CSV given.
    """
    if labels:
        raise CorpusError(
            f"{labels} is not used: the labels of {data_set} are in its files; use the format 'folder' for your own"
        )
    found = [read(path, name) for path, name in find_media(sources)]
    if all(source.problem for source in found):
        raise CorpusError(
            f"{found[0].path} is not a recording of {data_set}, nor is any other file there: {found[0].problem}; "
            "use the format 'folder', or another"
        )
    return found


def unrecognised_name(path: Path, name: str, data_set: str, example: str) -> Source:
    """The source for a file whose name is not one of the data set."""
    return Source(path, name, problem=f"its name is not that of a recording of {data_set}, such as {example}")
