"""What is done to embeddings before they are compared, without labels."""

from __future__ import annotations

from typing import Literal

import numpy as np

from seehear.losses.similarity import Distance
from seehear.tasks.verification.voices import Vectors

Scaling = Literal["whitened", "standardised", "none"]
"""The same for every row of a table: a row that is whitened cannot be compared with one that is not."""

BESIDE: dict[str, Scaling] = {"EER raw": "none", "EER whitened": "whitened"}
"""What every table tells beside the EER with the scaling that was chosen, unless that is the one chosen."""

LEAST_VARIANCE = 1e-6  # of the mean one: dimensions that hardly vary are noise of the arithmetic


def scaled(vectors: Vectors, scaling: Scaling, distance: Distance = "cosine") -> Vectors:
    """Embeddings (N, D) as they are compared.

    ``whitened``: equal variance in all directions, by the covariance that Ledoit & Wolf (2004) estimate, which is drawn
    towards a round one the more, the fewer embeddings there are. ``standardised``: mean 0 and equal variance in each
    dimension. Either way they are compared by the cosine. ``none``: as they are, compared by ``distance``.

    Args:
        vectors: (N, D).
        scaling: what is done to them.
        distance: by which they were trained to be compared. Where that is the Euclidean distance, raw embeddings keep
            their length.

    Returns:
        (N, D), of length 1 where they are compared by the cosine; see `compared_by`.
    """
    if scaling == "whitened":
        return unit(_whitened(vectors))
    if scaling == "standardised":
        return unit(standardised(vectors))
    return unit(vectors) if distance == "cosine" else vectors


def compared_by(scaling: Scaling, distance: Distance) -> Distance:
    """How scaled embeddings are compared: raw ones by what they were trained with, all others by the cosine."""
    return distance if scaling == "none" else "cosine"


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
