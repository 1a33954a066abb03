"""Ablation of separation within the modalities: four losses, several seeds; lip reading after sync, voices after match.

    python benchmarks/separation.py [--shared ../shared] [--work runs/separation] [--seeds 5] [--tasks voices]
        [--people 4000 | --corpus FOLDER]

All losses get the same videos in the same order, the same steps and the same initial weights; these change only with
the seed. Plain angular multi-way matching is the baseline, and the others are compared with it, paired by seed. The
terms are reconstructions, as the paper's equations were not available. Finished parts are not repeated.

- lips: sync on synthetic people and GRID's first speaker; then lip reading of his words (development sentences), with a
  frozen lip encoder.
- voices: match on the same synthetic people, comparing the whole embeddings of voice and face (``shared: null``: with
  few shared dimensions, plain matching does not train the voice encoder); then speaker verification of 2 s segments of
  LibriSpeech, whitened and raw, with every model and with the untrained network. No real voice was used in training.
  Two intervals are given: over seeds (Student's t), and over speakers (bootstrap).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from seehear.atomic_io import write_text
from seehear.avatars.make import synthesize_avatars
from seehear.data.prepare import prepare
from seehear.evaluation.lips import evaluate_lips
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.speaker.verification import evaluate_speaker
from seehear.metrics.bootstrap import UNIT_BOUNDS, p_value, student_interval
from seehear.metrics.bootstrap import interval as bootstrap_interval
from seehear.training.pretrain import pretrain
from seehear.training.settings import read_settings

LOSSES = ("multiway", "separate", "merged", "substitute")
UNTRAINED = "untrained"
AVATARS, SECONDS, SEED = 4000, 2.0, 11  # one video each
SYNC_STEPS, MATCH_STEPS = 250, 200
FRAMES = 50


def main() -> None:
    """Run the ablation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path("runs/separation"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--people", type=int, default=AVATARS, help="number of synthetic people, one video each")
    parser.add_argument("--corpus", type=Path, help="prepared corpus of people to train on instead")
    parser.add_argument("--steps", type=int, default=MATCH_STEPS, help="training steps of match")
    given = parser.parse_args()
    data = given.shared / "data"
    people = given.corpus or avatars(given.work, given.people)
    grid = given.work / "grid"
    if "lips" in given.tasks:
        prepare([data / "grid_s1" / "video"], grid, dataset="grid")
    place = Place(given.work, people, grid, data / "librispeech_251", given.steps)
    for task in given.tasks:
        found: dict[str, list[Scores]] = {loss: [] for loss in ROWS[task]}
        for seed in range(given.seeds):  # so that an interrupted run has all losses of a seed
            for loss in ROWS[task]:
                found[loss].append(kept(given.work / f"{task}-{loss}-{seed}", partial(TASKS[task], place, loss, seed)))
            print(f"{table(task, found)}\n", flush=True)


@dataclass(frozen=True)
class Place:
    """Paths and options of the ablation.

    Attributes:
        work: folder of the runs
        people: corpus of synthetic people
        grid: corpus of GRID's first speaker
        voices: folder of LibriSpeech utterances
        steps: training steps of match
    """

    work: Path
    people: Path
    grid: Path
    voices: Path
    steps: int


@dataclass(frozen=True)
class Score:
    """A score and its bootstrap over speakers; without samples if there is one speaker.

    Attributes:
        value: the score
        draws: score in each bootstrap sample
        units: number of speakers; 0 if unknown (in older files), in which case there is no interval
    """

    value: float
    draws: tuple[float, ...] = ()
    units: int = 0


Scores = Mapping[str, Score]


def avatars(work: Path, people: int) -> Path:
    """Make the corpus of synthetic people; finished parts are not repeated."""
    synthesize_avatars(work / "people", clips=people, speakers=people, seed=SEED, seconds=SECONDS)
    prepare([work / "people"], work / "avatars")
    return work / "avatars"


def lips(place: Place, loss: str, seed: int) -> Scores:
    """Return the accuracy of lip reading GRID's words."""
    run = learn(place, [place.people, place.grid], "sync-small", loss, SYNC_STEPS, seed, batch=16)
    found = evaluate_lips(str(run), [place.grid], baselines=(), seeds=1)
    assert isinstance(found, EvaluationResult)
    return {"accuracy": Score(found.rows[0].main.value)}


def voices(place: Place, loss: str, seed: int) -> Scores:
    """Return the EER of 2 s segments, whitened and raw; for the untrained network, of its pooled features."""
    trained = LOSSES[0] if loss == UNTRAINED else loss
    run = learn(place, [place.people], "match-small", trained, place.steps, seed, batch=48, seconds=1.0, shared=None)
    rivals = (UNTRAINED,) if loss == UNTRAINED else ()
    found = evaluate_speaker(
        str(run), [place.voices], baselines=rivals, dataset="librispeech", trials="segments", seeds=1, first_seed=seed
    )
    assert isinstance(found, EvaluationResult)
    row = found.rows[-1]
    figures = {"EER whitened": row.figures["EER"], "EER raw": row.figures["EER raw"]}
    return {
        name: Score(figure.value, () if figure.draws is None else tuple(figure.draws.tolist()), figure.units)
        for name, figure in figures.items()
    }


TASKS = {"lips": lips, "voices": voices}
ROWS = {"lips": LOSSES, "voices": (*LOSSES, UNTRAINED)}
BETTER = {"lips": "higher", "voices": "lower"}


def learn(
    place: Place, corpora: list[Path], preset: str, loss: str, steps: int, seed: int, *, batch: int, **model: Any
) -> Path:
    """Train one pretext with one loss, unless the run is finished."""
    beneath = read_settings(preset)
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


def kept(place: Path, measure: Callable[[], Scores]) -> Scores:
    """Return scores from a file, or measure and store them."""
    file = place.with_suffix(".json")
    if not file.exists():
        write_text(file, json.dumps({name: asdict(score) for name, score in measure().items()}))
    return {name: Score(**told) for name, told in json.loads(file.read_text(encoding="utf-8")).items()}


def table(task: str, found: Mapping[str, Sequence[Scores]]) -> str:
    """Format the mean of each loss and its difference from the first, with 95 % intervals over seeds and speakers."""
    first = found[LOSSES[0]]
    lines = []
    for name in first[0]:
        lines.append(f"{task}, {name} ({BETTER[task]} is better), {len(first)} seeds; [interval over speakers]")
        for loss, scores in found.items():
            line = f"{loss:11s} {both([one[name] for one in scores])}"
            if loss != LOSSES[0]:
                apart = [less(one[name], other[name]) for one, other in zip(scores, first, strict=True)]
                line += f"   against {LOSSES[0]} {both(apart, signed=True)}"
            lines.append(line)
    return "\n".join(lines)


def less(one: Score, other: Score) -> Score:
    """Return the difference of two scores, paired by bootstrap sample."""
    return Score(one.value - other.value, tuple(np.subtract(one.draws, other.draws).tolist()), one.units)


def both(scores: Sequence[Score], signed: bool = False) -> str:
    """Format the mean with its intervals over seeds and over speakers; differences also with p."""
    told = interval([score.value for score in scores], signed)
    if scores[0].units < 2:
        return told
    value, draws = fmean(score.value for score in scores), np.mean([score.draws for score in scores], axis=0)
    low, high = bootstrap_interval(value, draws, scores[0].units, (-1, 1) if signed else UNIT_BOUNDS)
    p = f", p = {p_value(value, draws, scores[0].units):.3f}" if signed else ""
    return f"{told} [{100 * low:.1f} to {100 * high:.1f}{p}]"


def interval(values: Sequence[float] | NDArray[np.float64], signed: bool = False) -> str:
    """Format in percent (points); a difference also with the p of a paired t-test over the seeds."""
    numbers = 100 * np.asarray(values)
    mean = float(numbers.mean())
    told = f"{mean:{'+' if signed else ''}.1f}"
    between = student_interval(numbers)
    if between is None:
        return f"{told} (one seed)"
    p = f", p = {stats.ttest_1samp(numbers, 0).pvalue:.3f}" if signed else ""
    return f"{told} ({between[0]:.1f} to {between[1]:.1f}{p})"


if __name__ == "__main__":
    main()
