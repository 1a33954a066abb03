"""Crops of a growing track come out once each, in pieces of good length, as if the track had been cut at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seehear.media.crops import SMOOTHING_REACH, TEMPLATE, TrackCropper, TrackSegment, face_matrices, smooth_landmarks
from seehear.media.face_detector import Face
from seehear.media.tracks import Track

SIZE = 4


class Numbered:
    """A picture whose crops carry its number and where they were cut."""

    def __init__(self, number: int) -> None:
        self.number = number

    def crop(self, matrix: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.uint8]:
        crop = np.full((*size, 3), self.number % 256, np.uint8)
        crop[0, 0, 0] = round(1000 * matrix[0, 2]) % 256
        return crop


def face(t: int) -> Face:
    points = TEMPLATE * 60 + np.random.default_rng(t).normal(0, 3, (5, 2)) + 2 * t
    return Face(np.array([2 * t, 2 * t, 60, 60], np.float32), points.astype(np.float32), 0.9)


def grow(start: int, length: int, shortest: int, longest: int, every: int = 5) -> tuple[list[TrackSegment], Track]:
    """All pieces of a track that is found in every picture, cut as soon as possible."""
    track = Track(start, face(start))
    strip = TrackCropper(track, lambda landmarks: face_matrices(landmarks, SIZE), SIZE, shortest, longest)
    pictures = {number: Numbered(number) for number in range(start, start + length)}
    pieces = []
    for index in range(start + 1, start + length):
        track.add(index, face(index))
        if (index - start) % every == 0:
            strip.cut({number: picture for number, picture in pictures.items() if strip.next <= number <= index})
            assert strip.next >= min(track.stop - SMOOTHING_REACH, index)
            pieces += strip.pieces()
    track.ended = True
    strip.cut(pictures)
    return pieces + strip.pieces(), track


@given(st.integers(0, 50), st.integers(1, 200), st.integers(1, 20), st.integers(0, 40))
def test_pieces_are_contiguous_and_of_good_length(start: int, length: int, shortest: int, more: int) -> None:
    longest = 2 * shortest + more
    pieces, track = grow(start, length, shortest, longest)
    numbers = np.concatenate([piece.video[:, 1, 1, 1] for piece in pieces])
    np.testing.assert_array_equal(numbers, np.arange(start, start + length) % 256)
    assert [piece.start for piece in pieces] == [
        start + sum(len(p.video) for p in pieces[:k]) for k in range(len(pieces))
    ]
    assert all(len(piece.video) <= longest for piece in pieces)
    if length >= shortest:
        assert all(len(piece.video) >= shortest for piece in pieces)
    assert all(piece.track is track for piece in pieces)


@pytest.mark.parametrize("every", [1, 5, 13])
def test_crops_are_those_of_the_whole_track(every: int) -> None:
    pieces, _ = grow(3, 90, 10, 40, every)
    whole = smooth_landmarks(np.stack([face(t).landmarks for t in range(3, 93)]))
    matrices = face_matrices(whole, SIZE)
    landmarks = np.concatenate([piece.landmarks for piece in pieces])
    expected = whole @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2]
    np.testing.assert_allclose(landmarks, expected, atol=1e-4)


def test_landmarks_that_are_cut_are_forgotten() -> None:
    _, track = grow(0, 500, 10, 100)
    assert track.stop - track.kept_from <= 2 * SMOOTHING_REACH
