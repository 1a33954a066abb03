"""The user's videos as clips, split into training and held-out parts; the replay corpus.

The training corpora do not come with the package, so synthetic people are generated, or the user gives a corpus.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seehear.avatars.make import synthesize_avatars
from seehear.avatars.voice import require_espeak
from seehear.clip import FPS
from seehear.data.corpus import By, Corpus
from seehear.data.datasets import Source
from seehear.data.manifest import CORPUS_FILE, label_columns
from seehear.data.packing import ClipSource, FaceClipReaders
from seehear.data.preparation import run_plan
from seehear.data.prepare import prepare
from seehear.data.staging import SourcePlan
from seehear.errors import SeehearError
from seehear.media.audio_streams import AudioStreamChoice
from seehear.media.clips import ClipOptions, ClipReader
from seehear.parallel import worker_count
from seehear.progress import Progress

HEAD = 1 << 20
"""Number of bytes at the start of a file that are hashed, in addition to its size."""


LENGTH = 16


def digest(path: Path) -> str:
    """Hash the size and the first megabyte of a file; empty if it cannot be read."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            found.update(file.read(HEAD))
        found.update(str(path.stat().st_size).encode())
    except OSError:
        return ""
    return found.hexdigest()[:LENGTH]


HELD_OUT = 4
"""Every n-th unit is held out."""


MIN_HELD_OUT = 2
"""A single unit says nothing about others."""


MAX_SHARE = 0.5
"""Maximum share of the material that is held out."""


WATCHED_FROM, WATCHED = 7, 3
"""With at least 7 held-out units, about one in three is used for early stopping. They are not used to measure the
gain, which they would bias; at least five units remain for that."""


Part = Literal["learned", "watched", "held out"]


@dataclass(frozen=True)
class SplitItem:
    """A clip to be assigned to a part.

    Attributes:
        source: name of its source
        person: the label ``speaker`` of the source; None without one
        start_s: start in the source
        seconds: length
    """

    source: str
    person: str | None
    start_s: float
    seconds: float

    @property
    def unit(self) -> str:
        """The person or source, which must not be in both parts."""
        return f"speaker {self.person}" if self.person else f"source {self.source}"


@dataclass(frozen=True)
class ClipSplit:
    """A split.

    Attributes:
        parts: part of each clip
        within: the ends of the sources are held out, as there are too few sources to hold out whole ones
    """

    parts: tuple[Part, ...]
    within: bool = False


def split_clips(
    pieces: Sequence[SplitItem], learned_before: Collection[str] = (), held_out_before: Collection[str] = ()
) -> ClipSplit:
    """Split the clips.

    About one person (or source) in four is held out, at least two. Which ones depends only on the hash of their names,
    not on the order. With fewer than four, the last quarter of each source is held out.

    Args:
        pieces: all usable clips
        learned_before: sources that the model was trained on before; they are not held out
        held_out_before: sources that were held out then; they are held out again

    Raises:
        SeehearError: nothing can be held out
    """
    seconds: dict[str, float] = defaultdict(float)
    sources: dict[str, set[str]] = defaultdict(set)
    for piece in pieces:
        seconds[piece.unit] += piece.seconds
        sources[piece.unit].add(piece.source)
    held = _held_out(seconds, sources, learned_before, held_out_before)
    if len(held) < MIN_HELD_OUT:
        return _within(pieces)
    watched = set(held[: round(len(held) / WATCHED)]) if len(held) >= WATCHED_FROM else set()
    parts: list[Part] = [
        "learned" if piece.unit not in held else "watched" if piece.unit in watched else "held out" for piece in pieces
    ]
    return ClipSplit(tuple(parts))


def _held_out(
    seconds: Mapping[str, float],
    sources: Mapping[str, set[str]],
    learned_before: Collection[str],
    held_out_before: Collection[str],
) -> list[str]:
    """Choose the held-out units, in the order of their hashes."""
    if len(seconds) < HELD_OUT:
        return []
    learned = {unit for unit, own in sources.items() if own & set(learned_before)}
    again = {unit for unit, own in sources.items() if own & set(held_out_before)} - learned
    wanted, maximum = max(MIN_HELD_OUT, round(len(seconds) / HELD_OUT)), MAX_SHARE * sum(seconds.values())
    held = [unit for unit in sorted(seconds, key=_hash) if unit in again]
    for unit in sorted(seconds, key=_hash):
        free = unit not in learned and unit not in again
        if free and len(held) < wanted and sum(seconds[other] for other in held) + seconds[unit] <= maximum:
            held.append(unit)
    return sorted(held, key=_hash)


