"""`Loss`, candidates, similarities, gathering over processes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, distributed, nn
from torch.autograd import Function
from torch.nn import functional as F

SimilarityName = Literal["angular", "inverse-euclidean"]


Distance = Literal["cosine", "euclidean"]
"""What two embeddings are compared by once training is over."""


MIN_DISTANCE = 1e-3
"""Distances are clamped here: the square root has no gradient at 0, and 1/0 is no logit."""


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distance of every x to every y.

    Args:
        x: (..., N, D).
        y: (..., M, D).

    Returns:
        (..., N, M), at least `MIN_DISTANCE`.
    """
    squared = x.square().sum(-1).unsqueeze(-1) + y.square().sum(-1).unsqueeze(-2) - 2 * x @ y.transpose(-1, -2)
    return squared.clamp_min(MIN_DISTANCE**2).sqrt()


class InverseEuclidean(nn.Module):
    """s(x, y) = 1 / ||x - y||: the similarity of Perfect Match (Chung, Chung & Kang 2019, arXiv 1809.08001)."""

    distance: Distance = "euclidean"
    normalised = False

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits (..., N, M) of x (..., N, D) against y (..., M, D)."""
        return distances(x, y).reciprocal()


class Angular(nn.Module):
    """s(x, y) = w cos(x, y) + b with w learned.

    The angular variant of the cross-modal matching loss (Chung, Kang & Chung 2020, arXiv 2004.14326, as written
    down by arXiv 2005.08606). w starts at 10 and b at -5, as in the code of the same group. w is kept positive:
    a negative one would turn the choice upside down. b moves all logits of one softmax alike: its gradient is 0 but for
    rounding, so it is frozen, and kept only because published models carry it.
    """

    distance: Distance = "cosine"
    normalised = True
    smallest_scale = 1e-2

    def __init__(self, scale: float = 10.0, bias: float = -5.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.bias = nn.Parameter(torch.tensor(bias), requires_grad=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits (..., N, M) of x (..., N, D) against y (..., M, D)."""
        cosine = F.normalize(x, dim=-1) @ F.normalize(y, dim=-1).transpose(-1, -2)
        return self.scale.clamp_min(self.smallest_scale) * cosine + self.bias


def make_similarity(name: SimilarityName) -> Angular | InverseEuclidean:
    """The similarity of that name."""
    return Angular() if name == "angular" else InverseEuclidean()


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


def choice_loss(positive: Tensor, rivals: Tensor, against: Tensor, anchors: Tensor) -> Tensor:
    """Cross entropy of picking the positive among itself and its rivals, averaged over the anchors.

    Args:
        positive: (G, N) logits of the right answers.
        rivals: (G, N, M) logits of the others.
        against: (G, N, M) bool: which of the rivals take part.
        anchors: (G, N) bool: whose choices count.
    """
    logits = torch.cat([positive.unsqueeze(-1), rivals.masked_fill(~against, -torch.inf)], dim=-1)
    return mean_where(torch.logsumexp(logits, dim=-1) - positive, anchors)


def gather_processes(mine: Tensor) -> Tensor:
    """The tensors of all processes one after another along the first axis, each process's own gradient kept.

    The gradient of a process's share is the sum of what all processes ask of it. Each of them has the loss of all
    candidates, and data parallel training takes the mean of their gradients: what comes of it is the gradient of a
    single process that has all candidates itself.

    Args:
        mine: (B, ...), of the same shape and type on every process. All of them must call this at the same time.

    Returns:
        (world * B, ...) in the order of their ranks; ``mine`` where there is but one process.
    """
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() == 1:
        return mine
    return _Gather.apply(mine)  # type: ignore[no-any-return, no-untyped-call]


class _Gather(Function):
    """`torch.distributed.nn` has one too; it is deprecated from torch 2.13 on, its successor still private."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        parts = [torch.empty_like(mine, memory_format=torch.contiguous_format) for _ in _ranks()]
        distributed.all_gather(parts, mine.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)  # summed; gloo has no reduce_scatter
        return total.chunk(len(_ranks()))[distributed.get_rank()]


def _ranks() -> range:
    return range(distributed.get_world_size())


class Loss(nn.Module, ABC):
    """A loss over G groups of N candidates, whose positive pairs are those of the same index.

    Attributes:
        exclude: neighbours in time that are no negatives of each other (see `candidates`).
        distance: what embeddings trained by this loss are compared by.
        normalised: whether embeddings trained by this loss are L2-normalised.
        shared: how many numbers of an embedding, from the first on, are compared across the modalities; None compares
            all of them. The others tell apart within a modality only.
    """

    distance: Distance = "euclidean"
    normalised: bool = False
    shared_dims: int | None = None

    def __init__(self, exclude: int = 0) -> None:
        super().__init__()
        if exclude < 0:
            raise ValueError(f"exclude must be 0 or more neighbours, not {exclude}")
        self.exclude = exclude

    def forward(
        self,
        sound: Tensor,
        lips: Tensor,
        sound2: Tensor | None = None,
        lips2: Tensor | None = None,
        valid: Tensor | None = None,
        times: Tensor | None = None,
        seen: Tensor | None = None,
    ) -> Tensor:
        """The loss, a float32 scalar.

        Args:
            sound: (G, N, D) embeddings of the sound.
            lips: (G, N, D) embeddings of the picture.
            sound2: (G, N, D) second embeddings of the same things heard another time (another cut of the same
                voice): the positives within the modality. Only the separation losses look at them.
            lips2: likewise for the picture.
            valid: (G, N) bool, False where a candidate is padding.
            times: (G, N) place of each candidate in its clip, in frames; 0, 1, 2, ... by default.
            seen: (G, N) bool, False where a candidate has sound only, whatever ``lips`` holds for it. It stands among
                sounds then, where a loss compares those with each other, and nowhere else. All by default.
        """
        with torch.autocast(sound.device.type, enabled=False):
            sound, lips = sound.float(), lips.float()
            sound2 = sound if sound2 is None else sound2.float()
            lips2 = lips if lips2 is None else lips2.float()
            return self.compare(sound, lips, sound2, lips2, candidates(sound, valid, times, self.exclude, seen))

    @abstractmethod
    def compare(self, sound: Tensor, lips: Tensor, sound2: Tensor, lips2: Tensor, among: Candidates) -> Tensor:
        """The loss itself, on float32 tensors; ``sound2`` is ``sound`` where there are no second embeddings."""
