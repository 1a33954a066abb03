"""The demo's conversation: two people side by side take turns, and it is told which of them speaks when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.avatars.duet import plan_duet
from seehear.avatars.reel import write_reel
from seehear.clip import FPS
from seehear.demo.stages import one_thread
from seehear.media.decode import open_media
from seehear.pretext.lipsync import LipSync
from seehear.tools.annotate import annotated, write_annotated
from seehear.tools.spoken import Spoken, listen_to

SECONDS = 16.0
CAST = 20  # people from whom two are drawn
SHOWN = 6  # frames
PLACES = ("left", "right")


@dataclass(frozen=True)
class Conversed:
    """A film of two people, what is true of it and what was found.

    Attributes:
        film: with a frame around every face, green while it speaks.
        frames: some pictures of it, RGB (H, W, 3), and their times in seconds.
        truth: whether the one on the left, and the one on the right, speaks at each picture, bool (2, N).
        found: what was said of that, likewise.
    """

    film: Path
    frames: list[tuple[float, NDArray[np.uint8]]]
    truth: NDArray[np.bool_]
    found: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """Share of the pictures of which everything that is said is right: who speaks, and that nobody else does."""
        return float((self.truth == self.found).all(0).mean())

    @property
    def guessed(self) -> float:
        """What saying the same of every picture would reach at best."""
        return float(np.unique(self.truth, axis=1, return_counts=True)[1].max() / self.truth.shape[1])


def converse(folder: Path, lips: LipSync, *, seed: int) -> Conversed:
    """Two people who are in no training film talk, and a model of lip-sync finds out who speaks when."""
    duet = plan_duet(seed + 1, 0, CAST, SECONDS)  # people of another seed are others
    film, drawn = folder / "duet.mp4", folder / "who-speaks.mp4"
    camera = duet.takes[0].camera
    write_reel(film, duet.pictures(), duet.sound, crf=camera.crf, preset=camera.preset, bit_rate=duet.room.bit_rate)
    with one_thread():
        spoken = listen_to(film, lips)
        write_annotated(spoken, drawn)
    truth = duet.speakers()[None] == np.arange(len(PLACES))[:, None]
    found = _found(spoken, truth.shape[1], duet.takes[0].framing.width)
    return Conversed(drawn, list(_frames(spoken, truth.shape[1])), truth, found)


def _found(spoken: Spoken, frames: int, width: int) -> NDArray[np.bool_]:
    """Whether somebody was said to speak at each of so many pictures left and right of the middle, at ``width`` px."""
    found = np.zeros((len(PLACES), frames), bool)
    for track, speaks in zip(spoken.film.tracks, spoken.film.speaks, strict=True):
        middle = float((track.boxes[:, 0] + track.boxes[:, 2] / 2).mean())
        stop = min(track.stop, frames)
        found[int(middle > width), track.start : stop] |= speaks[: stop - track.start]
    return found


def _frames(spoken: Spoken, count: int) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Pictures spread over the film, with what is drawn on them."""
    wanted = set(((np.arange(SHOWN) + 0.5) * count / SHOWN).astype(int).tolist())
    with open_media(spoken.film.path) as media:
        for picture in media.pictures():
            if picture.index in wanted:
                rgb = picture.crop(np.eye(2, 3), picture.shape)
                yield picture.index / FPS, annotated(rgb, spoken, picture.index)
