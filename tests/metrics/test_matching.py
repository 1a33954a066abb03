"""1-of-N in expectation against all choices of rivals, and voices against faces against loops."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from seehear.metrics import pairs
from seehear.metrics.detection import matching_accuracy
from seehear.metrics.pairs import CrossModalTrials, score_cross_modal

AMONG = (2, 3, 5)


def test_the_chance_of_being_first_is_that_of_all_choices_of_rivals() -> None:
    for below, rivals in ((3, 7), (7, 7), (0, 4), (5, 6)):
        told = dict(matching_accuracy(np.array([float(below)]), np.array([float(rivals)]), 5))
        for among in (2, 3, 4, 5):
            choices = list(combinations(range(rivals), among - 1))
            right = np.mean([all(rival < below for rival in choice) for choice in choices])
            assert told[among][0] == pytest.approx(right)


def test_too_few_rivals_are_no_number() -> None:
    told = dict(matching_accuracy(np.array([2.0]), np.array([2.0]), 5))
    assert (told[2][0], told[3][0]) == (1.0, 1.0)
    assert np.isnan(told[4][0])
    assert np.isnan(told[5][0])


def crossed_people(clips: int = 30, people: int = 9) -> tuple[np.ndarray, CrossModalTrials]:
    rng = np.random.default_rng(0)
    who = np.sort(np.concatenate([np.arange(people), rng.integers(people, size=clips - people)]))
    similarity = rng.standard_normal((clips, clips)).astype(np.float32) + (who[:, None] == who[None])
    draws = np.random.default_rng(1).multinomial(people, np.full(people, 1 / people), size=20).astype(float)
    return similarity.astype(np.float32), CrossModalTrials(who, np.arange(clips), who % 2, draws)


def test_voices_against_faces_are_those_of_loops() -> None:
    similarity, asked = crossed_people()
    who, groups = asked.people, asked.groups
    right = [(i, j) for i in range(30) for j in range(30) if who[i] == who[j] and i != j]
    single = {i for i in range(30) if (who == who[i]).sum() == 1}
    right += [(i, i) for i in single]
    wrong = [(i, j) for i in range(30) for j in range(30) if who[i] != who[j] and groups[i] == groups[j]]
    told = score_cross_modal(similarity, asked, AMONG)
    assert told.pairs == (len(right), len(wrong))
    scores = [similarity[pair] for pair in (*right, *wrong)]
    assert told.figures["AUC"] == pytest.approx(roc_auc_score([1] * len(right) + [0] * len(wrong), scores))
    for way, table in (("voice to face", similarity), ("face to voice", similarity.T)):
        for among in AMONG:
            found = []
            for pair in right:
                i, j = pair if way == "voice to face" else pair[::-1]
                rivals = [table[i, k] for k in range(30) if who[k] != who[i] and groups[k] == groups[i]]
                choices = combinations(rivals, among - 1)
                found.append(np.mean([max(choice) < table[i, j] for choice in choices]))
            assert told.figures[f"{way}, 1 of {among}"] == pytest.approx(np.mean(found))


def test_draws_are_people_written_out_as_often_as_they_were_drawn() -> None:
    similarity, asked = crossed_people()
    told = score_cross_modal(similarity, asked, (2,))
    for place, drawn in enumerate(asked.draws[:5]):
        found, weights = [], []
        for i in range(30):
            for j in range(30):
                if asked.people[i] != asked.people[j] or (i == j and (asked.people == asked.people[i]).sum() > 1):
                    continue
                rival = (asked.people != asked.people[i]) & (asked.groups == asked.groups[i])
                often = drawn[asked.people[rival]]
                if drawn[asked.people[i]] and often.sum() >= 1:
                    found.append((often * (similarity[i][rival] < similarity[i, j])).sum() / often.sum())
                    weights.append(drawn[asked.people[i]])
        assert told.drawn["voice to face, 1 of 2"][place] == pytest.approx(np.average(found, weights=weights))


def test_what_is_all_the_same_is_guessed() -> None:
    _, asked = crossed_people(300, 40)
    told = score_cross_modal(np.zeros((300, 300), np.float32), asked, (2, 10))
    assert told.figures["AUC"] == 0.5
    assert told.figures["voice to face, 1 of 2"] == pytest.approx(0.5, abs=0.03)
    assert told.figures["face to voice, 1 of 10"] == pytest.approx(0.1, abs=0.03)


def test_more_pairs_than_are_looked_at_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    similarity, asked = crossed_people(200, 30)
    every = score_cross_modal(similarity, asked, (2,))
    monkeypatch.setattr(pairs, "MAX_QUERIES", 300)
    monkeypatch.setattr(pairs, "MAX_PAIRS", 2000)
    some = score_cross_modal(similarity, asked, (2,))
    assert some.pairs == (300, 2000)
    assert some.figures["AUC"] == pytest.approx(every.figures["AUC"], abs=0.04)
    assert some.figures["voice to face, 1 of 2"] == pytest.approx(every.figures["voice to face, 1 of 2"], abs=0.04)


def test_voice_and_face_are_of_different_sources_where_there_are_some() -> None:
    people, sources = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 2, 2, 3])
    asked = CrossModalTrials(people, sources, np.zeros(6, int), np.ones((1, 3)))
    voice, face = asked.positive_pairs()
    told = set(zip(voice.tolist(), face.tolist(), strict=True))
    assert told == {(0, 2), (1, 2), (2, 0), (2, 1), (3, 4), (4, 3), (5, 5)}
