"""Which recording was jumbled? Learning from sound alone (Shukla et al. 2020, arXiv 2005.01400, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from seehear.clip import SAMPLES_PER_FRAME

SHARE = 0.25
"""Of a batch's clips that are jumbled."""

WINDOW = 0.15
"""Length of either of the windows that change places, in lengths of the clip."""


class Odd(nn.Module):
    """Tells jumbled clips from whole ones by the mean of their features.

    The paper's classifier reads the last state of its recurrent encoder; the mean over time serves convolutions too.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.classes = nn.Linear(dim, 2)

    def forward(
        self, hear: Callable[[Tensor], Tensor], heard: Tensor, clean: Tensor, rng: Generator | None
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Features and loss.

        Jumbled clips are heard beside their whole selves, since no picture belongs to them; the whole selves do not
        take part in the question.

        Args:
            hear: the encoder, (B, 640 T) -> (B, T, dim).
            heard: disturbed sound, (B, 640 T).
            clean: not used.
            rng: decides what is jumbled; without one always the same.

        Returns:
            features of the whole clips (B, T, dim); the cross entropy; and ``told``, the share of right answers.
        """
        rng = rng or Generator(heard.device).manual_seed(0)
        count = max(1, round(SHARE * len(heard)))
        chosen = torch.randperm(len(heard), generator=rng, device=rng.device)[:count].to(heard.device)
        features = hear(torch.cat([heard, jumble(heard[chosen], rng)]))
        whole = torch.ones(len(heard), dtype=torch.bool, device=heard.device)
        whole[chosen] = False
        asked = torch.cat([features[: len(heard)][whole], features[len(heard) :]]).mean(1)
        truth = torch.zeros(len(asked), dtype=torch.long, device=heard.device)
        truth[len(asked) - count :] = 1
        answers = self.classes(asked).float()
        told = (answers.argmax(1) == truth).float().mean()
        return features[: len(heard)], F.cross_entropy(answers, truth), {"told": told}


def jumble(audio: Tensor, rng: Generator) -> Tensor:
    """Swap two windows of each clip, at random, not overlapping: (B, 640 T) -> (B, 640 T), whole video frames."""
    frames = audio.shape[1] // SAMPLES_PER_FRAME
    window = max(1, int(WINDOW * frames))
    if frames < 2 * window:
        return audio
    jumbled = audio.clone()
    for item, whole in zip(jumbled, audio, strict=True):
        first, second = torch.randint(frames - 2 * window + 1, (2,), generator=rng, device=rng.device).sort().values
        one = slice(int(first) * SAMPLES_PER_FRAME, (int(first) + window) * SAMPLES_PER_FRAME)
        other = slice((int(second) + window) * SAMPLES_PER_FRAME, (int(second) + 2 * window) * SAMPLES_PER_FRAME)
        item[one], item[other] = whole[other], whole[one]
    return jumbled
