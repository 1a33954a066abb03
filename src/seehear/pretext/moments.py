"""Moments of lips and of sound: from pictures to embeddings that are in step, which of them stand against which."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from seehear.encoders import LipsEncoder, Region
from seehear.losses.base import Loss
from seehear.losses.similarity import Distance, distances
from seehear.pretext.augment import PictureAugment
from seehear.pretext.view import scaled, view


def lip_pictures(
    video: Tensor, region: Region, lips: LipsEncoder, augment: PictureAugment, rng: Generator | None = None
) -> Tensor:
    """Pictures as a lip encoder takes them, disturbed if there is a generator.

    Args:
        video: uint8 (B, T, S, S, 3) RGB or (B, T, S, S) luma.
        region: what they show.
        lips: whom they are for.
        augment: what disturbs them.
        rng: where disturbances are drawn from.

    Returns:
        float32 (B, 3 or 1, T, size, size) in 0..1.

    Raises:
        ModelError: see `seehear.pretext.view.view`.
    """
    pictures = view(video, region, lips)
    if rng is None:
        return scaled(pictures, lips.size)
    disturbed: Tensor = augment(pictures.flatten(1, 2), pictures.shape[2], lips.size, rng)
    return disturbed.view(*pictures.shape[:3], *disturbed.shape[2:])


def in_step(embeddings: Tensor, spare: int, normalised: bool) -> Tensor:
    """(B, N, dim) without ``spare`` moments at either end, float32, of length 1 where compared by their angle."""
    embeddings = embeddings[:, spare : embeddings.shape[1] - spare].float()
    return F.normalize(embeddings, dim=-1) if normalised else embeddings


def draw_moments(groups: int, moments: int, wanted: int | None, spacing: int, rng: Generator | None) -> Tensor | None:
    """(groups, N) sorted moments, at least ``spacing`` apart; None where all of them take part.

    Args:
        groups: clips.
        moments: of each of them.
        wanted: how many of them are drawn, if there are so many.
        spacing: frames between two of them, at least.
        rng: where they are drawn from; without one all of them take part.
    """
    if rng is None or (wanted is None and spacing == 1):
        return None
    count = min(wanted or moments, max(1, moments // spacing))  # not one more, or there were no choice left
    free = moments - (count - 1) * (spacing - 1)  # draw without spacing, then push apart
    drawn = torch.rand(groups, free, generator=rng, device=rng.device).argsort(1)[:, :count].sort(1).values
    return drawn + torch.arange(count, device=rng.device) * (spacing - 1)


def at_moments(embeddings: Tensor, times: Tensor) -> Tensor:
    """(B, T, dim) at (B, N) moments -> (B, N, dim)."""
    return embeddings.gather(1, times.unsqueeze(-1).expand(-1, -1, embeddings.shape[2]))


def compare_moments(
    loss: Loss, sound: Tensor, lips: Tensor, wanted: int | None, spacing: int, rng: Generator | None
) -> dict[str, Tensor]:
    """What it costs to confuse the moments of each clip.

    Args:
        loss: between sound and lips.
        sound: (B, N, dim) embeddings.
        lips: (B, N, dim) embeddings of the same moments.
        wanted: see `draw_moments`, as are ``spacing`` and ``rng``.

    Returns:
        ``loss``; ``matched``, the share of the moments of sound whose nearest lips are their own; and the embeddings
        that took part, ``lips`` and ``sound``, without their graph.
    """
    times = draw_moments(len(lips), lips.shape[1], wanted, spacing, rng)
    if times is not None:
        lips, sound = at_moments(lips, times), at_moments(sound, times)
    cost = loss(sound, lips, times=times)
    lips, sound = lips.detach(), sound.detach()
    return {"loss": cost, "matched": matched(sound, lips, loss.distance), "lips": lips, "sound": sound}


@torch.no_grad()
def matched(sound: Tensor, lips: Tensor, distance: Distance) -> Tensor:
    """Share of (G, N, D) sounds whose nearest lips of the group are their own."""
    alike = sound @ lips.mT if distance == "cosine" else -distances(sound.float(), lips.float())
    own = torch.arange(alike.shape[1], device=alike.device)
    return (alike.argmax(2) == own).float().mean()
