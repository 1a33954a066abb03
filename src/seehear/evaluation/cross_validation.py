"""One encoder through all seeds and folds; which layer is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch

from seehear.errors import SeehearError
from seehear.evaluation.baselines import AUTO, ComparedEncoder
from seehear.evaluation.features import SNR_DB, TestNoise, features_of_layers
from seehear.evaluation.probes.heads import BGRUOptions, MakeHead
from seehear.evaluation.probes.interface import Examples, FittedProbe, Inputs, Objective, Probe
from seehear.evaluation.probes.linear import PooledProbe, pooled_probe
from seehear.evaluation.probes.training import FineTunedProbe, HeadProbe
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.splits import Fold, Rows, SplitName, partition, subsample_labels
from seehear.evaluation.task import Mode, NoiseName

KeptFeatures = Mapping[str, Mapping[int, Any]]
"""layer -> row -> what is kept of its features."""


Parts = tuple[Examples, Examples]
"""The training and the development part of a fold."""


PartsOf = Callable[[Probe, Sequence[str]], dict[str, Parts]]
"""A read-out and layers -> the parts, layer by layer."""


class FeatureCache:
    """What is kept of the features of one encoder: computed when it is asked for, and once."""

    def __init__(self, compute: Callable[[Sequence[str], Probe, float | None], KeptFeatures]) -> None:
        """Computes nothing yet; ``compute`` takes layers, a read-out and a ratio of sound to noise."""
        self._compute = compute
        self._kept: dict[tuple[type[Probe], float | None], dict[str, Mapping[int, Any]]] = {}

    def of(self, readout: Probe, layers: Sequence[str], snr_db: float | None) -> KeptFeatures:
        """What a read-out keeps of some layers; those that are not there yet are computed in one pass."""
        there = self._kept.setdefault((type(readout), snr_db), {})
        if missing := [layer for layer in layers if layer not in there]:
            there |= self._compute(missing, readout, snr_db)
        return there


class LayerSelection:
    """How one encoder is read.

    Attributes:
        readout: that is fitted to the layer.
        named: the layer that is read where none is chosen on development data.
        automatic: whether one is chosen.
        compared: all layers that are looked at.
        last: the last layer of them, whose figure is told beside that of the one that is read.
    """

    def __init__(self, encoder: Any, contender: ComparedEncoder, readout: Probe, goal: Objective) -> None:
        """Decides what is compared."""
        layers = list(encoder.layers)
        self.readout = readout
        self.named = contender.layer_read(encoder)
        self.automatic = contender.layer == AUTO and len(layers) > 1
        self.last = layers[-1] if contender.layer else self.named
        self.compared = layers if self.automatic else list(dict.fromkeys([self.named, self.last]))
        self._goal = goal

    def fitted(self, parts_of: PartsOf, seed: int) -> tuple[dict[str, FittedProbe], str]:
        """Fits the read-out, and chooses the layer on the development part.

        The quick read-out is fitted to every layer that is compared, so that the figures of all of them can be told.
        One that is trained for minutes is fitted to one layer alone: the one that the quick read-out tells most from.

        Returns:
            Fitted read-outs by layer, and the layer that the encoder is measured by.
        """
        if isinstance(self.readout, PooledProbe):
            parts = parts_of(self.readout, self.compared)
            fits = {layer: self.readout.fit(*parts[layer], seed) for layer in self.compared}
            return fits, best_layer(fits) if self.automatic else self.named
        chosen = self._probed(parts_of, seed) if self.automatic else self.named
        return {chosen: self.readout.fit(*parts_of(self.readout, [chosen])[chosen], seed)}, chosen

    def _probed(self, parts_of: PartsOf, seed: int) -> str:
        """The layer that the quick read-out tells most from; the last one where nothing is known of a part."""
        probe = pooled_probe(self._goal)
        fits = {}
        for layer, parts in parts_of(probe, self.compared).items():
            train, dev = (self._whole(part) for part in parts)
            if not train.inputs or not dev.inputs:
                return self.last
            fits[layer] = probe.fit(train, dev, seed)
        return best_layer(fits)

    def _whole(self, part: Examples) -> Examples:
        """What is known of whole recordings."""
        told = [
            (given, self._goal.pooled_target(target)) for given, target in zip(part.inputs, part.targets, strict=True)
        ]
        known = [(given, target) for given, target in told if target is not None]
        return Examples([given for given, _ in known], [target for _, target in known])


def best_layer(fits: Mapping[str, FittedProbe]) -> str:
    """The layer with the best score on the development part; of equal ones the last."""
    return max(reversed(list(fits)), key=lambda layer: fits[layer].score)


@dataclass(frozen=True)
class Protocol:
    """How a task is measured.

    Attributes:
        mode: frozen, or finetuned or scratch, which train the encoder with the labels
        split: who is in the test part; ``source`` is for a `CrossValidation` that knows the split of the model's
            training
        shared_speakers: let an official split have a speaker on both sides
        label_fraction: share of the training labels that is used, the same for each class
        seeds: repetitions, each with its own split, labels and initial weights
        noise: noise that is added to test recordings; training is always clean
        snr_db: signal-to-noise ratios
        bgru: the recurrent probe, and all training with labels
        device: where networks run, as torch names it
        first_seed: number of the first seed; the others follow it
    """

    mode: Mode = "frozen"
    split: SplitName | Literal["source"] = "speakers"
    shared_speakers: bool = False
    label_fraction: float = 1.0
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

    def settings(self) -> dict[str, Any]:
        """What a result says of it."""
        said = {"split": self.split, "labels": f"{100 * self.label_fraction:g}%", "seeds": describe_seeds(self.numbers)}
        return said if self.noise == "none" else {**said, "noise": self.noise}


class FoldResult(NamedTuple):
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
    predictions: list[Any]
    layer: str
    chosen: bool
    dev: float


@dataclass(frozen=True)
class TrainedHead:
    """What networks are trained for.

    Attributes:
        goal: loss and score.
        make_head: of the width of the features.
    """

    goal: Objective
    make_head: MakeHead


class CrossValidation:
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
            folds = self.folds_of_seed(seed)
            self.folds.append(
                [Fold(subsample_labels(f.train, strata, protocol.label_fraction, seed), f.dev, f.test) for f in folds]
            )
        self.tested = np.unique(np.concatenate([fold.test for folds in self.folds for fold in folds]))

    def folds_of_seed(self, seed: int) -> list[Fold]:
        """The recordings in training, development and test, by one seed.

        Raises:
            CorpusError: they cannot be divided so.
        """
        how = self.protocol
        return partition(self.recordings, cast(SplitName, how.split), seed, how.shared_speakers)

    def run(self, contender: ComparedEncoder, frozen: Probe, training: TrainedHead) -> Iterator[FoldResult]:
        """All trials of a contender, its features computed once for each drawing of its weights.

        Args:
            contender: whose.
            frozen: the read-out of features that stay as they are.
            training: for a contender whose weights move.
        """
        heard: FeatureCache | None = None
        for seed, folds in zip(self.protocol.numbers, self.folds, strict=True):
            encoder = contender.encoder(seed).to(self.protocol.device)
            if contender.mode != "frozen":
                readout = self._with_weights(encoder, contender, training)
                for number, fold in enumerate(folds):
                    fitted = readout.fit(self._sounds(fold.train), self._sounds(fold.dev), seed)
                    yield from self._predict(
                        seed, number, fold, contender.layer_read(encoder), fitted, self._sound_inputs
                    )
                continue
            if heard is None or contender.random_weights:
                heard = FeatureCache(partial(self._features, encoder))
            reading = LayerSelection(encoder, contender, frozen, training.goal)
            for number, fold in enumerate(folds):
                yield from self._trials(seed, number, fold, reading, heard)

    def _trials(
        self, seed: int, number: int, fold: Fold, reading: LayerSelection, heard: FeatureCache
    ) -> Iterator[FoldResult]:
        """Of one fold, with features that stay as they are."""

        def parts_of(readout: Probe, layers: Sequence[str]) -> dict[str, Parts]:
            kept = heard.of(readout, layers, None)
            return {layer: (self._part(kept[layer], fold.train), self._part(kept[layer], fold.dev)) for layer in layers}

        fits, chosen = reading.fitted(parts_of, seed)
        noisy = [layer for layer in fits if layer in (chosen, reading.last)]
        for layer, fitted in fits.items():

            def inputs(rows: Rows, snr: float | None, layer: str = layer) -> Inputs:
                kept = heard.of(reading.readout, noisy if layer in noisy else [layer], snr)[layer]
                return [kept[row] for row in rows.tolist()]

            conditions = self.protocol.conditions if layer in noisy else (None,)
            yield from self._predict(seed, number, fold, layer, fitted, inputs, layer == chosen, conditions)

    def _part(self, kept: Mapping[int, Any], rows: Rows) -> Examples:
        return Examples([kept[row] for row in rows.tolist()], self._targets(rows))

    def _predict(
        self,
        seed: int,
        number: int,
        fold: Fold,
        layer: str,
        fitted: FittedProbe,
        inputs: Callable[[Rows, float | None], Inputs],
        chosen: bool = True,
        conditions: Sequence[float | None] | None = None,
    ) -> Iterator[FoldResult]:
        """What a fitted read-out says of the test part, without noise and with each."""
        for snr in self.protocol.conditions if conditions is None else conditions:
            said = fitted(inputs(fold.test, snr))
            yield FoldResult(seed, number, snr, fold.test, said, layer, chosen, fitted.score)

    def _sounds(self, rows: Rows) -> Examples:
        return Examples(self._sound_inputs(rows, None), self._targets(rows))

    def _sound_inputs(self, rows: Rows, snr: float | None) -> Inputs:
        """What is given where the encoder is trained along: sound."""
        return [self._sound(row, snr) for row in rows.tolist()]

    def _targets(self, rows: Rows) -> list[Any]:
        return [self.targets[row] for row in rows.tolist()]

    def _features(
        self, encoder: Any, layers: Sequence[str], readout: Probe, snr: float | None
    ) -> dict[str, dict[int, Any]]:
        """Of all recordings, layer by layer; with noise only of those that are tested."""
        rows = range(len(self.recordings)) if snr is None else self.tested.tolist()
        lengths = {row: self.recordings[row].samples for row in rows}
        sound = partial(self._sound, snr=snr)
        return features_of_layers(encoder, lengths, sound, lambda seen: readout.keep(seen, encoder.rate), layers)

    def _sound(self, row: int, snr: float | None) -> Any:
        return self.recordings[row].audio() if snr is None else self._noise.mixed(row, snr)

    def _with_weights(self, encoder: Any, contender: ComparedEncoder, training: TrainedHead) -> Probe:
        bgru = self.protocol.bgru
        share = bgru.encoder_lr if contender.mode == "finetuned" else 1.0
        device = torch.device(self.protocol.device)
        return FineTunedProbe(
            encoder, contender.layer_read(encoder), training.make_head, training.goal, bgru, share, device
        )


def describe_seeds(numbers: range) -> int | str:
    """How many, where they are the first ones; else which."""
    if numbers.start == 0:
        return len(numbers)
    return f"number {numbers.start}" + (f" to {numbers[-1]}" if len(numbers) > 1 else "")


def on_features(training: TrainedHead, protocol: Protocol) -> HeadProbe:
    """The recurrent read-out of features that stay as they are."""
    return HeadProbe(training.make_head, training.goal, protocol.bgru, torch.device(protocol.device))
