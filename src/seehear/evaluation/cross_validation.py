"""One encoder through all seeds and folds, and the choice of its layer."""

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
"""Layer -> recording -> what the probe needs of its features."""


Parts = tuple[Examples, Examples]
"""The training and the development part of a fold."""


PartsOf = Callable[[Probe, Sequence[str]], dict[str, Parts]]
"""A probe and layers -> the parts of a fold, by layer."""


class FeatureCache:
    """Features of one encoder, reduced to what a probe needs; each is computed when it is first requested."""

    def __init__(self, compute: Callable[[Sequence[str], Probe, float | None], KeptFeatures]) -> None:
        """Create an empty cache; ``compute`` takes layers, a probe and a signal-to-noise ratio."""
        self._compute = compute
        self._kept: dict[tuple[type[Probe], float | None], dict[str, Mapping[int, Any]]] = {}

    def of(self, readout: Probe, layers: Sequence[str], snr_db: float | None) -> KeptFeatures:
        """Return what a probe needs of some layers; missing ones are computed in one pass."""
        there = self._kept.setdefault((type(readout), snr_db), {})
        if missing := [layer for layer in layers if layer not in there]:
            there |= self._compute(missing, readout, snr_db)
        return there


class LayerSelection:
    """The layers of one encoder that are compared, and the one that is read.

    Attributes:
        readout: probe that is fitted to the layer
        named: the layer that is read if none is chosen on development data
        automatic: whether one is chosen
        compared: all layers that are compared
        last: the last of them, whose score is also reported
    """

    def __init__(self, encoder: Any, contender: ComparedEncoder, readout: Probe, goal: Objective) -> None:
        """Decide which layers are compared."""
        layers = list(encoder.layers)
        self.readout = readout
        self.named = contender.layer_read(encoder)
        self.automatic = contender.layer == AUTO and len(layers) > 1
        self.last = layers[-1] if contender.layer else self.named
        self.compared = layers if self.automatic else list(dict.fromkeys([self.named, self.last]))
        self._goal = goal

    def fitted(self, parts_of: PartsOf, seed: int) -> tuple[dict[str, FittedProbe], str]:
        """Fit the probe, and choose the layer on the development part.

        A pooled probe is fitted to every compared layer, so that the scores of all of them can be reported. One
        that takes minutes to train is fitted to a single layer: the one with the best pooled probe.

        Returns:
            Fitted probes by layer, and the layer that the encoder is measured by.
        """
        if isinstance(self.readout, PooledProbe):
            parts = parts_of(self.readout, self.compared)
            fits = {layer: self.readout.fit(*parts[layer], seed) for layer in self.compared}
            return fits, best_layer(fits) if self.automatic else self.named
        chosen = self._probed(parts_of, seed) if self.automatic else self.named
        return {chosen: self.readout.fit(*parts_of(self.readout, [chosen])[chosen], seed)}, chosen

    def _probed(self, parts_of: PartsOf, seed: int) -> str:
        """Return the layer with the best pooled probe; the last one if a part has no targets of whole recordings."""
        probe = pooled_probe(self._goal)
        fits = {}
        for layer, parts in parts_of(probe, self.compared).items():
            train, dev = (self._whole(part) for part in parts)
            if not train.inputs or not dev.inputs:
                return self.last
            fits[layer] = probe.fit(train, dev, seed)
        return best_layer(fits)

    def _whole(self, part: Examples) -> Examples:
        """Return the examples that have a target for the whole recording."""
        pairs = [
            (given, self._goal.pooled_target(target)) for given, target in zip(part.inputs, part.targets, strict=True)
        ]
        known = [(given, target) for given, target in pairs if target is not None]
        return Examples([given for given, _ in known], [target for _, target in known])


def best_layer(fits: Mapping[str, FittedProbe]) -> str:
    """Return the layer with the best score on the development part; of equal ones the last."""
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
        except (RuntimeError, AssertionError, NotImplementedError) as error:  # the type depends on how torch was built
            raise SeehearError(f"there is no device {self.device!r} here; leave --device out, or name cpu") from error

    @property
    def numbers(self) -> range:
        """The seeds; the random choices of one do not depend on the others."""
        return range(self.first_seed, self.first_seed + self.seeds)

    @property
    def conditions(self) -> tuple[float | None, ...]:
        """Clean (None), and each signal-to-noise ratio."""
        return (None,) if self.noise == "none" else (None, *self.snr_db)

    def settings(self) -> dict[str, Any]:
        """Return the settings that a result reports."""
        settings = {
            "split": self.split,
            "labels": f"{100 * self.label_fraction:g}%",
            "seeds": describe_seeds(self.numbers),
        }
        return settings if self.noise == "none" else {**settings, "noise": self.noise}


