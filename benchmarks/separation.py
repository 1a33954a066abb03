"""Does separation within the modalities pay? Four losses, several seeds: lip reading after sync, voices after match.

    python benchmarks/separation.py [--shared ../shared] [--work runs/separation] [--seeds 5] [--tasks voices]
        [--people 4000 | --corpus FOLDER]

Every loss gets the same films in the same order, the same steps and the same weights to begin with; only the seed
changes them. Plain angular multi-way matching is the baseline, and the others are compared with it seed by seed. The
terms are reconstructions: the paper's own equations could not be read. What was done is kept and not done again.

- lips: sync on synthetic people and GRID's first speaker; then GRID's words are read off his lips (development
  sentences), the lip encoder frozen.
- voices: match on the same synthetic people, the whole embedding of a voice compared with that of a face
  (``shared: null``: with a few shared numbers plain matching trains no voice encoder at all); then 2 s pieces of
  LibriSpeech utterances are told to be of one speaker or not, whitened and raw, by every model and by the same network
  untrained. No real voice was trained on. Two intervals: over seeds (Student's t), and over draws of the speakers.
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
from seehear.metrics.bootstrap import interval as over_units
from seehear.training.pretrain import pretrain
from seehear.training.settings import read_settings

LOSSES = ("multiway", "separate", "merged", "substitute")
UNTRAINED = "untrained"
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
    parser.add_argument("--people", type=int, default=AVATARS, help="synthetic people, one film each")
    parser.add_argument("--corpus", type=Path, help="prepared corpus of people to learn from instead")
    parser.add_argument("--steps", type=int, default=MATCH_STEPS, help="of match")
    given = parser.parse_args()
    data = given.shared / "data"
    people = given.corpus or avatars(given.work, given.people)
    grid = given.work / "grid"
    if "lips" in given.tasks:
        prepare([data / "grid_s1" / "video"], grid, dataset="grid")
    place = Place(given.work, people, grid, data / "librispeech_251", given.steps)
    for task in given.tasks:
        found: dict[str, list[Scores]] = {loss: [] for loss in ROWS[task]}
        for seed in range(given.seeds):  # all losses of a seed, then the next: what was stopped has whole seeds
            for loss in ROWS[task]:
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
        steps: of match.
    """

    work: Path
    people: Path
    grid: Path
    voices: Path
    steps: int


@dataclass(frozen=True)
class Score:
    """A number, and with every draw of the speakers; no draws where there is one speaker.

    Attributes:
        value: the number.
        draws: likewise of each draw.
        units: how many speakers there were; 0 in what was kept before that was told, and then there is no interval.
    """

    value: float
    draws: tuple[float, ...] = ()
    units: int = 0


Scores = Mapping[str, Score]


def avatars(work: Path, people: int) -> Path:
    """Synthetic people; what is there already is not made again."""
    synthesize_avatars(work / "people", clips=people, speakers=people, seed=SEED, seconds=SECONDS)
    prepare([work / "people"], work / "avatars")
    return work / "avatars"


def lips(place: Place, loss: str, seed: int) -> Scores:
    """Accuracy of GRID's words, read off the lips."""
    run = learn(place, [place.people, place.grid], "sync-small", loss, SYNC_STEPS, seed, batch=16)
    found = evaluate_lips(str(run), [place.grid], baselines=(), seeds=1)
    assert isinstance(found, EvaluationResult)
    return {"accuracy": Score(found.rows[0].main.value)}


def voices(place: Place, loss: str, seed: int) -> Scores:
    """EER of pieces of 2 s, whitened and raw; of the network of multiway untrained, its encoder pooled over time."""
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
    """One pretext with one loss; a run that is done is left as it is."""
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
    """Numbers that are measured once."""
    file = place.with_suffix(".json")
    if not file.exists():
        write_text(file, json.dumps({name: asdict(score) for name, score in measure().items()}))
    return {name: Score(**told) for name, told in json.loads(file.read_text(encoding="utf-8")).items()}


def table(task: str, found: Mapping[str, Sequence[Scores]]) -> str:
    """Mean of each loss and its difference from the first, with 95 % intervals over seeds and over speakers."""
    first = found[LOSSES[0]]
    lines = []
    for name in first[0]:
        lines.append(f"{task}, {name} ({BETTER[task]} is better), {len(first)} seeds; [over speakers]")
        for loss, scores in found.items():
            line = f"{loss:11s} {both([one[name] for one in scores])}"
            if loss != LOSSES[0]:
                apart = [less(one[name], other[name]) for one, other in zip(scores, first, strict=True)]
                line += f"   against {LOSSES[0]} {both(apart, signed=True)}"
            lines.append(line)
    return "\n".join(lines)


def less(one: Score, other: Score) -> Score:
    """The difference of two, draw by draw."""
    return Score(one.value - other.value, tuple(np.subtract(one.draws, other.draws).tolist()), one.units)


def both(scores: Sequence[Score], signed: bool = False) -> str:
    """Mean, interval over seeds (chance in training), and interval of the mean over speakers; of differences also p."""
    told = interval([score.value for score in scores], signed)
    if scores[0].units < 2:
        return told
    value, draws = fmean(score.value for score in scores), np.mean([score.draws for score in scores], axis=0)
    low, high = over_units(value, draws, scores[0].units, (-1, 1) if signed else UNIT_BOUNDS)
    p = f", p = {p_value(value, draws, scores[0].units):.3f}" if signed else ""
    return f"{told} [{100 * low:.1f} to {100 * high:.1f}{p}]"


def interval(values: Sequence[float] | NDArray[np.float64], signed: bool = False) -> str:
    """In percent (points); of a difference also the p of a paired t-test over the seeds."""
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
