"""Lip reading through all folds, with frozen encoders and end to end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from seehear.clip import FPS
from seehear.data.corpus import Corpus, Split, rows_of_part
from seehear.errors import CorpusError
from seehear.evaluation.baselines import ComparedEncoder
from seehear.evaluation.cross_validation import CrossValidation, Protocol, TrainedHead
from seehear.evaluation.lip_clips import ClipPictures, VisibleWord, WindowOptions, WordWindow, cut_word, word_window
from seehear.evaluation.probes.heads import MakeHead
from seehear.evaluation.probes.interface import Examples, FittedProbe, Inputs, Objective, Probe, TrainingOptions
from seehear.evaluation.probes.training import bf16_autocast, fixed_seed, train_keep_best
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.splits import Fold, Rows, require_speakers
from seehear.models.picture_augmentation import PictureAugmentation, PictureAugmentationOptions
from seehear.nn.embed import PaddedLipEncoder
from seehear.progress import Progress

MILD_AUGMENTATION = PictureAugmentationOptions(
    scale=0.08, rotation_deg=4.0, shift=0.05, shear=0.03, warp=0.0, jitter=0.0, held=0.0, light=0.4, blur=0.0,
    compression=0.0, noise=0.0, occlusion=0.0, flip=0.5,
)  # fmt: skip
"""Usual augmentation for lip reading: moving crop, mirroring, some brightness."""


MAX_SHIFT = 1  # frames by which a word's window is moved in training, in either direction


@dataclass(frozen=True)
class FineTunedLipProbe(Probe):
    """A head trained together with a copy of the lip encoder below it. Inputs are `WordWindow` objects.

    The words of one clip are processed together: their frames and the context around them are encoded once.

    Attributes:
        encoder: its weights are the initial ones
        layer: layer whose features the head takes
        make_head: builds a head, given the number of features
        goal: loss and score
        options: how it is trained; ``batch`` counts words
        encoder_lr: learning rate of the encoder's weights, relative to that of the head
        looks: frames of the clips
        lengths: frames of each clip
        boundaries: mark for the head which frames are within the word
        device: where it is trained
    """

    encoder: PaddedLipEncoder
    layer: str | None
    make_head: MakeHead
    goal: Objective
    options: TrainingOptions
    encoder_lr: float
    looks: ClipPictures
    lengths: Mapping[int, int]
    boundaries: bool
    device: torch.device

    def fit(self, train: Examples, dev: Examples, seed: int) -> FittedProbe:
        """Train both."""
        with fixed_seed(seed):
            network = _Network(deepcopy(self.encoder), self.layer, self.make_head, self.boundaries).to(self.device)
            self._first_look(network, train.inputs)
            groups = [
                {"params": list(network.head.parameters()), "lr": self.options.lr},
                {"params": list(network.encoder.parameters()), "lr": self.options.lr * self.encoder_lr},
            ]
            augment = PictureAugmentation(MILD_AUGMENTATION).to(self.device)
            rng = Generator(self.device).manual_seed(seed)

            def losses() -> Iterator[Tensor]:
                for rows in self._batches(train.inputs, shuffled=True):
                    words = [self._moved(train.inputs[row]) for row in rows]
                    with bf16_autocast(self.device.type):
                        out, lengths = network(*self._looked_at(words, augment, rng))
                    yield self.goal.loss(out, lengths, [train.targets[row] for row in rows])

            def score() -> float:
                return self.goal.score(self._predict(network, dev.inputs), dev.targets)

            best = train_keep_best(network, groups, losses, score, self.options)
            return FittedProbe(partial(self._predict, network), best)

    def _first_look(self, network: _Network, inputs: Inputs) -> None:
        """Standardise the head's inputs by features before any training."""
        network.eval()
        with torch.inference_mode():
            features = [
                network.features(*self._looked_at([inputs[row] for row in rows])) for rows in self._batches(inputs)
            ]
        network.head.standardise.measure(torch.cat([word for words in features for word in words]).clone())  # type: ignore[union-attr,operator]

    @torch.inference_mode()
    def _predict(self, network: _Network, inputs: Inputs) -> list[Any]:
        network.eval()
        said: dict[int, Any] = {}
        for rows in self._batches(inputs):
            with bf16_autocast(self.device.type):
                out, lengths = network(*self._looked_at([inputs[row] for row in rows]))
            said |= zip(rows, self.goal.decode(out, lengths), strict=True)
        return [said[row] for row in range(len(inputs))]

    def _batches(self, inputs: Sequence[WordWindow], shuffled: bool = False) -> Iterator[list[int]]:
        """Return rows of the words of whole clips; batches of clips of equal length except in training."""
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

    def _moved(self, word: WordWindow) -> WordWindow:
        return word.moved(int(torch.randint(-MAX_SHIFT, MAX_SHIFT + 1, ())), self.lengths[word.clip])

    def _looked_at(
        self, words: Sequence[WordWindow], augment: PictureAugmentation | None = None, rng: Generator | None = None
    ) -> tuple[Tensor, list[list[WordWindow]]]:
        """Return frames of the clips of some words, and the words of each clip, relative to its first frame.

        Whole clips, as for frozen features; in training only as much as the words need.
        """
        by_clip: dict[int, list[WordWindow]] = defaultdict(list)
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

    def _needed(self, clip: int, words: Sequence[WordWindow]) -> tuple[int, int, int]:
        reach = self.encoder.lips.context
        first, stop = min(word.first for word in words) - reach, max(word.stop for word in words) + reach
        return clip, max(0, first), min(self.lengths[clip], stop)


