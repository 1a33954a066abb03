"""Films of two real people side by side, with the sound of one of them at a time.

Both go on moving their lips all the time, as they do in their own films; only the sound changes hands. That is harder
than a conversation, where who listens mostly keeps still: the lips have to be compared with the sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from real_people.faces import spread
from real_people.films import ADDRESS, GRID, TALK, Film, by_source
from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from seehear.errors import SeehearError
from seehear.media.clips import ClipOptions, ClipReader
from seehear.media.decode import open_media
from seehear.media.encode import write_video
from seehear.media.sound import Sound

SIDE = 320
"""Height and width of either half of the picture, px."""

ROOM = 1.6
"""Side of the square that is cut out, in widths of the face crop: head and shoulders."""

TURN_S = 2.5
"""How long the sound stays with one of them, about; everybody has the sound at least once."""

FADE_S = 0.02
"""The sound fades in and out, so that it does not click."""

Pictures = NDArray[np.uint8]
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Composite:
    """What was made.

    Attributes:
        path: of the film.
        truth: whose sound is heard at each picture: 0 for the left one, 1 for the right one, (T,).
    """

    path: Path
    truth: NDArray[np.int64]


def pairs(films: Sequence[Film]) -> list[tuple[Film, Film]]:
    """Two people of one source each; everybody is in one pair at most, and always with the same partner.

    The first film of each person counts. Those who may be somebody else under another name are left out.
    """
    found: list[tuple[Film, Film]] = []
    sources = by_source(films)
    for source in (GRID, ADDRESS, TALK):
        people: dict[str, Film] = {}
        for film in sources.get(source, []):
            if film.numbered:
                people.setdefault(film.person, film)
        chosen = list(people.values())
        half = len(chosen) // 2
        found += zip(chosen[:half], chosen[half : 2 * half], strict=True)
    return found


def whose_turn(pictures: int, first: int) -> NDArray[np.int64]:
    """Who has the sound at each picture: turns of about `TURN_S`, as many for either, (T,) of 0 and 1.

    Args:
        pictures: T.
        first: 0 or 1: who has it first.
    """
    turns = 2 * max(1, round(pictures / FPS / TURN_S / 2))
    truth = np.zeros(pictures, np.int64)
    for number, (start, stop) in enumerate(spread(turns, pictures)):
        truth[start:stop] = (first + number) % 2
    return truth


def mixed(voices: tuple[Samples, Samples], truth: NDArray[np.int64]) -> Samples:
    """The sound of a composite: at each picture that of the one whose turn it is, faded at the changes.

    Args:
        voices: float32 (T * 640,) each.
        truth: (T,).
    """
    fade = round(FADE_S * SAMPLE_RATE)
    window = np.hanning(2 * fade + 1)
    heard = np.zeros(len(truth) * SAMPLES_PER_FRAME, np.float64)
    for place, voice in enumerate(voices):
        own = np.repeat((truth == place).astype(np.float64), SAMPLES_PER_FRAME)
        padded = np.pad(own, fade, mode="edge")
        heard += voice * np.convolve(padded, window / window.sum(), "valid")
    return heard.astype(np.float32)


def write_composite(
    path: Path,
    heads: tuple[Sequence[Pictures], Sequence[Pictures]],
    voices: tuple[Sound, Sound],
    delays_s: tuple[float, float],
    first: int,
) -> Composite:
    """Film two people side by side, as long as the shorter film.

    Args:
        path: MP4 to write.
        heads: pictures of the left and the right one, as `head` gives them.
        voices: their sound.
        delays_s: by how much the sound of each is taken to be late; it is made earlier by that.
        first: who has the sound first, 0 or 1.
    """
    length = min(map(len, heads))
    left, right = (
        voice.between(delay_s, delay_s + length / FPS) for voice, delay_s in zip(voices, delays_s, strict=True)
    )
    truth = whose_turn(length, first)
    frames = (np.hstack([heads[0][at], heads[1][at]]) for at in range(length))
    write_video(path, frames, FPS, mixed((left, right), truth), crf=20)
    return Composite(path, truth)


def head(path: Path, detector: Path | None = None) -> Iterator[Pictures]:
    """Every picture of a film, at 25 a second, cut to the head of its main face: uint8 (SIDE, SIDE, 3).

    Raises:
        SeehearError: it shows no face.
    """
    boxes: dict[int, list[NDArray[np.float32]]] = {}
    with ClipReader(path, ClipOptions(detector=detector), threads=1) as reader:
        for sighting in reader.tracked_clips():
            boxes.setdefault(int(sighting.clip.meta["track"]), []).append(sighting.boxes)
    if not boxes:
        raise SeehearError(f"{path} shows no face, so it cannot be put beside another")
    longest = np.concatenate(max(boxes.values(), key=lambda pieces: sum(map(len, pieces))))
    left, top, width, height = np.median(longest, axis=0)
    with open_media(path, threads=1) as media:
        for picture in media.pictures():
            side = min(ROOM * max(width, height), *picture.shape)
            corner = [
                float(np.clip(middle - side / 2, 0, size - side))
                for middle, size in ((left + width / 2, picture.shape[1]), (top + height / 2, picture.shape[0]))
            ]
            scale = SIDE / side
            matrix = np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]]])
            yield picture.crop(matrix, (SIDE, SIDE))
