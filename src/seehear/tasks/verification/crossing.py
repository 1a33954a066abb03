"""Voices against faces: every pair of a person's own, every pair with another's, and 1-of-N matching both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.tasks.verification.matching import chances_of_first
from seehear.tasks.verification.resampling import resampled
from seehear.tasks.verification.trials import Rows

MOST_QUERIES = 3000
"""Right pairs whose matching is looked at; of more, so many are drawn."""

MOST_PAIRS = 500_000
"""Pairs of different people whose scores are looked at; of more, so many are drawn."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Crossing:
    """Who is heard and who is seen.

    Attributes:
        people: number of the person of each clip, (N,).
        sources: number of what each clip is a piece of, (N,).
        groups: number of the group of each clip, (N,): pairs and rivals are of one group. None are where it is -1.
        draws: how often each person is drawn, (R, people).
    """

    people: Rows
    sources: Rows
    groups: Rows
    draws: Numbers

    def right_pairs(self, seed: int = 0) -> tuple[Rows, Rows]:
        """Voice and face of one person: of different sources, or different clips, or else of the one clip there is."""
        order = np.argsort(self.people, kind="stable")
        voices, faces = [], []
        for rows in np.split(order, np.flatnonzero(np.diff(self.people[order])) + 1):
            rows = rows[self.groups[rows] >= 0]
            one, other = (side.ravel() for side in np.meshgrid(rows, rows, indexing="ij"))
            ways = (self.sources[one] != self.sources[other], one != other, one == other)
            kept = next((apart for apart in ways if apart.any()), ways[-1])
            voices.append(one[kept])
            faces.append(other[kept])
        voice, face = np.concatenate(voices), np.concatenate(faces)
        if len(voice) > MOST_QUERIES:
            some = np.sort(np.random.default_rng([seed, 85]).choice(len(voice), MOST_QUERIES, replace=False))
            voice, face = voice[some], face[some]
        return voice, face


@dataclass(frozen=True)
class Crossed:
    """What came of it: name of a figure -> its value, and its value in every draw, (R,)."""

    figures: dict[str, float]
    drawn: dict[str, Numbers]
    pairs: tuple[int, int]


def cross(similarity: NDArray[np.float32], asked: Crossing, among: Sequence[int], seed: int = 0) -> Crossed:
    """Verification and matching, out of the scores of every voice with every face.

    Args:
        similarity: (voices, faces) of the same clips, (N, N), higher is more alike.
        asked: whose they are.
        among: the Ns of 1-of-N.
        seed: of the pairs, where there are too many.
    """
    voice, face = asked.right_pairs(seed)
    verified, drawn, others = _verified(similarity, asked, voice, face, seed)
    for way, scores, query, answer in (
        ("voice to face", similarity, voice, face),
        ("face to voice", similarity.T, face, voice),
    ):
        for count, value, values in _matched(scores, asked, query, answer, among, seed):
            verified[f"{way}, 1 of {count}"] = value
            drawn[f"{way}, 1 of {count}"] = values
    return Crossed(verified, drawn, (len(voice), others))


def _verified(
    similarity: NDArray[np.float32], asked: Crossing, voice: Rows, face: Rows, seed: int
) -> tuple[dict[str, float], dict[str, Numbers], int]:
    """AUC and EER over the right pairs and pairs of two people."""
    one, other = _wrong_pairs(asked, seed)
    left, right = np.concatenate([voice, one]), np.concatenate([face, other])
    targets = np.arange(len(left)) < len(voice)
    scores = similarity[left, right].astype(np.float64)
    once = np.ones((1, asked.draws.shape[1]))
    people = asked.people
    counted, drawn = (resampled(scores, targets, people[left], people[right], draws) for draws in (once, asked.draws))
    return (
        {"AUC": float(counted.auc[0]), "EER": float(counted.eer[0])},
        {"AUC": drawn.auc, "EER": drawn.eer},
        len(one),
    )


def _wrong_pairs(asked: Crossing, seed: int) -> tuple[Rows, Rows]:
    """Voices and faces of two people of one group: all, or so many drawn."""
    rng = np.random.default_rng([seed, 86])
    count = len(asked.people)
    if count * count <= 4 * MOST_PAIRS:
        one, other = (side.ravel() for side in np.indices((count, count)))
    else:
        one, other = rng.integers(count, size=(2, 4 * MOST_PAIRS))
    kept = (asked.people[one] != asked.people[other]) & (asked.groups[one] == asked.groups[other])
    kept &= asked.groups[one] >= 0
    one, other = one[kept], other[kept]
    if len(one) > MOST_PAIRS:
        some = rng.choice(len(one), MOST_PAIRS, replace=False)
        one, other = one[some], other[some]
    return one, other


def _matched(
    scores: NDArray[np.float32], asked: Crossing, query: Rows, answer: Rows, among: Sequence[int], seed: int
) -> Iterator[tuple[int, float, Numbers]]:
    """N, how often the right one is found among it and N - 1 clips of others, and how often in every draw.

    Rivals are clips of other people in the group of the query. Equal scores are guessed between: each query has its
    luck, and so many of the equal ones stand before it.
    """
    people = asked.draws.shape[1]
    rng = np.random.default_rng([seed, 87])
    below, rivals = np.zeros((len(query), people)), np.zeros((len(query), people))
    for row, (asking, right) in enumerate(zip(query.tolist(), answer.tolist(), strict=True)):
        rival = (asked.groups == asked.groups[asking]) & (asked.people != asked.people[asking])
        of, heights = asked.people[rival], scores[asking, rival]
        beaten = (heights < scores[asking, right]) | (
            (heights == scores[asking, right]) & (rng.random(len(of)) < rng.random())
        )
        below[row] = np.bincount(of[beaten], minlength=people)
        rivals[row] = np.bincount(of, minlength=people)
    weights = asked.draws[:, asked.people[query]].T  # (queries, R)
    once = chances_of_first(below.sum(1, keepdims=True), rivals.sum(1, keepdims=True), max(among))
    drawn = chances_of_first(below @ asked.draws.T, rivals @ asked.draws.T, max(among))
    for (count, found), (_, in_draws) in zip(once, drawn, strict=True):
        if count in among:
            yield count, float(_weighted(found, np.ones_like(found))[0]), _weighted(in_draws, weights)


def _weighted(values: Numbers, weights: Numbers) -> Numbers:
    """Mean over the first axis of what is a number, (Q, R) -> (R,)."""
    known = np.isfinite(values) & (weights > 0)
    total = np.where(known, weights, 0).sum(0)
    mean: Numbers = np.where(known, values * weights, 0).sum(0) / np.where(total > 0, total, np.nan)
    return mean
