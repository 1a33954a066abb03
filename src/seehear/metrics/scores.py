"""Accuracy, F1, UAR, CCC, error rates, likeness of pictures, sync accuracy.

Perfect Match (Chung, Chung & Kang 2019, arXiv 1809.08001, section 4.2), as SyncNet and its successors report it: lips
and sound are compared at 31 offsets, -15 to +15 frames; distances are averaged over K consecutive frames; the offset of
the least distance counts as right within one frame of the truth, which is 0. Guessing is right 3 times in 31.
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


def confusion(truths: Sequence[int], said: Sequence[int], classes: int) -> Numbers:
    """One confusion matrix a recording, flat, (N, classes * classes): truth is the row."""
    cells = np.zeros((len(truths), classes * classes))
    cells[np.arange(len(truths)), np.asarray(truths) * classes + np.asarray(said)] = 1
    return cells


def accuracy(sums: Numbers) -> Numbers:
    """Share of the recordings that were told right: (..., C * C) -> (...)."""
    counts = _square(sums)
    return _share(np.trace(counts, axis1=-2, axis2=-1), counts.sum((-2, -1)))


def recall(sums: Numbers) -> Numbers:
    """Mean over the classes of the share of its recordings that were told right (unweighted average recall)."""
    counts = _square(sums)
    right, there = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(-1)
    return _share(_share(right, there).sum(-1), (there > 0).sum(-1))


def f1(sums: Numbers) -> Numbers:
    """Macro F1: mean over the classes that were there or were said, as sklearn has it."""
    counts = _square(sums)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(-1) + counts.sum(-2)
    return _share(_share(2 * right, either).sum(-1), (either > 0).sum(-1))


def error_rate(sums: Numbers) -> Numbers:
    """Errors over words (or characters): (..., 2) -> (...)."""
    return _share(sums[..., 0], sums[..., 1])


def concordance_sums(said: Numbers, truth: Numbers) -> Numbers:
    """What one recording adds to the sums of `concordance`: n, x, y, xx, yy, xy; (6,)."""
    return np.array(
        [len(said), said.sum(), truth.sum(), (said * said).sum(), (truth * truth).sum(), (said * truth).sum()]
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
    """0 where there is nothing to share."""
    shared: Numbers = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 1e-12)
    return shared


def normalise_text(text: str) -> str:
    """Lower case, letters, digits and apostrophes only, single spaces between words."""
    kept = ("'" if c in "'’" else c if unicodedata.category(c)[0] in "LMN" else " " for c in text.lower())
    return " ".join("".join(kept).split())


@lru_cache(maxsize=100_000)
def word_errors(truth: str, said: str) -> tuple[int, int]:
    """Substitutions, deletions and insertions of words, and words in truth."""
    import jiwer

    measured = jiwer.process_words(truth, said)
    return measured.substitutions + measured.deletions + measured.insertions, len(truth.split())


@lru_cache(maxsize=100_000)
def character_errors(truth: str, said: str) -> tuple[int, int]:
    """Substitutions, deletions and insertions of characters, spaces included, and characters in truth."""
    import jiwer

    measured = jiwer.process_characters(truth, said)
    return measured.substitutions + measured.deletions + measured.insertions, len(truth)


SCALE: Bounds = (-math.inf, 1.0)
"""Of `Likeness.lower`: 1 is perfect, and there is no limit to how bad a drawing can be."""


@dataclass(frozen=True)
class MouthError:
    """Mean absolute differences from the real pictures in the mouth's square, clip by clip, in 0..1.

    Attributes:
        drawn: of the pictures that were drawn, (clips,).
        copied: of the still, left as it is, (clips,).
        whole: of the pictures that were drawn, over all of them, (clips,).
    """

    drawn: NDArray[np.float64]
    copied: NDArray[np.float64]
    whole: NDArray[np.float64]

    @property
    def lower(self) -> float:
        """By which share drawing comes nearer than copying: 0 is no better, 1 is perfect, below 0 is worse."""
        return float(1 - self.drawn.sum() / max(self.copied.sum(), 1e-12))

    def sums(self, units: Units) -> Sums:
        """What each person (or source) adds to the sums that `error_reduction` is made of, (1, units, 2)."""
        return unit_sums(np.stack([self.drawn, self.copied], axis=1), units.of, len(units))[None]

    def figure(self, units: Units) -> Estimate:
        """`lower` with its interval over people, or over sources where they are not known."""
        return estimate(self.sums(units), error_reduction, bounds=SCALE)


def error_reduction(sums: Sums) -> NDArray[np.float64]:
    """`Likeness.lower` of sums over clips: (..., 2) -> (...)."""
    lower: NDArray[np.float64] = 1 - sums[..., 0] / np.maximum(sums[..., 1], 1e-12)
    return lower


def mouth_error(drawn: Tensor, real: Tensor, region: Region) -> MouthError:
    """Compare pictures; the still is the first of the real ones, and is not compared with itself.

    Args:
        drawn: (B, T, planes, S, S) in 0..1, T of 2 or more.
        real: the same shape.
        region: what they show; of a face only the mouth's square is looked at.
    """
    drawn, real = drawn[:, 1:].float(), real.float()
    still, real = real[:, :1], real[:, 1:]
    if region == "face":
        rows, columns = mouth_slices(real.shape[-1])
    else:
        rows = columns = slice(None)
    off, stood = (drawn - real).abs(), (still - real).abs()
    means = [x.flatten(1).mean(1) for x in (off[..., rows, columns], stood[..., rows, columns], off)]
    return MouthError(*(mean.double().cpu().numpy() for mean in means))


def concatenate(parts: Iterable[MouthError]) -> MouthError:
    """Several batches as one."""
    listed = list(parts)
    return MouthError(*(np.concatenate([getattr(p, name) for p in listed]) for name in ("drawn", "copied", "whole")))


MAX_OFFSET = 15
"""Offsets go this many frames to either side: 0.6 s."""


OFFSET_COUNT = 2 * MAX_OFFSET + 1


TOLERANCE = 1
"""Frames by which a predicted offset may be wrong."""


CHANCE = (2 * TOLERANCE + 1) / OFFSET_COUNT  # 9.7 %


LENGTHS = (5, 7, 9, 11, 13, 15)
"""K: consecutive embeddings that are averaged."""


def distances_by_offset(lips: Tensor, sound: Tensor, distance: Distance, reach: int = MAX_OFFSET) -> Tensor:
    """Distance of each moment of the lips to the sound around it.

    Args:
        lips: (T, D).
        sound: (T, D), moment t of either was recorded at the same time.
        distance: how to compare.
        reach: offsets to either side.

    Returns:
        (T - 2 reach, 2 reach + 1): row r is lip moment reach + r, column o is sound moment r + o, that is, the offset
        o - reach. A positive offset means that the sound comes late.
    """
    moments = len(lips) - 2 * reach
    if moments < 1:
        return lips.new_zeros(0, 2 * reach + 1)
    around = sound.unfold(0, 2 * reach + 1, 1)  # (moments, D, offsets)
    middle = lips[reach : reach + moments].unsqueeze(-1)
    if distance == "cosine":
        return 1 - torch.cosine_similarity(middle, around, dim=1)
    return (middle - around).square().sum(1).sqrt()


def hits_offset(distances: Tensor, length: int, truth: int = 0) -> Tensor:
    """Which windows of ``length`` moments find the offset.

    Args:
        distances: (moments, offsets), offset 0 in the middle.
        length: K.
        truth: the true offset, frames; positive: the sound is late.

    Returns:
        (moments - K + 1,) bool. Windows of K consecutive moments, one moment apart, all of whose offsets exist.
    """
    if len(distances) < length:
        return torch.zeros(0, dtype=torch.bool)
    averaged = distances.unfold(0, length, 1).mean(-1)  # (windows, offsets)
    offset = averaged.argmin(1) - distances.shape[1] // 2
    return (offset - truth).abs() <= TOLERANCE


def count_hits(
    clips: Iterable[tuple[Tensor, Tensor]], distance: Distance, lengths: Sequence[int]
) -> list[list[tuple[int, int]]]:
    """For each K, and each clip in turn: how many windows find the true offset, and how many windows there are.

    Args:
        clips: (lips (T, D), sound (T, D)) of each, in sync.
        distance: how the embeddings are compared.
        lengths: the Ks.
    """
    counts: list[list[tuple[int, int]]] = [[] for _ in lengths]
    for lips, sound in clips:
        distances = distances_by_offset(lips.float(), sound.float(), distance)
        for length, of_length in zip(lengths, counts, strict=True):
            hits = hits_offset(distances, length)
            of_length.append((int(hits.sum()), len(hits)))
    return counts
