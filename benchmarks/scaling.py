"""Simulate preparing and training at internet scale: how long, at what cost, and what breaks first.

    python benchmarks/scaling.py [--hours 100000] [--nodes 64] [--preset sync-base] [--epochs 10] [--seed 0]

Costs per clip are measured on two cores (see `seehear.recipes.recipe` and `Measured`). The cluster is assumed. Files
have random lengths and nodes fail at random; a failed node loses the files in progress, a failed training everything
since its last checkpoint. docs/scaling.md discusses the result.
"""

import argparse
import heapq
from dataclasses import dataclass

import numpy as np

from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.models import build_model
from seehear.recipes.recipe import (
    CORPUS_BYTE_S,
    COUNTS,
    H100_MAC_S,
    LOAD_BYTE_S,
    PREPARE_SPEED,
    UTILISATION,
    VIEW_FRAMES_S,
    PresetCounts,
)
from seehear.training.settings import read_settings

HOUR = 3600.0


@dataclass(frozen=True)
class Cluster:
    """Assumed hardware; prices in dollars."""

    nodes: int
    gpus: int = 8
    cores: int = 128
    memory_gb: float = 1000.0
    local_disk_tb: float = 14.0
    storage_gb_s: float = 40.0
    """Read rate of the shared storage, all nodes together."""
    network_gb_s: float = 40.0
    """Rate of one node's link; within a node the exchange is taken to be free."""
    days_between_failures: float = 60.0
    """Mean time between failures of one node."""
    restart_min: float = 10.0
    checkpoint_min: float = 10.0
    gpu_hour: float = 2.5
    core_hour: float = 0.03


@dataclass(frozen=True)
class Measured:
    """Costs on one core with AVX2, by benchmarks/manifest.py; memory and time grow linearly with the clips."""

    manifest_bytes: float = 72.0
    """Of memory for each clip of an open corpus."""
    plan_bytes: float = 134.0
    """Of memory for each window of an epoch."""
    plan_s: float = 7.1e-6
    """For each window, once an epoch, in every process."""


@dataclass(frozen=True)
class Video:
    """What is on the internet: assumed."""

    file_min: float = 4.0
    """Median length; lengths are log-normal."""
    spread: float = 1.2
    byte_s: float = 250e3
    kept: float = 0.5
    """Share with one visible, speaking face."""
    clip_s: float = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=100_000.0)
    parser.add_argument("--nodes", type=int, default=64)
    parser.add_argument("--preset", choices=sorted(COUNTS), default="sync-base")
    parser.add_argument("--epochs", type=float, default=10.0)
    parser.add_argument("--utilisation", type=float, default=UTILISATION, help="share of the H100's bf16 rate")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    cluster, video, measured = Cluster(given.nodes), Video(), Measured()
    kept_s = given.hours * HOUR * video.kept
    counts = COUNTS[given.preset]
    print(
        f"{given.hours:,.0f} hours of video on {cluster.nodes} nodes of {cluster.gpus} GPUs and {cluster.cores} cores\n"
    )
    prepared_h = report_preparing(given.hours, cluster, video, rng)
    report_space(kept_s, counts, cluster, video, measured)
    trained_h = report_training(given.preset, given.epochs, given.utilisation, kept_s, cluster, rng)
    dollars = prepared_h * cluster.nodes * cluster.cores * cluster.core_hour
    dollars += trained_h * cluster.nodes * cluster.gpus * cluster.gpu_hour
    print(f"together: {prepared_h + trained_h:.1f} h, about ${dollars:,.0f}")


def report_preparing(hours: float, cluster: Cluster, video: Video, rng: np.random.Generator) -> float:
    """Print and return the hours that `seehear prepare` takes."""
    lengths = file_lengths(hours * HOUR, video, rng)
    ideal = lengths.sum() / PREPARE_SPEED / (cluster.nodes * cluster.cores)
    makespan, lost = schedule(lengths / PREPARE_SPEED, cluster, rng)
    sorted_makespan, _ = schedule(np.sort(lengths)[::-1] / PREPARE_SPEED, cluster, rng)
    reading = lengths.sum() * video.byte_s / 1e9 / cluster.storage_gb_s
    longest = lengths.max() / PREPARE_SPEED
    print(f"prepare: {len(lengths):,} files, {lengths.sum() * video.byte_s / 1e12:,.0f} TB to read")
    print(f"  {makespan / HOUR:.1f} h; {sorted_makespan / HOUR:.1f} h if the longest files come first; ", end="")
    print(f"{ideal / HOUR:.1f} h if files could be divided among cores")
    print(f"  the longest file alone: {longest / HOUR:.1f} h; lost to failures: {lost / HOUR:.1f} core-hours; ", end="")
    print(f"reading: {reading / HOUR:.1f} h\n")
    return float(max(makespan, reading)) / HOUR


def file_lengths(total_s: float, video: Video, rng: np.random.Generator) -> np.ndarray:
    """Draw lengths in seconds until they sum to the total."""
    mean = video.file_min * 60 * np.exp(video.spread**2 / 2)
    lengths = video.file_min * 60 * rng.lognormal(0.0, video.spread, int(1.1 * total_s / mean) + 100)
    return lengths[: int(np.searchsorted(lengths.cumsum(), total_s)) + 1]