class _Network(nn.Module):
    """Encoder and head together, from frames to the outputs for each word."""

    def __init__(self, encoder: PaddedLipEncoder, layer: str | None, make_head: MakeHead, boundaries: bool) -> None:
        super().__init__()
        self.encoder, self.layer, self.boundaries = encoder, layer, boundaries
        self.head = make_head(encoder.layers[layer or encoder.default_layer] + boundaries)

    def forward(self, pictures: Tensor, words: Sequence[Sequence[WordWindow]]) -> tuple[Tensor, Tensor]:
        """Return the head's outputs for each word in turn, and the lengths, from frames of clips and the words of
        each."""
        features = self.features(pictures, words)
        lengths = torch.tensor([len(word) for word in features], device=pictures.device)
        return self.head(pad_sequence(features, batch_first=True), lengths), lengths

    def features(self, pictures: Tensor, words: Sequence[Sequence[WordWindow]]) -> list[Tensor]:
        """Return the inputs of the head: (frames, D) of each word."""
        clips = self.encoder(pictures, self.layer)
        return [
            cut_word(clip, word, self.boundaries) for clip, inside in zip(clips, words, strict=True) for word in inside
        ]


BATCH_FRAMES = 24 * FPS  # frames per batch, so that memory does not grow with the number of clips


