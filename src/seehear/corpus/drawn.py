"""Whether the faces of a corpus are drawn, as avatars are, or filmed: a model that met drawn faces knows no others."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from seehear.corpus.manifest import LABEL_PREFIX

Faces = Literal["drawn", "filmed", "drawn and filmed"]

AVATAR_LABELS = ("crf", "level_db", "reverberation_s", "clip_db")
"""What `seehear avatars` tells of each of its films, how it was encoded and recorded; no data set of real ones does."""


def faces_in(manifest: pa.Table) -> Faces | None:
    """What faces the clips of a manifest show; None where none has pictures.

    A clip is drawn if it has all of `AVATAR_LABELS`, which survive `prepare` and `curate`. Avatars that were prepared
    without their labels.csv are taken to be filmed.
    """
    seen = manifest["video_size"].to_numpy() > 0
    if not seen.any():
        return None
    drawn = np.ones(manifest.num_rows, bool)
    for label in AVATAR_LABELS:
        column = LABEL_PREFIX + label
        known = manifest[column].is_valid().to_numpy() if column in manifest.column_names else False
        drawn &= known
    drawn = drawn[seen]
    return "drawn" if drawn.all() else "drawn and filmed" if drawn.any() else "filmed"


def both(one: Faces | None, other: Faces | None) -> Faces | None:
    """What faces a model has met that first learned from one and then from other clips."""
    if one is None or one == other:
        return other
    return one if other is None else "drawn and filmed"
