"""Verification through all seeds: scores, errors, calibration."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from seehear.errors import CorpusError, ModelError, check_writable
from seehear.evaluation.baselines import TRAINED_MODES
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.speaker.few_labels import FewLabelOptions, LossName, train_speaker_head
from seehear.evaluation.speaker.pairs import Trials, TrialSides
from seehear.evaluation.speaker.result import Curve
from seehear.evaluation.speaker.voices import (
    REPORTED_SCALINGS,
    ComparedVoice,
    ModelVoice,
    Scaling,
    Vectors,
    Voice,
    compared_by,
    embed_voices,
    mean_by,
    scaled,
)
from seehear.evaluation.splits import partition
from seehear.losses.base import MIN_DISTANCE, Distance
from seehear.metrics.calibration import ScoreCalibration
from seehear.metrics.detection import DCF_PRIORS, ErrorCounts
from seehear.metrics.pairs import Rows, bootstrap_counts, bootstrap_people, count_all_pairs, score_span
from seehear.progress import Progress


def require_calibration_place(place: Path | None) -> None:
    """Check that a calibration can be written there: to a file, or to the folder of a model.

    Raises:
        SeehearError: it cannot.
    """
    if place is not None and not place.is_dir():
        check_writable(place)


def calibrate_scores(
    course: VoiceCrossValidation, voice: Voice, name: str, data: str, place: Path, progress: Progress | None = None
) -> ScoreCalibration:
    """Fit a calibration of the model's plain scores to the pairs of the first seed, and write it.

    Plain scores are what an application computes from two recordings only: the similarity of mean embeddings, without
    scaling.

    Args:
        course: sides and pairs
        voice: of the model
        name: of the model
        data: what the pairs are of
        place: JSON file, or the folder of the model
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Raises:
        ModelError: the model has no voice embedding.
        SeehearError: it cannot be written.
    """
    if not isinstance(voice, ModelVoice):
        raise ModelError(
            f"{name} gives no scores of its own that could be calibrated; --write-calibration is for match models"
        )
    trials = course.rounds[0].trials
    scores = plain_scores(voice, course.embedded(voice, name, course.tested, progress), trials)
    description = f"{data}: {course.sides.described}"
    made = ScoreCalibration.fit(scores, trials.targets, data=description, model=name, seconds=course.plan.seconds)
    made.write(place)
    return made


def plain_scores(voice: ModelVoice, means: Vectors, trials: Trials) -> NDArray[np.float64]:
    """Return the model's similarity of each pair, (N,), from mean embeddings (sides, dim)."""
    return pair_scores(scaled(means, "none", voice.distance), trials, voice.distance)


VoiceMode = Literal["frozen", "projected", "finetuned", "scratch"]


EER = "EER"


DCF = {f"minDCF {prior:g}": prior for prior in DCF_PRIORS}


PAIRS = 500_000
"""Maximum number of pairs of each kind: more do not make a figure more certain, as people are resampled."""


AT_ONCE = 1 << 16  # pairs whose vectors are multiplied at a time


@dataclass(frozen=True)
class VerificationOptions:
    """How voices are compared.

    Attributes:
        mode: frozen; projected, a layer on top is trained with labels; finetuned or scratch, all of it is
        train_speakers: number of speakers with labels; None for all that are not tested
        loss: loss of that training
        few: options of that training
        seconds: length of a segment of audio
        pairs: maximum number of pairs of each kind; ``all`` scores all pairs in blocks
        scaling: scaling of embeddings before they are compared, the same for every row
        seeds: numbers of the repetitions
        device: where networks run
    """

    mode: VoiceMode = "frozen"
    train_speakers: int | None = None
    loss: LossName = "am-softmax"
    few: FewLabelOptions = field(default_factory=FewLabelOptions)
    seconds: float = 2.0
    pairs: int | Literal["all"] = PAIRS
    scaling: Scaling = "whitened"
    seeds: range = range(3)
    device: str = "cpu"


class SeedTrials(NamedTuple):
    """The trials of one seed.

    Attributes:
        tested: rows of the sides that may be in a pair
        trials: pairs of them
        train: recordings of the speakers with labels; empty if nothing is trained
    """

    tested: Rows
    trials: Trials
    train: Recordings | None


