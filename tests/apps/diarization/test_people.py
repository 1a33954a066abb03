"""Which tracks are one person: by place within a shot, or by faces wherever they are."""

from types import SimpleNamespace

import numpy as np
import pytest

from seehear.apps.diarization.lip_activity import REACH, FaceTrack
from seehear.apps.diarization.people import group_tracks


def track(number, start, stop, left, shot=0):
    boxes = np.tile(np.array([left, 10, 50, 50], np.float32), (stop - start, 1))
    return FaceTrack(number, shot, start, np.zeros((stop - start, 2 * REACH + 1), np.float16), boxes)


class Prints:
    """Faces that are known."""

    faces = SimpleNamespace(same_threshold=0.6)

    def __init__(self, *vectors):
        self.vectors = [np.asarray(v, np.float32) / np.linalg.norm(v) for v in vectors]

    def mean_of(self, tracks):
        together = np.sum([self.vectors[number] for number in tracks], axis=0)
        return together / np.linalg.norm(together)


def test_who_comes_back_to_the_same_place_in_a_shot_is_the_same():
    tracks = [track(0, 0, 50, 0), track(1, 0, 100, 100), track(2, 80, 120, 5), track(3, 150, 200, 0)]
    assert group_tracks(tracks) == [0, 1, 0, 0]


def test_a_cut_or_a_long_absence_or_another_place_is_somebody_else():
    assert group_tracks([track(0, 0, 50, 0), track(1, 50, 90, 0, shot=1)]) == [0, 1]
    assert group_tracks([track(0, 0, 50, 0), track(1, 400, 450, 0)]) == [0, 1]
    assert group_tracks([track(0, 0, 50, 0), track(1, 60, 90, 60)]) == [0, 1]


def test_those_seen_together_are_never_one_person_however_alike():
    twins = [track(0, 0, 50, 0), track(1, 20, 70, 0), track(2, 80, 90, 0)]
    assert group_tracks(twins, Prints([1, 0], [1, 0], [1, 0.05])) in ([0, 1, 0], [0, 1, 1])


def test_faces_join_across_shots_and_places():
    tracks = [track(0, 0, 50, 0), track(1, 0, 50, 100), track(2, 50, 90, 100, shot=1), track(3, 50, 90, 0, shot=1)]
    anna, ben = [1, 0.1, 0], [0, 0.1, 1]
    assert group_tracks(tracks, Prints(anna, ben, anna, ben)) == [0, 1, 0, 1]
    assert group_tracks(tracks, Prints(anna, ben, [0, 1, 0], ben)) == [0, 1, 2, 1]


def test_people_are_numbered_as_they_appear_and_from_left_to_right():
    assert group_tracks([track(0, 0, 50, 200), track(1, 0, 50, 10), track(2, 60, 90, 400)]) == [1, 0, 2]


@pytest.mark.parametrize("prints", [None, Prints()])
def test_nobody(prints):
    assert group_tracks([], prints) == []
