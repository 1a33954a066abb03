"""Selection and batching of development clips for a model's validation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seehear.clip import SAMPLES_PER_FRAME
from seehear.data.views import FULL_SCALE, ClipViews
from seehear.models.animate import AnimateModel
from seehear.models.disentangle import DisentangleModel
from seehear.models.interface import IdentityModel, LipSyncModel, PretextModel
from seehear.models.joint import JointModel
from seehear.models.validation import (
    ANIMATE_BATCH,
    JOINT_BATCH,
    MATCH_BATCH,
    PROBE_POSITIONS,
    SYNC_BATCH,
    AnimateValidation,
    JointValidation,
    LossValidation,
    MatchValidation,
    ScoringValidation,
    SyncValidation,
    Validation,
    min_frames,
)
from seehear.training.settings import DataOptions


def spread_clips(views: ClipViews, count: int, least: int) -> list[int]:
    """Up to ``count`` clips of at least ``least`` frames, evenly spread over a corpus."""
    usable = np.flatnonzero(views.frames >= least)
    if not len(usable) or not count:
        return []
    positions = np.unique(np.linspace(0, len(usable) - 1, count).round().astype(int))
    return [int(clip) for clip in usable[positions]]


def stack_clips(views: ClipViews, clips: list[int], frames: int) -> dict[str, Tensor]:
    """The first ``frames`` of clips as one batch: video uint8 (B, T, ...), audio float32 (B, T * 640)."""
    windows = [views.window(clip, 0, frames) for clip in clips]
    video = torch.stack([torch.from_numpy(np.array(pictures)) for pictures, _ in windows])
    audio = torch.stack([torch.from_numpy(sound.astype(np.float32) / FULL_SCALE) for _, sound in windows])
    assert audio.shape[1] == frames * SAMPLES_PER_FRAME
    return {"video": video, "audio": audio}


def make_loss_validation(views: ClipViews, model: PretextModel, data: DataOptions) -> LossValidation | None:
    """Validate on clips spread evenly over a corpus.

    Returns:
        None with fewer than two clips of sufficient length, as there would be no negatives.
    """
    clips = spread_clips(views, data.probe_clips, data.min_frames)
    if len(clips) < 2:
        return None
    size = min(data.batch, len(clips))
    frames = min(data.frames, *(int(views.frames[clip]) for clip in clips))
    used = len(clips) // size * size
    return LossValidation(
        [stack_clips(views, clips[at : at + size], frames) for at in range(0, used, size)], model.logged_metrics
    )


def make_sync_validation(views: ClipViews, model: LipSyncModel, data: DataOptions) -> SyncValidation | None:
    """Validate on clips spread evenly over a corpus.

    Args:
        views: development clips.
        model: model with the context and distance of the embeddings.
        data: number of clips, and maximum length of each.

    Returns:
        None if no clip is long enough.
    """
    needed = min_frames(model)
    frames = max(data.frames, needed)
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip in spread_clips(views, data.probe_clips, needed):
        by_length[min(frames, int(views.frames[clip]))].append(clip)
    batches = [
        stack_clips(views, clips[start : start + SYNC_BATCH], length)
        for length, clips in by_length.items()
        for start in range(0, len(clips), SYNC_BATCH)
    ]
    return SyncValidation(batches, model.distance) if batches else None


def make_match_validation(views: ClipViews, model: IdentityModel, data: DataOptions) -> MatchValidation | None:
    """Validate on clips spread evenly over a corpus.

    Returns:
        None without clips of sufficient length from at least two sources.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip in spread_clips(views, data.probe_clips, data.min_frames):
        by_length[min(data.frames, int(views.frames[clip]))].append(clip)
    clips = [clip for own in by_length.values() for clip in own]
    if len(np.unique(views.sources[clips])) < 2:
        return None
    batches = [
        _stack_with_stills(views, own[start : start + MATCH_BATCH], length)
        for length, own in by_length.items()
        for start in range(0, len(own), MATCH_BATCH)
    ]
    return MatchValidation(batches, views.sources[clips], model)


def _stack_with_stills(views: ClipViews, clips: list[int], frames: int) -> dict[str, Tensor]:
    """The first ``frames`` of clips as one batch, with two stills of each."""
    positions = [int(fraction * frames) for fraction in PROBE_POSITIONS]
    stills = [[views.window(clip, position, 1)[0][0] for position in positions] for clip in clips]
    sound = np.stack([views.window(clip, 0, frames)[1] for clip in clips]).astype(np.float32) / FULL_SCALE
    video = torch.from_numpy(np.array(stills))
    return {"audio": torch.from_numpy(sound), "video": video, "seen": torch.from_numpy(views.seen[clips])}


def make_animate_validation(views: ClipViews, model: PretextModel, data: DataOptions) -> AnimateValidation | None:
    """Validate on clips spread evenly over a corpus; None if no clip has two frames."""
    assert isinstance(model, AnimateModel)
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip in spread_clips(views, data.probe_clips, 2):
        by_length[min(data.frames, int(views.frames[clip]))].append(clip)
    batches = [
        stack_clips(views, clips[start : start + ANIMATE_BATCH], length)
        for length, clips in sorted(by_length.items(), reverse=True)
        for start in range(0, len(clips), ANIMATE_BATCH)
    ]
    return AnimateValidation(batches, model.options.region) if batches else None


def make_joint_validation(
    views: ClipViews, model: JointModel | DisentangleModel, data: DataOptions
) -> JointValidation | None:
    """Validate all objectives of a model on clips spread evenly over a corpus.

    Returns:
        None if no clip is long enough. Match is not validated if all clips have the same source.
    """
    minimum = max(data.min_frames, min_frames(model) if "sync" in model.learns else 2)
    maximum = max(data.frames, minimum)
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip in spread_clips(views, data.probe_clips, minimum):
        by_length[min(maximum, int(views.frames[clip]))].append(clip)
    clips = [clip for own in by_length.values() for clip in own]
    batches = [
        stack_clips(views, own[start : start + JOINT_BATCH], length)
        for length, own in by_length.items()
        for start in range(0, len(own), JOINT_BATCH)
    ]
    parts: dict[str, ScoringValidation] = {}
    if clips and "sync" in model.learns:
        parts["sync"] = SyncValidation(batches, model.distance)
    if clips and "match" in model.learns and len(np.unique(views.sources[clips])) > 1:
        seen = [{"seen": torch.ones(len(batch["video"]), dtype=torch.bool)} for batch in batches]
        parts["match"] = MatchValidation(seen, views.sources[clips], model)
    if clips and isinstance(model, JointModel) and "animate" in model.learns:
        parts["animate"] = AnimateValidation(batches, model.options.animate.region)
    return JointValidation(batches, parts) if parts else None


MakeProbe = Callable[[ClipViews, Any, DataOptions], Validation | None]
"""(development clips, model, data options) -> validation; None if no clip can be used."""


PROBES: dict[str, MakeProbe] = {
    "sync": make_sync_validation,
    "animate": make_animate_validation,
    "match": make_match_validation,
    "joint": make_joint_validation,
    "disentangle": make_joint_validation,
}
"""By name of the model; the others are validated by their loss."""


def make_validation(views: ClipViews, model: PretextModel, data: DataOptions) -> Validation | None:
    """Build the validation of a model on development clips."""
    return PROBES.get(model.name, make_loss_validation)(views, model, data)
