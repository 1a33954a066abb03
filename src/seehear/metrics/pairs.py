"""Score counts of all pairs of N embeddings, cross-modal matching, and bootstrap over people.

Scores are not stored. They are counted in bins so narrow that the equal error rate is accurate to 1e-4; embeddings are
scaled so that their products are bin indices. Each pair is computed once: the matrix is symmetric, and the part below
the diagonal is skipped.

In a bootstrap sample a pair of two people has the product of their weights, and a pair of one person that person's
weight. (Pairs of a person with a copy are not created.) Scores are binned once, so that all samples together cost a
matrix product.
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
"""Size of a block: its scores take 2 MB, and their bin indices another 2 MB."""


RANGE_SAMPLE = 1000
"""Number of embeddings whose scores determine the range of the bins."""


RANGE_MARGIN = 0.1
"""Margin of the bins on either side, as a fraction of the sampled range; scores beyond are in the outermost bins."""


@dataclass(frozen=True)
class _Block:
    """Scores of some rows with some columns to their right, or with themselves.

    Attributes:
        bins: bin indices of the scores, int32 (R, C).
        rows, columns: position of the block.
    """

    bins: Tensor
    rows: slice
    columns: slice

    @property
    def pairs(self) -> Tensor:
        """Bins of the pairs in this block, (N,): all, or those above the diagonal."""
        return self.bins.flatten() if self.rows != self.columns else self.bins[self._above()]

    def of(self, people: Tensor, parts: Tensor | None) -> tuple[Tensor, Tensor]:
        """Bins of the pairs of the same person, and of those among them with the same part."""
        same = people[self.rows, None] == people[None, self.columns]
        if self.rows == self.columns:
            same &= self._above()
        if parts is None:
            return self.bins[same], self.bins[:0, 0]
        same_part = parts[self.rows, None] == parts[None, self.columns]
        return self.bins[same & ~same_part], self.bins[same & same_part]

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
    """Count the scores of all pairs (i < j).

    Args:
        embeddings: float32 (N, D), on any device.
        people: person of each embedding, (N,).
        parts: source of each embedding; pairs of the same person and source are left out. By default none are.
        bins: number of bins.
        span: range of the products; those beyond are in the outermost bins. By default `score_span`.
        distance: ``cosine``: the score is the product of two embeddings of length 1; ``euclidean``: minus the distance
            of two embeddings of any length.

    Raises:
        ValueError: the number of labels differs from that of embeddings, or there are no pairs.
    """
    if len(embeddings) < 2 or {len(people), len(parts or people)} != {len(embeddings)}:
        raise ValueError(
            f"{len(embeddings)} embeddings with {len(people)} labels: there must be one label each, and at least two"
        )
    device = embeddings.device
    who = torch.from_numpy(np.unique(np.asarray(people, dtype=str), return_inverse=True)[1]).to(device)
    order = who.argsort(stable=True)  # pairs of the same person are now near the diagonal
    who, ordered = who[order], embeddings.float()[order]
    of = None
    if parts is not None:
        of = torch.from_numpy(np.unique(np.asarray(parts, dtype=str), return_inverse=True)[1]).to(device)[order]
    low, high = span or score_span(ordered, distance)
    width = (high - low) / bins
    strips, sides = iter(range(0, len(ordered), ROWS)), _sides(ordered, distance)

    def work() -> Tensor:
        """Process strips of rows until none are left."""
        counted = torch.zeros(3, bins, dtype=torch.int64, device=device)
        for block in _blocks(*sides, strips, low, width, bins):
            counted[0] += torch.bincount(block.pairs, minlength=bins)
            if who[block.columns][0] <= who[block.rows][-1]:  # else no person is on both sides
                for kind, indices in enumerate(block.of(who, of), 1):
                    counted[kind] += torch.bincount(indices, minlength=bins)
        return counted

    everything, targets, left_out = sum(_in_threads(work) if device.type == "cpu" else [work()], torch.tensor(0))
    edges = low + width * np.arange(bins, dtype=np.float64)
    if distance == "euclidean":
        edges = -np.sqrt(-2 * edges.clip(max=0))
    others = everything - targets - left_out
    return ErrorCounts(edges, targets.double().cpu().numpy(), others.double().cpu().numpy())


def _in_threads(work: Callable[[], Tensor]) -> list[Tensor]:
    """Run it in as many threads as torch would use, each with single-threaded torch.

    Blocks are so small that threads sharing one would mostly wait for each other.
    """
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return [done.result() for done in [pool.submit(work) for _ in range(threads)]]
    finally:
        torch.set_num_threads(threads)  # the setting of one thread is the default of later ones


def score_span(embeddings: Tensor, distance: Distance = "cosine") -> tuple[float, float]:
    """Range that contains nearly all products: that of sampled pairs and of neighbours, with a margin.

    Args:
        embeddings: float32 (N, D), sorted by person.
        distance: see `count_all_pairs`. For ``euclidean`` the products are minus half of the squared distance.
    """
    some = torch.linspace(0, len(embeddings) - 1, min(RANGE_SAMPLE, len(embeddings))).long()
    left, right = _sides(embeddings, distance)
    scores = (left[some] @ right[some].mT)[torch.ones(len(some), len(some), dtype=torch.bool).triu_(1)]
    near = (left[1:] * right[:-1]).sum(1)
    low, high = (float(end) for end in torch.cat([scores, near]).aminmax())
    margin = max(RANGE_MARGIN * (high - low), 1e-6)
    return low - margin, high + margin


def _sides(embeddings: Tensor, distance: Distance) -> tuple[Tensor, Tensor]:
    """Two matrices whose products rank pairs like their scores: -|x - y|^2 / 2 = x y - |x|^2 / 2 - |y|^2 / 2."""
    if distance == "cosine":
        return embeddings, embeddings
    half, one = embeddings.square().sum(1, keepdim=True) / 2, embeddings.new_ones(len(embeddings), 1)
    return torch.cat([embeddings, -half, one], 1), torch.cat([embeddings, one, -half], 1)


def _blocks(
    left: Tensor, right: Tensor, strips: Iterator[int], low: float, width: float, bins: int
) -> Iterator[_Block]:
    """Yield the blocks on and above the diagonal; the tensors of a block are overwritten by the next."""
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
            out, number = (buffer[: shape[0] * shape[1]].view(shape) for buffer in (scores, whole))
            torch.addmm(offset, scaled, right[columns].mT, out=out)
            yield _Block(number.copy_(out.clamp_(0, bins - 1)), rows, columns)


RESAMPLES = 1000
"""Bootstrap samples: the ends of a 95 % interval vary by about a thirtieth of its width between seeds."""


QUANTILES = 400
"""Number of quantiles of each kind of pair that serve as bin edges, and again as many in each tail."""


SAMPLES_PER_BATCH = 100  # bootstrap samples per batch: 40 MB with 100 000 pairs of people


Numbers = NDArray[np.float64]


def bootstrap_people(people: int, resamples: int = RESAMPLES, seed: int = 0) -> Numbers:
    """Weight of each person in each bootstrap sample, (resamples, people)."""
    rng = np.random.default_rng([seed, 82])
    return rng.multinomial(people, np.full(people, 1 / people), size=resamples).astype(np.float64)


def bootstrap_counts(
    scores: Numbers, targets: NDArray[np.bool_], one: Rows, other: Rows, draws: Numbers
) -> ErrorCounts:
    """Count the scores in every bootstrap sample.

    Args:
        scores: scores of the pairs, (N,).
        targets: bool (N,).
        one, other: the two people of each pair, (N,).
        draws: weights (R, people), from `bootstrap_people`.

    Returns:
        Counts of shape (R, bins).
    """
    edges = _edges(scores, targets)
    bins = np.searchsorted(edges, scores, side="right") - 1
    counts = (_weighted_counts(bins[side], one[side], other[side], len(edges), draws) for side in (targets, ~targets))
    return ErrorCounts(edges, *counts)


def _weighted_counts(bins: Rows, one: Rows, other: Rows, count: int, draws: Numbers) -> Numbers:
    """Sum the weights in each bin, (R, bins)."""
    people = draws.shape[1]
    pairs, which = np.unique(np.minimum(one, other) * people + np.maximum(one, other), return_inverse=True)
    first, second = np.divmod(pairs, people)
    in_bins: Any = sparse.coo_matrix((np.ones(len(bins), np.float32), (bins, which)), (count, len(pairs))).tocsr()
    different = (first != second)[:, None]
    by_person = np.ascontiguousarray(draws.T, dtype=np.float32)
    sums = np.empty((len(draws), count))
    for start in range(0, len(draws), SAMPLES_PER_BATCH):
        some = by_person[:, start : start + SAMPLES_PER_BATCH]
        weights = some[first] * np.where(different, some[second], 1)
        sums[start : start + SAMPLES_PER_BATCH] = (in_bins @ weights).T
    return sums


def _edges(scores: Numbers, targets: NDArray[np.bool_]) -> Numbers:
    """Lower edges of the bins: dense where scores are frequent, and in the tails, which decide the minimum cost."""
    tail = np.geomspace(1e-6, 0.5, QUANTILES)
    levels = np.concatenate([np.linspace(0, 1, QUANTILES), tail, 1 - tail])
    edges = np.concatenate([np.quantile(scores[side], levels, method="nearest") for side in (targets, ~targets)])
    return np.unique(np.append(edges, scores.min()))


MAX_QUERIES = 3000
"""Maximum number of positive pairs in matching; more are subsampled."""


MAX_PAIRS = 500_000
"""Maximum number of pairs of different people; more are subsampled."""


@dataclass(frozen=True)
class CrossModalTrials:
    """Clips for cross-modal verification and matching.

    Attributes:
        people: index of the person of each clip, (N,).
        sources: index of the source of each clip, (N,).
        groups: index of the group of each clip, (N,): pairs are formed within groups. Clips with -1 are left out.
        draws: weight of each person in each bootstrap sample, (R, people).
    """

    people: Rows
    sources: Rows
    groups: Rows
    draws: Numbers

    def positive_pairs(self, seed: int = 0) -> tuple[Rows, Rows]:
        """Voice and face of the same person, of different sources if possible, else clips, else one clip."""
        order = np.argsort(self.people, kind="stable")
        voices, faces = [], []
        for rows in np.split(order, np.flatnonzero(np.diff(self.people[order])) + 1):
            rows = rows[self.groups[rows] >= 0]
            one, other = (side.ravel() for side in np.meshgrid(rows, rows, indexing="ij"))
            options = (self.sources[one] != self.sources[other], one != other, one == other)
            kept = next((option for option in options if option.any()), options[-1])
            voices.append(one[kept])
            faces.append(other[kept])
        voice, face = np.concatenate(voices), np.concatenate(faces)
        if len(voice) > MAX_QUERIES:
            some = np.sort(np.random.default_rng([seed, 85]).choice(len(voice), MAX_QUERIES, replace=False))
            voice, face = voice[some], face[some]
        return voice, face


@dataclass(frozen=True)
class CrossModalScores:
    """Results: metrics by name, and their values in every bootstrap sample, (R,)."""

    figures: dict[str, float]
    drawn: dict[str, Numbers]
    pairs: tuple[int, int]


def score_cross_modal(
    similarity: NDArray[np.float32], trials: CrossModalTrials, choices: Sequence[int], seed: int = 0
) -> CrossModalScores:
    """Compute verification and matching from the scores of every voice with every face.

    Args:
        similarity: (voices, faces) of the same clips, (N, N), higher is more similar.
        trials: the clips.
        choices: the Ns of 1-of-N matching.
        seed: seed of the subsampling.
    """
    voice, face = trials.positive_pairs(seed)
    verified, samples, others = _verified(similarity, trials, voice, face, seed)
    for way, scores, query, answer in (
        ("voice to face", similarity, voice, face),
        ("face to voice", similarity.T, face, voice),
    ):
        for count, value, values in _matched(scores, trials, query, answer, choices, seed):
            verified[f"{way}, 1 of {count}"] = value
            samples[f"{way}, 1 of {count}"] = values
    return CrossModalScores(verified, samples, (len(voice), others))


def _verified(
    similarity: NDArray[np.float32], trials: CrossModalTrials, voice: Rows, face: Rows, seed: int
) -> tuple[dict[str, float], dict[str, Numbers], int]:
    """AUC and EER over positive and negative pairs."""
    one, other = _negative_pairs(trials, seed)
    left, right = np.concatenate([voice, one]), np.concatenate([face, other])
    targets = np.arange(len(left)) < len(voice)
    scores = similarity[left, right].astype(np.float64)
    unweighted = np.ones((1, trials.draws.shape[1]))
    people = trials.people
    counts, samples = (
        bootstrap_counts(scores, targets, people[left], people[right], draws) for draws in (unweighted, trials.draws)
    )
    return (
        {"AUC": float(counts.auc[0]), "EER": float(counts.eer[0])},
        {"AUC": samples.auc, "EER": samples.eer},
        len(one),
    )


def _negative_pairs(trials: CrossModalTrials, seed: int) -> tuple[Rows, Rows]:
    """Pairs of different people in the same group: all, or a random sample."""
    rng = np.random.default_rng([seed, 86])
    count = len(trials.people)
    if count * count <= 4 * MAX_PAIRS:
        one, other = (side.ravel() for side in np.indices((count, count)))
    else:
        one, other = rng.integers(count, size=(2, 4 * MAX_PAIRS))
    kept = (trials.people[one] != trials.people[other]) & (trials.groups[one] == trials.groups[other])
    kept &= trials.groups[one] >= 0
    one, other = one[kept], other[kept]
    if len(one) > MAX_PAIRS:
        some = rng.choice(len(one), MAX_PAIRS, replace=False)
        one, other = one[some], other[some]
    return one, other


def _matched(
    scores: NDArray[np.float32], trials: CrossModalTrials, query: Rows, answer: Rows, choices: Sequence[int], seed: int
) -> Iterator[tuple[int, float, Numbers]]:
    """Yield N, the probability that the positive is found among N clips, and its value in every bootstrap sample.

    Negatives are clips of other people in the group of the query. Ties are broken at random: each query draws a level,
    and that share of the tied negatives is placed below the positive.
    """
    people = trials.draws.shape[1]
    rng = np.random.default_rng([seed, 87])
    below, negatives = np.zeros((len(query), people)), np.zeros((len(query), people))
    for row, (query_row, answer_row) in enumerate(zip(query.tolist(), answer.tolist(), strict=True)):
        is_negative = (trials.groups == trials.groups[query_row]) & (trials.people != trials.people[query_row])
        owners, negative_scores = trials.people[is_negative], scores[query_row, is_negative]
        is_below = (negative_scores < scores[query_row, answer_row]) | (
            (negative_scores == scores[query_row, answer_row]) & (rng.random(len(owners)) < rng.random())
        )
        below[row] = np.bincount(owners[is_below], minlength=people)
        negatives[row] = np.bincount(owners, minlength=people)
    weights = trials.draws[:, trials.people[query]].T  # (queries, R)
    values = matching_accuracy(below.sum(1, keepdims=True), negatives.sum(1, keepdims=True), max(choices))
    sampled = matching_accuracy(below @ trials.draws.T, negatives @ trials.draws.T, max(choices))
    for (count, value), (_, in_samples) in zip(values, sampled, strict=True):
        if count in choices:
            yield (
                count,
                float(_weighted_accuracy(value, np.ones_like(value))[0]),
                _weighted_accuracy(in_samples, weights),
            )


def _weighted_accuracy(values: Numbers, weights: Numbers) -> Numbers:
    """Weighted mean over the first axis, ignoring NaN, (Q, R) -> (R,)."""
    known = np.isfinite(values) & (weights > 0)
    total = np.where(known, weights, 0).sum(0)
    mean: Numbers = np.where(known, values * weights, 0).sum(0) / np.where(total > 0, total, np.nan)
    return mean
