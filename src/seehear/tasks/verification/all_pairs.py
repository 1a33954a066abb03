"""Every pair among N embeddings, in blocks that stay in the cache: nothing grows with the number of pairs.

Scores are not kept. They are counted in bins so narrow that an equal error rate read off the counts is exact to 1e-4,
and embeddings are scaled so that their products come out as numbers of bins. Each pair is looked at once: the matrix
is symmetric, and what is below its diagonal is not multiplied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seehear.losses.similarity import Distance
from seehear.tasks.verification.curve import Counts

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
) -> Counts:
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
    return Counts(edges, targets.double().cpu().numpy(), others.double().cpu().numpy())


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
