"""Development clips chosen, batched and shown to a model's validation."""

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
    """Up to ``count`` clips of at least ``least`` frames, spread evenly over a corpus."""
    usable = np.flatnonzero(views.frames >= least)
    if not len(usable) or not count:
        return []
    places = np.unique(np.linspace(0, len(usable) - 1, count).round().astype(int))
    return [int(clip) for clip in usable[places]]


def stack_clips(views: ClipViews, clips: list[int], frames: int) -> dict[str, Tensor]:
    """The first ``frames`` of clips as one batch: video uint8 (B, T, ...), audio float32 (B, T * 640)."""
    windows = [views.window(clip, 0, frames) for clip in clips]
    video = torch.stack([torch.from_numpy(np.array(pictures)) for pictures, _ in windows])
    audio = torch.stack([torch.from_numpy(sound.astype(np.float32) / FULL_SCALE) for _, sound in windows])
    assert audio.shape[1] == frames * SAMPLES_PER_FRAME
    return {"video": video, "audio": audio}


def make_loss_validation(views: ClipViews, model: PretextModel, data: DataOptions) -> LossValidation | None:
    """A probe over clips spread evenly over a corpus.

    Returns:
        None where there are fewer clips than two that are long enough: what is compared with other clips has none.
    """
    clips = spread_clips(views, data.probe_clips, data.min_frames)
    if len(clips) < 2:
        return None
    size = min(data.batch, len(clips))
    frames = min(data.frames, *(int(views.frames[clip]) for clip in clips))
    whole = len(clips) // size * size
    return LossValidation(
        [stack_clips(views, clips[at : at + size], frames) for at in range(0, whole, size)], model.logged_metrics
    )


def make_sync_validation(views: ClipViews, model: LipSyncModel, data: DataOptions) -> SyncValidation | None:
    """A probe over clips spread evenly over a corpus.

    Args:
        views: development clips.
        model: whose context and distance are those of the embeddings.
        data: how many clips, and the longest part of each.

    Returns:
        None where no clip is long enough to be measured.
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
    """A probe over clips spread evenly over a corpus.

    Returns:
        None where there are not two sources with a clip that is long enough.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip in spread_clips(views, data.probe_clips, data.min_frames):
        by_length[min(data.frames, int(views.frames[clip]))].append(clip)
    clips = [clip for own in by_length.values() for clip in own]
    if len(np.unique(views.sources[clips])) < 2:
        return None
    batches = [
        _shown(views, own[start : start + MATCH_BATCH], length)
        for length, own in by_length.items()
        for start in range(0, len(own), MATCH_BATCH)
    ]
    return MatchValidation(batches, views.sources[clips], model)


def _shown(views: ClipViews, clips: list[int], frames: int) -> dict[str, Tensor]:
    """The first ``frames`` of clips as one batch, two pictures of each."""
    places = [int(moment * frames) for moment in PROBE_POSITIONS]
    stills = [[views.window(clip, place, 1)[0][0] for place in places] for clip in clips]
    sound = np.stack([views.window(clip, 0, frames)[1] for clip in clips]).astype(np.float32) / FULL_SCALE
    video = torch.from_numpy(np.array(stills))
    return {"audio": torch.from_numpy(sound), "video": video, "seen": torch.from_numpy(views.seen[clips])}


def make_animate_validation(views: ClipViews, model: PretextModel, data: DataOptions) -> AnimateValidation | None:
    """A probe over clips spread evenly over a corpus; None where no clip has two frames."""
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
    """A probe over clips spread evenly over a corpus, of all that a model learns.

    Returns:
        None where no clip is long enough. People are not told apart where all clips are of one source.
    """
    least = max(data.min_frames, min_frames(model) if "sync" in model.learns else 2)
    longest = max(data.frames, least)
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip in spread_clips(views, data.probe_clips, least):
        by_length[min(longest, int(views.frames[clip]))].append(clip)
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
"""(development clips, the model, how many and how long) -> the probe; None where no clip can be measured."""


PROBES: dict[str, MakeProbe] = {
    "sync": make_sync_validation,
    "animate": make_animate_validation,
    "match": make_match_validation,
    "joint": make_joint_validation,
    "disentangle": make_joint_validation,
}
"""By the pretext's name; those that are not here show their loss."""


def make_validation(views: ClipViews, model: PretextModel, data: DataOptions) -> Validation | None:
    """The probe of a pretext over development clips."""
    return PROBES.get(model.name, make_loss_validation)(views, model, data)
