"""A lip encoder trained together with the back end, from pictures to words: what frozen features are measured by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from seehear.encoders.padded_lips import PaddedLips
from seehear.pretext.augment import PictureAugment, PictureAugmentOptions
from seehear.tasks.lipreading.looks import Looks
from seehear.tasks.lipreading.window import Window, cut
from seehear.tasks.readouts.goals import Goal
from seehear.tasks.readouts.heads import MakeHead
from seehear.tasks.readouts.interface import Examples, Fitted, Inputs, ReadOut
from seehear.tasks.readouts.options import TrainingOptions
from seehear.tasks.readouts.training import keep_best, low_precision, seeded

MILD = PictureAugmentOptions(
    scale=0.08, rotation_deg=4.0, shift=0.05, shear=0.03, warp=0.0, jitter=0.0, held=0.0, light=0.4, blur=0.0,
    compression=0.0, noise=0.0, occlusion=0.0, flip=0.5,
)  # fmt: skip
"""What lip reading is usually trained with: a crop that moves, the mirror, some light."""

MOVED = 1  # frames by which a word's window is moved in training, either way


@dataclass(frozen=True)
class OnPictures(ReadOut):
    """A head trained together with a copy of the lip encoder below it. Inputs are `Window`s.

    The words of one clip go through together: their frames and those around them are looked at once.

    Attributes:
        encoder: whose weights training begins with.
        layer: whose features the head is given.
        make_head: of their width.
        goal: what for.
        options: how; ``batch`` counts words.
        encoder_lr: learning rate of the encoder's weights, as a share of the head's.
        looks: where the pictures are.
        lengths: of each clip, in frames.
        boundaries: tell the head which frames are the word's own.
        device: where.
    """

    encoder: PaddedLips
    layer: str | None
    make_head: MakeHead
    goal: Goal
    options: TrainingOptions
    encoder_lr: float
    looks: Looks
    lengths: Mapping[int, int]
    boundaries: bool
    device: torch.device

    def fit(self, train: Examples, dev: Examples, seed: int) -> Fitted:
        """Trains both."""
        with seeded(seed):
            network = _Network(deepcopy(self.encoder), self.layer, self.make_head, self.boundaries).to(self.device)
            self._first_look(network, train.inputs)
            groups = [
                {"params": list(network.head.parameters()), "lr": self.options.lr},
                {"params": list(network.encoder.parameters()), "lr": self.options.lr * self.encoder_lr},
            ]
            augment = PictureAugment(MILD).to(self.device)
            rng = Generator(self.device).manual_seed(seed)

            def losses() -> Iterator[Tensor]:
                for rows in self._batches(train.inputs, shuffled=True):
                    words = [self._moved(train.inputs[row]) for row in rows]
                    with low_precision(self.device.type):
                        out, lengths = network(*self._looked_at(words, augment, rng))
                    yield self.goal.loss(out, lengths, [train.targets[row] for row in rows])

            def score() -> float:
                return self.goal.score(self._said(network, dev.inputs), dev.targets)

            best = keep_best(network, groups, losses, score, self.options)
            return Fitted(partial(self._said, network), best)

    def _first_look(self, network: _Network, inputs: Inputs) -> None:
        """The head's measures, of features before any training."""
        network.eval()
        with torch.inference_mode():
            seen = [network.features(*self._looked_at([inputs[row] for row in rows])) for rows in self._batches(inputs)]
        network.head.standardise.measure(torch.cat([word for words in seen for word in words]).clone())  # type: ignore[union-attr,operator]

    @torch.inference_mode()
    def _said(self, network: _Network, inputs: Inputs) -> list[Any]:
        network.eval()
        said: dict[int, Any] = {}
        for rows in self._batches(inputs):
            with low_precision(self.device.type):
                out, lengths = network(*self._looked_at([inputs[row] for row in rows]))
            said |= zip(rows, self.goal.meaning(out, lengths), strict=True)
        return [said[row] for row in range(len(inputs))]

    def _batches(self, inputs: Sequence[Window], shuffled: bool = False) -> Iterator[list[int]]:
        """Rows of the words of whole clips, of one length each where nothing is learned from them."""
        by_clip: dict[int, list[int]] = defaultdict(list)
        for row, word in enumerate(inputs):
            by_clip[word.clip].append(row)
        clips = list(by_clip.values())
        if shuffled:
            clips = [clips[i] for i in torch.randperm(len(clips)).tolist()]
        else:
            clips.sort(key=lambda rows: self.lengths[inputs[rows[0]].clip])
        batch: list[int] = []
        for rows in clips:
            alike = not batch or self.lengths[inputs[batch[-1]].clip] == self.lengths[inputs[rows[0]].clip]
            if batch and (len(batch) + len(rows) > self.options.batch or not (shuffled or alike)):
                yield batch
                batch = []
            batch = batch + rows
        yield batch

    def _moved(self, word: Window) -> Window:
        return word.moved(int(torch.randint(-MOVED, MOVED + 1, ())), self.lengths[word.clip])

    def _looked_at(
        self, words: Sequence[Window], augment: PictureAugment | None = None, rng: Generator | None = None
    ) -> tuple[Tensor, list[list[Window]]]:
        """Pictures of the clips of some words, and the words of each clip, counted from the first of its pictures.

        Whole clips, as frozen features are computed; where something is learned, only as much as the words need.
        """
        by_clip: dict[int, list[Window]] = defaultdict(list)
        for word in words:
            by_clip[word.clip].append(word)
        parts = [(clip, 0, self.lengths[clip]) for clip in by_clip]
        if augment:
            parts = [self._needed(clip, inside) for clip, inside in by_clip.items()]
        counted = [
            [word.counted_from(first) for word in inside]
            for (_, first, _), inside in zip(parts, by_clip.values(), strict=True)
        ]
        return self.looks.at(parts, self.encoder.lips, self.device, augment, rng), counted

    def _needed(self, clip: int, words: Sequence[Window]) -> tuple[int, int, int]:
        reach = self.encoder.lips.context
        first, stop = min(word.first for word in words) - reach, max(word.stop for word in words) + reach
        return clip, max(0, first), min(self.lengths[clip], stop)


class _Network(nn.Module):
    """Encoder and head together, from pictures to what the head makes of each word."""

    def __init__(self, encoder: PaddedLips, layer: str | None, make_head: MakeHead, boundaries: bool) -> None:
        super().__init__()
        self.encoder, self.layer, self.boundaries = encoder, layer, boundaries
        self.head = make_head(encoder.layers[layer or encoder.read] + boundaries)

    def forward(self, pictures: Tensor, words: Sequence[Sequence[Window]]) -> tuple[Tensor, Tensor]:
        """Pictures of clips and the words of each -> what the head says of each word in a row, and their lengths."""
        seen = self.features(pictures, words)
        lengths = torch.tensor([len(word) for word in seen], device=pictures.device)
        return self.head(pad_sequence(seen, batch_first=True), lengths), lengths

    def features(self, pictures: Tensor, words: Sequence[Sequence[Window]]) -> list[Tensor]:
        """What the head is given: (frames, D) of each word."""
        clips = self.encoder(pictures, self.layer)
        return [cut(clip, word, self.boundaries) for clip, inside in zip(clips, words, strict=True) for word in inside]
