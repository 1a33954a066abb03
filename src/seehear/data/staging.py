"""A folder being made of many files: plan, keys, fingerprint, what is done, resumable.

So a killed run can go on. Each finished source leaves ``NUMBER.json`` (what became of it) and, if it gave clips,
``NUMBER.part`` (their bytes); the JSON is written last and vouches for the part.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Generic, Protocol, Self, TypeVar

from seehear.atomic_io import remove_leftovers, write_text
from seehear.data.datasets import Source
from seehear.data.manifest import CORPUS_FILE, recorded_detector
from seehear.data.report import REPORT_FILE
from seehear.errors import CorpusError, as_user_error, disk_full_error

KEY_LENGTH = 60  # characters of a source's name in its key: a tar header has room for 100


@dataclass(frozen=True)
class SourcePlan:
    """A preparation to be done.

    Attributes:
        sources: in the order in which their clips will lie in the shards.
        keys: for each source, what the keys of its clips begin with; unique.
        options: everything else that decides the bytes; JSON.
    """

    sources: list[Source]
    keys: list[str]
    options: dict[str, Any]

    @classmethod
    def from_sources(cls, sources: list[Source], options: dict[str, Any]) -> SourcePlan:
        """A plan for these sources."""
        return cls(sources, source_keys([source.name for source in sources]), options)

    @cached_property
    def sizes(self) -> list[int]:
        """Bytes of each source; -1 for one that has gone since it was found."""
        return [_size(source) for source in self.sources]

    def fingerprint(self) -> dict[str, Any]:
        """By which the plan is known again: the options, and a digest of names, sizes and labels of the sources."""
        told = [
            (s.name, size, s.labels, s.spans, s.problem, *([s.delay_s] if s.delay_s else []))
            for s, size in zip(self.sources, self.sizes, strict=True)
        ]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        return {"options": self.options, "sources": len(self.sources), "sources_sha256": digest}


def describe_difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """In words, how the `Plan.fingerprint` of an earlier run differs from this one's; empty if it does not."""
    before, now = _with_names_of_today(before), _with_names_of_today(now)
    old, new = before["options"], now["options"]
    differing = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if differing:
        return " and ".join(f"{name} {old.get(name)} instead of {new.get(name)}" for name in differing)
    if before["sources"] != now["sources"]:
        return f"{before['sources']} sources instead of {now['sources']}"
    return "" if before == now else "the same number of sources, but others or with other labels"


def _with_names_of_today(fingerprint: dict[str, Any]) -> dict[str, Any]:
    """A fingerprint whose detector is called what it is called today, so that older corpora are known again."""
    options = fingerprint["options"]
    return fingerprint | {"options": options | {"detector": recorded_detector(options)}}


def source_keys(names: list[str]) -> list[str]:
    """A key for each name: letters, digits, _ and - only, as WebDataset needs; with a digest where two would meet."""
    plain = [_plain(name) for name in names]
    count = Counter(key.lower() for key in plain)  # lower: some disks that shards are unpacked to ignore case
    return [
        key if count[key.lower()] == 1 and len(key) <= KEY_LENGTH else _with_digest(key, name)
        for key, name in zip(plain, names, strict=True)
    ]


def clip_key(source_key: str, number: int) -> str:
    """Key of a source's clip, counted from 0."""
    return f"{source_key}-{number:05d}"


def _plain(name: str) -> str:
    """The name without suffix, in plain letters; accents are dropped, anything else becomes _."""
    bare = re.sub(r"\.[^./]*$", "", name)
    ascii_only = unicodedata.normalize("NFKD", bare).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "_", ascii_only) or "_"


def _with_digest(key: str, name: str) -> str:
    return f"{key[:KEY_LENGTH]}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"


def _size(source: Source) -> int:
    try:
        return source.path.stat().st_size
    except OSError:
        return -1


STAGING = ".staging"


