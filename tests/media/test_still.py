"""Pictures on their side or upside down without a flag: faces tell which way is up."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import pytest

from seehear.media.clips import ClipOptions, ClipReader
from seehear.media.encode import write_video
from seehear.media.face_detector import Face
from seehear.media.picture import Geometry
from seehear.media.still import (
    EVERY,
    MAX_SIDE,
    VOTES,
    correct_orientation,
    orientation_scores,
    quarter_turns,
    read_still,
)


def vote(*of_turns: float) -> np.ndarray:
    return np.array(of_turns)


@pytest.mark.parametrize(
    ("votes", "turns"),
    [
        ([], 0),
        ([vote(0.93, 0, 0.88, 0)] * 3, 0),
        ([vote(0.7, 0.93, 0.7, 0.88)] * 3, 1),
        ([vote(0.88, 0, 0.93, 0)] * 3, 2),
        ([vote(0.9, 0, 0.91, 0)] * 3, 0),  # not surer by much
        ([vote(0.7, 0.93, 0.7, 0.88)] * 2 + [vote(0.7, 0.8, 0.7, 0.93)], 0),  # they do not agree
    ],
)
def test_pictures_are_turned_only_if_all_faces_say_so(votes: list[np.ndarray], turns: int) -> None:
    assert quarter_turns(votes) == turns


def test_the_score_is_that_of_the_best_face_each_way_up() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 0] = 255

    def detector(seen: np.ndarray) -> list[Face]:
        return [Face(np.zeros(4), np.zeros((5, 2)), score) for score in (0.5, 0.9)] if seen[0, -1].any() else []

    assert orientation_scores(image, detector).tolist() == [
        0,
        0.9,
        0,
        0,
    ]  # clockwise, the left upper corner goes to the right


@pytest.mark.parametrize("quarters", range(5))
@pytest.mark.parametrize("turn", [((1, 0), (0, 1)), ((0, -1), (1, 0)), ((-1, 0), (0, 1))])
def test_a_turned_picture_is_turned_in_all_it_gives(quarters: int, turn: Any) -> None:
    from seehear.media.picture import Picture

    rng = np.random.default_rng(0)
    smooth = np.kron(rng.integers(30, 220, (4, 6, 3), dtype=np.uint8), np.ones((16, 16, 1), np.uint8))
    frame = av.VideoFrame.from_ndarray(smooth, "rgb24").reformat(format="yuv420p")
    plain = Picture(3, frame, Geometry(stored=(64, 96), turn=turn))
    turned = plain.turned(quarters)
    assert turned.index == 3
    np.testing.assert_array_equal(turned.luma(), np.rot90(plain.luma(), -quarters))
    np.testing.assert_array_equal(turned.small_bgr(48)[0], np.rot90(plain.small_bgr(48)[0], -quarters))
    whole, before = turned.crop(np.eye(2, 3), turned.shape), plain.crop(np.eye(2, 3), plain.shape)
    assert np.abs(whole.astype(int) - np.rot90(before, -quarters)).max() <= 2


class Shown:
    """A picture of whatever number; the detector below sees its best score each way up."""

    def __init__(self, index: int, faces: tuple[float, ...], quarters: int = 0) -> None:
        self.index, self.faces, self.quarters = index, faces, quarters

    def small_bgr(self, side: int) -> tuple[np.ndarray, float]:
        image = np.zeros((4, 4, 3), np.uint8)
        for turns, score in enumerate(self.faces):  # in the corner that comes to the left upper one by that many turns
            np.rot90(image, -turns)[0, 0] = round(100 * score)
        return image, 1.0

    def turned(self, quarters: int) -> "Shown":
        return Shown(self.index, self.faces, quarters)


def passed(faces: list[tuple[float, ...]]) -> tuple[list[Shown], list[int], list[int]]:
    """The pictures that come out, the first ones of shots, and what is told."""
    detector: Any = lambda seen: [SimpleNamespace(score=seen[0, 0, 0] / 100)] * bool(seen[0, 0, 0])  # noqa: E731
    told: list[int] = []
    shots: Any = ((Shown(number, own), number == 0) for number, own in enumerate(faces))
    out: Any = list(correct_orientation(shots, detector, told.append))
    assert [picture.index for picture, _ in out] == list(range(len(faces)))
    return [picture for picture, _ in out], [picture.index for picture, first in out if first], told


NOBODY, UP, SIDE = (0.0,) * 4, (0.93, 0.0, 0.88, 0.0), (0.7, 0.0, 0.7, 0.93)


def test_upright_pictures_pass_unchanged() -> None:
    pictures, first, told = passed([UP] * 40)
    assert {picture.quarters for picture in pictures} == {0}
    assert (first, told) == ([0], [])


def test_from_the_first_face_on_pictures_are_turned_and_a_shot_begins_there() -> None:
    pictures, first, told = passed([NOBODY] * 12 + [SIDE] * 40)
    turned = [picture.quarters for picture in pictures]
    assert told == [3]
    assert turned == sorted(turned)
    assert turned[10 + EVERY :] == [3] * (42 - EVERY)
    assert first == [0, turned.index(3)]


def test_a_film_that_ends_before_all_votes_are_given_is_turned_by_those_that_are() -> None:
    assert passed([SIDE] * (EVERY * (VOTES - 1)))[2] == [3]


def test_faces_that_come_late_are_looked_for_now_and_then() -> None:
    pictures, _, told = passed([NOBODY] * 400 + [SIDE] * 200)
    assert told == [3]
    assert [later.quarters - sooner.quarters for sooner, later in pairwise(pictures)].count(3) == 1


GRID = "data/grid_s1/video/bbaf2n.mp4"


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_real_faces_are_cut_out_as_if_the_picture_were_upright(shared: Path, tmp_path: Path, quarters: int) -> None:
    with av.open(str(shared / GRID)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][:30]
    films = []
    for turns in (0, quarters):
        films.append(tmp_path / f"{turns}.mp4")
        write_video(films[-1], (np.ascontiguousarray(np.rot90(frame, turns)) for frame in frames), crf=8)
    clips = []
    for film in films:
        with ClipReader(film, ClipOptions(), threads=1) as reader:
            (clip,) = reader
            clips.append(clip)
            said = reader.stats.cautions
    assert f"rotated by {90 * quarters} degrees clockwise" in said[0]
    assert ("upside down" if quarters == 2 else "on its side") in said[0]
    assert clips[0].frames == clips[1].frames == 30
    assert np.abs(clips[0].video.astype(int) - clips[1].video).mean() < 5


def test_a_line_of_pixels_is_shrunk_to_a_line(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "line.png"), np.full((1, 3 * MAX_SIDE, 3), 7, np.uint8))
    assert read_still(tmp_path / "line.png").rgb.shape == (1, MAX_SIDE, 3)
