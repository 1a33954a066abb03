"""Cuts are found, and what only looks a little like one is not."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from seehear.media.decode import open_media
from seehear.media.tracks import split_shots

Gray = NDArray[np.float64]
SIZE = (90, 160)


class Shown:
    """A picture that is only bright."""

    def __init__(self, index: int, luma: Gray) -> None:
        self.index = index
        self.brightness = np.clip(np.rint(luma), 0, 255).astype(np.uint8)

    def small_luma(self, long_side: int) -> tuple[NDArray[np.uint8], float]:
        scale = long_side / max(SIZE)
        small = cv2.resize(self.brightness, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8), scale


def scene(seed: int) -> Gray:
    """A still background with things in it, larger than the frame."""
    rough = np.random.default_rng(seed).uniform(30, 220, (9, 14))
    return np.asarray(cv2.resize(rough, (2 * SIZE[1], 2 * SIZE[0]), interpolation=cv2.INTER_CUBIC), np.float64)


def ellipse(picture: Gray, x: float, y: float, a: float, b: float, colour: int) -> None:
    """Drawn in sixteenths of a pixel."""
    x16, y16, a16, b16 = (round(16 * value) for value in (x, y, a, b))
    cv2.ellipse(picture, (x16, y16), (a16, b16), 0, 0, 360, colour, -1, shift=4)


def talk(seed: int, frames: int = 30, *, sway: float = 4.0, noise: float = 3.0) -> list[Gray]:
    """A head that sways in front of a background; its mouth opens and shuts; the camera is noisy."""
    random = np.random.default_rng(seed)
    shot = []
    for t in range(frames):
        picture = scene(seed)[20 : 20 + SIZE[0], 40 : 40 + SIZE[1]].copy()
        x, y = 80 + sway * np.sin(t / 6), 45 + sway / 2 * np.sin(t / 4)
        ellipse(picture, x, y, 20, 28, 190)
        ellipse(picture, x, y + 12, 8, 1 + abs(4 * np.sin(t)), 40)
        shot.append(picture + random.normal(0, noise, SIZE))
    return shot


def firsts(pictures: Sequence[Gray]) -> list[int]:
    return [shown.index for shown, first in split_shots(Shown(i, luma) for i, luma in enumerate(pictures)) if first]


def test_every_picture_comes_out_once_and_in_order() -> None:
    for frames in (0, 1, 2, 3, 10):
        out = list(split_shots(Shown(i, luma) for i, luma in enumerate(talk(0, frames))))
        assert [shown.index for shown, _ in out] == list(range(frames))
        assert [first for _, first in out] == [number == 0 for number in range(frames)]


def test_pictures_come_out_a_few_later_than_they_go_in() -> None:
    taken = []

    def pictures():  # type: ignore[no-untyped-def]
        for i, luma in enumerate(talk(0)):
            taken.append(i)
            yield Shown(i, luma)

    assert max(len(taken) - shown.index for shown, _ in split_shots(pictures())) <= 3


@pytest.mark.parametrize("lengths", [(30, 30), (5, 30), (30, 4), (12, 10, 8, 40)])
def test_cuts_are_found(lengths: tuple[int, ...]) -> None:
    shots = [talk(seed, frames) for seed, frames in enumerate(lengths)]
    assert firsts(list(chain(*shots))) == [0, *np.cumsum(lengths)[:-1]]


def test_a_cut_from_and_to_black_is_found() -> None:
    black = [np.full(SIZE, 16.0)] * 10
    assert firsts(talk(1, 20) + black + talk(1, 20)) == [0, 20, 30]


@pytest.mark.parametrize("flash", [1, 2])
def test_a_flash_is_no_cut(flash: int) -> None:
    white = [np.full(SIZE, 235.0) + np.random.default_rng(0).normal(0, 3, SIZE) for _ in range(flash)]
    assert firsts(talk(2, 20) + white + talk(2, 20)) == [0]


def test_a_camera_flash_that_bleaches_part_of_the_picture_is_no_cut() -> None:
    shot = talk(2, 40)
    shot[20] = np.clip(shot[20] * 1.8 + 60, 0, 255)
    assert firsts(shot) == [0]


def test_fades_are_no_cuts() -> None:
    shot = talk(3, 80)
    level = np.concatenate([np.linspace(0, 1, 25), np.ones(30), np.linspace(1, 0, 25)])
    assert firsts([16 + gain * (luma - 16) for gain, luma in zip(level, shot, strict=True)]) == [0]


def test_light_that_is_switched_on_is_no_cut() -> None:
    shot = talk(4, 40)
    assert firsts([luma * (0.5 if t < 20 else 1.0) for t, luma in enumerate(shot)]) == [0]


def test_strong_noise_in_the_dark_is_no_cut() -> None:
    random = np.random.default_rng(5)
    assert firsts([np.full(SIZE, 20.0) + random.normal(0, 12, SIZE) for _ in range(60)]) == [0]


def test_a_lively_head_is_no_cut() -> None:
    assert firsts(talk(6, 100, sway=25.0)) == [0]


@pytest.mark.parametrize("speed", [1, 3])
def test_a_moving_camera_is_no_cut(speed: int) -> None:
    wide = scene(7)
    starts = np.concatenate([np.zeros(10), np.cumsum(np.minimum(np.arange(40) * 0.3, speed))]).astype(int)
    assert firsts([wide[20 : 20 + SIZE[0], x : x + SIZE[1]] for x in starts]) == [0]


def test_a_low_frame_rate_is_not_taken_for_cuts() -> None:
    """Every picture of a shot at 8 pictures a second stands for three."""
    shot = [luma for luma in talk(8, 120, sway=10.0, noise=1.0)[::3] for _ in range(3)]
    assert firsts(shot) == [0]


def test_real_shots_joined(shared: Path) -> None:
    data = shared / "data"
    files = ["grid_s1/video/bbaf2n.mp4", "cremad_sample/1001_DFA_ANG_XX.flv", "grid_s1/video/swwv8p.mp4"]
    joined: list[NDArray[np.uint8]] = []
    starts = []
    for file in files:
        starts.append(len(joined))
        with open_media(data / file) as media:
            joined += [cv2.resize(picture.luma(), SIZE[::-1]) for picture in media.pictures()]
    assert firsts([luma.astype(np.float64) for luma in joined]) == starts
