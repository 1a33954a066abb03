"""From trials to a result: all contenders, their sums by test speaker, intervals and paired tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.encoders.external import named_layer
from seehear.progress import Telling
from seehear.tasks.contenders import AUTO, LAST, Contender, Mode, contender, usual
from seehear.tasks.readouts.interface import ReadOut
from seehear.tasks.result import Result, Row
from seehear.tasks.scores import Numbers
from seehear.tasks.significance import SHARE, Bounds, Statistic, compare, figure
from seehear.tasks.tally import Tally, best_of
from seehear.tasks.trials import Course, Training
from seehear.tasks.units import Units, units_of

SumsOf = Callable[[Sequence[Any], Sequence[Any]], Numbers]
"""Truths and what was said of N recordings -> what each adds to the sums, (N, K)."""


@dataclass(frozen=True)
class Measure:
    """What is counted, and what is made of the counts.

    Attributes:
        sums: of truths and what was said.
        scores: name -> function of the sums; the first is the one that the task is about.
        higher_is_better: of the first.
        chance: score -> what guessing gets.
        classes: in the order of the confusion matrix that the sums are; none where they are none.
        bounds: least and greatest value of the scores.
    """

    sums: SumsOf
    scores: Mapping[str, Statistic]
    higher_is_better: bool
    chance: Mapping[str, float]
    classes: Sequence[str] = ()
    bounds: Bounds = SHARE


BEST_BASELINE = "best baseline"
"""Row of what comes of taking in each fold the handcrafted features that are best on its development part."""


def contenders(model: str, against: Sequence[str], mode: Mode, layer: str = AUTO) -> list[Contender]:
    """The model and those it is compared with, each once.

    Those that cannot be had are left out where nothing else was asked for; see `usual`.

    Args:
        model: the first of them.
        against: the others.
        mode: of those that have weights.
        layer: `AUTO` or `LAST` for all alike; or the name of one, which the model and those of its shape are read at
            while for all others one is chosen. A layer in the name of an encoder goes before.

    Raises:
        ModelError: see `contender`.
    """
    name_given = None if layer in (AUTO, LAST) else layer
    found = [contender(name, model, mode, name_given) for name in dict.fromkeys([model, *usual(model, against)])]
    otherwise = AUTO if name_given else layer
    return [replace(one, layer=one.layer or named_layer(one.name) or otherwise) for one in found]


def measure(
    task: str,
    course: Course,
    named: Sequence[Contender],
    frozen: ReadOut,
    training: Training,
    what: Measure,
    setting: Mapping[str, Any],
    progress: bool = True,
) -> Result:
    """Runs all contenders through the same course and compares the first with the others.

    Args:
        task: its name.
        course: recordings, targets, folds.
        named: who runs.
        frozen: the read-out of features that stay as they are.
        training: for contenders whose weights move.
        what: what is counted.
        setting: what the result says of how it came about.
        progress: tell how far it is, on the error stream.
    """
    units, rows_of = units_tested(course)
    main = next(iter(what.scores.values()))
    conditions = course.protocol.conditions
    tallies: list[Tally] = []
    total = len(named) * sum(map(len, course.folds)) * len(conditions)
    with Telling(task, total, show=progress) as telling:
        done = 0
        for one in named:
            tally = Tally(course.protocol.numbers, len(units))
            for trial in course.run(one, frozen, training):
                truths = [course.targets[row] for row in trial.rows.tolist()]
                tally.add(trial, what.sums(truths, trial.said), rows_of[trial.rows])
                done += trial.chosen
                telling.update(done, f"{one.name}, seed {trial.seed}")
            tallies.append(tally)
    rows = [_row(one.name, one.mode, tally, what) for one, tally in zip(named, tallies, strict=True)]
    baselines = [place for place, one in enumerate(named) if place and one.handcrafted]
    if len(baselines) > 1:
        tallies.append(best_of([tallies[place] for place in baselines], [named[place].name for place in baselines]))
        rows.append(_row(BEST_BASELINE, "frozen", tallies[-1], what))
    clean = [tally.read()[None] for tally in tallies]
    comparisons = [
        compare(row.encoder, clean[0], sums, main, bounds=what.bounds)
        for row, sums in zip(rows[1:], clean[1:], strict=True)
    ]
    recordings = course.recordings
    speakers = {recording.speaker for recording in recordings}
    return Result(
        task=task,
        data=recordings.name,
        rows=tuple(rows),
        comparisons=tuple(comparisons),
        higher_is_better=what.higher_is_better,
        chance=dict(what.chance),
        classes=tuple(what.classes),
        recordings=len(recordings),
        tested=len(course.tested),
        speakers=None if None in speakers else len(speakers),
        units=units.kind,
        setting=dict(setting),
        left_out=recordings.left_out,
    )


def units_tested(course: Course) -> tuple[Units, NDArray[np.int64]]:
    """What is drawn independently: the speakers that are tested with any seed, else the sources.

    Returns:
        The units of what is tested, and the unit of each recording (-1 for what is never tested).
    """
    recordings = [course.recordings[row] for row in course.tested.tolist()]
    units = units_of([one.speaker for one in recordings], [one.source for one in recordings])
    rows = np.full(len(course.recordings), -1)
    rows[course.tested] = units.of
    return units, rows


def _row(encoder: str, mode: Mode, tally: Tally, what: Measure) -> Row:
    main = next(iter(what.scores.values()))
    sums = tally.read()
    matrix = None
    if what.classes:
        counts = sums[None].sum((0, 1)).reshape(len(what.classes), len(what.classes))
        matrix = [[round(count) for count in row] for row in counts.tolist()]
    return Row(
        encoder=encoder,
        mode=mode,
        figures={name: figure(sums[None], statistic, bounds=what.bounds) for name, statistic in what.scores.items()},
        by_snr={snr: figure(noisy, main, bounds=what.bounds) for snr, noisy in sums.items() if snr is not None},
        confusion=matrix,
        layers=dict(Counter(tally.chosen.values()).most_common()),
        by_layer={layer: figure(tally.of_layer(layer), main, bounds=what.bounds) for layer in tally.layers},
    )
