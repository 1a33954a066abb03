"""Data sets: layout, labels and download of each in one object; media files in folders; names of labels.

Labels that data sets share:

speaker   speaker, unique within the data set
text      transcript: lower case, no punctuation except apostrophes
word      the only word of an isolated-word recording
emotion   one of `EMOTIONS`
sex       female or male
age       in years
valence, arousal   on the scale of the data set, see its page in docs/datasets
part      train, dev or test, if the data set has an official split
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from seehear.errors import CorpusError, missing_file_message
from seehear.registry import OneOf, Registry

if TYPE_CHECKING:
    from seehear.data.hosts import Download


class Span(NamedTuple):
    """A labelled segment, such as a word or a phoneme, with start and end in seconds."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Source:
    """A media file.

    Attributes:
        path: location
        name: name in the corpus: path relative to the folder that was searched, with forward slashes; unique
        labels: labels of the whole file: speaker, text, emotion, ...; see `seehear.data.datasets` for shared names
        spans: labels of segments, in seconds of the file's time line: words, phonemes, ...
        problem: why the file cannot be used, as a sentence for the report; empty if it can. It is part of the
            fingerprint of a preparation (see `SourcePlan.fingerprint`): a new wording makes it another preparation.
        remark: note for the report on a file that is used
        recording: name shared by several files of one recording (say, a video and its audio as wav and mp3), of which
            `find_sources` returns one; empty if there is only this file
        camera: camera, if several recorded at once: their videos differ, but their audio is the same
        delay_s: audio delay in seconds, positive if the audio is late; clips are cut with this undone
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


@dataclass(frozen=True)
class Dataset:
    """A data set: the layout of its files, its labels, and where to get it.

    Attributes:
        name: name on the command line
        title: name in messages
        find: finds its recordings; takes files and folders and a labels CSV or None, returns the sources sorted, with
            unique names
        example: path of one of its files, within the folder of the data set
        labels: labels that its recordings may have; empty if they can have any
        holds: whether its recordings are video, sound, or some of them both
        download: how `seehear get` downloads it; None if it cannot
        ask_at: web page to request or download it from, if `seehear get` cannot
        cite: publication
    """

    registry_kind: ClassVar[str] = "dataset"

    name: str
    title: str
    find: Callable[[Sequence[Path], Path | None], list[Source]]
    example: str
    labels: tuple[str, ...] = ()
    holds: Literal["video", "sound", "both"] = "both"
    download: Download | None = None
    ask_at: str = ""
    cite: str = ""

    @property
    def downloadable(self) -> bool:
        """Whether `seehear get` can download it."""
        return self.download is not None

    @property
    def terms(self) -> str:
        """Terms of its download and citation, in a few lines."""
        return f"{self.download.terms if self.download else ''}\ncite   {self.cite}".lstrip()

    @property
    def has_official_split(self) -> bool:
        """Whether its authors define the parts for training and testing."""
        return "part" in self.labels


DATASETS: Registry[Dataset] = Registry(
    "dataset",
    CorpusError,
    {
        "cremad": "seehear.data.datasets.cremad:CREMAD",
        "emodb": "seehear.data.datasets.emodb:EMODB",
        "folder": "seehear.data.datasets.folder:FOLDER",
        "fsdd": "seehear.data.datasets.fsdd:FSDD",
        "grid": "seehear.data.datasets.grid:GRID",
        "iemocap": "seehear.data.datasets.iemocap:IEMOCAP",
        "librispeech": "seehear.data.datasets.librispeech:LIBRISPEECH",
        "lrs2": "seehear.data.datasets.lrs2:LRS2",
        "lrw": "seehear.data.datasets.lrw:LRW",
        "ravdess": "seehear.data.datasets.ravdess:RAVDESS",
        "speechcommands": "seehear.data.datasets.speechcommands:SPEECHCOMMANDS",
        "tcdtimit": "seehear.data.datasets.tcdtimit:TCDTIMIT",
        "voxceleb": "seehear.data.datasets.voxceleb:VOXCELEB",
    },
)


DOWNLOADABLE = OneOf("dataset", downloadable=True)


Medium = Literal["picture", "sound"]


def find_sources(
    sources: Sequence[Path], dataset: str, labels: Path | None = None, prefer: Medium = "picture"
) -> list[Source]:
    """Find the recordings of a data set; those with a ``problem`` are only reported.

    Args:
        sources: files and folders
        dataset: name in `DATASETS`
        labels: CSV with a column ``file``; by default ``labels.csv`` in each folder, if there is one
        prefer: which file to return of a recording in several files, see `prefer_medium`

    Raises:
        CorpusError: unknown data set, no such file, nothing found, or the labels do not match the files
    """
    return prefer_medium(DATASETS[dataset].find([Path(source) for source in sources], labels), prefer)


def spans_within(spans: dict[str, list[Span]], start_s: float, seconds: float) -> dict[str, list[Span]]:
    """Return the spans that overlap [start_s, start_s + seconds), with times relative to start_s (maybe negative)."""
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
    """Return the words of a sentence in lower case, without punctuation except apostrophes within words."""
    words = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", sentence.lower())
    return " ".join(words).replace("’", "'")


_VIDEO = ".3gp .asf .avi .dv .f4v .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv"


VIDEO_SUFFIXES = frozenset(_VIDEO.split())


_SOUND = ".aac .aif .aiff .amr .au .caf .flac .m4a .mka .mp3 .oga .ogg .opus .w64 .wav .wma .wv"


SOUND_SUFFIXES = frozenset(_SOUND.split())


HEAD = 376  # bytes read to detect the type of a file: two MPEG transport packets


def find_media(sources: Sequence[Path]) -> list[tuple[Path, str]]:
    """Return all video and sound files with their names in the corpus, in natural order of the names.

    A file given by its path is always included, hidden files in folders never. If files from several sources have the
    same name, parent folders are added to the names until they differ.

    Raises:
        CorpusError: a source does not exist, or there is no such file
    """
    roots: dict[Path, Path] = {}  # file -> folder its name is relative to; absolute, so that no file comes twice
    for source in sources:
        path = Path(os.path.abspath(source))  # noqa: PTH100  keep the name of a link, which may be a speaker's
        if source.is_dir():
            roots.update(dict.fromkeys(_walk(path), path))
        elif source.exists():
            roots[path] = path.parent
        else:
            raise CorpusError(missing_file_message(source, "name a video or audio file, or a folder of them"))
    if not roots:
        searched = ", ".join(str(source) for source in sources) or "nothing"
        raise CorpusError(f"no video or audio file in {searched}; name a folder with some")
    return sorted(_unique_names(roots).items(), key=lambda item: natural_key(item[1]))


def natural_key(name: str) -> tuple[list[tuple[int, str, int]], str]:
    """Return a sort key that compares digits as numbers: clip2 before clip10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, "", int(p)) if p[0] in "0123456789" else (1, p, 0) for p in parts], name


