"""Scoring every pair of N embeddings against multiplying two matrices of the same size, in one run.

    python benchmarks/verification_scoring.py [--count 10000] [--dim 256] [--speakers 1000] [--turns 5] [--large 100000]

The product writes all N x N scores and knows nothing; `count_all_pairs` gives EER, detection cost and the whole curve.
Floor: 3 times the product's time; aim: 1.3 times. --large scores so many as well and says how much memory it took.
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
SORTED = 3000  # embeddings whose scores are all kept as well, to compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--speakers", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--large", type=int, help="so many embeddings once, for the memory")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    embeddings, people = voices(given.count, given.dim, given.speakers)
    print(f"{torch.get_num_threads()} threads, {given.count} x {given.count}, {given.dim} dimensions")
    product, counted, ratios = [], [], []
    for _ in range(given.turns):  # one beside the other, so that both meet the same neighbours
        product.append(seconds(lambda: embeddings @ embeddings.mT))
        counted.append(seconds(lambda: count_all_pairs(embeddings, people)))
        ratios.append(counted[-1] / product[-1])
    ratio = min(counted) / min(product)
    print(f"product {min(product):.3f} s, all pairs scored {min(counted):.3f} s: {ratio:.2f} times", end=" ")
    print(f"(each turn: {', '.join(f'{one:.2f}' for one in ratios)}; floor {FLOOR}, aim {AIM})")
    figure(f"scoring all pairs of {given.count}", f"{ratio:.2f} x the time of the product of matrices")
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
    """Unit vectors around so many directions, and whose each is."""
    generator = torch.Generator().manual_seed(0)
    people = torch.randint(speakers, (count,), generator=generator)
    directions = torch.randn(speakers, dim, generator=generator)
    noise = 2 * torch.randn(count, dim, generator=generator)
    return F.normalize(directions[people] + noise, dim=1), people.tolist()


def written_out(embeddings: torch.Tensor, people: list[int]) -> ErrorCounts:
    """Every score kept and sorted."""
    one, other = np.triu_indices(len(people), 1)
    who = np.array(people)
    return ErrorCounts.of((embeddings @ embeddings.mT).numpy()[one, other], who[one] == who[other])


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def peak_mb() -> float:
    """The most memory this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
