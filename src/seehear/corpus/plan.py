"""What a preparation is to do: the sources in order, a key for each, and the options by which it is known again."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from seehear.corpus.detectors import recorded_detector
from seehear.corpus.formats.source import Source

KEY_LENGTH = 60  # characters of a source's name in its key: a tar header has room for 100


@dataclass(frozen=True)
class Plan:
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
    def of(cls, sources: list[Source], options: dict[str, Any]) -> Plan:
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


def difference(before: dict[str, Any], now: dict[str, Any]) -> str:
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
