"""One contender through all seeds and folds: a read-out fitted on the training part says what the test part is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch

from seehear.errors import SeehearError
from seehear.tasks.contenders import Contender, Mode
from seehear.tasks.features import features
from seehear.tasks.noise import SNR_DB, NoiseName, TestNoise
from seehear.tasks.partition import Fold, Rows, SplitName, partition, share_of_labels
from seehear.tasks.readouts.goals import Goal
from seehear.tasks.readouts.heads import BGRUOptions, MakeHead
from seehear.tasks.readouts.interface import Examples, Inputs, ReadOut
from seehear.tasks.readouts.training import OnFeatures, OnSound
from seehear.tasks.recordings import Recordings


@dataclass(frozen=True)
class Protocol:
    """How a task is measured.

    Attributes:
        mode: of the encoders that have weights.
        split: who is in the test part; ``source`` is what a `Course` that knows the model's own split understands.
        shared_speakers: let an official split have a speaker on both sides.
        labels: share of the training part's labels that is used.
        seeds: how often, each time with other speakers held out, other labels drawn and other weights to begin with.
        noise: that test recordings are mixed with.
        snr_db: power of sound over noise.
        bgru: of the networks that are trained with labels.
        device: where, as torch names it.
        first_seed: number of the first of the seeds; the others follow it.
    """

    mode: Mode = "frozen"
    split: SplitName | Literal["source"] = "speakers"
    shared_speakers: bool = False
    labels: float = 1.0
    seeds: int = 3
    noise: NoiseName = "none"
    snr_db: Sequence[float] = SNR_DB
    bgru: BGRUOptions = field(default_factory=BGRUOptions)
    device: str = "cpu"
    first_seed: int = 0

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise SeehearError(f"--seeds must be 1 or more, not {self.seeds}")
        if self.first_seed < 0:
            raise SeehearError(f"--first-seed must be 0 or more, not {self.first_seed}")
        try:
            torch.empty(0, device=self.device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:  # what torch says depends on its build
            raise SeehearError(f"there is no device {self.device!r} here; leave --device out, or name cpu") from error

    @property
    def numbers(self) -> range:
        """The seeds: what chance decides with one of them does not depend on which others there are."""
        return range(self.first_seed, self.first_seed + self.seeds)

    @property
    def conditions(self) -> tuple[float | None, ...]:
        """Clean (None), and each ratio in decibels."""
        return (None,) if self.noise == "none" else (None, *self.snr_db)

    def told(self) -> dict[str, Any]:
        """What a result says of it."""
        said = {"split": self.split, "labels": f"{100 * self.labels:g}%", "seeds": told_seeds(self.numbers)}
        return said if self.noise == "none" else {**said, "noise": self.noise}


class Trial(NamedTuple):
    """What one fitted read-out said of its test part.

    Attributes:
        seed: which.
        snr_db: ratio of sound to noise; None without noise.
        rows: of the test recordings.
        said: of each of them.
    """

    seed: int
    snr_db: float | None
    rows: Rows
    said: list[Any]


@dataclass(frozen=True)
class Training:
    """What networks are trained for.

    Attributes:
        goal: loss and score.
        make_head: of the width of the features.
    """

    goal: Goal
    make_head: MakeHead


class Course:
    """The recordings, what is to be told of them and the folds: the same for every contender."""

    def __init__(
        self, recordings: Recordings, targets: Sequence[Any], protocol: Protocol, strata: Sequence[str]
    ) -> None:
        """Divides the recordings.

        Args:
            recordings: all that is used, their sound read.
            targets: what a read-out is to say of each.
            protocol: how.
            strata: class of each, so that a share of the labels has some of all.

        Raises:
            CorpusError: they cannot be divided so.
        """
        self.recordings, self.targets, self.protocol = recordings, targets, protocol
        self._noise = TestNoise(recordings, protocol.noise)
        self.folds: list[list[Fold]] = []
        for seed in protocol.numbers:
            folds = self.divided(seed)
            self.folds.append(
                [Fold(share_of_labels(f.train, strata, protocol.labels, seed), f.dev, f.test) for f in folds]
            )
        self.tested = np.unique(np.concatenate([fold.test for folds in self.folds for fold in folds]))

    def divided(self, seed: int) -> list[Fold]:
        """The recordings in training, development and test, by one seed.

        Raises:
            CorpusError: they cannot be divided so.
        """
        how = self.protocol
        return partition(self.recordings, cast(SplitName, how.split), seed, how.shared_speakers)

    def run(self, contender: Contender, frozen: ReadOut, training: Training) -> Iterator[Trial]:
        """All trials of a contender, its features computed once for each drawing of its weights.

        Args:
            contender: whose.
            frozen: the read-out of features that stay as they are.
            training: for a contender whose weights move.
        """
        kept: list[dict[int, Any]] = []
        for seed, folds in zip(self.protocol.numbers, self.folds, strict=True):
            encoder = contender.encoder(seed).to(self.protocol.device)
            if contender.mode == "frozen" and (not kept or contender.drawn):
                kept = [self._features(encoder, contender.layer, frozen, snr) for snr in self.protocol.conditions]
            readout = frozen if contender.mode == "frozen" else self._with_weights(encoder, contender, training)
            for fold in folds:
                yield from self._trial(seed, fold, readout, kept)

    def _trial(self, seed: int, fold: Fold, readout: ReadOut, kept: list[dict[int, Any]]) -> Iterator[Trial]:
        train, dev = (Examples(self._inputs(kept, 0, rows), self._told(rows)) for rows in (fold.train, fold.dev))
        predict = readout.fit(train, dev, seed)
        for place, snr in enumerate(self.protocol.conditions):
            yield Trial(seed, snr, fold.test, predict(self._inputs(kept, place, fold.test)))

    def _inputs(self, kept: list[dict[int, Any]], place: int, rows: Rows) -> Inputs:
        """Features, or sound where there are none."""
        if kept:
            return [kept[place][row] for row in rows.tolist()]
        return [self._sound(row, self.protocol.conditions[place]) for row in rows.tolist()]

    def _told(self, rows: Rows) -> list[Any]:
        return [self.targets[row] for row in rows.tolist()]

    def _features(self, encoder: Any, layer: str | None, readout: ReadOut, snr: float | None) -> dict[int, Any]:
        """Of all recordings; with noise only of those that are tested."""
        rows = range(len(self.recordings)) if snr is None else self.tested.tolist()
        lengths = {row: self.recordings[row].samples for row in rows}
        sound = partial(self._sound, snr=snr)
        return features(encoder, lengths, sound, lambda seen: readout.keep(seen, encoder.rate), layer)

    def _sound(self, row: int, snr: float | None) -> Any:
        return self.recordings[row].audio() if snr is None else self._noise.mixed(row, snr)

    def _with_weights(self, encoder: Any, contender: Contender, training: Training) -> ReadOut:
        bgru = self.protocol.bgru
        share = bgru.encoder_lr if contender.mode == "finetuned" else 1.0
        device = torch.device(self.protocol.device)
        return OnSound(encoder, contender.layer, training.make_head, training.goal, bgru, share, device)


def told_seeds(numbers: range) -> int | str:
    """How many, where they are the first ones; else which."""
    if numbers.start == 0:
        return len(numbers)
    return f"number {numbers.start}" + (f" to {numbers[-1]}" if len(numbers) > 1 else "")


def on_features(training: Training, protocol: Protocol) -> OnFeatures:
    """The recurrent read-out of features that stay as they are."""
    return OnFeatures(training.make_head, training.goal, protocol.bgru, torch.device(protocol.device))
