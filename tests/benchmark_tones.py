"""Recordings of people who differ in pitch, a plan that takes seconds, and an engine without processes."""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from seehear.benchmark.engines import JobEnd, NextJob
from seehear.benchmark.job import run_job

RATE = 16000
PEOPLE, TAKES, SECONDS = 6, 4, 1.2

PLAN = """
title: Tones
about: Does a benchmark work?
seeds: 2
corpora:
  tones: {wants: recordings of tones, faces: none}
pretexts:
  apc:
    preset: apc-small
    corpora: [tones]
    set: &small {optim.steps: 3, optim.warmup: 1, data.batch: 2, data.frames: 25, data.min_frames: 20,
                 engine.accelerator: cpu, engine.precision: 32-true, engine.save_every: 50}
  fresh: {preset: apc-small, corpora: [tones], set: *small, untrained: true}
tasks:
  speaker:
    task: speaker
    title: Same speaker
    data: [tones]
    rows:
      - {name: apc, of: apc}
      - {name: fresh, of: fresh}
      - {name: mfcc, of: mfcc}
      - {name: lost, of: "python:nowhere_at_all:nothing@25"}
claims:
  - {says: APC is better than MFCC, source: nowhere, task: speaker, better: apc, than: [mfcc]}
"""


def record(folder: Path) -> None:
    """Takes of everybody, with a table of who it is."""
    rng = np.random.default_rng(0)
    time = np.arange(int(RATE * SECONDS)) / RATE
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "speaker"])
        for person in range(PEOPLE):
            for take in range(TAKES):
                sound = np.sin(2 * np.pi * 150 * 1.1**person * time) + 2 * rng.standard_normal(len(time))
                wavfile.write(
                    folder / f"{person}-{take}.wav", RATE, (4000 * sound).clip(-32768, 32767).astype(np.int16)
                )
                table.writerow([f"{person}-{take}.wav", f"s{person}"])


class Here:
    """An engine without processes, which remembers what it was given."""

    workers = max_processes = 1

    def __init__(self) -> None:
        self.begun: list[str] = []

    def run(self, next_job: NextJob, is_over: Callable[[], bool]) -> Generator[JobEnd]:
        while not is_over() and (job := next_job()):
            self.begun.append(job.cell.label)
            yield JobEnd(job, run_job(job))
