"""What became of one source."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

Status = Literal["done", "empty", "failed", "skipped"]


@dataclass(frozen=True)
class PackedRow:
    """One clip in a part.

    Attributes:
        row: the columns of its manifest row that are known before it has a place in a shard.
        size: bytes in the part, headers included.
        spans: member -> offset from the first of those bytes, size.
    """

    row: dict[str, Any]
    size: int
    spans: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Outcome:
    """What became of one source.

    Attributes:
        status: ``done``; ``empty``: readable, but no clip in it; ``failed``: cannot be read; ``skipped``: not wanted.
        reason: why it is not ``done``, a sentence.
        seconds: length of the source, 0 where it is not known.
        clip_count: how many clips it gave.
        clip_seconds: how long they are together.
        clips: the clips, as long as they are not in a shard.
    """

    status: Status
    reason: str = ""
    seconds: float = 0.0
    clip_count: int = 0
    clip_seconds: float = 0.0
    clips: list[PackedRow] = field(default_factory=list)

    def without_clips(self) -> Outcome:
        """The same for the report: with the numbers only."""
        return replace(self, clips=[])

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """From `to_json`."""
        told = json.loads(text)
        return cls(**{**told, "clips": [PackedRow(**clip) for clip in told["clips"]]})