def part_path(folder: Path, number: int) -> Path:
    """Where in a staging folder the bytes of a source's clips are."""
    return folder / f"{number:07d}.part"


def remove_staging(out: Path) -> None:
    """Takes away the staging folder of a corpus that is whole: its run was killed just before it did so itself."""
    if (out / STAGING).exists():
        shutil.rmtree(out / STAGING)


class Recordable(Protocol):
    """What became of one source, as it is written down."""

    def to_json(self) -> str: ...

    @classmethod
    def from_json(cls, text: str) -> Self: ...


T = TypeVar("T", bound=Recordable)


class Staging(Generic[T]):
    """The staging folder of a folder that is being made, held by one process at a time."""

    def __init__(self, out: Path, fingerprint: dict[str, Any], kind: type[T]) -> None:
        """Opens the staging folder, or makes it.

        Args:
            out: what is being made.
            fingerprint: of what is to be done (`seehear.data.staging.SourcePlan.fingerprint`).
            kind: of what becomes of a source.

        Raises:
            CorpusError: another process is at it, or it belongs to a preparation with other options or sources.
            OSError: the folder cannot be written.
        """
        self._kind = kind
        self.folder = out / STAGING
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.folder / "lock", out)
        remove_leftovers(out)
        plan = self.folder / "plan.json"
        if plan.exists():
            before = json.loads(plan.read_text(encoding="utf-8"))
            if how := describe_difference(before, fingerprint):
                raise CorpusError(
                    f"{out} is not finished, and was begun with {how}; run that again to finish it, or remove {out}"
                )
        else:
            write_text(plan, json.dumps(fingerprint, indent=1, ensure_ascii=False))

    def part(self, number: int) -> Path:
        """Where the bytes of a source's clips are."""
        return part_path(self.folder, number)

    def outcome(self, number: int) -> T | None:
        """What became of a source; None if it is not done."""
        path = self._outcome_path(number)
        return self._kind.from_json(path.read_text(encoding="utf-8")) if path.exists() else None

    def record(self, number: int, outcome: T) -> None:
        """Writes down what became of a source, its part being written."""
        write_text(self._outcome_path(number), outcome.to_json())

    def remove(self) -> None:
        """Takes the folder away: the corpus is whole."""
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets another process have it."""
        self._lock.close()

    def _outcome_path(self, number: int) -> Path:
        return self.folder / f"{number:07d}.json"


def _locked(path: Path, out: Path) -> IO[bytes]:
    """An open file whose lock ends with the process, however it ends."""
    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise CorpusError(f"another seehear is at work on {out} now; wait for it, or name another folder") from None
    return file


def is_complete_corpus(out: Path, fingerprint: dict[str, Any]) -> bool:
    """Whether the folder is the very corpus that is wanted.

    Raises:
        CorpusError: it is another corpus, or holds other things.
    """
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out} is a file; name a folder for the corpus")
    if (out / CORPUS_FILE).exists():
        try:
            made = json.loads((out / CORPUS_FILE).read_text(encoding="utf-8"))["made"]
            how = describe_difference(made, fingerprint)
        except (ValueError, KeyError, TypeError):
            how = "another description"
        if how:
            raise CorpusError(f"{out} is a corpus already, with {how}; name another folder or remove it")
        return True
    if out.is_dir() and not (out / STAGING).exists():
        others = sorted(path.name for path in out.iterdir() if path.name != REPORT_FILE)
        if others:
            raise CorpusError(f"{out} holds other things ({others[0]}); name a new or empty folder for the corpus")
    return False


@contextmanager
def corpus_os_errors(out: Path) -> Iterator[None]:
    """What the operating system refuses while a corpus is written, as a `CorpusError` with the way out."""
    try:
        yield
    except OSError as error:
        if disk_full_error(error):
            raise CorpusError(
                f"there is no room left on the disk for {out}; make some and run the same command again: "
                "what is done is kept"
            ) from error
        if sentence := as_user_error(error):
            raise CorpusError(str(sentence)) from error
        raise
