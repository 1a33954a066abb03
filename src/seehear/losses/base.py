"""Base class of the losses, candidates, similarities, and gathering across processes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, distributed, nn
from torch.autograd import Function
from torch.nn import functional as F

SimilarityName = Literal["angular", "inverse-euclidean"]


Distance = Literal["cosine", "euclidean"]
"""How embeddings are compared after training."""


MIN_DISTANCE = 1e-3
"""Lower bound of distances: the square root has no gradient at 0, and 1/0 is infinite."""


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances of every x to every y.

    Args:
        x: (..., N, D).
        y: (..., M, D).

    Returns:
        (..., N, M), at least `MIN_DISTANCE`.
    """
    squared = x.square().sum(-1).unsqueeze(-1) + y.square().sum(-1).unsqueeze(-2) - 2 * x @ y.transpose(-1, -2)
    return squared.clamp_min(MIN_DISTANCE**2).sqrt()


class InverseEuclidean(nn.Module):
    """s(x, y) = 1 / ||x - y||, the similarity of Perfect Match (Chung, Chung & Kang 2019, arXiv 1809.08001)."""

    distance: Distance = "euclidean"
    normalised = False

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits (..., N, M) of x (..., N, D) and y (..., M, D)."""
        return distances(x, y).reciprocal()


class Angular(nn.Module):
    """s(x, y) = w cos(x, y) + b with learned w.

    The angular variant of the cross-modal matching loss (Chung, Kang & Chung 2020, arXiv 2004.14326, as given in
    arXiv 2005.08606). w starts at 10 and b at -5, as in the group's code. w is kept positive: a negative one would
    invert the similarity. b shifts all logits of a softmax equally, so its gradient is 0 except for rounding; it is
    frozen, and kept only because published models contain it.
    """

    distance: Distance = "cosine"
    normalised = True
    smallest_scale = 1e-2

    def __init__(self, scale: float = 10.0, bias: float = -5.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.bias = nn.Parameter(torch.tensor(bias), requires_grad=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits (..., N, M) of x (..., N, D) and y (..., M, D)."""
        cosine = F.normalize(x, dim=-1) @ F.normalize(y, dim=-1).transpose(-1, -2)
        return self.scale.clamp_min(self.smallest_scale) * cosine + self.bias


def make_similarity(name: SimilarityName) -> Angular | InverseEuclidean:
    """Build a similarity by name."""
    return Angular() if name == "angular" else InverseEuclidean()


@dataclass(frozen=True, slots=True)
class Candidates:
    """Which candidates exist, and which are negatives of each other.

    Attributes:
        valid: (G, N) bool: candidates that exist; the rest is padding of shorter clips.
        negative: (G, N, N) bool: j is a negative of i. Never the positive j = i, never padding.
        of_sound: the same within audio only, if some candidates have no video; None if all have.
    """

    valid: Tensor
    negative: Tensor
    of_sound: Candidates | None = None

    @property
    def anchors(self) -> Tensor:
        """(G, N) bool: candidates that exist and have at least one negative."""
        return self.valid & self.negative.any(-1)


def candidates(
    sound: Tensor,
    valid: Tensor | None = None,
    times: Tensor | None = None,
    exclude: int = 0,
    seen: Tensor | None = None,
) -> Candidates:
    """Determine the negatives of every candidate of a group: all others except its neighbours in time.

    Neighbours share most of their frames, so that distinguishing them teaches noise; ``exclude`` of them on each side
    are left out.

    Args:
        sound: (G, N, D); only its shape and device matter.
        valid: (G, N) bool; by default all.
        times: (G, N) position of each candidate in its clip, in frames; by default 0, 1, 2, ...
        exclude: candidates with |time difference| <= exclude are not negatives of each other.
        seen: (G, N) bool, False if a candidate has only audio; it then only takes part in `Candidates.of_sound`.
    """
    if seen is not None:
        of_sound = candidates(sound, valid, times, exclude)
        return replace(candidates(sound, of_sound.valid & seen, times, exclude), of_sound=of_sound)
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
    """Mean of the values under the mask; 0, still connected to the graph, if the mask is empty."""
    return values.masked_fill(~mask, 0.0).sum() / mask.sum().clamp_min(1)


def choice_loss(positive: Tensor, rivals: Tensor, against: Tensor, anchors: Tensor) -> Tensor:
    """Cross entropy of choosing the positive among itself and the negatives, averaged over the anchors.

    Args:
        positive: (G, N) logits of the positives.
        rivals: (G, N, M) logits of the other candidates.
        against: (G, N, M) bool: candidates that are negatives.
        anchors: (G, N) bool: anchors to average over.
    """
    logits = torch.cat([positive.unsqueeze(-1), rivals.masked_fill(~against, -torch.inf)], dim=-1)
    return mean_where(torch.logsumexp(logits, dim=-1) - positive, anchors)


