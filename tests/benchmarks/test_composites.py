"""Two people side by side: whose sound is heard when, and how answers are judged."""

import numpy as np
import pytest
from real_people.composites import FADE_S, SIDE, mixed, pairs, whose_turn, write_composite
from real_people.films import Film
from real_people.speaking import judged

from seehear.apps.sync.fit_calibration import DelayedSound
from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from seehear.media.decode import open_media
from seehear.media.sound import read_sound


@pytest.mark.parametrize(("pictures", "turns"), [(75, 2), (126, 2), (250, 4), (365, 6), (3, 2)])
@pytest.mark.parametrize("first", [0, 1])
def test_turns_alternate_and_are_shared_evenly(pictures, turns, first):
    truth = whose_turn(pictures, first)
    changes = np.flatnonzero(np.diff(truth))
    assert truth[0] == first
    assert len(changes) == turns - 1
    assert abs(int(truth.sum()) - pictures / 2) <= turns / 2
    assert np.ptp(np.diff([0, *(changes + 1), pictures])) <= 1


def test_at_each_picture_only_the_sound_of_the_one_whose_turn_it_is_is_heard():
    truth = whose_turn(100, 1)
    left, right = (np.full(100 * SAMPLES_PER_FRAME, level, np.float32) for level in (0.25, -0.5))
    heard = mixed((left, right), truth)
    fade = round(FADE_S * SAMPLE_RATE)
    true = np.repeat(np.where(truth == 0, 0.25, -0.5), SAMPLES_PER_FRAME)
    edges = (np.flatnonzero(np.diff(truth)) + 1) * SAMPLES_PER_FRAME
    away = np.ones(len(heard), bool)
    for edge in edges:
        away[edge - fade : edge + fade] = False
        assert -0.5 < heard[edge] < 0.25  # no step
    np.testing.assert_allclose(heard[away], true[away], atol=1e-6)
    assert np.abs(np.diff(heard)).max() < 0.75 / fade * 2.5


def test_the_film_is_of_both_heads_and_the_sound_that_the_truth_says(tmp_path):
    heads = ([np.full((SIDE, SIDE, 3), 40, np.uint8)] * 60, [np.full((SIDE, SIDE, 3), 200, np.uint8)] * 50)
    times = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    tones = [DelayedSound((0.5 * np.sin(2 * np.pi * pitch * times)).astype(np.float32), 0.0) for pitch in (300, 900)]
    made = write_composite(tmp_path / "two.mp4", heads, (tones[0], tones[1]), (0.0, 0.08), 0)
    assert len(made.truth) == 50  # the shorter one
    with open_media(made.path) as media:
        pictures = [picture.crop(np.eye(2, 3), picture.shape) for picture in media.pictures()]
    assert len(pictures) == 50
    assert pictures[20].shape == (SIDE, 2 * SIDE, 3)
    assert abs(pictures[20][:, :SIDE].mean() - 40) < 5
    assert abs(pictures[20][:, SIDE:].mean() - 200) < 5
    sound = read_sound(made.path)
    for picture in (5, 20, 30, 45):
        piece = sound.between(picture / FPS, (picture + 1) / FPS)
        pitch = np.fft.rfftfreq(len(piece), 1 / SAMPLE_RATE)[np.abs(np.fft.rfft(piece)).argmax()]
        assert pitch == pytest.approx((300, 900)[made.truth[picture]], abs=30)


def test_a_delay_that_is_taken_out_makes_the_sound_earlier(tmp_path):
    heads = ([np.zeros((32, 32, 3), np.uint8)] * 50,) * 2
    click = np.zeros(3 * SAMPLE_RATE, np.float32)
    click[SAMPLE_RATE : SAMPLE_RATE + 160] = 0.9  # at 1.0 s
    made = write_composite(tmp_path / "two.mp4", heads, (DelayedSound(click, 0.0),) * 2, (0.2, 0.2), 0)
    heard = read_sound(made.path).between(0, 2)
    assert np.abs(heard).argmax() / SAMPLE_RATE == pytest.approx(0.8, abs=0.02)


def film(name, source, person, numbered=True):
    from pathlib import Path

    return Film(Path(name), source, person, numbered)


def test_everybody_is_paired_once_with_somebody_of_the_same_source():
    films = [
        film("s1_1.mp4", "grid", "s1"), film("s1_2.mp4", "grid", "s1"), film("s2_1.mp4", "grid", "s2"),
        film("x1_a.mp4", "grid", "x1", numbered=False),
        *(film(f"talk_{n}.mp4", "talk", f"talk_{n}") for n in range(5)), film("weekly_1.mp4", "weekly", "weekly"),
    ]  # fmt: skip
    found = pairs(films)
    assert [(left.path.name, right.path.name) for left, right in found] == [
        ("s1_1.mp4", "s2_1.mp4"), ("talk_0.mp4", "talk_2.mp4"), ("talk_1.mp4", "talk_3.mp4"),
    ]  # fmt: skip


def test_answers_are_judged_picture_by_picture():
    truth = np.array([0, 0, 1, 1, 1])
    likely = np.array([[0.9, 0.2, 0.4, np.nan, 0.5], [0.1, 0.3, 0.6, 0.8, 0.5]])
    speaks = np.array([[True, False, False, False, False], [False, False, True, True, False]])
    told = judged(likely, speaks, truth, np.array([True, True, True, True, False]))
    assert told.followed == pytest.approx(4 / 5)
    assert told.likelier == pytest.approx((1 + 0 + 1 + 0.5) / 4)
    assert told.in_speech == pytest.approx(2 / 3)
    assert told.right == pytest.approx(3 / 5)
    assert told.nobody == pytest.approx(2 / 5)


def test_where_both_are_never_followed_there_is_no_figure():
    told = judged(np.full((2, 4), np.nan), np.zeros((2, 4), bool), np.zeros(4, int), np.ones(4, bool))
    assert np.isnan(told.likelier)
    assert told.right == 0
    assert told.nobody == 1
