"""Contrastive predictive coding: of many moments of sound, tell which one follows.

Van den Oord, Li & Vinyals 2018, arXiv 1807.03748, sections 2 and 3.1: an audio-only baseline of Shukla et al. 2020.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from seehear.bounds import require_at_least
from seehear.encoders.strided import StridedOptions, StridedSpeech
from seehear.errors import ModelError
from seehear.pretext.interface import Pretext


@dataclass(frozen=True)
class CPCOptions:
    """The cpc pretext: its encoder, how far ahead it predicts, and from among how many.

    Attributes:
        pretext: whose options these are.
        channels: of the strided convolutions.
        hidden: width of the GRU whose states are the features.
        steps: moments ahead that are predicted, 10 ms each.
        anchors: moments of each clip, drawn at random, that it is predicted from. What follows one of them is a
            negative for all others, of the same clip and of the others of the batch.
    """

    pretext: Literal["cpc"] = "cpc"
    channels: int = 512
    hidden: int = 256
    steps: int = 12
    anchors: int = 16

    def __post_init__(self) -> None:
        require_at_least("model", self, channels=1, hidden=1, steps=1, anchors=1)


class CPCModel(Pretext):
    """A strided encoder of raw sound, a GRU over it, and a linear layer for each step ahead.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
    """

    name = "cpc"
    Options = CPCOptions
    shown = ("matched",)
    needs_pictures = False
    view = "mouth-luma"  # which is not looked at, and which sync keeps too

    def __init__(self, options: CPCOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or CPCOptions()
        self.config: dict[str, Any] = {"pretext": self.name, "model": asdict(o)}
        self.encoder = StridedSpeech(StridedOptions(o.channels, o.hidden))
        self.predict = nn.Linear(o.hidden, o.steps * o.channels, bias=False)

    @property
    def speech(self) -> StridedSpeech:
        """The encoder of sound."""
        return self.encoder

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """One training step's loss.

        Args:
            batch: clips of one length; only ``audio`` is heard.
            rng: where anchors are drawn from; without one they are spread evenly.

        Returns:
            ``loss``, InfoNCE (equation 4) averaged over steps and anchors; and ``matched``, the share of predictions
            that are nearest to what really follows.

        Raises:
            ModelError: the clips are shorter than the steps.
        """
        moments = self.encoder.moments(batch["audio"].float())
        times = self._anchors(moments, rng)
        contexts = _at(self.encoder.contexts(moments), times)
        predicted = self.predict(contexts).float().unflatten(-1, (self.options.steps, -1))
        losses, hits = [], []
        for step in range(self.options.steps):
            logits = predicted[:, :, step].flatten(0, 1) @ _at(moments, times + step + 1).flatten(0, 1).T
            own = torch.arange(len(logits), device=logits.device)
            losses.append(F.cross_entropy(logits, own))
            hits.append((logits.detach().argmax(1) == own).float().mean())
        return {"loss": torch.stack(losses).mean(), "matched": torch.stack(hits).mean()}

    def _anchors(self, moments: Tensor, rng: Generator | None) -> Tensor:
        """(B, anchors) different moments of each clip, sorted, all of whose steps ahead are there."""
        clips, free = len(moments), moments.shape[1] - self.options.steps
        count = min(self.options.anchors, free)
        if count < 1:
            raise ModelError(
                f"windows of {10 * moments.shape[1]} ms are too short to predict {self.options.steps} steps of 10 ms "
                "ahead; raise data.min_frames and data.frames, or lower model.steps"
            )
        if rng is None:
            even = torch.linspace(0, free - 1, count, device=moments.device).long()
            return even.expand(clips, -1)
        drawn = torch.rand(clips, free, generator=rng, device=rng.device).argsort(1)[:, :count]
        return drawn.sort(1).values


def _at(values: Tensor, times: Tensor) -> Tensor:
    """(B, M, D) at (B, A) moments -> (B, A, D)."""
    return values.gather(1, times.unsqueeze(-1).expand(-1, -1, values.shape[2]))