class FoldResult(NamedTuple):
    """Predictions of one fitted probe for its test part.

    Attributes:
        seed: the seed
        fold: number of the fold of that seed
        snr_db: signal-to-noise ratio; None without noise
        rows: the test recordings
        predictions: one for each of them
        layer: layer that was read
        chosen: whether the encoder is measured by that layer; the others are reported as well
        dev: score of the probe on the fold's development part; higher is better
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
        goal: loss and score
        make_head: builds a head, given the number of features
    """

    goal: Objective
    make_head: MakeHead


class CrossValidation:
    """The recordings, their targets and the folds: the same for every encoder."""

    def __init__(
        self, recordings: Recordings, targets: Sequence[Any], protocol: Protocol, strata: Sequence[str]
    ) -> None:
        """Divide the recordings into folds.

        Args:
            recordings: all recordings, their audio read
            targets: what a probe predicts for each
            protocol: how the task is measured
            strata: class of each, so that a share of the labels has some of all classes

        Raises:
            CorpusError: they cannot be divided like this.
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
        """Return the recordings in training, development and test for one seed.

        Raises:
            CorpusError: they cannot be divided like this.
        """
        how = self.protocol
        return partition(self.recordings, cast(SplitName, how.split), seed, how.shared_speakers)

    def run(self, contender: ComparedEncoder, frozen: Probe, training: TrainedHead) -> Iterator[FoldResult]:
        """Yield the predictions of an encoder; its features are computed once for each initialisation of its weights.

        Args:
            contender: the encoder
            frozen: the probe, if its weights are frozen
            training: what it is trained for, if they are not
        """
        cache: FeatureCache | None = None
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
            if cache is None or contender.random_weights:
                cache = FeatureCache(partial(self._features, encoder))
            reading = LayerSelection(encoder, contender, frozen, training.goal)
            for number, fold in enumerate(folds):
                yield from self._trials(seed, number, fold, reading, cache)

    def _trials(
        self, seed: int, number: int, fold: Fold, reading: LayerSelection, cache: FeatureCache
    ) -> Iterator[FoldResult]:
        """Yield the predictions in one fold from frozen features."""

        def parts_of(readout: Probe, layers: Sequence[str]) -> dict[str, Parts]:
            kept = cache.of(readout, layers, None)
            return {layer: (self._part(kept[layer], fold.train), self._part(kept[layer], fold.dev)) for layer in layers}

        fits, chosen = reading.fitted(parts_of, seed)
        noisy = [layer for layer in fits if layer in (chosen, reading.last)]
        for layer, fitted in fits.items():

            def inputs(rows: Rows, snr: float | None, layer: str = layer) -> Inputs:
                kept = cache.of(reading.readout, noisy if layer in noisy else [layer], snr)[layer]
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
        """Yield the predictions of a fitted probe for the test part, without noise and at each signal-to-noise
        ratio."""
        for snr in self.protocol.conditions if conditions is None else conditions:
            predictions = fitted(inputs(fold.test, snr))
            yield FoldResult(seed, number, snr, fold.test, predictions, layer, chosen, fitted.score)

    def _sounds(self, rows: Rows) -> Examples:
        return Examples(self._sound_inputs(rows, None), self._targets(rows))

    def _sound_inputs(self, rows: Rows, snr: float | None) -> Inputs:
        """Return audio, the input if the encoder is trained."""
        return [self._sound(row, snr) for row in rows.tolist()]

    def _targets(self, rows: Rows) -> list[Any]:
        return [self.targets[row] for row in rows.tolist()]

    def _features(
        self, encoder: Any, layers: Sequence[str], readout: Probe, snr: float | None
    ) -> dict[str, dict[int, Any]]:
        """Compute the features of all recordings, by layer; with noise only of those that are tested."""
        rows = range(len(self.recordings)) if snr is None else self.tested.tolist()
        lengths = {row: self.recordings[row].samples for row in rows}
        sound = partial(self._sound, snr=snr)
        return features_of_layers(
            encoder, lengths, sound, lambda features: readout.keep(features, encoder.rate), layers
        )

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
    """Return the number of seeds if they are the first ones, or else which they are."""
    if numbers.start == 0:
        return len(numbers)
    return f"number {numbers.start}" + (f" to {numbers[-1]}" if len(numbers) > 1 else "")


def on_features(training: TrainedHead, protocol: Protocol) -> HeadProbe:
    """Return the recurrent probe for frozen features."""
    return HeadProbe(training.make_head, training.goal, protocol.bgru, torch.device(protocol.device))