def is_media(path: Path) -> bool:
    """Whether a file is video or sound, by its suffix; if the suffix says nothing, by its first bytes."""
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES or suffix in SOUND_SUFFIXES:
        return True
    return not _names_type(suffix) and (begins_like_video(head := _head(path)) or begins_like_sound(head))


def is_sound(path: Path) -> bool:
    """Whether a file has sound but no video, by its suffix; if the suffix says nothing, by its first bytes."""
    suffix = path.suffix.lower()
    if suffix == ".ogg":  # once used for video, too
        return b"theora" not in _head(path)
    return suffix in SOUND_SUFFIXES or (not _names_type(suffix) and begins_like_sound(_head(path)))


def begins_like_video(head: bytes) -> bool:
    """Whether the first bytes are those of a video container."""
    return (
        head[4:8] == b"ftyp"  # mp4, mov, 3gp
        or head.startswith(b"\x1aE\xdf\xa3")  # Matroska, WebM
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
        or head.startswith(b"FLV\x01")
        or head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"))  # MPEG program or video stream
        or (head[:1] == b"G" and head[188:189] == b"G")  # MPEG transport stream
        or head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")  # ASF, WMV
    )


def begins_like_sound(head: bytes) -> bool:
    """Whether the first bytes are those of a sound file."""
    return (head.startswith(b"RIFF") and head[8:12] == b"WAVE") or head.startswith((b"fLaC", b"ID3"))


