"""Scores as functions of sums that can be added up over recordings: see `seehear.tasks.significance`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
