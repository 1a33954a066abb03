"""Which candidates of a group stand against which: shared by every loss."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who chooses, and among whom.

    Attributes:
        valid: (G, N) bool: candidates that exist (the rest is padding of shorter clips).
        negative: (G, N, N) bool: j stands as a negative against i. Never the positive j = i, never padding.
        of_sound: likewise for choices among sounds alone, where some candidates have no picture; None where all have.
    """

    valid: Tensor
    negative: Tensor
    of_sound: Candidates | None = None

    @property
    def anchors(self) -> Tensor:
        """(G, N) bool: those that exist and have at least one negative, so that there is a choice to make."""
        return self.valid & self.negative.any(-1)


def candidates(
    sound: Tensor,
    valid: Tensor | None = None,
    times: Tensor | None = None,
    exclude: int = 0,
    seen: Tensor | None = None,
) -> Candidates:
    """Pair every candidate of a group with its negatives: all the others, but for its neighbours in time.

    Neighbours share most of the frames that they see, so that telling them apart teaches noise; ``exclude`` of them
    on each side are left out.

    Args:
        sound: (G, N, D), for its shape and device.
        valid: (G, N) bool, all by default.
        times: (G, N) where each candidate lies in its clip, in frames; 0, 1, 2, ... by default.
        exclude: candidates with |time difference| <= exclude are no negatives of each other.
        seen: (G, N) bool, False where a candidate has sound only: it takes part in `Candidates.of_sound` alone.
    """
    if seen is not None:
        heard = candidates(sound, valid, times, exclude)
        return replace(candidates(sound, heard.valid & seen, times, exclude), of_sound=heard)
    groups, count, _ = sound.shape
    if valid is None:
        valid = torch.ones(groups, count, dtype=torch.bool, device=sound.device)
    negative = valid.unsqueeze(2) & valid.unsqueeze(1)
    negative = negative & ~torch.eye(count, dtype=torch.bool, device=sound.device)
    if exclude > 0:
        if times is None:
            times = torch.arange(count, device=sound.device).expand(groups, count)
        negative = negative & ((times.unsqueeze(2) - times.unsqueeze(1)).abs() > exclude)
    return Candidates(valid, negative)


def mean_where(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values where the mask holds; 0, still connected to the graph, where it holds nowhere."""
    return values.masked_fill(~mask, 0.0).sum() / mask.sum().clamp_min(1)


def choose(positive: Tensor, rivals: Tensor, against: Tensor, anchors: Tensor) -> Tensor:
    """Cross entropy of picking the positive among itself and its rivals, averaged over the anchors.

    Args:
        positive: (G, N) logits of the right answers.
        rivals: (G, N, M) logits of the others.
        against: (G, N, M) bool: which of the rivals take part.
        anchors: (G, N) bool: whose choices count.
    """
    logits = torch.cat([positive.unsqueeze(-1), rivals.masked_fill(~against, -torch.inf)], dim=-1)
    return mean_where(torch.logsumexp(logits, dim=-1) - positive, anchors)
