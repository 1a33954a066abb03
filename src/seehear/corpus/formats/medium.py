"""One file for each recording, where a data set has it as video and as sound."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from seehear.corpus.formats.media_files import is_sound
from seehear.corpus.formats.source import Source

Medium = Literal["picture", "sound"]

_LOSSLESS = frozenset({".aif", ".aiff", ".au", ".caf", ".flac", ".w64", ".wav", ".wv"})


def one_of_each(found: Sequence[Source], prefer: Medium) -> list[Source]:
    """Of sources that share a recording only the one that is preferred; all others as they are, in their order.

    Args:
        found: sources.
        prefer: "picture" takes a video where there is one; "sound" a sound file, lossless before compressed.
    """
    best: dict[str, Source] = {}
    for source in found:
        if source.recording and not source.problem:
            rival = best.get(source.recording)
            if rival is None or _rank(source.path, prefer) < _rank(rival.path, prefer):
                best[source.recording] = source
    return [s for s in found if not s.recording or s.problem or best[s.recording] is s]


def _rank(path: Path, prefer: Medium) -> tuple[bool, bool]:
    """Lower is better."""
    sound = is_sound(path)
    return (sound if prefer == "picture" else not sound), path.suffix.lower() not in _LOSSLESS