@dataclass(frozen=True)
class SeedScores:
    """The results of one seed.

    Attributes:
        figures: name -> value
        drawn: name -> the value in every bootstrap draw of people, (R,)
        det: detection error tradeoff
    """

    figures: dict[str, float]
    drawn: dict[str, NDArray[np.float64]]
    det: Curve


class VoiceCrossValidation:
    """Sides, pairs and training speakers: the same for every encoder.

    Attributes:
        sides: what is compared
        plan: options
        hold_out: a part of the speakers is tested, others with each seed
        rounds: trials of each seed
        tested: rows of the sides that are tested with any seed
        people: whose voices those are, each once
    """

    def __init__(
        self,
        recordings: Recordings,
        sides: TrialSides,
        plan: VerificationOptions,
        labelled: bool = False,
        hold_out: bool = False,
        listed: Trials | None = None,
    ) -> None:
        """Draw pairs and training speakers.

        Args:
            recordings: all that may be trained with
            sides: what is compared
            plan: options
            labelled: whether anything is trained with labels of speakers that are not tested
            hold_out: a fifth of the speakers is tested, others with each seed; else all sides are
            listed: given pairs

        Raises:
            CorpusError: no pairs, or too few speakers to train with, or it is not known who is tested.
        """
        if labelled and sides.units != "speakers":
            raise CorpusError(
                f"{recordings.name} does not say of all who speaks, so that who is tested might be trained with as "
                "well; add the label 'speaker' to all, or leave out --mode, finetuned and scratch"
            )
        self.sides, self.plan, self.hold_out = sides, plan, hold_out
        self.rounds = [self._round(recordings, labelled, hold_out, listed, seed) for seed in plan.seeds]
        first = self.rounds[0].trials
        self._same = all(np.array_equal(one.trials.left, first.left) for one in self.rounds)
        self.tested = np.unique(np.concatenate([one.tested for one in self.rounds]))
        self.people = sorted({sides.who[row] for row in self.tested.tolist()})
        numbers = {name: number for number, name in enumerate(self.people)}
        self._person = np.array([numbers.get(name, -1) for name in sides.who])
        self._draws = bootstrap_people(len(self.people))

    def run(self, contender: ComparedVoice, progress: Progress | None = None) -> list[SeedScores]:
        """Return the scores of each seed; what does not depend on the seed is computed once."""
        learns = self.plan.mode != "frozen" or contender.mode in TRAINED_MODES
        scored: list[SeedScores] = []
        vectors: Vectors | None = None
        distance: Distance = "cosine"  # of embeddings that were trained with labels
        for seed, trials in zip(self.plan.seeds, self.rounds, strict=True):
            if scored and self._same and not contender.drawn and not learns:
                scored.append(scored[0])
                continue
            if learns and trials.train is not None:
                network = self._taught(contender, trials.train, seed, progress)
                vectors = self.embedded(network, contender.name, trials.tested, progress)
            elif vectors is None or contender.drawn:
                voice = contender.voice(seed).to(self.plan.device)
                vectors = self.embedded(voice, contender.name, self.tested, progress)
                distance = voice.distance
            scored.append(self._score(vectors, trials, distance))
        return scored

    def embedded(self, network: nn.Module, name: str, rows: Rows, progress: Progress | None = None) -> Vectors:
        """Return the mean embedding of some of the sides, (sides, dim), zeros for the others."""
        owned = np.flatnonzero(np.isin(self.sides.owners, rows))
        pieces = [self.sides.pieces[piece] for piece in owned.tolist()]
        vectors = embed_voices(network, pieces, f"hearing by {name}", progress)
        return mean_by(vectors, self.sides.owners[owned], len(self.sides))

    def _round(
        self, recordings: Recordings, labelled: bool, hold_out: bool, listed: Trials | None, seed: int
    ) -> SeedTrials:
        tested = np.arange(len(self.sides))
        if hold_out:
            held = partition(recordings, "speakers", seed)[0].test
            chosen = {recordings[row].speaker for row in held.tolist()}
            tested = np.flatnonzero([name in chosen for name in self.sides.who])
        train = None
        if labelled:
            train = self._training(recordings, {self.sides.who[row] for row in tested.tolist()}, seed)
        count = PAIRS if self.plan.pairs == "all" else self.plan.pairs
        return SeedTrials(tested, listed or self.sides.draw(tested, count, seed), train)

    def _training(self, recordings: Recordings, tested: set[str], seed: int) -> Recordings:
        speakers = [str(recording.speaker) for recording in recordings.labelled("speaker")]
        others = sorted(set(speakers) - tested)
        wanted = len(others) if self.plan.train_speakers is None else self.plan.train_speakers
        if not 2 <= wanted <= len(others):
            raise CorpusError(
                f"{len(others)} speakers of {recordings.name} are outside the test, fewer than the {wanted} to train "
                "with; choose 2 or more with --train-speakers, or give recordings of others as well"
            )
        chosen = set(np.random.default_rng([seed, 84]).permutation(others)[:wanted].tolist())
        return recordings.subset(np.array([recording.speaker in chosen for recording in recordings]))

    def _taught(self, contender: ComparedVoice, train: Recordings, seed: int, progress: Progress | None) -> nn.Module:
        """Train with labels; frozen weights get a layer on top."""
        plan = self.plan
        voice = contender.voice(seed).to(plan.device)
        share = plan.few.encoder_lr if contender.mode == "finetuned" else 1.0
        return train_speaker_head(
            voice, train, contender.mode in TRAINED_MODES, plan.loss, plan.few, plan.seconds, share, seed, progress
        )

    def _score(self, vectors: Vectors, trials: SeedTrials, distance: Distance) -> SeedScores:
        """Return the figures with the chosen scaling, and the EER with the usual ones."""
        counts, drawn = self._counted(vectors, trials, self.plan.scaling, distance)
        figures, draws = {EER: float(counts.eer)}, {EER: drawn.eer}
        for name, scaling in REPORTED_SCALINGS.items():
            if scaling != self.plan.scaling:
                other, other_drawn = self._counted(vectors, trials, scaling, distance)
                figures[name], draws[name] = float(other.eer), other_drawn.eer
        for name, prior in DCF.items():
            figures[name], draws[name] = float(counts.min_dcf(prior)), drawn.min_dcf(prior)
        return SeedScores(figures, draws, counts.det())

    def _counted(
        self, vectors: Vectors, asked: SeedTrials, scaling: Scaling, distance: Distance
    ) -> tuple[ErrorCounts, ErrorCounts]:
        """Count errors of all pairs, and of every draw of people, with one scaling."""
        placed = np.zeros_like(vectors)
        placed[asked.tested] = scaled(vectors[asked.tested], scaling, distance)
        by, trials = compared_by(scaling, distance), asked.trials
        scores = pair_scores(placed, trials, by)
        drawn = bootstrap_counts(
            scores, trials.targets, self._person[trials.left], self._person[trials.right], self._draws
        )
        if self.plan.pairs == "all":
            return self._every_pair(placed, asked, by), drawn
        return ErrorCounts.from_scores(scores, trials.targets), drawn

    def _every_pair(self, vectors: Vectors, trials: SeedTrials, distance: Distance) -> ErrorCounts:
        """Score all possible pairs, group by group of sides that share labels."""
        sides = self.sides
        groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
        by_person = sorted(trials.tested.tolist(), key=lambda row: sides.who[row])
        for row in by_person:
            groups[sides.alike[row]].append(row)
        embeddings = torch.from_numpy(vectors).to(self.plan.device)
        span = score_span(embeddings[by_person], distance)
        counted = [
            count_all_pairs(
                embeddings[rows],
                [sides.who[row] for row in rows],
                [sides.sources[row] for row in rows] if sides.sources is not None else None,
                span=span,
                distance=distance,
            )
            for rows in groups.values()
            if len(rows) > 1
        ]
        return ErrorCounts(
            counted[0].edges, np.sum([c.targets for c in counted], 0), np.sum([c.others for c in counted], 0)
        )


def pair_scores(vectors: Vectors, trials: Trials, distance: Distance = "cosine") -> NDArray[np.float64]:
    """Return the similarity of each pair, (N,).

    Args:
        vectors: (sides, D), of length 1 if they are compared by the cosine
        trials: pairs of rows
        distance: ``cosine``, or ``euclidean`` for minus the Euclidean distance
    """
    scores = np.empty(len(trials))
    for start in range(0, len(trials), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        left, right = vectors[trials.left[some]], vectors[trials.right[some]]
        if distance == "cosine":
            scores[some] = np.einsum("nd,nd->n", left, right)
        else:
            scores[some] = -np.linalg.norm(left - right, axis=1).clip(MIN_DISTANCE)
    return scores
