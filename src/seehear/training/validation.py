"""Selection and batching of development clips for a model's validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from seehear.clip import SAMPLES_PER_FRAME
from seehear.data.views import FULL_SCALE, ClipViews
from seehear.models.interface import PretextModel
from seehear.models.validation import Validation
from seehear.training.settings import DataOptions


def make_validation(views: ClipViews, model: PretextModel, data: DataOptions) -> Validation | None:
    """Build the validation of a model, on clips spread evenly over a corpus.

    Args:
        views: development clips
        model: model to validate
        data: number of clips, and the lengths used in training

    Returns:
        None if no clips can be used, such as too short ones
    """
    kind = model.validation
    shortest, longest = kind.frame_limits(model, data.min_frames, data.frames)
    clips = spread_clips(views, data.probe_clips, shortest)
    planned = kind.plan_batches({clip: min(longest, int(views.frames[clip])) for clip in clips}, data.batch)
    if not planned:
        return None
    batches = [stack_clips(views, chosen, frames, kind.still_positions) for chosen, frames in planned]
    return kind.build(model, batches, views.sources[[clip for chosen, _ in planned for clip in chosen]])


def spread_clips(views: ClipViews, count: int, least: int) -> list[int]:
    """Up to ``count`` clips of at least ``least`` frames, evenly spread over a corpus."""
    usable = np.flatnonzero(views.frames >= least)
    if not len(usable) or not count:
        return []
    positions = np.unique(np.linspace(0, len(usable) - 1, count).round().astype(int))
    return [int(clip) for clip in usable[positions]]


def stack_clips(
    views: ClipViews, clips: Sequence[int], frames: int, still_positions: Sequence[float] = ()
) -> dict[str, Tensor]:
    """The first ``frames`` of clips as one batch; see `Validation`."""
    windows = [views.window(clip, 0, frames) for clip in clips]
    audio = torch.from_numpy(np.stack([sound for _, sound in windows]).astype(np.float32) / FULL_SCALE)
    assert audio.shape[1] == frames * SAMPLES_PER_FRAME
    if still_positions:
        shown = [int(position * frames) for position in still_positions]
        video = np.stack([pictures[shown] for pictures, _ in windows])
        return {"audio": audio, "video": torch.from_numpy(video), "seen": torch.from_numpy(views.seen[list(clips)])}
    return {"video": torch.from_numpy(np.stack([np.array(pictures) for pictures, _ in windows])), "audio": audio}