def _within(pieces: Sequence[SplitItem]) -> ClipSplit:
    """Hold out the last quarter of each source, in whole clips."""
    parts: list[Part] = ["learned"] * len(pieces)
    by_source: dict[str, list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        by_source[piece.source].append(number)
    for own in by_source.values():
        own.sort(key=lambda number: pieces[number].start_s)
        budget = sum(pieces[number].seconds for number in own) / HELD_OUT
        for place, number in enumerate(reversed(own[1:])):
            budget -= pieces[number].seconds
            if place and budget < 0:
                break
            parts[number] = "held out"
    if "held out" not in parts:
        raise SeehearError(
            "there is too little video to hold any of it out: give four videos or more, or one of at least a minute"
        )
    return ClipSplit(tuple(parts), within=True)


def _hash(unit: str) -> str:
    return hashlib.sha256(unit.encode("utf-8", "surrogatepass")).hexdigest()


MAX_SHARED = 0.2
"""Maximum share of a clip in which another face is visible: at cuts two tracks overlap for a few frames."""


MIN_SPEECH = 0.25
"""Minimum share of the frames of a clip with speech."""


SHARD_CLIPS = 256


class Useless(StrEnum):
    """Why a clip is not used; the values complete the sentence "in all of it ..." in sources.csv."""

    SEVERAL = "more than one face is seen"
    SILENT = "nobody speaks"
    LISTENS = "the face that is seen is not the one that speaks"


@dataclass(frozen=True)
class ReadMeasured:
    """Opens sources with the audio stream that their delay was measured on.

    Attributes:
        options: options for all sources
        sounds: path -> audio stream, where it is not the default one
    """

    options: ClipOptions
    sounds: Mapping[Path, str]

    def __call__(self, path: Path, delay_s: float = 0.0) -> ClipSource:
        options = replace(self.options, sound=AudioStreamChoice.parse(self.sounds.get(path)))
        return ClipReader(path, options, threads=1, delay_s=delay_s)


def prepare_sources(
    sources: Sequence[Source],
    sounds: Mapping[Path, str],
    out: Path,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Corpus:
    """Prepare a corpus of sources, whose ``delay_s`` is undone; can be resumed like `seehear prepare`.

    Args:
        sources: usable sources
        sounds: path -> audio stream, where it is not the default one
        out: folder of the corpus
        workers: number of processes; by default one per core
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Raises:
        CorpusError: see `seehear.data.prepare.prepare`
    """
    options = ClipOptions()
    fingerprint = {"format": "folder", **FaceClipReaders(options).options_dict(), "shard_clips": SHARD_CLIPS}
    plan = SourcePlan.from_sources(list(sources), fingerprint)
    run_plan(plan, out, ReadMeasured(options, sounds), worker_count(workers), progress)
    return Corpus(out)


def unusable_reason(corpus: Corpus, listeners: Mapping[str, Sequence[int]]) -> list[Useless | None]:
    """Return for each clip why it is not used, or None.

    Args:
        corpus: clips of the sources
        listeners: name of a source -> numbers of its tracks that do not speak
    """
    shared = shared_time(corpus)
    sources, tracks = _columns(corpus, "source", "track")
    return [
        _useless(corpus, row, shared[row], track in listeners.get(source, ()))
        for row, (source, track) in enumerate(zip(sources, tracks, strict=True))
    ]


def _useless(corpus: Corpus, row: int, shared: float, listens: bool) -> Useless | None:
    if shared > MAX_SHARED:
        return Useless.SEVERAL
    if listens:
        return Useless.LISTENS
    return None if speech_share(corpus[row].audio) >= MIN_SPEECH else Useless.SILENT


def speech_share(audio: NDArray[np.float32]) -> float:
    """Return the share of frames with speech in the audio of a clip, 16 kHz (N,)."""
    from seehear.audio.voice_activity import voice_activity

    return float((voice_activity(audio) > 0).mean())


def shared_time(corpus: Corpus) -> NDArray[np.float64]:
    """Return for each clip the share of its time during which other tracks of its source are visible, (clips,)."""
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


CLIPS, SPEAKERS = 60, 20
"""Synthetic clips of 3 s; they take about a minute."""


SEED = 2027
"""Seed of the synthetic people, who are not those that the shipped models were trained on."""


REPLAY_HELD_OUT = 4
"""Every n-th person (or source) is held out."""


SHARE = 0.25
"""Share of the replay corpus in an epoch."""


@dataclass(frozen=True)
class Replay:
    """Clips of a corpus that is trained on again.

    Attributes:
        corpus: folder of the corpus
        what: description for the table
        learned, held_out: rows of the corpus
    """

    corpus: Path
    what: str
    learned: NDArray[np.int64]
    held_out: NDArray[np.int64]


def given(corpus: Path) -> Replay:
    """Split a corpus given by the user.

    Raises:
        CorpusError: it does not exist, contains only audio, or cannot be split
    """
    return _split_replay(corpus, corpus.name)


def synthetic(folder: Path, workers: int | None = None, progress: Progress | None = None) -> Replay:
    """Generate a corpus of synthetic people, unless it exists, and split it.

    Args:
        folder: folder for the corpus and, temporarily, the videos
        workers: number of processes; by default one per core
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Raises:
        SeehearError: eSpeak NG is not installed
    """
    corpus, videos = folder / "corpus", folder / "films"
    if not (corpus / CORPUS_FILE).exists():
        synthesize_avatars(videos, clips=CLIPS, speakers=SPEAKERS, seed=SEED, workers=workers, progress=progress)
        prepare([videos], corpus, workers=workers, progress=progress)
    shutil.rmtree(videos, ignore_errors=True)
    return _split_replay(corpus, "synthetic people")


def why_not_synthetic() -> str:
    """Return why synthetic people cannot be generated here, as a sentence; empty if they can."""
    try:
        require_espeak()
    except SeehearError as error:
        return f"nothing of the old material is learned again: {error}"
    return ""


def _split_replay(corpus: Path, what: str) -> Replay:
    clips = Corpus(corpus).with_faces().with_sound()
    by: By = "speaker" if "speaker" in label_columns(clips.manifest) and all(clips.labels("speaker")) else "source"
    rows = (clips.split(part, REPLAY_HELD_OUT, by).manifest["row"].to_numpy() for part in ("train", "dev"))
    return Replay(corpus, what, *rows)


def repeats(new_frames: int, old_frames: int, share: float = SHARE) -> tuple[int, int]:
    """Return how often the user's clips and the replay clips occur in an epoch.

    Args:
        new_frames: video frames of the user's clips
        old_frames: video frames of the replay clips
        share: target share of the replay clips in an epoch
    """
    if not old_frames:
        return 1, 0
    ratio = new_frames * share / ((1 - share) * old_frames)  # replay clips for each of the user's clips
    return (1, max(1, round(ratio))) if ratio >= 1 else (max(1, round(1 / ratio)), 1)
