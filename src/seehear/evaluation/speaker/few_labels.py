"""Speaker embeddings trained with the labels of a few speakers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.clip import FPS
from seehear.config import check_minimums
from seehear.errors import CorpusError
from seehear.evaluation.features import device_of, padded
from seehear.evaluation.probes.heads import Standardise
from seehear.evaluation.probes.training import fixed_seed
from seehear.evaluation.recordings import Recording
from seehear.evaluation.speaker.voices import ModelVoice, Voice, embed_voices, segments
from seehear.losses.speaker import AMSoftmax, AngularPrototypical
from seehear.progress import Progress, Stage

LossName = Literal["am-softmax", "prototypical"]


GRADIENT = 5.0  # maximum norm


UTTERANCES = 2  # of each speaker in a batch: what the prototypical loss needs, and its authors found best


@dataclass(frozen=True)
class FewLabelOptions:
    """How speaker embeddings are trained with labels.

    Attributes:
        steps: number of batches
        speakers: in a batch, two utterances each
        dim: width of the layer on top
        lr: learning rate of Adam, with cosine decay to 0
        encoder_lr: learning rate of pretrained weights, relative to ``lr``
        margin: of am-softmax
        scale: of am-softmax
    """

    steps: int = 400
    speakers: int = 32
    dim: int = 128
    lr: float = 2e-3
    encoder_lr: float = 0.1
    margin: float = 0.2
    scale: float = 30.0

    def __post_init__(self) -> None:
        check_minimums("few", self, steps=1, speakers=2, dim=1, lr=0, encoder_lr=0, margin=0, scale=1e-6)


class Projection(nn.Module):
    """A linear layer on standardised vectors, to vectors of length 1."""

    def __init__(self, width: int, dim: int) -> None:
        """Build a layer from one width to the other."""
        super().__init__()
        self.standardise = Standardise(width)
        self.linear = nn.Linear(width, dim)

    def forward(self, vectors: Tensor) -> Tensor:
        """Map (N, width) to (N, dim)."""
        return F.normalize(self.linear(self.standardise(vectors)), dim=-1)


def train_speaker_head(
    voice: Voice,
    recordings: Sequence[Recording],
    moving: bool,
    loss: LossName,
    options: FewLabelOptions,
    seconds: float,
    share: float,
    seed: int,
    progress: Progress | None = None,
) -> nn.Module:
    """Train a network from audio to speaker embeddings on recordings with speaker labels.

    Args:
        voice: the initial network, which is not changed
        recordings: all with a speaker
        moving: train its weights too; else only a layer on top
        loss: loss
        options: how it is trained
        seconds: length of an utterance
        share: learning rate of the weights of ``voice``, relative to the others
        seed: of new weights and batches
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Returns:
        (B, 640 T) -> (B, dim), in evaluation mode.

    Raises:
        CorpusError: they are of one speaker only.
    """
    pieces = [piece for recording in recordings for piece in segments(recording, seconds)]
    by_speaker: dict[str, list[int]] = defaultdict(list)
    for row, piece in enumerate(pieces):
        by_speaker[str(piece.speaker)].append(row)
    if len(by_speaker) < 2:
        raise CorpusError("recordings of one speaker teach nothing of voices; train with two speakers or more")
    with fixed_seed(seed):
        body, device = deepcopy(voice), device_of(voice)
        vectors = torch.from_numpy(embed_voices(body, pieces, "hearing those who train", progress))
        width = vectors.shape[1]
        top: nn.Module = nn.Identity()
        if not (moving and isinstance(body, ModelVoice)):  # a model's own voice embedding is fine-tuned as it is
            top = projection = Projection(width, options.dim).to(device)
            projection.standardise.measure(vectors)
            width = options.dim
        groups: list[dict[str, Any]] = [{"params": list(top.parameters()), "lr": options.lr}]
        if moving:
            groups.append({"params": list(body.parameters()), "lr": options.lr * share})
        frames = max(1, round(seconds * FPS))

        def take(rows: list[int]) -> Tensor:
            if not moving:
                return projected(vectors[rows])
            return projected(body(padded([pieces[row].audio() for row in rows], frames).to(device)))

        def projected(embedded: Tensor) -> Tensor:
            embeddings: Tensor = top(embedded.to(device))
            return embeddings

        network = nn.Sequential(body, top).train(moving)
        _train(network, groups, take, list(by_speaker.values()), width, loss, options, progress)
        return network.eval()


def _train(
    network: nn.Module,
    groups: list[dict[str, Any]],
    take: Callable[[list[int]], Tensor],
    rows: Sequence[list[int]],
    width: int,
    loss: LossName,
    options: FewLabelOptions,
    progress: Progress | None,
) -> None:
    """Train with Adam and cosine decay to 0.

    Args:
        network: its gradients are clipped
        groups: groups of parameters, each with its learning rate
        take: rows of utterances -> their embeddings
        rows: of each speaker
        width: dimensions of an embedding
        loss: loss
        options: how it is trained
        progress: see `train_speaker_head`
    """
    named = AMSoftmax(width, len(rows), options.margin, options.scale)
    criterion = (named if loss == "am-softmax" else AngularPrototypical()).to(device_of(network))
    optimiser = torch.optim.Adam([*groups, {"params": list(criterion.parameters()), "lr": options.lr}])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, options.steps)
    rng = np.random.default_rng(torch.initial_seed() % 2**32)
    at_once = min(options.speakers, len(rows))
    stage = Stage(progress, "learning voices", options.steps)
    for step in range(options.steps):
        speakers = rng.choice(len(rows), at_once, replace=False)
        drawn = [int(row) for who in speakers for row in rng.choice(rows[who], UTTERANCES, len(rows[who]) < UTTERANCES)]
        embeddings = take(drawn)
        if isinstance(criterion, AMSoftmax):
            of = torch.from_numpy(speakers).repeat_interleave(UTTERANCES).to(embeddings.device)
            value = criterion(embeddings, of)
        else:
            value = criterion(embeddings.reshape(at_once, UTTERANCES, width))
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), GRADIENT)
        optimiser.step()
        schedule.step()
        stage.update(step + 1, f"loss {float(value.detach()):.3f}")
