"""What is done to embeddings before they are compared, without labels."""

from __future__ import annotations

from typing import Literal

import numpy as np

from seehear.tasks.verification.voices import Vectors

Scaling = Literal["fitting", "whitened", "standardised", "none"]
"""``fitting`` is whitened for pooled features, which nobody made to be compared, and none for embeddings that were
learned to be: the best for either."""

LEAST_VARIANCE = 1e-6  # of the mean one: dimensions that hardly vary are noise of the arithmetic


def scaled(vectors: Vectors, scaling: Scaling) -> Vectors:
    """Embeddings (N, D) as they are compared: all, whoever speaks, have mean 0, and length 1 in the end.

    ``whitened``: equal variance in all directions, by the covariance that Ledoit & Wolf (2004) estimate, which is drawn
    towards a round one the more, the fewer embeddings there are. ``standardised``: equal variance in each dimension.
    ``none``: as they are, but for their lengths. Whoever takes what is ``fitting`` decides before: see `fitting`.
    """
    if scaling == "whitened":
        return unit(_whitened(vectors))
    return unit(standardised(vectors) if scaling == "standardised" else vectors)


def fitting(scaling: Scaling, learned: bool) -> Scaling:
    """What is done to embeddings that were learned to be compared, or to features that were not."""
    if scaling != "fitting":
        return scaling
    return "none" if learned else "whitened"


def standardised(vectors: Vectors) -> Vectors:
    """Each dimension with mean 0 and deviation 1 over all vectors (N, D); a constant one is 0."""
    mean, deviation = vectors.mean(0, dtype=np.float64), vectors.std(0, dtype=np.float64)
    scale = np.where(deviation > 1e-6 * (np.abs(mean) + 1e-6), 1 / np.maximum(deviation, 1e-12), 0)
    return np.asarray((vectors - mean) * scale, dtype=np.float32)


def unit(vectors: Vectors) -> Vectors:
    """Each vector with length 1, (N, D)."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def _whitened(vectors: Vectors) -> Vectors:
    from sklearn.covariance import ledoit_wolf

    centred = (vectors - vectors.mean(0, dtype=np.float64)).astype(np.float64)
    covariance, _ = ledoit_wolf(centred, assume_centered=True)
    variances, directions = np.linalg.eigh(covariance)
    least = max(LEAST_VARIANCE * float(variances.mean()), 1e-20)
    return np.asarray(centred @ (directions / np.sqrt(np.maximum(variances, least))), dtype=np.float32)
