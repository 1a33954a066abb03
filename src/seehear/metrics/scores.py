"""Task metrics: accuracy, F1, UAR, CCC, error rates, mouth error, sync accuracy.

Sync accuracy: Perfect Match (Chung, Chung & Kang 2019, arXiv 1809.08001, section 4.2), as SyncNet and its successors
report it. Lips and audio are compared at 31 offsets, -15 to +15 frames; distances are averaged over K consecutive
frames; the offset with the minimum distance is correct within one frame of the truth, which is 0. Chance is 3 in 31.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.clip import Region, mouth_slices
from seehear.losses.base import Distance
from seehear.metrics.bootstrap import Bounds, Estimate, Sums, Units, estimate, unit_sums

Numbers = NDArray[np.float64]


def confusion(truths: Sequence[int], predicted: Sequence[int], classes: int) -> Numbers:
    """One flattened confusion matrix per recording, (N, classes * classes); rows are the truth."""
    cells = np.zeros((len(truths), classes * classes))
    cells[np.arange(len(truths)), np.asarray(truths) * classes + np.asarray(predicted)] = 1
    return cells


def accuracy(sums: Numbers) -> Numbers:
    """Fraction of correctly classified recordings: (..., C * C) -> (...)."""
    counts = _square(sums)
    return _share(np.trace(counts, axis1=-2, axis2=-1), counts.sum((-2, -1)))


def recall(sums: Numbers) -> Numbers:
    """Unweighted average recall: mean over the classes of the fraction of correctly classified recordings."""
    counts = _square(sums)
    correct, support = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(-1)
    return _share(_share(correct, support).sum(-1), (support > 0).sum(-1))


def f1(sums: Numbers) -> Numbers:
    """Macro F1: mean over the classes that occur in the truth or the predictions, as in sklearn."""
    counts = _square(sums)
    correct = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(-1) + counts.sum(-2)
    return _share(_share(2 * correct, either).sum(-1), (either > 0).sum(-1))


def error_rate(sums: Numbers) -> Numbers:
    """Errors over words (or characters): (..., 2) -> (...)."""
    return _share(sums[..., 0], sums[..., 1])


def concordance_sums(predicted: Numbers, truth: Numbers) -> Numbers:
    """Contribution of one recording to the sums of `concordance`: n, x, y, xx, yy, xy; (6,)."""
    return np.array(
        [
            len(predicted),
            predicted.sum(),
            truth.sum(),
            (predicted * predicted).sum(),
            (truth * truth).sum(),
            (predicted * truth).sum(),
        ]
    )


def concordance(sums: Numbers) -> Numbers:
    """Lin's concordance correlation coefficient (1989), 2 cov / (var + var + (mean - mean)^2): (..., 6) -> (...)."""
    count, x, y, xx, yy, xy = np.moveaxis(np.asarray(sums), -1, 0)
    count = np.maximum(count, 1)
    mean_x, mean_y = x / count, y / count
    spread = (xx / count - mean_x**2) + (yy / count - mean_y**2) + (mean_x - mean_y) ** 2
    return _share(2 * (xy / count - mean_x * mean_y), np.maximum(spread, 0))


def _square(sums: Numbers) -> Numbers:
    classes = round(sums.shape[-1] ** 0.5)
    return sums.reshape(*sums.shape[:-1], classes, classes)


def _share(part: Numbers, whole: Numbers) -> Numbers:
    """0 where the denominator is 0."""
    ratio: Numbers = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 1e-12)
    return ratio


def normalise_text(text: str) -> str:
    """Lower case; only letters, digits and apostrophes; single spaces between words."""
    kept = ("'" if c in "'’" else c if unicodedata.category(c)[0] in "LMN" else " " for c in text.lower())
    return " ".join("".join(kept).split())


@lru_cache(maxsize=100_000)
def word_errors(truth: str, predicted: str) -> tuple[int, int]:
    """Word substitutions, deletions and insertions, and number of words in the truth."""
    import jiwer

    measured = jiwer.process_words(truth, predicted)
    return measured.substitutions + measured.deletions + measured.insertions, len(truth.split())


@lru_cache(maxsize=100_000)
def character_errors(truth: str, predicted: str) -> tuple[int, int]:
    """Character substitutions, deletions and insertions, including spaces, and number of characters in the truth."""
    import jiwer

    measured = jiwer.process_characters(truth, predicted)
    return measured.substitutions + measured.deletions + measured.insertions, len(truth)


REDUCTION_BOUNDS: Bounds = (-math.inf, 1.0)
"""Bounds of `MouthError.lower`: 1 is perfect, and there is no lower limit."""


