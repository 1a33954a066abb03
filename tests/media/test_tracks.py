"""Who is who from picture to picture, with made-up faces and a `look` that knows the truth."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seehear.media.crops import TEMPLATE
from seehear.media.face_detector import Face
from seehear.media.tracks import MIN_AFFINITY, Track, Tracker, affinity, distance, match_faces

SIZE = 60.0
Place = tuple[float, float] | None
World = Sequence[Callable[[int], Place]]
"""Where each person's face is (its left upper corner) in a picture, or None."""


def face(x: float, y: float, size: float = SIZE, score: float = 0.9) -> Face:
    points = TEMPLATE * size + (x, y)
    return Face(np.array([x, y, size, size], np.float32), points.astype(np.float32), score)


def faces_of(world: World, index: int) -> list[Face]:
    places = (person(index) for person in world)
    return [face(*place) for place in places if place is not None]


def follow(world: World, frames: int, every: int = 5, max_gap: int = 25) -> tuple[list[Track], list[int]]:
    """All tracks, in order of their start, and which pictures were looked at in between."""
    looked: list[int] = []

    def look(index: int, near: Sequence[NDArray[np.float32]]) -> list[Face]:
        looked.append(index)
        box = near[0]
        seen = [f for f in faces_of(world, index) if np.abs(f.box[:2] - box[:2]).max() < SIZE]
        return sorted(seen, key=lambda f: float(np.abs(f.box[:2] - box[:2]).max()))[:1]

    tracker, tracks = Tracker(look, max_gap=max_gap), []
    for index in sorted({*range(0, frames, every), frames - 1}):
        tracker.step(index, faces_of(world, index))
        tracks += [track for track in tracker.tracks if track not in tracks]
    tracker.cut()
    assert tracker.tracks == []
    assert all(track.ended for track in tracks)
    return sorted(tracks, key=lambda track: track.start), looked


def still(x: float, y: float = 0.0) -> Callable[[int], Place]:
    return lambda t: (x, y)


def positions(track: Track) -> NDArray[np.float32]:
    """Left upper corners of the face in the track's pictures."""
    return (track.landmarks(track.start, track.stop) - (TEMPLATE * SIZE).astype(np.float32)).mean(1)


def test_one_face_that_moves_evenly_is_one_track() -> None:
    (track,), looked = follow([lambda t: (100 + 1.2 * t, 50.0 - t)], 34)
    assert (track.start, track.stop, track.is_face) == (0, 34, True)
    np.testing.assert_allclose(positions(track), [(100 + 1.2 * t, 50 - t) for t in range(34)], atol=1e-3)
    assert looked == []


def test_two_people_are_two_tracks() -> None:
    tracks, _ = follow([still(0), still(100)], 21)
    assert [(track.start, track.stop) for track in tracks] == [(0, 21), (0, 21)]
    assert sorted(positions(track)[7, 0] for track in tracks) == pytest.approx([0, 100], abs=1e-3)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_people_who_sit_close_do_not_swap(order: tuple[int, int]) -> None:
    """The left one's old place overlaps the right one's new place: first come, first served would pair them."""
    known = [face(0, 0), face(45, 0)]
    found = [face(8, 0), face(30, 0)]
    pairs = match_faces([known[number] for number in order], found)
    assert {order[k]: f for k, f in pairs.items()} == {0: 0, 1: 1}


def test_someone_comes_and_someone_goes() -> None:
    """To the very picture, although only every fifth is looked at."""
    tracks, _ = follow([lambda t: (0, 0) if t < 18 else None, lambda t: (200, 0) if t >= 12 else None], 41)
    assert [(track.start, track.stop) for track in tracks] == [(0, 18), (12, 41)]


def test_a_gap_is_bridged_by_a_straight_line() -> None:
    (track,), _ = follow([lambda t: None if 10 < t < 27 else (t / 2, 0.0)], 50)
    assert (track.start, track.stop) == (0, 50)
    np.testing.assert_allclose(positions(track)[:, 0], np.arange(50) / 2, atol=1e-3)


