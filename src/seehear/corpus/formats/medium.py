"""One file for each recording, where a data set has it as video and as sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from seehear.corpus.formats.media_files import is_sound
from seehear.corpus.formats.source import Source

Medium = Literal["picture", "sound"]

_LOSSLESS = frozenset({".aif", ".aiff", ".au", ".caf", ".flac", ".w64", ".wav", ".wv"})


def one_of_each(found: Sequence[Source], prefer: Medium) -> list[Source]:
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
