"""Does separation within the modalities pay? Four losses, several seeds: lip reading after sync, voices after match.

    python benchmarks/separation.py [--shared ../shared] [--work runs/separation] [--seeds 5]

Every loss gets the same films in the same order, the same steps and the same weights to begin with; only the seed
changes them. Plain angular multi-way matching is the baseline, and the others are compared with it seed by seed. The
terms are reconstructions: the paper's own equations could not be read. What was done is kept and not done again.

- sync on synthetic people and GRID's first speaker; then GRID's words are read off his lips (development sentences),
  the lip encoder frozen.
- match on the same synthetic people; then 2 s pieces of LibriSpeech utterances are told to be of one speaker or not.
  No real voice was trained on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from seehear.avatars import make_avatars
from seehear.beside import write_text
from seehear.corpus.prepare import prepare
from seehear.tasks.lips import evaluate_lips
from seehear.tasks.result import Result
from seehear.tasks.speaker import evaluate_speaker
from seehear.training.presets import settings
from seehear.training.pretrain import pretrain

LOSSES = ("multiway", "separate", "merged", "substitute")
AVATARS, SECONDS, SEED = 4000, 2.0, 11  # as many people as films
SYNC_STEPS, MATCH_STEPS = 250, 200
FRAMES = 50


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path("runs/separation"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    given = parser.parse_args()
    data = given.shared / "data"
    place = Place(given.work, *corpora(data, given.work), data / "librispeech_251")
    for task in given.tasks:
        found: dict[str, list[float]] = {loss: [] for loss in LOSSES}
        for seed in range(given.seeds):  # all losses of a seed, then the next: what was stopped has whole seeds
            for loss in LOSSES:
                found[loss].append(kept(given.work / f"{task}-{loss}-{seed}", partial(TASKS[task], place, loss, seed)))
            print(f"{table(task, found)}\n", flush=True)


@dataclass(frozen=True)
class Place:
    """Where everything is.

    Attributes:
        work: folder of the runs.
        people: corpus of synthetic people.
        grid: corpus of GRID's first speaker.
        voices: folder of LibriSpeech utterances.
    """

    work: Path
    people: Path
    grid: Path
    voices: Path


def corpora(data: Path, work: Path) -> tuple[Path, Path]:
    """Synthetic people, and GRID's first speaker; what is there already is not made again."""
    make_avatars(work / "people", clips=AVATARS, speakers=AVATARS, seed=SEED, seconds=SECONDS)
    prepare([work / "people"], work / "avatars")
    prepare([data / "grid_s1" / "video"], work / "grid", format="grid")
    return work / "avatars", work / "grid"


def lips(place: Place, loss: str, seed: int) -> float:
    """Accuracy of GRID's words, read off the lips."""
    run = learn(place, [place.people, place.grid], "sync-small", loss, SYNC_STEPS, seed, batch=16)
    found = evaluate_lips(str(run), [place.grid], against=(), seeds=1)
    assert isinstance(found, Result)
    return found.rows[0].main.value


def voices(place: Place, loss: str, seed: int) -> float:
    """EER of pieces of 2 s."""
    run = learn(place, [place.people], "match-small", loss, MATCH_STEPS, seed, batch=48, seconds=1.0, shared=None)
    found = evaluate_speaker(str(run), [place.voices], against=(), format="librispeech", trials="segments", seeds=1)
    assert isinstance(found, Result)
    return found.rows[0].main.value


TASKS = {"lips": lips, "voices": voices}
BETTER = {"lips": "higher", "voices": "lower"}


def learn(
    place: Place, corpora: list[Path], preset: str, loss: str, steps: int, seed: int, *, batch: int, **model: Any
) -> Path:
    """One pretext with one loss; a run that is done is left as it is."""
    beneath = settings(preset)
    run = place.work / f"{preset}-{loss}-{seed}"
    pretrain(
        corpora,
        run,
        preset,
        model=replace(beneath.model, loss=loss, **model),
        data=replace(beneath.data, frames=FRAMES, min_frames=FRAMES, batch=batch, probe_clips=0),
        optim=replace(beneath.optim, steps=steps, seed=seed),
        engine=replace(beneath.engine, threads=1, save_every=steps),
    )
    return run


def kept(place: Path, measure: Callable[[], float]) -> float:
    """A number that is measured once."""
    file = place.with_suffix(".json")
    if not file.exists():
        write_text(file, json.dumps(measure()))
    return float(json.loads(file.read_text(encoding="utf-8")))


def table(task: str, found: dict[str, list[float]]) -> str:
    """Mean and 95 % interval (Student's t over seeds) of each loss, and of its difference from the first."""
    rows = [f"{task} ({BETTER[task]} is better), {len(found[LOSSES[0]])} seeds"]
    for loss, values in found.items():
        row = f"{loss:11s} {interval(values)}"
        if loss != LOSSES[0]:
            row += f"   against {LOSSES[0]} {interval(np.subtract(values, found[LOSSES[0]]), signed=True)}"
        rows.append(row)
    return "\n".join(rows)


def interval(values: Sequence[float] | NDArray[np.float64], signed: bool = False) -> str:
    """In percent (points)."""
    numbers = 100 * np.asarray(values)
    mean = float(numbers.mean())
    told = f"{mean:{'+' if signed else ''}.1f}"
    if len(numbers) == 1:
        return f"{told} (one seed)"
    half = stats.t.ppf(0.975, len(numbers) - 1) * stats.sem(numbers)
    return f"{told} ({mean - half:.1f} to {mean + half:.1f})"


if __name__ == "__main__":
    main()
