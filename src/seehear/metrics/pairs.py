"""All pairs of N embeddings in blocks; voices against faces; people drawn with replacement.

Scores are not kept. They are counted in bins so narrow that an equal error rate read off the counts is exact to 1e-4,
and embeddings are scaled so that their products come out as numbers of bins. Each pair is looked at once: the matrix
is symmetric, and what is below its diagonal is not multiplied.

A pair of two people counts as often as the one was drawn times as often as the other, a pair of one person as often as
that one was. (Pairs of a person with a copy of the same are not made up.) Scores are binned once, so that all draws
together cost a product of matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from seehear.losses.base import Distance
from seehear.metrics.detection import ErrorCounts, matching_accuracy

Rows = NDArray[np.int64]


BINS = 1 << 15


ROWS, COLUMNS = 256, 2048
"""Of a block: its scores take 2 MB, and the numbers of their bins as much."""


SAMPLED = 1000
"""Embeddings whose scores say where the bins have to be."""


MARGIN = 0.1
"""Share of the sampled range by which the bins go beyond it to either side; what lies farther is in the last."""


@dataclass(frozen=True)
class _Block:
    """Scores of some rows with some columns behind them, or with themselves.

    Attributes:
        bins: of the scores, int32 (R, C).
        rows, columns: which.
    """

    bins: Tensor
    rows: slice
    columns: slice

    @property
    def pairs(self) -> Tensor:
        """The bins of the pairs that are looked at here, (N,): all, or those above the diagonal."""
        return self.bins.flatten() if self.rows != self.columns else self.bins[self._above()]

    def of(self, people: Tensor, parts: Tensor | None) -> tuple[Tensor, Tensor]:
        """The bins of pairs of one person, and of those of one part among them."""
        same = people[self.rows, None] == people[None, self.columns]
        if self.rows == self.columns:
            same &= self._above()
        if parts is None:
            return self.bins[same], self.bins[:0, 0]
        piece = parts[self.rows, None] == parts[None, self.columns]
        return self.bins[same & ~piece], self.bins[same & piece]

    def _above(self) -> Tensor:
        return torch.ones_like(self.bins, dtype=torch.bool).triu_(1)


def count_all_pairs(
    embeddings: Tensor,
    people: Sequence[object],
    parts: Sequence[object] | None = None,
    bins: int = BINS,
    span: tuple[float, float] | None = None,
    distance: Distance = "cosine",
) -> ErrorCounts:
    """Scores of all pairs (i < j), counted.

    Args:
        embeddings: float32 (N, D), on any device.
        people: who each is of, (N,).
        parts: what each is a piece of; pairs of one person out of the same piece are left out. By default none are.
        bins: how many.
        span: products between which they lie, those beyond being in the first and the last; by default `score_span`.
        distance: ``cosine``, where a score is the product of two embeddings of length 1; or ``euclidean``, where it is
            minus the distance of two of any length.

    Raises:
        ValueError: there is not one label for each embedding, or no pair.
    """
    if len(embeddings) < 2 or {len(people), len(parts or people)} != {len(embeddings)}:
        raise ValueError(f"{len(embeddings)} embeddings with {len(people)} labels make no pairs")
    device = embeddings.device
    who = torch.from_numpy(np.unique(np.asarray(people, dtype=str), return_inverse=True)[1]).to(device)
    order = who.argsort(stable=True)  # pairs of one person are now next to the diagonal
    who, ordered = who[order], embeddings.float()[order]
    of = None
    if parts is not None:
        of = torch.from_numpy(np.unique(np.asarray(parts, dtype=str), return_inverse=True)[1]).to(device)[order]
    low, high = span or score_span(ordered, distance)
    width = (high - low) / bins
    strips, sides = iter(range(0, len(ordered), ROWS)), _sides(ordered, distance)

    def work() -> Tensor:
        """Takes strips of rows as long as there are some."""
        counted = torch.zeros(3, bins, dtype=torch.int64, device=device)
        for block in _blocks(*sides, strips, low, width, bins):
            counted[0] += torch.bincount(block.pairs, minlength=bins)
            if who[block.columns][0] <= who[block.rows][-1]:  # else nobody is on both sides
                for place, found in enumerate(block.of(who, of), 1):
                    counted[place] += torch.bincount(found, minlength=bins)
        return counted

    everything, targets, left_out = sum(_in_threads(work) if device.type == "cpu" else [work()], torch.tensor(0))
    edges = low + width * np.arange(bins, dtype=np.float64)
    if distance == "euclidean":
        edges = -np.sqrt(-2 * edges.clip(max=0))
    others = everything - targets - left_out
    return ErrorCounts(edges, targets.double().cpu().numpy(), others.double().cpu().numpy())


def _in_threads(work: Callable[[], Tensor]) -> list[Tensor]:
    """Runs it in as many threads as torch would use, each calculating by itself.

    Blocks are so small that threads which share each of them would mostly wait for one another.
    """
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return [done.result() for done in [pool.submit(work) for _ in range(threads)]]
    finally:
        torch.set_num_threads(threads)  # what one thread sets is what later ones begin with


def score_span(embeddings: Tensor, distance: Distance = "cosine") -> tuple[float, float]:
    """Between which products nearly all are: those of a sample of all pairs, and of neighbours, with a margin.

    Args:
        embeddings: float32 (N, D), those of one person next to each other.
        distance: see `count_all_pairs`. Of ``euclidean`` the products are minus half of the squared distance.
    """
    some = torch.linspace(0, len(embeddings) - 1, min(SAMPLED, len(embeddings))).long()
    left, right = _sides(embeddings, distance)
    scores = (left[some] @ right[some].mT)[torch.ones(len(some), len(some), dtype=torch.bool).triu_(1)]
    near = (left[1:] * right[:-1]).sum(1)
    low, high = (float(end) for end in torch.cat([scores, near]).aminmax())
    margin = max(MARGIN * (high - low), 1e-6)
    return low - margin, high + margin


def _sides(embeddings: Tensor, distance: Distance) -> tuple[Tensor, Tensor]:
    """Two matrices whose products rank pairs as their scores do: -|x - y|^2 / 2 = x y - |x|^2 / 2 - |y|^2 / 2."""
    if distance == "cosine":
        return embeddings, embeddings
    half, one = embeddings.square().sum(1, keepdim=True) / 2, embeddings.new_ones(len(embeddings), 1)
    return torch.cat([embeddings, -half, one], 1), torch.cat([embeddings, one, -half], 1)


def _blocks(
    left: Tensor, right: Tensor, strips: Iterator[int], low: float, width: float, bins: int
) -> Iterator[_Block]:
    """What is on and above the diagonal in some strips; the tensors of a block are written over by the next."""
    count = len(left)
    offset = left.new_tensor(-low / width)
    scores = left.new_empty(ROWS * max(ROWS, COLUMNS))
    whole = torch.empty(ROWS * max(ROWS, COLUMNS), dtype=torch.int32, device=left.device)
    for start in strips:
        rows = slice(start, min(start + ROWS, count))
        scaled = left[rows] / width
        behind = [slice(c, min(c + COLUMNS, count)) for c in range(rows.stop, count, COLUMNS)]
        for columns in (rows, *behind):
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            out, number = (kept[: shape[0] * shape[1]].view(shape) for kept in (scores, whole))
            torch.addmm(offset, scaled, right[columns].mT, out=out)
            yield _Block(number.copy_(out.clamp_(0, bins - 1)), rows, columns)


RESAMPLES = 1000
"""The ends of a 95 % interval move by about a thirtieth of its width from seed to seed."""


LEVELS = 400
"""Bins lie between so many quantiles of the scores of either kind of pair, and as many more in their tails."""


AT_ONCE = 100  # draws: of 100 000 pairs of people they weigh 40 MB


Numbers = NDArray[np.float64]


def bootstrap_people(people: int, resamples: int = RESAMPLES, seed: int = 0) -> Numbers:
    """How often each person is drawn, (resamples, people)."""
    rng = np.random.default_rng([seed, 82])
    return rng.multinomial(people, np.full(people, 1 / people), size=resamples).astype(np.float64)


def bootstrap_counts(
    scores: Numbers, targets: NDArray[np.bool_], one: Rows, other: Rows, draws: Numbers
) -> ErrorCounts:
    """Counts of every draw.

    Args:
        scores: of the pairs, (N,).
        targets: bool (N,).
        one, other: person on either side of each, (N,).
        draws: (R, people), as `bootstrap_people` gives it.

    Returns:
        Counts of (R, bins).
    """
    edges = _edges(scores, targets)
    bins = np.searchsorted(edges, scores, side="right") - 1
    kinds = (_weighted_counts(bins[side], one[side], other[side], len(edges), draws) for side in (targets, ~targets))
    return ErrorCounts(edges, *kinds)


def _weighted_counts(bins: Rows, one: Rows, other: Rows, count: int, draws: Numbers) -> Numbers:
    """Sums of the weights in each bin, (R, bins)."""
    people = draws.shape[1]
    pairs, which = np.unique(np.minimum(one, other) * people + np.maximum(one, other), return_inverse=True)
    first, second = np.divmod(pairs, people)
    in_bins: Any = sparse.coo_matrix((np.ones(len(bins), np.float32), (bins, which)), (count, len(pairs))).tocsr()
    apart = (first != second)[:, None]
    by_person = np.ascontiguousarray(draws.T, dtype=np.float32)
    sums = np.empty((len(draws), count))
    for start in range(0, len(draws), AT_ONCE):
        some = by_person[:, start : start + AT_ONCE]
        weights = some[first] * np.where(apart, some[second], 1)
        sums[start : start + AT_ONCE] = (in_bins @ weights).T
    return sums


def _edges(scores: Numbers, targets: NDArray[np.bool_]) -> Numbers:
    """Beginnings of the bins: dense where scores are, and in the tails that a small cost is decided in."""
    tail = np.geomspace(1e-6, 0.5, LEVELS)
    levels = np.concatenate([np.linspace(0, 1, LEVELS), tail, 1 - tail])
    wanted = np.concatenate([np.quantile(scores[side], levels, method="nearest") for side in (targets, ~targets)])
    return np.unique(np.append(wanted, scores.min()))


MAX_QUERIES = 3000
"""Right pairs whose matching is looked at; of more, so many are drawn."""


MAX_PAIRS = 500_000
"""Pairs of different people whose scores are looked at; of more, so many are drawn."""


@dataclass(frozen=True)
class CrossModalTrials:
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
        if len(voice) > MAX_QUERIES:
            some = np.sort(np.random.default_rng([seed, 85]).choice(len(voice), MAX_QUERIES, replace=False))
            voice, face = voice[some], face[some]
        return voice, face


@dataclass(frozen=True)
class CrossModalScores:
    """What came of it: name of a figure -> its value, and its value in every draw, (R,)."""

    figures: dict[str, float]
    drawn: dict[str, Numbers]
    pairs: tuple[int, int]


def score_cross_modal(
    similarity: NDArray[np.float32], asked: CrossModalTrials, among: Sequence[int], seed: int = 0
) -> CrossModalScores:
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
    return CrossModalScores(verified, drawn, (len(voice), others))


def _verified(
    similarity: NDArray[np.float32], asked: CrossModalTrials, voice: Rows, face: Rows, seed: int
) -> tuple[dict[str, float], dict[str, Numbers], int]:
    """AUC and EER over the right pairs and pairs of two people."""
    one, other = _wrong_pairs(asked, seed)
    left, right = np.concatenate([voice, one]), np.concatenate([face, other])
    targets = np.arange(len(left)) < len(voice)
    scores = similarity[left, right].astype(np.float64)
    once = np.ones((1, asked.draws.shape[1]))
    people = asked.people
    counted, drawn = (
        bootstrap_counts(scores, targets, people[left], people[right], draws) for draws in (once, asked.draws)
    )
    return (
        {"AUC": float(counted.auc[0]), "EER": float(counted.eer[0])},
        {"AUC": drawn.auc, "EER": drawn.eer},
        len(one),
    )


def _wrong_pairs(asked: CrossModalTrials, seed: int) -> tuple[Rows, Rows]:
    """Voices and faces of two people of one group: all, or so many drawn."""
    rng = np.random.default_rng([seed, 86])
    count = len(asked.people)
    if count * count <= 4 * MAX_PAIRS:
        one, other = (side.ravel() for side in np.indices((count, count)))
    else:
        one, other = rng.integers(count, size=(2, 4 * MAX_PAIRS))
    kept = (asked.people[one] != asked.people[other]) & (asked.groups[one] == asked.groups[other])
    kept &= asked.groups[one] >= 0
    one, other = one[kept], other[kept]
    if len(one) > MAX_PAIRS:
        some = rng.choice(len(one), MAX_PAIRS, replace=False)
        one, other = one[some], other[some]
    return one, other


def _matched(
    scores: NDArray[np.float32], asked: CrossModalTrials, query: Rows, answer: Rows, among: Sequence[int], seed: int
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
    once = matching_accuracy(below.sum(1, keepdims=True), rivals.sum(1, keepdims=True), max(among))
    drawn = matching_accuracy(below @ asked.draws.T, rivals @ asked.draws.T, max(among))
    for (count, found), (_, in_draws) in zip(once, drawn, strict=True):
        if count in among:
            yield count, float(_weighted_accuracy(found, np.ones_like(found))[0]), _weighted_accuracy(in_draws, weights)


def _weighted_accuracy(values: Numbers, weights: Numbers) -> Numbers:
    """Mean over the first axis of what is a number, (Q, R) -> (R,)."""
    known = np.isfinite(values) & (weights > 0)
    total = np.where(known, weights, 0).sum(0)
    mean: Numbers = np.where(known, values * weights, 0).sum(0) / np.where(total > 0, total, np.nan)
    return mean
