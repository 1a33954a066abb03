"""Who speaks, from evidence made up by hand, against an oracle that goes through every course of events."""

from itertools import product

import numpy as np
import pytest

from seehear.apps.diarization.hmm import EvidenceWeights, decode_speech, lip_evidence, speaker_posteriors
from seehear.apps.diarization.lip_activity import REACH, FaceTrack
from seehear.audio.voice_activity import PAUSE, true_runs

HEARD, SILENT = 4.0, -4.0


def face(number, start, speaks, delay=0, strength=3.0, shot=0):
    """A face whose lips agree with the sound where it speaks."""
    agreement = np.zeros((len(speaks), 2 * REACH + 1), np.float16)
    agreement[:, REACH + delay] = np.where(speaks, strength, -0.2)
    boxes = np.tile(np.array([10.0 + 100 * number, 10, 50, 50], np.float32), (len(speaks), 1))
    return FaceTrack(number, shot, start, agreement, boxes)


def stretch(frames, *spans):
    speaks = np.zeros(frames, bool)
    for start, stop in spans:
        speaks[start:stop] = True
    return speaks


def heard(*speaks):
    return np.where(np.any(speaks, axis=0), HEARD, SILENT)


def test_two_people_who_take_turns_are_told_apart():
    one, other = stretch(150, (10, 60)), stretch(150, (70, 140))
    tracks = [face(0, 0, one), face(1, 0, other)]
    speaking = speaker_posteriors(tracks, heard(one, other))
    for truth, found in zip((one, other), decode_speech(tracks, speaking.faces), strict=True):
        assert (found == truth).mean() > 0.97
    assert speaking.unseen.max() < 0.5


def test_in_silence_nobody_speaks_whatever_the_lips():
    one = stretch(100, (0, 100))
    speaking = speaker_posteriors([face(0, 0, one)], np.full(100, -8.0))
    assert speaking.faces[0].mean() < 0.1


def test_a_voice_that_no_lips_agree_with_is_of_somebody_unseen():
    quiet = stretch(100)
    speaking = speaker_posteriors([face(0, 0, quiet), face(1, 0, quiet)], np.full(100, HEARD))
    assert speaking.unseen[10:90].min() > 0.5
    assert max(likely.max() for likely in speaking.faces) < 0.5


def test_both_speak_only_if_both_agree_much():
    both = stretch(100, (20, 80))
    tracks = [face(0, 0, both, strength=3.5), face(1, 0, both, strength=3.5)]
    found = decode_speech(tracks, speaker_posteriors(tracks, heard(both)).faces)
    assert all(speaks[30:70].all() for speaks in found)
    tracks = [face(0, 0, both, strength=3.5), face(1, 0, both, strength=0.5)]
    found = decode_speech(tracks, speaker_posteriors(tracks, heard(both)).faces)
    assert found[0][30:70].all()
    assert not found[1].any()


def test_the_films_own_delay_is_where_lips_are_compared():
    one = stretch(100, (20, 80))
    late = np.roll(heard(one), 5)
    track = face(0, 0, one, delay=5)
    assert lip_evidence(track, 5)[50] == pytest.approx(3.0)
    found = decode_speech([track], speaker_posteriors([track], late, delay=5).faces)[0]
    assert (found == one).mean() > 0.95
    assert not decode_speech([track], speaker_posteriors([track], late, delay=-5).faces)[0].any()
    with pytest.raises(ValueError, match="delays of up to"):
        speaker_posteriors([track], late, delay=REACH + 1)


def test_faces_come_and_go():
    tracks = [face(0, 0, stretch(50, (10, 50))), face(1, 50, stretch(50, (0, 40)))]
    speech = heard(np.concatenate([stretch(50, (10, 50)), stretch(50, (0, 40))]))
    speaking = speaker_posteriors(tracks, speech)
    assert [len(likely) for likely in speaking.faces] == [50, 50]
    found = decode_speech(tracks, speaking.faces)
    assert (found[0] == stretch(50, (10, 50))).mean() > 0.9
    assert (found[1] == stretch(50, (0, 40))).mean() > 0.9


