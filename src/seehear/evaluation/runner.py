"""From predictions to a result: sums by speaker, intervals, paired tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seehear.errors import CorpusError
from seehear.evaluation import find_score
from seehear.evaluation.baselines import AUTO, LAST, ComparedEncoder, available_baselines, compared_encoder
from seehear.evaluation.cross_validation import CrossValidation, FoldResult, Protocol, TrainedHead, on_features
from seehear.evaluation.probes.heads import PooledHead, RecurrentHead
from seehear.evaluation.probes.interface import ClassObjective, Probe
from seehear.evaluation.probes.linear import PooledClassifier
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.result import EvaluationResult, Row
from seehear.evaluation.task import Mode
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
from seehear.progress import Progress, Stage

FoldNumber = tuple[int, int]
"""Seed, and the number of its fold."""


ByNoise = dict[float | None, Sums]
"""Signal-to-noise ratio (None: clean) -> sums (seeds, units, K)."""


@dataclass
class ScoreTally:
    """The sums of one encoder.

    Attributes:
        seeds: their numbers, in order
        units: number of units
        chosen: fold -> the layer that was read
        dev: fold -> score on its development part
        tested: fold -> its test recordings, in a form that can be compared
    """

    seeds: Sequence[int]
    units: int
    chosen: dict[FoldNumber, str] = field(default_factory=dict)
    dev: dict[FoldNumber, float] = field(default_factory=dict)
    tested: dict[FoldNumber, bytes] = field(default_factory=dict)
    _sums: dict[tuple[FoldNumber, str, float | None], Numbers] = field(default_factory=dict)

    def add(self, trial: FoldResult, entries: Numbers, units: NDArray[np.int64]) -> None:
        """Add the predictions of a fold.

        Args:
            trial: predictions of this encoder
            entries: what each recording adds to the sums, (N, K)
            units: unit of each recording, (N,)
        """
        fold = (trial.seed, trial.fold)
        self._sums[fold, trial.layer, trial.snr_db] = unit_sums(entries, units, self.units)
        if trial.chosen:
            self.chosen[fold], self.dev[fold], self.tested[fold] = trial.layer, trial.dev, trial.rows.tobytes()

    def at_chosen_layers(self) -> ByNoise:
        """Return the sums with the layer that was read in each fold."""
        return self._gathered({fold: self.at(fold) for fold in self.chosen})

    def of_layer(self, layer: str) -> Sums:
        """Return the sums with one layer in all folds, without noise.

        Raises:
            KeyError: it was not read in all of them.
        """
        return self._gathered({fold: {None: self._sums[fold, layer, None]} for fold in self.chosen})[None]

    @property
    def layers(self) -> list[str]:
        """Layers that were read in every fold, in the order of the encoder."""
        counts = Counter(layer for _, layer, snr in self._sums if snr is None)
        return [layer for layer, count in counts.items() if count == len(self.chosen)]

    def at(self, fold: FoldNumber) -> dict[float | None, Numbers]:
        """Return the sums with the layer that was read in a fold, by signal-to-noise ratio."""
        return {snr: sums for (of, layer, snr), sums in self._sums.items() if (of, layer) == (fold, self.chosen[fold])}

    def _gathered(self, folds: dict[FoldNumber, dict[float | None, Numbers]]) -> ByNoise:
        gathered: ByNoise = {}
        for (seed, _), by_noise in folds.items():
            for snr, sums in by_noise.items():
                whole = gathered.setdefault(snr, np.zeros((len(self.seeds), self.units, sums.shape[1])))
                whole[self.seeds.index(seed)] += sums
        return gathered


def best_on_development(tallies: Sequence[ScoreTally], names: Sequence[str]) -> ScoreTally:
    """Take in each fold the encoder that is best on development data; of equal ones the first.

    If folds of several seeds test the same recordings, as when each speaker is left out in turn, the mean of their
    development scores decides: it depends on more people than the few that one seed draws.

    Returns:
        A tally whose layers are the names of the encoders that were taken.
    """
    best = ScoreTally(tallies[0].seeds, tallies[0].units, tested=tallies[0].tested)
    for fold, tested in best.tested.items():
        alike = [other for other, rows in best.tested.items() if rows == tested]
        place = int(np.argmax([np.mean([tally.dev[other] for other in alike]) for tally in tallies]))
        best.chosen[fold], best.dev[fold] = names[place], tallies[place].dev[fold]
        best._sums |= {(fold, names[place], snr): sums for snr, sums in tallies[place].at(fold).items()}
    return best


SumsOf = Callable[[Sequence[Any], Sequence[Any]], Numbers]
"""Truths and predictions for N recordings -> what each adds to the sums, (N, K)."""


@dataclass(frozen=True)
class ScoreSpec:
    """What is counted, and the scores that are computed from the counts.

    Attributes:
        sums: of truths and predictions
        scores: name -> function of the sums; the first is the one that the task is about
        chance: score -> its chance level
        classes: in the order of the confusion matrix that the sums are; empty if there are none
        bounds: minimum and maximum of the scores
    """

    sums: SumsOf
    scores: Mapping[str, Statistic]
    chance: Mapping[str, float]
    classes: Sequence[str] = ()
    bounds: Bounds = UNIT_BOUNDS


BEST_BASELINE = "best baseline"
"""Row of the handcrafted features that are best on the development part of each fold."""


def compared_encoders(model: str, against: Sequence[str], mode: Mode, layer: str = AUTO) -> list[ComparedEncoder]:
    """Return the model and its baselines, each once.

    Default baselines that are not available are left out; see `available_baselines`.

    Args:
        model: the first of them
        against: baselines
        mode: of encoders with weights
        layer: `AUTO` or `LAST` for all of them; or the name of a layer for the model and encoders of its architecture,
            while for all others one is chosen. A layer in the name of an encoder takes precedence.

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
    progress: Progress | None = None,
) -> EvaluationResult:
    """Evaluate all encoders by the same cross-validation and compare the first with the others.

    Args:
        task: its name
        course: recordings, targets, folds
        named: the encoders
        frozen: probe of frozen features
        training: for encoders that are trained
        what: scores
        setting: settings that the result reports
        progress: called with the share that is done, 0 to 1, and a text
    """
    units, rows_of = tested_units_of(course)
    main = next(iter(what.scores.values()))
    conditions = course.protocol.conditions
    tallies: list[ScoreTally] = []
    total = len(named) * sum(map(len, course.folds)) * len(conditions)
    stage, done = Stage(progress, task, total), 0
    for one in named:
        tally = ScoreTally(course.protocol.numbers, len(units))
        for trial in course.run(one, frozen, training):
            truths = [course.targets[row] for row in trial.rows.tolist()]
            tally.add(trial, what.sums(truths, trial.predictions), rows_of[trial.rows])
            done += trial.chosen
            stage.update(done, f"{one.name}, seed {trial.seed}")
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
        higher_is_better=find_score(next(iter(what.scores))).higher_is_better,
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
    """Return what is resampled independently: the speakers that are tested with any seed, or else the sources.

    Returns:
        The units of what is tested, and the unit of each recording (-1 if it is never tested).
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
    progress: Progress | None = None,
) -> EvaluationResult:
    """Evaluate how well a probe predicts a label from the features of each encoder.

    Args:
        task: name of the result
        recordings: all with the label, their audio read
        label: label whose values are the classes
        contenders: the encoders, the model first
        probe: the probe
        protocol: split, seeds, noise and so on
        progress: called with the share that is done, 0 to 1, and a text

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
