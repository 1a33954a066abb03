"""Connectionist temporal classification of characters (Graves et al., ICML 2006)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seehear.evaluation.probes.interface import Objective
from seehear.metrics.scores import character_errors

BLANK = 0


UNLIKELY = -9.2  # log of 1e-4: characters less likely than this at a step are skipped


LogProbabilities = NDArray[np.float64]


class CharacterObjective(Objective):
    """Text by its characters: CTC loss, scored by the character error rate. Targets are texts."""

    every_step = True

    def __init__(self, alphabet: Sequence[str], beam: int = 1) -> None:
        """Set the characters, and the number of prefixes of the beam search; 1 is best-path decoding."""
        self.alphabet = list(alphabet)
        self.beam = beam
        self.outputs = len(self.alphabet) + 1
        self._numbers = {character: number for number, character in enumerate(self.alphabet, 1)}

    def loss(self, out: Tensor, lengths: Tensor, targets: Sequence[str]) -> Tensor:
        """A text with more characters than there are steps adds nothing to the loss: no path leads to it."""
        spelt = [[self._numbers[character] for character in text] for text in targets]
        flat = torch.tensor([number for text in spelt for number in text], device=out.device)
        sizes = torch.tensor([len(text) for text in spelt])
        steps = F.log_softmax(out.float(), dim=2).transpose(0, 1)
        return F.ctc_loss(steps, flat, lengths.cpu(), sizes, blank=BLANK, zero_infinity=True)

    def decode(self, out: Tensor, lengths: Tensor) -> list[str]:
        if self.beam == 1:
            return self.decode_fast(out, lengths)
        steps = F.log_softmax(out.double(), dim=2).cpu().numpy()
        return [self._text(best_prefix(s[:n], self.beam)) for s, n in zip(steps, lengths.tolist(), strict=True)]

    def decode_fast(self, out: Tensor, lengths: Tensor) -> list[str]:
        best = out.argmax(2).cpu().numpy()
        return [self._text(collapsed(path[:n])) for path, n in zip(best, lengths.tolist(), strict=True)]

    def score(self, predicted: Sequence[str], targets: Sequence[str]) -> float:
        """Return minus the character error rate."""
        errors, characters = np.sum([character_errors(t, s) for t, s in zip(targets, predicted, strict=True)], axis=0)
        return -float(errors / characters)

    def pooled(self) -> CharacterCountObjective:
        return CharacterCountObjective(len(self.alphabet))

    def pooled_target(self, target: str) -> NDArray[np.float64]:
        """Return the number of occurrences of each character, (characters,)."""
        return np.array([target.count(character) for character in self.alphabet], dtype=float)

    def _text(self, numbers: Sequence[int]) -> str:
        return "".join(self.alphabet[number - 1] for number in numbers)


class CharacterCountObjective(Objective):
    """Number of occurrences of each character: what a probe without order can predict.

    Used to compare layers only. The score is the explained variance, averaged over characters.
    """

    def __init__(self, characters: int) -> None:
        """Set the number of characters."""
        self.outputs = characters

    def loss(self, out: Tensor, lengths: Tensor, targets: Sequence[Any]) -> Tensor:
        return F.mse_loss(out, torch.tensor(np.stack(list(targets)), dtype=out.dtype, device=out.device))

    def decode(self, out: Tensor, lengths: Tensor) -> list[Any]:
        return list(out.cpu().numpy())

    def score(self, predicted: Sequence[Any], targets: Sequence[Any]) -> float:
        true, estimated = np.stack(list(targets)), np.stack(list(predicted))
        spread = np.square(true - true.mean(0)).sum(0)
        varies = spread > 0
        left = np.square(true - estimated).sum(0)[varies] / spread[varies]
        return float(np.mean(1 - left)) if varies.any() else 0.0


def collapsed(path: Sequence[int] | NDArray[np.int64]) -> list[int]:
    """Collapse a path: repetitions once, blanks removed."""
    before = [BLANK, *path[:-1]]
    return [int(now) for now, last in zip(path, before, strict=True) if now not in (BLANK, last)]


def best_prefix(steps: LogProbabilities, beam: int) -> list[int]:
    """Return the most likely text, summed over its paths (prefix beam search, Hannun et al. 2014, without words).

    Args:
        steps: log probabilities (T, 1 + characters), the blank first
        beam: number of prefixes that are kept at each step

    Returns:
        Numbers of its characters.
    """
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}  # log p of ending in a blank, and not
    for step in steps:
        likely = [int(n) for n in np.flatnonzero(step > UNLIKELY) if n != BLANK]
        grown: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [-np.inf, -np.inf])
        for prefix, (blank, sounded) in beams.items():
            both = np.logaddexp(blank, sounded)
            _add(grown[prefix], 0, both + step[BLANK])
            if prefix:
                _add(grown[prefix], 1, sounded + step[prefix[-1]])
            for number in likely:
                before = blank if prefix and number == prefix[-1] else both  # a double letter needs a blank between
                _add(grown[(*prefix, number)], 1, before + step[number])
        ranked = sorted(grown.items(), key=lambda item: -np.logaddexp(item[1][0], item[1][1]))
        beams = {prefix: (ends[0], ends[1]) for prefix, ends in ranked[:beam]}
    return list(max(beams.items(), key=lambda item: np.logaddexp(item[1][0], item[1][1]))[0])


def _add(ends: list[float], which: int, probability: float) -> None:
    ends[which] = float(np.logaddexp(ends[which], probability))