def gather_processes(mine: Tensor) -> Tensor:
    """Concatenate the tensors of all processes along the first axis, keeping gradients for the own part.

    The gradient of a process's part is the sum of the gradients of all processes. Each process computes the loss of
    all candidates, and data parallel training averages their gradients, so the result equals the gradient of a single
    process with all candidates.

    Args:
        mine: (B, ...), of the same shape and type on every process. All processes must call this at the same time.

    Returns:
        (world * B, ...) in the order of the ranks; ``mine`` if there is only one process.
    """
    if not _is_distributed() or distributed.get_world_size() == 1:
        return mine
    return _Gather.apply(mine)  # type: ignore[no-any-return, no-untyped-call]


def process_rank() -> int:
    """Position of this process's part in the result of `gather_processes`."""
    return distributed.get_rank() if _is_distributed() else 0


def _is_distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized()


class _Gather(Function):
    """Like the version in `torch.distributed.nn`, which is deprecated from torch 2.13; its successor is private."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        parts = [torch.empty_like(mine, memory_format=torch.contiguous_format) for _ in _ranks()]
        distributed.all_gather(parts, mine.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)  # gloo has no reduce_scatter
        return total.chunk(len(_ranks()))[distributed.get_rank()]


def _ranks() -> range:
    return range(distributed.get_world_size())


class Loss(nn.Module, ABC):
    """A loss over G groups of N candidates; candidates of the same index are positive pairs.

    A subclass declares a loss: with a name it can be registered (`seehear.registry.register`), and models then accept
    that name. The parameters of its ``__init__`` are its options.

    Attributes:
        name: value of the options that choose it.
        paper: where it was published.
        angular: whether it compares embeddings by cosine similarity by default, as joint requires.
        separates: value of the benchmark option ``loss.separation`` that chooses it: how it separates embeddings within
            a modality, ``none`` if it does not; None for losses to which separation cannot be added.
        exclude: number of neighbours in time that are not negatives (see `candidates`).
        distance: how embeddings trained by this loss are compared.
        normalised: whether embeddings trained by this loss are L2-normalised.
        shared_dims: number of leading dimensions that are compared across the modalities; None compares all of them.
            The others are used within a modality only.
    """

    registry_kind: ClassVar[str] = "loss"
    name: ClassVar[str]
    paper: ClassVar[str] = ""
    angular: ClassVar[bool] = False
    separates: ClassVar[str | None] = None
    distance: Distance = "euclidean"
    normalised: bool = False
    shared_dims: int | None = None

    def __init__(self, exclude: int = 0) -> None:
        super().__init__()
        if exclude < 0:
            raise ValueError(f"exclude must be 0 or more neighbours, not {exclude}")
        self.exclude = exclude

    @classmethod
    def option_names(cls) -> tuple[str, ...]:
        """Return the names of its options."""
        return tuple(signature(cls).parameters)

    @classmethod
    def check(cls, options: Mapping[str, Any], section: str, second_embeddings: bool) -> None:
        """Check the options of a model that uses this loss.

        Args:
            options: the model's values of `seehear.losses.COMMON_OPTIONS`, accepted by this loss or not.
            section: name of the model's options on the command line, for messages.
            second_embeddings: whether the model gives ``sound2`` and ``lips2`` to `forward`.

        Raises:
            ValueError: the loss cannot be used with these options.
        """
        if options.get("shared") is not None and "shared" not in cls.option_names():
            raise ValueError(f"the loss {cls.name} compares all of an embedding: leave out {section}.shared")

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
        """Compute the loss, a float32 scalar.

        Args:
            sound: (G, N, D) audio embeddings.
            lips: (G, N, D) video embeddings.
            sound2: (G, N, D) second embeddings of the same candidates (another segment of the same voice): the
                positives within the modality. Only the separation losses use them.
            lips2: likewise for the video.
            valid: (G, N) bool, False for padding.
            times: (G, N) position of each candidate in its clip, in frames; by default 0, 1, 2, ...
            seen: (G, N) bool, False if a candidate has only audio, whatever ``lips`` contains. It is then only used
                where a loss compares audio with audio. By default all True.
        """
        with torch.autocast(sound.device.type, enabled=False):
            sound, lips = sound.float(), lips.float()
            sound2 = sound if sound2 is None else sound2.float()
            lips2 = lips if lips2 is None else lips2.float()
            return self.compare(sound, lips, sound2, lips2, candidates(sound, valid, times, self.exclude, seen))

    @abstractmethod
    def compare(self, sound: Tensor, lips: Tensor, sound2: Tensor, lips2: Tensor, among: Candidates) -> Tensor:
        """The loss on float32 tensors; ``sound2`` is ``sound`` if there are no second embeddings."""