def test_a_longer_absence_makes_two_tracks() -> None:
    tracks, _ = follow([lambda t: None if 10 < t < 47 else (0.0, 0.0)], 70)
    assert [(track.start, track.stop) for track in tracks] == [(0, 11), (47, 70)]


@pytest.mark.parametrize("speed", [2.5, 5.5])
def test_a_fast_face_is_looked_at_in_between(speed: float) -> None:
    def place(t: int) -> Place:
        return 5 * speed * np.sin(t / 5), 0.0

    (track,), looked = follow([place], 60)
    assert (track.start, track.stop) == (0, 60)
    assert looked
    assert np.abs(positions(track)[:, 0] - [place(t)[0] for t in range(60)]).max() < SIZE / 15


def test_a_jump_from_one_picture_to_the_next_ends_a_track() -> None:
    """A cut that was not noticed: the new face is near enough to be taken for the old one."""
    tracks, _ = follow([lambda t: (0.0, 0.0) if t < 13 else (0.45 * SIZE, 0.0)], 40)
    assert [(track.start, track.stop) for track in tracks] == [(0, 13), (13, 40)]
    for track, x in zip(tracks, (0, 0.45 * SIZE), strict=True):
        np.testing.assert_allclose(positions(track)[:, 0], x, atol=1e-3)


def test_a_face_of_another_size_is_another_face() -> None:
    assert affinity(face(0, 0, 50), face(-30, -30, 110)) == -np.inf
    assert match_faces([face(0, 0, 50)], [face(-30, -30, 110)]) == {}


def test_what_was_seen_once_or_dimly_is_no_face() -> None:
    (once,), _ = follow([lambda t: (0, 0) if t == 10 else None], 30)
    assert not once.is_face
    dim = Track(0, face(0, 0, score=0.62))
    for index in (5, 10, 15):
        dim.add(index, face(0, 0, score=0.62))
    assert not dim.is_face


def test_a_tracker_goes_on_after_a_cut() -> None:
    tracker = Tracker(lambda index, near: [], max_gap=25)
    tracker.step(0, [face(0, 0)])
    tracker.step(5, [face(0, 0)])
    (before,) = tracker.tracks
    tracker.cut()
    tracker.step(6, [face(0, 0)])
    assert before.stop == 6
    assert [track.start for track in tracker.tracks] == [6]


def test_a_track_forgets_and_still_knows_the_rest() -> None:
    (track,), _ = follow([lambda t: (float(t), 0.0)], 30)
    end = track.landmarks(20, 30)
    track.forget(20)
    np.testing.assert_array_equal(track.landmarks(20, 30), end)
    assert (track.start, track.kept_from, track.stop) == (0, 20, 30)


coordinates = st.tuples(st.integers(0, 100).map(float), st.integers(0, 60).map(float))


@given(st.lists(coordinates, max_size=4, unique=True), st.lists(coordinates, max_size=4, unique=True))
def test_pairs_are_stable(known: list[tuple[float, float]], found: list[tuple[float, float]]) -> None:
    """No two that are not paired would both rather have each other: the mark of best first."""
    a, b = [face(*place) for place in known], [face(*place) for place in found]
    pairs = match_faces(a, b)
    assert len(set(pairs.values())) == len(pairs)
    partner = {f: k for k, f in pairs.items()}
    for k, one in enumerate(a):
        for f, other in enumerate(b):
            score = affinity(one, other)
            if score < MIN_AFFINITY:
                assert pairs.get(k) != f
                continue
            kept = affinity(one, b[pairs[k]]) if k in pairs else -np.inf
            rival = affinity(a[partner[f]], other) if f in partner else -np.inf
            assert max(kept, rival) >= score


@given(coordinates, coordinates, st.floats(20, 200))
def test_distance_is_symmetric_and_in_face_sizes(a: tuple[float, float], b: tuple[float, float], size: float) -> None:
    one, other = face(*a, size), face(*b, size)
    assert distance(one, other) == pytest.approx(distance(other, one), rel=1e-4, abs=1e-6)
    assert distance(one, other) == pytest.approx(np.hypot(a[0] - b[0], a[1] - b[1]) / size, rel=1e-3, abs=1e-4)
