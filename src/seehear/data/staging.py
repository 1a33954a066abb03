"""Staging folder of a corpus in preparation: plan, fingerprint, and finished sources, so that a run can be resumed.

Each finished source leaves ``NUMBER.json`` (its outcome) and, if it has clips, ``NUMBER.part`` (their bytes). The JSON
is written last, so the part is complete if it exists.
"""

from __future__ import annotations

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
from typing import Any, Generic, Protocol, Self, TypeVar

from seehear.atomic_io import lock_file, remove_leftovers, write_text
from seehear.data.datasets import Source
from seehear.data.manifest import CORPUS_FILE, recorded_detector
from seehear.data.report import REPORT_FILE
from seehear.errors import CorpusError, as_user_error, disk_full_error

KEY_LENGTH = 60  # maximum characters of a source's name in its key; a tar header has 100


@dataclass(frozen=True)
class SourcePlan:
    """A preparation to do.

    Attributes:
        sources: files, in the order of their clips in the shards
        keys: for each source, the beginning of the keys of its clips; unique
        options: everything else that determines the bytes; JSON values
    """

    sources: list[Source]
    keys: list[str]
    options: dict[str, Any]

    @classmethod
    def from_sources(cls, sources: list[Source], options: dict[str, Any]) -> SourcePlan:
        """Plan the preparation of sources."""
        return cls(sources, source_keys([source.name for source in sources]), options)

    @cached_property
    def sizes(self) -> list[int]:
        """Size of each source in bytes; -1 if it does not exist any more."""
        return [_size(source) for source in self.sources]

    def fingerprint(self) -> dict[str, Any]:
        """Return the identity of the plan: options, and a digest of names, sizes and labels of the sources."""
        described = [
            (s.name, size, s.labels, s.spans, s.problem, *([s.delay_s] if s.delay_s else []))
            for s, size in zip(self.sources, self.sizes, strict=True)
        ]
        digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
        return {"options": self.options, "sources": len(self.sources), "sources_sha256": digest}


def describe_difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Describe how two fingerprints (`SourcePlan.fingerprint`) differ; empty if they do not."""
    before, now = _with_current_names(before), _with_current_names(now)
    old, new = before["options"], now["options"]
    differing = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if differing:
        return " and ".join(f"{name} {old.get(name)} instead of {new.get(name)}" for name in differing)
    if before["sources"] != now["sources"]:
        return f"{before['sources']} sources instead of {now['sources']}"
    return "" if before == now else "the same number of sources, but others or with other labels"


def _with_current_names(fingerprint: dict[str, Any]) -> dict[str, Any]:
    """Replace the detector's name of older corpora with the current one."""
    options = fingerprint["options"]
    return fingerprint | {"options": options | {"detector": recorded_detector(options)}}


def source_keys(names: list[str]) -> list[str]:
    """Return a unique key for each name: letters, digits, _ and - only, as WebDataset requires."""
    plain = [_plain(name) for name in names]
    count = Counter(key.lower() for key in plain)  # lower: some disks that shards are unpacked to ignore case
    return [
        key if count[key.lower()] == 1 and len(key) <= KEY_LENGTH else _with_digest(key, name)
        for key, name in zip(plain, names, strict=True)
    ]


def clip_key(source_key: str, number: int) -> str:
    """Return the key of a clip; clips of a source are numbered from 0."""
    return f"{source_key}-{number:05d}"


def _plain(name: str) -> str:
    """Return the name without suffix and accents; other characters become _."""
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
    """Return the path of a source's clips in a staging folder."""
    return folder / f"{number:07d}.part"


def remove_staging(out: Path) -> None:
    """Remove the staging folder of a complete corpus, left by a run that was killed."""
    if (out / STAGING).exists():
        shutil.rmtree(out / STAGING)


class Recordable(Protocol):
    """The outcome of a source, as stored."""

    def to_json(self) -> str: ...

    @classmethod
    def from_json(cls, text: str) -> Self: ...


T = TypeVar("T", bound=Recordable)


class Staging(Generic[T]):
    """The staging folder of a folder in preparation, locked for this process."""

    def __init__(self, out: Path, fingerprint: dict[str, Any], kind: type[T]) -> None:
        """Open or create the staging folder.

        Args:
            out: folder in preparation
            fingerprint: see `SourcePlan.fingerprint`
            kind: type of the outcomes

        Raises:
            CorpusError: another process uses the folder, or it belongs to a preparation with other options or sources
            OSError: the folder cannot be written
        """
        self._kind = kind
        self.folder = out / STAGING
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("wb")
        busy = f"another seehear is writing {out}; wait for it, or name another folder"
        lock_file(self._lock, CorpusError(busy, code="in-use"))
        remove_leftovers(out)
        plan = self.folder / "plan.json"
        if plan.exists():
            before = json.loads(plan.read_text(encoding="utf-8"))
            if how := describe_difference(before, fingerprint):
                raise CorpusError(
                    f"{out} is unfinished and was begun with {how}; run that again to finish it, or remove {out}"
                )
        else:
            write_text(plan, json.dumps(fingerprint, indent=1, ensure_ascii=False))

    def part(self, number: int) -> Path:
        """Return the path of a source's clips."""
        return part_path(self.folder, number)

    def outcome(self, number: int) -> T | None:
        """Return the outcome of a source; None if it is not done."""
        path = self._outcome_path(number)
        return self._kind.from_json(path.read_text(encoding="utf-8")) if path.exists() else None

    def record(self, number: int, outcome: T) -> None:
        """Store the outcome of a source, after its part."""
        write_text(self._outcome_path(number), outcome.to_json())

    def remove(self) -> None:
        """Remove the folder of a complete corpus."""
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unlock the folder."""
        self._lock.close()

    def _outcome_path(self, number: int) -> Path:
        return self.folder / f"{number:07d}.json"


def is_complete_corpus(out: Path, fingerprint: dict[str, Any]) -> bool:
    """Whether the folder is already the complete corpus.

    Raises:
        CorpusError: it is another corpus, or has other files
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
            raise CorpusError(f"{out} is already a corpus, with {how}; name another folder or remove it")
        return True
    if out.is_dir() and not (out / STAGING).exists():
        others = sorted(path.name for path in out.iterdir() if path.name != REPORT_FILE)
        if others:
            raise CorpusError(f"{out} has other files ({others[0]}); name a new or empty folder for the corpus")
    return False


@contextmanager
def corpus_os_errors(out: Path) -> Iterator[None]:
    """Convert OS errors while writing a corpus to `CorpusError`."""
    try:
        yield
    except OSError as error:
        if disk_full_error(error):
            raise CorpusError(
                f"the disk is too full for {out}; free some space and run the same command again, which resumes",
                code="disk-full",
            ) from error
        if sentence := as_user_error(error):
            raise CorpusError(str(sentence)) from error
        raise