def schedule(seconds: np.ndarray, cluster: Cluster, rng: np.random.Generator) -> tuple[float, float]:
    """Give each file to the next free core; a core whose node fails does its file again after the restart.

    Returns:
        The time until the last file is done, and the core-seconds that were lost, both in s.
    """
    rate = 1 / (cluster.days_between_failures * 24 * HOUR)
    lost = np.where(rng.random(len(seconds)) < -np.expm1(-rate * seconds), rng.random(len(seconds)) * seconds, 0.0)
    taken = seconds + lost + (lost > 0) * cluster.restart_min * 60
    free = [0.0] * (cluster.nodes * cluster.cores)
    for one in taken:
        heapq.heapreplace(free, free[0] + float(one))
    return max(free), float(lost.sum())


def report_space(kept_s: float, counts: PresetCounts, cluster: Cluster, video: Video, measured: Measured) -> None:
    """Print bytes and memory, and mark what does not fit."""
    frames, clips = kept_s * FPS, kept_s / video.clip_s
    views_tb = frames * (counts.view_bytes + SAMPLES_PER_FRAME * 2) / 1e12
    processes = cluster.nodes * cluster.gpus
    manifest_gb = clips * measured.manifest_bytes * cluster.gpus / 1e9
    plan_gb = clips * 2 * measured.plan_bytes * cluster.gpus / 1e9  # about two windows of 3 s in a clip of 5 s
    print(f"corpus: {clips / 1e6:,.0f} million clips, {kept_s * CORPUS_BYTE_S / 1e12:,.1f} TB")
    for what, need, have, unit in (
        ("decoded frames, each node all of them (as today)", views_tb, cluster.local_disk_tb, "TB of a node's disk"),
        ("decoded frames, each node its share", views_tb / cluster.nodes, cluster.local_disk_tb, "TB of a node's disk"),
        ("manifest in every process (as today)", manifest_gb, cluster.memory_gb, "GB of a node's memory"),
        ("windows of an epoch in every process (as today)", plan_gb, cluster.memory_gb, "GB of a node's memory"),
    ):
        print(f"  {what}: {need:,.1f} of {have:,.0f} {unit}{'  <-- does not fit' if need > have else ''}")
    plan_min = clips * 2 * measured.plan_s / 60
    print(f"  dividing an epoch into batches: {plan_min:.1f} min, while {processes} GPUs wait")
    decode_h = frames / VIEW_FRAMES_S / cluster.cores / HOUR
    print(
        f"  decoding once: {decode_h:,.1f} h with all clips on every node, {decode_h / cluster.nodes:.1f} h if shared\n"
    )


def report_training(
    preset: str, epochs: float, utilisation: float, kept_s: float, cluster: Cluster, rng: np.random.Generator
) -> float:
    """Print and return the hours of training."""
    settings = read_settings(preset)
    data, counts, gpus = settings.data, COUNTS[preset], cluster.nodes * cluster.gpus
    weights = sum(p.numel() for p in build_model(settings.model).parameters())
    steps = epochs * kept_s * FPS / data.frames / data.batch / gpus
    compute = data.batch * counts.gmac(data.frames) * 1e9 / (utilisation * H100_MAC_S)
    pictures = (counts.stills or data.frames) * counts.view_bytes
    load = data.batch * (pictures + data.frames * SAMPLES_PER_FRAME * 4) / LOAD_BYTE_S
    exchange = 2 * 4 * weights * (1 - 1 / cluster.nodes) / (cluster.network_gb_s * 1e9)  # float32, ring of nodes
    step = max(compute + exchange, load)
    ideal = steps * step
    taken, failures = with_failures(ideal, cluster, rng)
    bound = "loading" if load > compute + exchange else "computing"
    decoding = data.batch * data.frames / step / VIEW_FRAMES_S
    print(f"train {preset}: {epochs:g} epochs, batch {data.batch * gpus:,}, {steps:,.0f} steps of {step * 1e3:.0f} ms")
    print(
        f"  computing {compute * 1e3:.0f} ms at {utilisation:.0%} of bf16, exchanging gradients {exchange * 1e3:.1f} ms"
    )
    print(f"  (not overlapped), copying a batch {load * 1e3:.1f} ms: bound by {bound}")
    print(f"  decoding during training instead of before it: {decoding:.1f} cores for each GPU")
    print(f"  {taken / HOUR:.1f} h with {failures} failures, {ideal / HOUR:.1f} h without; checkpoints every ", end="")
    print(f"{cluster.checkpoint_min:g} min\n")
    return taken / HOUR


def with_failures(ideal_s: float, cluster: Cluster, rng: np.random.Generator) -> tuple[float, int]:
    """Return the time of a training that any node's failure sets back to the last checkpoint, and the failures."""
    mean = cluster.days_between_failures * 24 * HOUR / cluster.nodes
    checkpoint = cluster.checkpoint_min * 60
    done = taken = 0.0
    failures = 0
    while True:
        lasts = rng.exponential(mean)
        if done + lasts >= ideal_s:
            return taken + ideal_s - done, failures
        done += lasts // checkpoint * checkpoint
        taken += lasts + cluster.restart_min * 60
        failures += 1


if __name__ == "__main__":
    main()
