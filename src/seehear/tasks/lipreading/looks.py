"""Pictures of clips as lip encoders take them, from cached views that are mapped into memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from seehear.corpus.store import Corpus
from seehear.corpus.views import ClipViews
from seehear.encoders.interface import LipsEncoder
from seehear.pretext.augment import PictureAugment
from seehear.pretext.moments import lip_pictures


class Looks:
    """The pictures of a corpus: every view is decoded once and then found on disk, by pretraining too."""

    def __init__(self, corpus: Corpus) -> None:
        """Decodes nothing yet."""
        self._corpus = corpus
        self._views: dict[str, ClipViews] = {}
        self._calm = PictureAugment()

    def at(
        self,
        parts: Sequence[tuple[int, int, int]],
        lips: LipsEncoder,
        device: torch.device,
        augment: PictureAugment | None = None,
        rng: Generator | None = None,
    ) -> Tensor:
        """Parts of clips; those that are shorter than the longest of them stand still at their last picture.

        Args:
            parts: clip, first frame and the frame after the last of each.
            lips: whom the pictures are for.
            device: where they go.
            augment: what disturbs them.
            rng: where disturbances are drawn from; without one there are none.

        Returns:
            float32 (B, 1 or 3, T, size, size) in 0..1.

        Raises:
            CorpusError: a clip cannot be read, or there is no room for the view.
        """
        views = self._of(lips)
        frames = max(stop - first for _, first, stop in parts)
        video = np.empty((len(parts), frames, *views.shape), dtype=np.uint8)
        for place, (clip, first, stop) in zip(video, parts, strict=True):
            place[: stop - first] = views.window(clip, first, stop - first)[0]
            place[stop - first :] = place[stop - first - 1]
        return lip_pictures(torch.from_numpy(video).to(device), lips.region, lips, augment or self._calm, rng)

    def _of(self, lips: LipsEncoder) -> ClipViews:
        name = "face" if lips.region == "face" else "mouth" if lips.colour else "mouth-luma"
        if name not in self._views:
            self._views[name] = ClipViews(self._corpus, name)
        return self._views[name]
