"""Scoring all pairs of N embeddings, compared with a matrix product of the same size.

    python benchmarks/verification_scoring.py [--count 10000] [--dim 256] [--speakers 1000] [--turns 5] [--large 100000]

The product only writes the N x N scores; `count_all_pairs` gives EER, detection cost and the DET curve. The required
time is 3 times that of the product, the goal 1.3 times. --large scores a large number once and reports the memory.
"""

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import torch
from machine import figure
from torch.nn import functional as F

from seehear.metrics.detection import ErrorCounts
from seehear.metrics.pairs import count_all_pairs

FLOOR, AIM = 3.0, 1.3
SORTED = 3000  # embeddings whose scores are also sorted exactly, for comparison


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--speakers", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--large", type=int, help="number of embeddings for measuring the memory")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    embeddings, people = voices(given.count, given.dim, given.speakers)
    print(f"{torch.get_num_threads()} threads, {given.count} x {given.count}, {given.dim} dimensions")
    product, counted, ratios = [], [], []
    for _ in range(given.turns):  # alternating, so that other processes affect both
        product.append(seconds(lambda: embeddings @ embeddings.mT))
        counted.append(seconds(lambda: count_all_pairs(embeddings, people)))
        ratios.append(counted[-1] / product[-1])
    ratio = min(counted) / min(product)
    print(f"product {min(product):.3f} s, all pairs scored {min(counted):.3f} s: {ratio:.2f} times", end=" ")
    print(f"(each turn: {', '.join(f'{one:.2f}' for one in ratios)}; floor {FLOOR}, aim {AIM})")
    figure(f"scoring all pairs of {given.count}", f"{ratio:.2f} x the time of the matrix product")
    few, whose = embeddings[:SORTED], people[:SORTED]
    binned, exact = count_all_pairs(few, whose), written_out(few, whose)
    print(f"EER of the first {len(few)}: {float(binned.eer):.5f}, sorted exactly {float(exact.eer):.5f}")
    if given.large:
        embeddings, people = voices(given.large, given.dim, given.large // 20)
        before = peak_mb()
        taken = seconds(lambda: count_all_pairs(embeddings, people))
        pairs = given.large * (given.large - 1) / 2
        print(f"{given.large} x {given.large}: {taken:.1f} s, {pairs / taken / 1e6:.0f} million pairs/s,", end=" ")
        print(f"{peak_mb() - before:.0f} MB beyond the embeddings' {embeddings.nbytes / 1e6:.0f} MB")


def voices(count: int, dim: int, speakers: int) -> tuple[torch.Tensor, list[int]]:
    """Return unit vectors around a direction per speaker, and the speaker of each."""
    generator = torch.Generator().manual_seed(0)
    people = torch.randint(speakers, (count,), generator=generator)
    directions = torch.randn(speakers, dim, generator=generator)
    noise = 2 * torch.randn(count, dim, generator=generator)
    return F.normalize(directions[people] + noise, dim=1), people.tolist()


def written_out(embeddings: torch.Tensor, people: list[int]) -> ErrorCounts:
    """Return exact counts from all scores."""
    one, other = np.triu_indices(len(people), 1)
    who = np.array(people)
    return ErrorCounts.from_scores((embeddings @ embeddings.mT).numpy()[one, other], who[one] == who[other])


def seconds(work: Callable[[], object]) -> float:
    """Return the duration of some work."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def peak_mb() -> float:
    """Return the peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