def test_no_faces_no_sound():
    assert speaker_posteriors([], np.zeros(0)).faces == []
    assert len(speaker_posteriors([], np.full(10, HEARD)).unseen) == 10
    assert speaker_posteriors([face(0, 0, stretch(20))], np.zeros(0)).faces[0].max() < 0.5


def test_a_still_mouth_counts_against_speaking_a_moving_one_for_nothing():
    one = stretch(100, (0, 100))
    track = face(0, 0, one, strength=1.2)
    lively, still = np.ones(100, np.float32), np.where(np.arange(100) < 50, 1.0, 0.01).astype(np.float32)
    likely = {
        name: speaker_posteriors([FaceTrack(0, 0, 0, track.agreement, track.boxes, motion)], heard(one)).faces[0]
        for name, motion in (("unknown", None), ("lively", lively), ("still", still))
    }
    np.testing.assert_allclose(likely["lively"], likely["unknown"])
    assert likely["still"][70:].max() < likely["unknown"][70:].min()


def test_short_pauses_belong_to_a_turn_unless_another_speaks_in_them():
    frames = 60
    one, other = stretch(frames, (10, 20), (20 + PAUSE, 40), (45 + PAUSE, 60)), stretch(frames, (22, 24))
    tracks = [face(0, 0, one), face(1, 0, other)]
    alone = decode_speech(tracks[:1], [one.astype(float)])[0]
    assert true_runs(alone) == [(10, 40), (45 + PAUSE, 60)]
    first, _ = decode_speech(tracks, [one.astype(float), other.astype(float)])
    assert true_runs(first) == [(10, 20), (20 + PAUSE, 40), (45 + PAUSE, 60)]


def test_runs():
    assert true_runs(np.zeros(0, bool)) == []
    assert true_runs(stretch(5, (0, 2), (4, 5))) == [(0, 2), (4, 5)]


def test_probabilities_are_those_of_every_course_of_events_added_up():
    rng = np.random.default_rng(0)
    scales = EvidenceWeights(change=0.2)
    one, other = rng.random(3) < 0.5, rng.random(4) < 0.5
    tracks = [face(0, 0, one, strength=1.5), face(1, 1, other, strength=1.0)]
    speech = rng.normal(size=5)
    speaking = speaker_posteriors(tracks, speech, scales=scales)
    truth = by_enumeration(tracks, speech, scales)
    for place, track in enumerate(tracks):
        np.testing.assert_allclose(speaking.faces[place], truth[place][track.start : track.stop], rtol=1e-9)
    np.testing.assert_allclose(speaking.unseen, truth["unseen"], rtol=1e-9)


def by_enumeration(tracks, speech, scales):
    """Every sequence of states with its probability, added up."""
    frames = len(speech)
    states, usual = [], []
    for t in range(frames):
        seen = [place for place, track in enumerate(tracks) if track.start <= t < track.stop]
        pairs = [(0, 1)] if len(seen) == 2 else []
        here = [(), ("unseen",), *[(place,) for place in seen], *pairs]
        rest = 1 - scales.silent - scales.unseen - (scales.together if pairs else 0)
        share = [scales.silent, scales.unseen, *[rest / max(len(seen), 1)] * len(seen), *[scales.together] * len(pairs)]
        states.append(here)
        usual.append(dict(zip(here, np.array(share) / sum(share), strict=True)))
    total, found = 0.0, {place: np.zeros(frames) for place in (*range(len(tracks)), "unseen")}
    for course in product(*states):
        weight = usual[0][course[0]]
        for t in range(1, frames):
            stays = course[t - 1] in states[t]
            again = scales.change * usual[t][course[t]] + (1 - scales.change) * (course[t] == course[t - 1])
            weight *= again if stays else usual[t][course[t]]
        for t, state in enumerate(course):
            if state:
                weight *= np.exp(scales.speech * (speech[t] - scales.voice))
            for place in state:
                if place != "unseen":
                    lips = lip_evidence(tracks[place], 0)[t - tracks[place].start]
                    weight *= np.exp(scales.lips * (lips - scales.threshold))
        total += weight
        for t, state in enumerate(course):
            for place in state:
                found[place][t] += weight
    return {place: sums / total for place, sums in found.items()}
