"""Which layer of an encoder is read: one that is named, or in each fold the one that is best on development data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seehear.tasks.contenders import AUTO, Contender
from seehear.tasks.readouts.goals import Goal
from seehear.tasks.readouts.interface import Examples, Fitted, ReadOut
from seehear.tasks.readouts.pooled import PooledReadOut, pooled_probe

Kept = Mapping[str, Mapping[int, Any]]
"""layer -> row -> what is kept of its features."""

Parts = tuple[Examples, Examples]
"""The training and the development part of a fold."""

PartsOf = Callable[[ReadOut, Sequence[str]], dict[str, Parts]]
"""A read-out and layers -> the parts, layer by layer."""


class Heard:
    """What is kept of the features of one encoder: computed when it is asked for, and once."""

    def __init__(self, compute: Callable[[Sequence[str], ReadOut, float | None], Kept]) -> None:
        """Computes nothing yet; ``compute`` takes layers, a read-out and a ratio of sound to noise."""
        self._compute = compute
        self._kept: dict[tuple[type[ReadOut], float | None], dict[str, Mapping[int, Any]]] = {}

    def of(self, readout: ReadOut, layers: Sequence[str], snr_db: float | None) -> Kept:
        """What a read-out keeps of some layers; those that are not there yet are computed in one pass."""
        there = self._kept.setdefault((type(readout), snr_db), {})
        if missing := [layer for layer in layers if layer not in there]:
            there |= self._compute(missing, readout, snr_db)
        return there


class Reading:
    """How one encoder is read.

    Attributes:
        readout: that is fitted to the layer.
        named: the layer that is read where none is chosen on development data.
        automatic: whether one is chosen.
        compared: all layers that are looked at.
        last: the last layer of them, whose figure is told beside that of the one that is read.
    """

    def __init__(self, encoder: Any, contender: Contender, readout: ReadOut, goal: Goal) -> None:
        """Decides what is compared."""
        layers = list(encoder.layers)
        self.readout = readout
        self.named = contender.reads(encoder)
        self.automatic = contender.layer == AUTO and len(layers) > 1
        self.last = layers[-1] if contender.layer else self.named
        self.compared = layers if self.automatic else list(dict.fromkeys([self.named, self.last]))
        self._goal = goal

    def fitted(self, parts_of: PartsOf, seed: int) -> tuple[dict[str, Fitted], str]:
        """Fits the read-out, and chooses the layer on the development part.

        The quick read-out is fitted to every layer that is compared, so that the figures of all of them can be told.
        One that is trained for minutes is fitted to one layer alone: the one that the quick read-out tells most from.

        Returns:
            Fitted read-outs by layer, and the layer that the encoder is measured by.
        """
        if isinstance(self.readout, PooledReadOut):
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
        told = [(given, self._goal.whole(target)) for given, target in zip(part.inputs, part.targets, strict=True)]
        known = [(given, target) for given, target in told if target is not None]
        return Examples([given for given, _ in known], [target for _, target in known])


def best_layer(fits: Mapping[str, Fitted]) -> str:
    """The layer with the best score on the development part; of equal ones the last."""
    return max(reversed(list(fits)), key=lambda layer: fits[layer].score)