@dataclass(frozen=True)
class MouthError:
    """Mean absolute errors in the mouth region, clip by clip, in 0..1.

    Attributes:
        drawn: error of the generated frames, (clips,).
        copied: error of the still as a prediction, (clips,).
        whole: error of the generated frames over the whole image, (clips,).
    """

    drawn: NDArray[np.float64]
    copied: NDArray[np.float64]
    whole: NDArray[np.float64]

    @property
    def lower(self) -> float:
        """Relative error reduction over copying the still: 1 is perfect, 0 no better, below 0 worse."""
        return float(1 - self.drawn.sum() / max(self.copied.sum(), 1e-12))

    def sums(self, units: Units) -> Sums:
        """Contribution of each person (or source) to the sums of `error_reduction`, (1, units, 2)."""
        return unit_sums(np.stack([self.drawn, self.copied], axis=1), units.of, len(units))[None]

    def figure(self, units: Units) -> Estimate:
        """`lower` with its interval over people, or over sources if people are unknown."""
        return estimate(self.sums(units), error_reduction, bounds=REDUCTION_BOUNDS)


def error_reduction(sums: Sums) -> NDArray[np.float64]:
    """`MouthError.lower` of sums over clips: (..., 2) -> (...)."""
    reduction: NDArray[np.float64] = 1 - sums[..., 0] / np.maximum(sums[..., 1], 1e-12)
    return reduction


def mouth_error(generated: Tensor, real: Tensor, region: Region) -> MouthError:
    """Compare generated and real frames; the still is the first real frame, and is not compared with itself.

    Args:
        generated: (B, T, planes, S, S) in 0..1, T of 2 or more.
        real: the same shape.
        region: region shown; of faces only the mouth region is compared.
    """
    generated, real = generated[:, 1:].float(), real.float()
    still, real = real[:, :1], real[:, 1:]
    if region == "face":
        rows, columns = mouth_slices(real.shape[-1])
    else:
        rows = columns = slice(None)
    error, still_error = (generated - real).abs(), (still - real).abs()
    means = [x.flatten(1).mean(1) for x in (error[..., rows, columns], still_error[..., rows, columns], error)]
    return MouthError(*(mean.double().cpu().numpy() for mean in means))


def concatenate(parts: Iterable[MouthError]) -> MouthError:
    """Join the results of several batches."""
    batches = list(parts)
    return MouthError(*(np.concatenate([getattr(p, name) for p in batches]) for name in ("drawn", "copied", "whole")))


MAX_OFFSET = 15
"""Maximum offset to either side in frames: 0.6 s."""


OFFSET_COUNT = 2 * MAX_OFFSET + 1


TOLERANCE = 1
"""Tolerated error of a predicted offset in frames."""


CHANCE = (2 * TOLERANCE + 1) / OFFSET_COUNT  # 9.7 %


LENGTHS = (5, 7, 9, 11, 13, 15)
"""K: number of consecutive embeddings that are averaged."""


def distances_by_offset(lips: Tensor, sound: Tensor, distance: Distance, max_offset: int = MAX_OFFSET) -> Tensor:
    """Distances of each lip embedding to the audio around it.

    Args:
        lips: (T, D).
        sound: (T, D), recorded at the same times.
        distance: how to compare.
        max_offset: number of offsets to either side.

    Returns:
        (T - 2 M, 2 M + 1) with M = max_offset: row r is lip step M + r, column o is audio step r + o, that is, the
        offset o - M. A positive offset means that the audio is late.
    """
    steps = len(lips) - 2 * max_offset
    if steps < 1:
        return lips.new_zeros(0, 2 * max_offset + 1)
    windows = sound.unfold(0, 2 * max_offset + 1, 1)  # (steps, D, offsets)
    centre = lips[max_offset : max_offset + steps].unsqueeze(-1)
    if distance == "cosine":
        return 1 - torch.cosine_similarity(centre, windows, dim=1)
    return (centre - windows).square().sum(1).sqrt()


def hits_offset(distances: Tensor, length: int, truth: int = 0) -> Tensor:
    """Determine which windows of ``length`` steps give the correct offset.

    Args:
        distances: (steps, offsets), offset 0 in the middle.
        length: K.
        truth: true offset in frames; positive if the audio is late.

    Returns:
        (steps - K + 1,) bool: windows of K consecutive steps, one step apart, all of whose offsets exist.
    """
    if len(distances) < length:
        return torch.zeros(0, dtype=torch.bool)
    averaged = distances.unfold(0, length, 1).mean(-1)  # (windows, offsets)
    offset = averaged.argmin(1) - distances.shape[1] // 2
    return (offset - truth).abs() <= TOLERANCE


def count_hits(
    clips: Iterable[tuple[Tensor, Tensor]], distance: Distance, lengths: Sequence[int]
) -> list[list[tuple[int, int]]]:
    """For each K and each clip: the number of windows with the correct offset, and the number of windows.

    Args:
        clips: (lips (T, D), audio (T, D)) of each, in sync.
        distance: how the embeddings are compared.
        lengths: values of K.
    """
    counts: list[list[tuple[int, int]]] = [[] for _ in lengths]
    for lips, sound in clips:
        distances = distances_by_offset(lips.float(), sound.float(), distance)
        for length, of_length in zip(lengths, counts, strict=True):
            hits = hits_offset(distances, length)
            of_length.append((int(hits.sum()), len(hits)))
    return counts