def _names_type(suffix: str) -> bool:
    """Whether a suffix names a file type; ``.001`` does not."""
    return bool(suffix) and len(suffix) <= 5 and not suffix[1:].isdigit()


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the media files under a folder; links to folders are followed, each folder once."""
    seen = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for name in files if not name.startswith(".") and is_media(path := Path(here) / name))


def _unique_names(roots: dict[Path, Path]) -> dict[Path, str]:
    """Return names relative to the roots; equal names are extended by parent folders until they differ."""
    names = {path: printable(path.relative_to(root).as_posix()) for path, root in roots.items()}
    while True:
        by_name: dict[str, list[Path]] = {}
        for path, name in names.items():
            by_name.setdefault(name, []).append(path)
        equal = [path for paths in by_name.values() if len(paths) > 1 for path in paths]
        if not equal:
            return names
        for path in equal:
            longer = Path(*path.parts[-len(Path(names[path]).parts) - 1 :])
            names[path] = printable(longer.as_posix().lstrip("/"))


def printable(name: str) -> str:
    """Return the name with bytes that are not UTF-8 (in old file names) written as escapes."""
    return name.encode("utf-8", "backslashreplace").decode()


_LOSSLESS = frozenset({".aif", ".aiff", ".au", ".caf", ".flac", ".w64", ".wav", ".wv"})


def prefer_medium(found: Sequence[Source], prefer: Medium) -> list[Source]:
    """Keep one of the sources that share a recording, and all others, in their order.

    Args:
        found: sources
        prefer: "picture" keeps a video of every camera, if there is one; "sound" keeps one file: with times of words
            rather than without, sound rather than video, lossless rather than compressed
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
    """Sources with the same key are alternatives."""
    return source.recording, source.camera if prefer == "picture" else ""


def _rank(source: Source, prefer: Medium) -> tuple[bool, bool, bool]:
    """Lower is better."""
    sound, compressed = is_sound(source.path), source.path.suffix.lower() not in _LOSSLESS
    return (sound, not source.spans, compressed) if prefer == "picture" else (not source.spans, not sound, compressed)


def find_by_name(
    sources: Sequence[Path],
    labels: Path | None,
    read: Callable[[Path, str], Source | None],
    title: str,
    example: str,
) -> list[Source]:
    """Find the files that are named as in a data set; others are returned with a problem.

    Args:
        sources: files and folders
        labels: labels CSV, which is refused: the labels are in the files of the data set
        read: takes a path and its name in the corpus; returns None if it is not named as in the data set
        title: of the data set
        example: name of a file of the data set

    Raises:
        CorpusError: no video or sound, no file of the data set, or a labels CSV is given
    """
    if labels:
        raise CorpusError(
            f"{labels} cannot be used: the labels of {title} are in its files; "
            "leave it out, or give --dataset folder for your own labels",
            code="labels-not-used",
        )
    problem = f"its name is not that of a recording of {title}, such as {example}"
    found = [read(path, name) or Source(path, name, problem=problem) for path, name in find_media(sources)]
    if all(source.problem for source in found):
        raise CorpusError(
            f"{found[0].path} is not a recording of {title}, nor is any other file there: {found[0].problem}; "
            "give --dataset folder, or another",
            code="wrong-dataset",
        )
    return found
