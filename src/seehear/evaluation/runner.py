"""From trials to a result: sums by speaker, intervals, paired tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seehear.errors import CorpusError
from seehear.evaluation.baselines import AUTO, LAST, ComparedEncoder, Mode, available_baselines, compared_encoder
from seehear.evaluation.cross_validation import CrossValidation, FoldResult, Protocol, TrainedHead, on_features
from seehear.evaluation.probes.heads import PooledHead, RecurrentHead
from seehear.evaluation.probes.interface import ClassObjective, Probe
from seehear.evaluation.probes.linear import PooledClassifier
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.result import EvaluationResult, Row
from seehear.metrics.bootstrap import (
    UNIT_BOUNDS,
    Bounds,
    Statistic,
    Sums,
    Units,
    estimate,
    paired_comparison,
    unit_sums,
    units_of,
)
from seehear.metrics.scores import Numbers, accuracy, confusion, f1, recall
from seehear.nn.external import layer_in_encoder_name
from seehear.progress import ProgressReporter

FoldNumber = tuple[int, int]
"""Seed, and the fold of it."""


ByNoise = dict[float | None, Sums]
"""Ratio of sound to noise (None: clean) -> sums (seeds, units, K)."""


@dataclass
class ScoreTally:
    """The sums of one contender.

    Attributes:
        seeds: their numbers, in order.
        units: how many there are.
        chosen: fold -> the layer that was read.
        dev: fold -> score on its development part.
        tested: fold -> its test recordings, as something that is equal where they are the same.
    """

    seeds: Sequence[int]
    units: int
    chosen: dict[FoldNumber, str] = field(default_factory=dict)
    dev: dict[FoldNumber, float] = field(default_factory=dict)
    tested: dict[FoldNumber, bytes] = field(default_factory=dict)
    _sums: dict[tuple[FoldNumber, str, float | None], Numbers] = field(default_factory=dict)

    def add(self, trial: FoldResult, entries: Numbers, units: NDArray[np.int64]) -> None:
        """Counts a trial.

        Args:
            trial: of this contender.
            entries: what each of its recordings adds, (N, K).
            units: of those recordings, (N,).
        """
        fold = (trial.seed, trial.fold)
        self._sums[fold, trial.layer, trial.snr_db] = unit_sums(entries, units, self.units)
        if trial.chosen:
            self.chosen[fold], self.dev[fold], self.tested[fold] = trial.layer, trial.dev, trial.rows.tobytes()

    def at_chosen_layers(self) -> ByNoise:
        """Of the layer that was read in each fold."""
        return self._gathered({fold: self.at(fold) for fold in self.chosen})

    def of_layer(self, layer: str) -> Sums:
        """Of one layer in all folds, without noise.

        Raises:
            KeyError: it was not read in all of them.
        """
        return self._gathered({fold: {None: self._sums[fold, layer, None]} for fold in self.chosen})[None]

    @property
    def layers(self) -> list[str]:
        """Those that were read in every fold, in the order of the encoder."""
        counts = Counter(layer for _, layer, snr in self._sums if snr is None)
        return [layer for layer, count in counts.items() if count == len(self.chosen)]

    def at(self, fold: FoldNumber) -> dict[float | None, Numbers]:
        """Sums of the layer that was read in a fold, by ratio of sound to noise."""
        return {snr: sums for (of, layer, snr), sums in self._sums.items() if (of, layer) == (fold, self.chosen[fold])}

    def _gathered(self, folds: dict[FoldNumber, dict[float | None, Numbers]]) -> ByNoise:
        gathered: ByNoise = {}
        for (seed, _), by_noise in folds.items():
            for snr, sums in by_noise.items():
                whole = gathered.setdefault(snr, np.zeros((len(self.seeds), self.units, sums.shape[1])))
                whole[self.seeds.index(seed)] += sums
        return gathered


def best_on_development(tallies: Sequence[ScoreTally], names: Sequence[str]) -> ScoreTally:
    """What comes of taking, in each fold, the contender that is best on development data; of equals the first.

    Where folds of several seeds test the same recordings, as when each speaker is left out in turn, the mean of their
    development scores decides: then more people have a say than the few that one seed draws.

    Returns:
        A tally whose layers are the names of those that were taken.
    """
    best = ScoreTally(tallies[0].seeds, tallies[0].units, tested=tallies[0].tested)
    for fold, tested in best.tested.items():
        alike = [other for other, rows in best.tested.items() if rows == tested]
        place = int(np.argmax([np.mean([tally.dev[other] for other in alike]) for tally in tallies]))
        best.chosen[fold], best.dev[fold] = names[place], tallies[place].dev[fold]
        best._sums |= {(fold, names[place], snr): sums for snr, sums in tallies[place].at(fold).items()}
    return best


SumsOf = Callable[[Sequence[Any], Sequence[Any]], Numbers]
"""Truths and what was said of N recordings -> what each adds to the sums, (N, K)."""


@dataclass(frozen=True)
class ScoreSpec:
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
    bounds: Bounds = UNIT_BOUNDS


BEST_BASELINE = "best baseline"
"""Row of what comes of taking in each fold the handcrafted features that are best on its development part."""


def compared_encoders(model: str, against: Sequence[str], mode: Mode, layer: str = AUTO) -> list[ComparedEncoder]:
    """The model and those it is compared with, each once.

    Those that cannot be had are left out where nothing else was asked for; see `available_baselines`.

    Args:
        model: the first of them.
        against: the others.
        mode: of those that have weights.
        layer: `AUTO` or `LAST` for all alike; or the name of one, which the model and those of its shape are read at
            while for all others one is chosen. A layer in the name of an encoder goes before.

    Raises:
        ModelError: see `compared_encoder`.
    """
    name_given = None if layer in (AUTO, LAST) else layer
    found = [
        compared_encoder(name, model, mode, name_given)
        for name in dict.fromkeys([model, *available_baselines(model, against)])
    ]
    otherwise = AUTO if name_given else layer
    return [replace(one, layer=one.layer or layer_in_encoder_name(one.name) or otherwise) for one in found]


def run_comparison(
    task: str,
    course: CrossValidation,
    named: Sequence[ComparedEncoder],
    frozen: Probe,
    training: TrainedHead,
    what: ScoreSpec,
    setting: Mapping[str, Any],
    progress: bool = True,
) -> EvaluationResult:
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
    units, rows_of = tested_units_of(course)
    main = next(iter(what.scores.values()))
    conditions = course.protocol.conditions
    tallies: list[ScoreTally] = []
    total = len(named) * sum(map(len, course.folds)) * len(conditions)
    with ProgressReporter(task, total, show=progress) as telling:
        done = 0
        for one in named:
            tally = ScoreTally(course.protocol.numbers, len(units))
            for trial in course.run(one, frozen, training):
                truths = [course.targets[row] for row in trial.rows.tolist()]
                tally.add(trial, what.sums(truths, trial.predictions), rows_of[trial.rows])
                done += trial.chosen
                telling.update(done, f"{one.name}, seed {trial.seed}")
            tallies.append(tally)
    rows = [_row(one.name, one.mode, tally, what) for one, tally in zip(named, tallies, strict=True)]
    baselines = [place for place, one in enumerate(named) if place and one.handcrafted]
    if len(baselines) > 1:
        tallies.append(
            best_on_development([tallies[place] for place in baselines], [named[place].name for place in baselines])
        )
        rows.append(_row(BEST_BASELINE, "frozen", tallies[-1], what))
    clean = [tally.at_chosen_layers()[None] for tally in tallies]
    comparisons = [
        paired_comparison(row.encoder, clean[0], sums, main, bounds=what.bounds)
        for row, sums in zip(rows[1:], clean[1:], strict=True)
    ]
    recordings = course.recordings
    speakers = {recording.speaker for recording in recordings}
    return EvaluationResult(
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


def tested_units_of(course: CrossValidation) -> tuple[Units, NDArray[np.int64]]:
    """What is drawn independently: the speakers that are tested with any seed, else the sources.

    Returns:
        The units of what is tested, and the unit of each recording (-1 for what is never tested).
    """
    recordings = [course.recordings[row] for row in course.tested.tolist()]
    units = units_of([one.speaker for one in recordings], [one.source for one in recordings])
    rows = np.full(len(course.recordings), -1)
    rows[course.tested] = units.of
    return units, rows


def _row(encoder: str, mode: Mode, tally: ScoreTally, what: ScoreSpec) -> Row:
    main = next(iter(what.scores.values()))
    sums = tally.at_chosen_layers()
    matrix = None
    if what.classes:
        counts = sums[None].sum((0, 1)).reshape(len(what.classes), len(what.classes))
        matrix = [[round(count) for count in row] for row in counts.tolist()]
    return Row(
        encoder=encoder,
        mode=mode,
        figures={name: estimate(sums[None], statistic, bounds=what.bounds) for name, statistic in what.scores.items()},
        by_snr={snr: estimate(noisy, main, bounds=what.bounds) for snr, noisy in sums.items() if snr is not None},
        confusion=matrix,
        layers=dict(Counter(tally.chosen.values()).most_common()),
        by_layer={layer: estimate(tally.of_layer(layer), main, bounds=what.bounds) for layer in tally.layers},
    )


ProbeName = Literal["pooled", "bgru"]


def classify(
    task: str,
    recordings: Recordings,
    label: str,
    contenders: Sequence[ComparedEncoder],
    probe: ProbeName,
    protocol: Protocol,
    progress: bool = True,
) -> EvaluationResult:
    """How well a label can be told from the features of each contender.

    Args:
        task: what the result is called.
        recordings: all with the label, their sound read.
        label: whose values are the classes.
        contenders: the model first.
        probe: what is trained on top of them.
        protocol: split, seeds, noise and so on.
        progress: tell how far it is, on the error stream.

    Raises:
        CorpusError: one class, too few speakers, or a training part with a single class.
    """
    names = [str(value) for value in recordings.labels(label)]
    classes = sorted(set(names))
    if len(classes) < 2:
        raise CorpusError(
            f"{recordings.name} has only one {label} ({classes[0]}), and telling apart needs two; give others as well"
        )
    targets = [classes.index(name) for name in names]
    course = CrossValidation(recordings, targets, protocol, names)
    _refuse_single_class(course, label)
    goal = ClassObjective(len(classes))
    if probe == "pooled":
        training = TrainedHead(goal, lambda width: PooledHead(width, len(classes)))
    else:
        training = TrainedHead(goal, lambda width: RecurrentHead(width, len(classes), protocol.bgru))
    frozen = PooledClassifier(goal) if probe == "pooled" else on_features(training, protocol)
    tested = Counter(names[row] for row in course.tested.tolist())
    what = ScoreSpec(
        sums=partial(confusion, classes=len(classes)),
        scores={"accuracy": accuracy, "F1": f1, "UAR": recall},
        higher_is_better=True,
        chance={"accuracy": max(tested.values()) / tested.total(), "UAR": 1 / len(classes)},
        classes=classes,
    )
    setting = {"read-out": probe, **protocol.settings(), "classes": len(classes)}
    return run_comparison(task, course, contenders, frozen, training, what, setting, progress)


def _refuse_single_class(course: CrossValidation, label: str) -> None:
    for fold in (fold for folds in course.folds for fold in folds):
        if len({course.targets[row] for row in fold.train.tolist()}) < 2:
            raise CorpusError(
                f"a training part of {course.recordings.name} has one {label} only; "
                "give more speakers, or ask for another --split"
            )
