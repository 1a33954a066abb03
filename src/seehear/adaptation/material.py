"""Which clips of the user's sources teach anything: one face is seen, it speaks, and its lips go with the sound."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.corpus.formats.source import Source
from seehear.corpus.plan import Plan
from seehear.corpus.prepare import carry_out
from seehear.corpus.reading import ReadClips, Reader
from seehear.corpus.store import Corpus
from seehear.crew import worker_count
from seehear.media.clips import ClipOptions, ClipReader
from seehear.media.sound_part import Wanted

MOST_SHARED = 0.2
"""Share of a clip during which another face may be seen: at cuts two tracks overlap for a few frames."""

LEAST_SPEECH = 0.25
"""Share of a clip's frames in which somebody must be heard to speak."""

SHARD_CLIPS = 256


class Useless(StrEnum):
    """Why a clip teaches nothing; the values complete the sentence "in all of it ...", as sources.csv has them."""

    SEVERAL = "more than one face is seen"
    SILENT = "nobody speaks"
    LISTENS = "the face that is seen is not the one that speaks"


@dataclass(frozen=True)
class ReadMeasured:
    """Opens sources for their clips, with the sound that the delay was measured on.

    Attributes:
        options: of all sources.
        sounds: which stream of sound, where it is not the default one.
    """

    options: ClipOptions
    sounds: Mapping[Path, str]

    def __call__(self, path: Path, delay_s: float = 0.0) -> Reader:
        options = replace(self.options, sound=Wanted.parse(self.sounds.get(path)))
        return ClipReader(path, options, threads=1, delay_s=delay_s)


def prepare_sources(
    sources: Sequence[Source], sounds: Mapping[Path, str], out: Path, workers: int | None = None, progress: bool = True
) -> Corpus:
    """Make a corpus of sources whose ``delay_s`` is known, and undone; resumable as `seehear prepare` is.

    Args:
        sources: those that are used.
        sounds: which stream of sound, where it is not the default one.
        out: folder of the corpus.
        workers: processes; by default one a core.
        progress: tell how far it is, on the error stream.

    Raises:
        CorpusError: as `seehear.corpus.prepare.prepare`.
    """
    options = ClipOptions()
    told = {"format": "folder", **ReadClips(options).told(), "shard_clips": SHARD_CLIPS}
    plan = Plan.of(list(sources), told)
    carry_out(plan, out, ReadMeasured(options, sounds), worker_count(workers), progress)
    return Corpus(out)


def useless(corpus: Corpus, listeners: Mapping[str, Sequence[int]]) -> list[Useless | None]:
    """For each clip why it teaches nothing, or None.

    Args:
        corpus: of the sources.
        listeners: by the name of a source, the numbers of its tracks that do not speak.
    """
    shared = shared_time(corpus)
    sources, tracks = _columns(corpus, "source", "track")
    return [
        _useless(corpus, row, shared[row], track in listeners.get(source, ()))
        for row, (source, track) in enumerate(zip(sources, tracks, strict=True))
    ]


def _useless(corpus: Corpus, row: int, shared: float, listens: bool) -> Useless | None:
    if shared > MOST_SHARED:
        return Useless.SEVERAL
    if listens:
        return Useless.LISTENS
    return None if speech_share(corpus[row].audio) >= LEAST_SPEECH else Useless.SILENT


def speech_share(audio: NDArray[np.float32]) -> float:
    """Share of the frames of a clip's sound, 16 kHz (N,), in which there is speech."""
    from seehear.audio.speech_activity import speech_activity  # here: processes that prepare have no need of torch

    return float((speech_activity(audio) > 0).mean())


def shared_time(corpus: Corpus) -> NDArray[np.float64]:
    """For each clip the share of its time during which clips of other tracks of its source are seen, (clips,)."""
    sources, starts, frames = _columns(corpus, "source", "start_s", "frames")
    spans = [(round(start * FPS), round(start * FPS) + length) for start, length in zip(starts, frames, strict=True)]
    seen: dict[str, Counter[int]] = defaultdict(Counter)
    for source, span in zip(sources, spans, strict=True):
        seen[source].update(range(*span))  # the clips of one track do not overlap
    shares = (
        np.mean([seen[source][at] > 1 for at in range(*span)]) for source, span in zip(sources, spans, strict=True)
    )
    return np.fromiter(shares, np.float64, len(corpus))


def _columns(corpus: Corpus, *names: str) -> list[list[Any]]:
    return [corpus.manifest[name].to_pylist() for name in names]
