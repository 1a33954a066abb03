"""From trials to a result: all contenders, their sums by test speaker, intervals and paired tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.progress import Telling
from seehear.tasks.contenders import Contender, Mode, contender, usual
from seehear.tasks.readouts.interface import ReadOut
from seehear.tasks.result import Result, Row
from seehear.tasks.scores import Numbers
from seehear.tasks.significance import SHARE, Bounds, Statistic, Sums, compare, figure, unit_sums
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


def contenders(model: str, against: Sequence[str], mode: Mode, layer: str | None) -> list[Contender]:
    """The model and those it is compared with, each once.

    Those of `USUAL` that a model without weights has not are left out where nothing else was asked for.

    Raises:
        ModelError: see `contender`.
    """
    return [contender(name, model, mode, layer) for name in dict.fromkeys([model, *usual(model, against)])]


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
    by_contender: list[dict[float | None, Sums]] = []
    total = len(named) * sum(map(len, course.folds)) * len(conditions)
    with Telling(task, total, show=progress) as telling:
        done = 0
        for one in named:
            sums: dict[float | None, Sums] = {}
            for trial in course.run(one, frozen, training):
                truths = [course.targets[row] for row in trial.rows.tolist()]
                entries = what.sums(truths, trial.said)
                if trial.snr_db not in sums:
                    sums[trial.snr_db] = np.zeros((course.protocol.seeds, len(units), entries.shape[1]))
                place = course.protocol.numbers.index(trial.seed)
                sums[trial.snr_db][place] += unit_sums(entries, rows_of[trial.rows], len(units))
                done += 1
                telling.update(done, f"{one.name}, seed {trial.seed}")
            by_contender.append(sums)
    rows = [_row(one, sums, what) for one, sums in zip(named, by_contender, strict=True)]
    comparisons = [
        compare(one.name, by_contender[0][None], sums[None], main, bounds=what.bounds)
        for one, sums in zip(named[1:], by_contender[1:], strict=True)
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


def _row(one: Contender, sums: Mapping[float | None, Sums], what: Measure) -> Row:
    main = next(iter(what.scores.values()))
    matrix = None
    if what.classes:
        counts = sums[None].sum((0, 1)).reshape(len(what.classes), len(what.classes))
        matrix = [[round(count) for count in row] for row in counts.tolist()]
    return Row(
        encoder=one.name,
        mode=one.mode,
        figures={name: figure(sums[None], statistic, bounds=what.bounds) for name, statistic in what.scores.items()},
        by_snr={snr: figure(noisy, main, bounds=what.bounds) for snr, noisy in sums.items() if snr is not None},
        confusion=matrix,
    )