class LipCrossValidation(CrossValidation):
    """Words for lip reading, their classes and the folds: the same for every encoder."""

    def __init__(
        self,
        words: Recordings,
        targets: Sequence[int],
        protocol: Protocol,
        corpus: Corpus,
        frames: WindowOptions,
        learning: TrainingOptions,
        held: Split,
        progress: Progress | None = None,
    ) -> None:
        """Divide the words into folds.

        Args:
            words: `VisibleWord` objects with the label ``word``
            targets: the class of each
            protocol: how the task is measured; with the split ``source`` the test part is what ``held`` holds out
            corpus: the corpus of their clips
            frames: which frames are read
            learning: how encoders are trained
            held: split of the model's training
            progress: called with the share of the frames that are decoded, 0 to 1, and a text

        Raises:
            CorpusError: they cannot be divided like this.
        """
        self._seen = [word for word in words if isinstance(word, VisibleWord)]
        self._corpus, self._held, self._looks = corpus, held, ClipPictures(corpus, progress)
        self._boundaries, self._learning = frames.boundaries, learning
        self.device = torch.device(protocol.device)
        self._windows = [word_window(w.clip, w.length, w.between_s, w.whole, frames) for w in self._seen]
        super().__init__(words, targets, protocol, [word.labels["word"] for word in self._seen])

    def folds_of_seed(self, seed: int) -> list[Fold]:
        """See `CrossValidation.folds_of_seed`; ``source`` tests what the model's training has held out, with any seed.

        One in `HELD_OUT` of the other sources (or speakers) is development, by the seed.
        """
        if self.protocol.split != "source":
            return super().folds_of_seed(seed)
        held_out = self._held_out()
        tested = np.array([word.clip in held_out for word in self._seen], dtype=bool)
        groups = np.array(self._groups(), dtype=object)
        rest = sorted(set(groups[~tested]))
        if len(rest) < 2 or not tested.any():
            raise CorpusError(
                f"{self.recordings.name} has words of {len(set(groups))} {self._held.by}s, too few for training, "
                "development and test; give more clips"
            )
        rng = np.random.default_rng([seed, 82])
        dev = {rest[i] for i in rng.permutation(len(rest))[: max(1, len(rest) // self._held.every)]}
        held = ~tested & np.array([group in dev for group in groups], dtype=bool)
        return [Fold(np.flatnonzero(~tested & ~held), np.flatnonzero(held), np.flatnonzero(tested))]

    def _held_out(self) -> set[int]:
        """Return the clips that the model's training has held out; all clips in training have faces."""
        faces = np.flatnonzero(self._corpus.has_video)
        rows = rows_of_part(
            self._corpus.with_faces().manifest, "dev", self._held.every, self._held.by, str(self._corpus)
        )
        return set(faces[rows].tolist())

    def _groups(self) -> list[str]:
        """Return what must not be on both sides: the source or the speaker of each word."""
        return require_speakers(self.recordings) if self._held.by == "speaker" else [word.source for word in self._seen]

    def _sound_inputs(self, rows: Rows, snr: float | None) -> Inputs:
        """Return the windows of the words, the input if the encoder is trained."""
        return [self._windows[row] for row in rows.tolist()]

    def _features(
        self, encoder: PaddedLipEncoder, layers: Sequence[str], readout: Probe, snr: float | None
    ) -> dict[str, dict[int, Any]]:
        return {layer: self._of_layer(encoder, layer, readout) for layer in layers}

    def _of_layer(self, encoder: PaddedLipEncoder, layer: str, readout: Probe) -> dict[int, Any]:
        kept: dict[int, Any] = {}
        by_clip: dict[int, list[int]] = defaultdict(list)
        for row, where in enumerate(self._windows):
            by_clip[where.clip].append(row)
        with torch.inference_mode():
            for clips in _alike({self._windows[rows[0]].clip: self._seen[rows[0]].length for rows in by_clip.values()}):
                whole = [(clip, 0, length) for clip, length in clips]
                outputs = encoder(self._looks.at(whole, encoder.lips, self.device), layer)
                for (clip, _), features in zip(clips, outputs, strict=True):
                    for row in by_clip[clip]:
                        kept[row] = self._word(features, self._windows[row], readout)
        return kept

    def _word(self, features: Tensor, where: WordWindow, readout: Probe) -> Any:
        return readout.keep(cut_word(features, where, self._boundaries)[None], FPS)[0].cpu().numpy()

    def _with_weights(self, encoder: PaddedLipEncoder, contender: ComparedEncoder, training: TrainedHead) -> Probe:
        share = self._learning.encoder_lr if contender.mode == "finetuned" else 1.0
        return FineTunedLipProbe(
            encoder,
            contender.layer,
            training.make_head,
            training.goal,
            self._learning,
            share,
            self._looks,
            {word.clip: word.length for word in self._seen},
            self._boundaries,
            self.device,
        )


def _alike(lengths: dict[int, int]) -> Iterator[list[tuple[int, int]]]:
    """Return batches of clips of equal length, so that the features of one do not depend on the others."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip, length in lengths.items():
        by_length[length].append(clip)
    for length, clips in by_length.items():
        size = max(1, BATCH_FRAMES // length)
        for first in range(0, len(clips), size):
            yield [(clip, length) for clip in clips[first : first + size]]
