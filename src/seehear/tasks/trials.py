"""One contender through all seeds and folds: a read-out fitted on the training part says what the test part is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch

from seehear.errors import SeehearError
from seehear.tasks.contenders import Contender, Mode
from seehear.tasks.features import features_of_layers
from seehear.tasks.noise import SNR_DB, NoiseName, TestNoise
from seehear.tasks.partition import Fold, Rows, SplitName, partition, share_of_labels
from seehear.tasks.reading import Heard, Parts, Reading
from seehear.tasks.readouts.goals import Goal
from seehear.tasks.readouts.heads import BGRUOptions, MakeHead
from seehear.tasks.readouts.interface import Examples, Fitted, Inputs, ReadOut
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
        fold: number of the fold of that seed.
        snr_db: ratio of sound to noise; None without noise.
        rows: of the test recordings.
        said: of each of them.
        layer: that was read.
        chosen: whether that is the layer that the encoder is measured by; the others are told beside it.
        dev: score of the read-out on the fold's development part; more is better.
    """

    seed: int
    fold: int
    snr_db: float | None
    rows: Rows
    said: list[Any]
    layer: str
    chosen: bool
    dev: float


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
        heard: Heard | None = None
        for seed, folds in zip(self.protocol.numbers, self.folds, strict=True):
            encoder = contender.encoder(seed).to(self.protocol.device)
            if contender.mode != "frozen":
                readout = self._with_weights(encoder, contender, training)
                for number, fold in enumerate(folds):
                    fitted = readout.fit(self._sounds(fold.train), self._sounds(fold.dev), seed)
                    yield from self._said(seed, number, fold, contender.reads(encoder), fitted, self._sound_inputs)
                continue
            if heard is None or contender.drawn:
                heard = Heard(partial(self._features, encoder))
            reading = Reading(encoder, contender, frozen, training.goal)
            for number, fold in enumerate(folds):
                yield from self._trials(seed, number, fold, reading, heard)

    def _trials(self, seed: int, number: int, fold: Fold, reading: Reading, heard: Heard) -> Iterator[Trial]:
        """Of one fold, with features that stay as they are."""

        def parts_of(readout: ReadOut, layers: Sequence[str]) -> dict[str, Parts]:
            kept = heard.of(readout, layers, None)
            return {layer: (self._part(kept[layer], fold.train), self._part(kept[layer], fold.dev)) for layer in layers}

        fits, chosen = reading.fitted(parts_of, seed)
        noisy = [layer for layer in fits if layer in (chosen, reading.last)]
        for layer, fitted in fits.items():

            def inputs(rows: Rows, snr: float | None, layer: str = layer) -> Inputs:
                kept = heard.of(reading.readout, noisy if layer in noisy else [layer], snr)[layer]
                return [kept[row] for row in rows.tolist()]

            conditions = self.protocol.conditions if layer in noisy else (None,)
            yield from self._said(seed, number, fold, layer, fitted, inputs, layer == chosen, conditions)

    def _part(self, kept: Mapping[int, Any], rows: Rows) -> Examples:
        return Examples([kept[row] for row in rows.tolist()], self._told(rows))

    def _said(
        self,
        seed: int,
        number: int,
        fold: Fold,
        layer: str,
        fitted: Fitted,
        inputs: Callable[[Rows, float | None], Inputs],
        chosen: bool = True,
        conditions: Sequence[float | None] | None = None,
    ) -> Iterator[Trial]:
        """What a fitted read-out says of the test part, without noise and with each."""
        for snr in self.protocol.conditions if conditions is None else conditions:
            said = fitted(inputs(fold.test, snr))
            yield Trial(seed, number, snr, fold.test, said, layer, chosen, fitted.score)

    def _sounds(self, rows: Rows) -> Examples:
        return Examples(self._sound_inputs(rows, None), self._told(rows))

    def _sound_inputs(self, rows: Rows, snr: float | None) -> Inputs:
        """What is given where the encoder is trained along: sound."""
        return [self._sound(row, snr) for row in rows.tolist()]

    def _told(self, rows: Rows) -> list[Any]:
        return [self.targets[row] for row in rows.tolist()]

    def _features(
        self, encoder: Any, layers: Sequence[str], readout: ReadOut, snr: float | None
    ) -> dict[str, dict[int, Any]]:
        """Of all recordings, layer by layer; with noise only of those that are tested."""
        rows = range(len(self.recordings)) if snr is None else self.tested.tolist()
        lengths = {row: self.recordings[row].samples for row in rows}
        sound = partial(self._sound, snr=snr)
        return features_of_layers(encoder, lengths, sound, lambda seen: readout.keep(seen, encoder.rate), layers)

    def _sound(self, row: int, snr: float | None) -> Any:
        return self.recordings[row].audio() if snr is None else self._noise.mixed(row, snr)

    def _with_weights(self, encoder: Any, contender: Contender, training: Training) -> ReadOut:
        bgru = self.protocol.bgru
        share = bgru.encoder_lr if contender.mode == "finetuned" else 1.0
        device = torch.device(self.protocol.device)
        return OnSound(encoder, contender.reads(encoder), training.make_head, training.goal, bgru, share, device)


def told_seeds(numbers: range) -> int | str:
    """How many, where they are the first ones; else which."""
    if numbers.start == 0:
        return len(numbers)
    return f"number {numbers.start}" + (f" to {numbers[-1]}" if len(numbers) > 1 else "")


def on_features(training: Training, protocol: Protocol) -> OnFeatures:
    """The recurrent read-out of features that stay as they are."""
    return OnFeatures(training.make_head, training.goal, protocol.bgru, torch.device(protocol.device))
