"""A film of talking people: whose faces are seen in it, and which of them speaks at each moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seehear.audio.speech_activity import band_levels, from_levels
from seehear.clip import FPS
from seehear.errors import SeehearError
from seehear.media.clips import ClipOptions, ClipReader, Sighting
from seehear.tools.lip_activity import REACH, FaceTrack, joined, watch
from seehear.tools.listen import LipsAndSound, SoundSource
from seehear.tools.turns import decided, who_speaks

LARGEST_DELAY_MS = 1000 * REACH / FPS

PLAIN = 3.0
"""A delay is taken for the film's own if it stands out of the others by so many times their spread; else it is 0."""

NEAR = 4
"""Pictures: nearer than this to the best delay, others belong to it."""

CHUNK_S = 60.0
"""Sound is read in pieces of this length: memory does not grow with it."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WatchOptions:
    """How to look.

    Attributes:
        delay_ms: how late the sound is; None: find out.
        faces: ``yunet`` finds faces; ``whole-frame`` takes every picture to be one face, already cropped.
        detector: the face detector's file.
    """

    delay_ms: float | None = None
    faces: Literal["yunet", "whole-frame"] = "yunet"
    detector: Path | None = None

    def __post_init__(self) -> None:
        if self.delay_ms is not None and not abs(self.delay_ms) <= LARGEST_DELAY_MS:
            raise SeehearError(
                f"--delay-ms must be from -{LARGEST_DELAY_MS:g} to {LARGEST_DELAY_MS:g}, not {self.delay_ms:g}; "
                "mend the file with seehear sync --fix first"
            )


@dataclass(frozen=True)
class Conversation:
    """Who is seen in a film and who of them speaks when.

    Attributes:
        path: of the film.
        duration_s: its length.
        delay_ms: how late its sound was taken to be.
        tracks: one of each stretch of each face, in order of their start.
        probabilities: of each track: that it speaks at each of its pictures, float64 (T,).
        speaks: of each track: whether it does, bool (T,); see `seehear.tools.turns.decided`.
        unseen: the probability that somebody speaks who is not seen, at each picture, float64 (N,).
        reason: why there are no tracks, where there are none.
    """

    path: Path
    duration_s: float
    delay_ms: float
    tracks: list[FaceTrack] = field(default_factory=list)
    probabilities: list[Floats] = field(default_factory=list)
    speaks: list[NDArray[np.bool_]] = field(default_factory=list)
    unseen: Floats = field(default_factory=lambda: np.zeros(0))
    reason: str | None = None


def follow(
    path: Path,
    model: LipsAndSound,
    options: WatchOptions | None = None,
    progress: Callable[[float], None] | None = None,
    threads: int = 0,
    look: Callable[[Sighting], None] | None = None,
) -> Conversation:
    """Find the faces of a film, and which of them speaks at each moment.

    The pictures are decoded once, in a stream; what is kept of them is 100 bytes a picture and face.

    Args:
        path: any media file.
        model: gives embeddings of lips and sound (`seehear.training.run.load_sync`).
        options: how to look.
        progress: called with the share of the file that is done (0..1).
        threads: of the decoder; 0: one a core.
        look: called with every piece of every face, in order of their start.

    Raises:
        MediaError: the file cannot be read.
    """
    options = options or WatchOptions()
    crops = ClipOptions(faces=options.faces, detector=options.detector)
    with ClipReader(path, crops, threads=threads) as reader:
        duration_s = reader.media.duration_s
        if reader.media.video is None:
            return Conversation(path, duration_s, 0.0, reason="there is no picture in the file")
        if not reader.media.has_sound:
            return Conversation(path, duration_s, 0.0, reason="there is no sound in the file")
        pieces = []
        for piece in watch(model, _seen(reader, look), reader.sound):
            pieces.append(piece)
            if progress:
                progress(min(1.0, piece.stop / FPS / max(duration_s, 1e-3)))
        if not pieces:
            return Conversation(path, duration_s, 0.0, reason=reader.stats.why_nothing())
        speech = speech_in(reader.sound)
    tracks = joined(pieces)
    delay = own_delay(tracks) if options.delay_ms is None else round(options.delay_ms * FPS / 1000)
    speaking = who_speaks(tracks, speech, delay)
    return Conversation(
        path,
        duration_s,
        delay * 1000 / FPS,
        tracks,
        speaking.faces,
        decided(tracks, speaking.faces),
        speaking.unseen,
    )


def own_delay(tracks: Sequence[FaceTrack]) -> int:
    """The delay at which the faces' lips agree with the sound best, pictures; 0 where none is plain."""
    total = np.sum([track.agreement.sum(axis=0, dtype=np.float64) for track in tracks], axis=0)
    best = int(total.argmax())
    rest = np.delete(total, np.arange(max(0, best - NEAR), min(len(total), best + NEAR + 1)))
    plain = total[best] - rest.max() > PLAIN * max(float(rest.std()), 1e-6)
    return best - REACH if plain else 0


def speech_in(sound: SoundSource) -> NDArray[np.float32]:
    """Log-odds that there is speech in each picture's worth of a film's sound, (N,)."""
    levels, start_s = [], 0.0
    while start_s < sound.duration_s:
        stop_s = min(start_s + CHUNK_S, sound.duration_s)
        edge_s = 1 / FPS  # windows reach over the ends of a piece
        around = band_levels(sound.between(start_s - edge_s, np.ceil(stop_s * FPS) / FPS + edge_s))
        levels.append(around[1:-1])
        start_s = stop_s
    return from_levels(np.concatenate(levels)) if levels else np.zeros(0, np.float32)


def _seen(reader: ClipReader, look: Callable[[Sighting], None] | None) -> Iterator[Sighting]:
    for sighting in reader.sightings():
        if look:
            look(sighting)
        yield sighting
