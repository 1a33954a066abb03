"""What the trials of one contender add up to, and which of several contenders is best on development data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seehear.tasks.scores import Numbers
from seehear.tasks.significance import Sums, unit_sums
from seehear.tasks.trials import Trial

FoldNumber = tuple[int, int]
"""Seed, and the fold of it."""

ByNoise = dict[float | None, Sums]
"""Ratio of sound to noise (None: clean) -> sums (seeds, units, K)."""


@dataclass
class Tally:
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

    def add(self, trial: Trial, entries: Numbers, units: NDArray[np.int64]) -> None:
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

    def read(self) -> ByNoise:
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


def best_of(tallies: Sequence[Tally], names: Sequence[str]) -> Tally:
    """What comes of taking, in each fold, the contender that is best on development data; of equals the first.

    Where folds of several seeds test the same recordings, as when each speaker is left out in turn, the mean of their
    development scores decides: then more people have a say than the few that one seed draws.

    Returns:
        A tally whose layers are the names of those that were taken.
    """
    best = Tally(tallies[0].seeds, tallies[0].units, tested=tallies[0].tested)
    for fold, tested in best.tested.items():
        alike = [other for other, rows in best.tested.items() if rows == tested]
        place = int(np.argmax([np.mean([tally.dev[other] for other in alike]) for tally in tallies]))
        best.chosen[fold], best.dev[fold] = names[place], tallies[place].dev[fold]
        best._sums |= {(fold, names[place], snr): sums for snr, sums in tallies[place].at(fold).items()}
    return best
