"""Words on lips through all seeds and folds: the features of each clip computed once, over the whole of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seehear.clip import FPS
from seehear.corpus.split import Split, rows_of_part
from seehear.corpus.store import Corpus
from seehear.encoders.padded_lips import PaddedLips
from seehear.errors import CorpusError
from seehear.tasks.contenders import Contender
from seehear.tasks.lipreading.end_to_end import OnPictures
from seehear.tasks.lipreading.looks import Looks
from seehear.tasks.lipreading.sights import Sight
from seehear.tasks.lipreading.window import Window, WindowOptions, cut, window
from seehear.tasks.partition import Fold, Rows, known_speakers
from seehear.tasks.readouts.interface import Inputs, ReadOut
from seehear.tasks.readouts.options import TrainingOptions
from seehear.tasks.recordings import Recordings
from seehear.tasks.trials import Course, Protocol, Training

BATCH_FRAMES = 24 * FPS  # of pictures at a time: memory does not grow with the number of clips


class LipsCourse(Course):
    """Words that are seen, what they are and the folds: the same for every contender."""

    def __init__(
        self,
        words: Recordings,
        targets: Sequence[int],
        protocol: Protocol,
        corpus: Corpus,
        frames: WindowOptions,
        learning: TrainingOptions,
        held: Split,
    ) -> None:
        """Divides the words.

        Args:
            words: `Sight`s with the label ``word``.
            targets: the class of each.
            protocol: how; with the split ``source`` the test part is what ``held`` holds out.
            corpus: whose clips they are in.
            frames: which of them are read.
            learning: how encoders are trained along.
            held: what the model's training has kept for measuring.

        Raises:
            CorpusError: they cannot be divided so.
        """
        self._seen = [word for word in words if isinstance(word, Sight)]
        self._corpus, self._held, self._looks = corpus, held, Looks(corpus)
        self._boundaries, self._learning = frames.boundaries, learning
        self.device = torch.device(protocol.device)
        self._windows = [window(w.clip, w.length, w.between_s, w.whole, frames) for w in self._seen]
        super().__init__(words, targets, protocol, [word.labels["word"] for word in self._seen])

    def divided(self, seed: int) -> list[Fold]:
        """See `Course.divided`; ``source`` tests what the model's training has held out, whatever the seed.

        One in so many of the other sources (or speakers) is development, by the seed.
        """
        if self.protocol.split != "source":
            return super().divided(seed)
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
        """The clips that the model's training has kept for measuring: those it learns from all have faces."""
        faces = np.flatnonzero(self._corpus.seen)
        rows = rows_of_part(
            self._corpus.with_faces().manifest, "dev", self._held.every, self._held.by, str(self._corpus)
        )
        return set(faces[rows].tolist())

    def _groups(self) -> list[str]:
        """What is not on both sides: the source or the speaker of each word."""
        return known_speakers(self.recordings) if self._held.by == "speaker" else [word.source for word in self._seen]

    def _sound_inputs(self, rows: Rows, snr: float | None) -> Inputs:
        """Where the pictures are: they stand for the sound."""
        return [self._windows[row] for row in rows.tolist()]

    def _features(
        self, encoder: PaddedLips, layers: Sequence[str], readout: ReadOut, snr: float | None
    ) -> dict[str, dict[int, Any]]:
        return {layer: self._of_layer(encoder, layer, readout) for layer in layers}

    def _of_layer(self, encoder: PaddedLips, layer: str, readout: ReadOut) -> dict[int, Any]:
        kept: dict[int, Any] = {}
        by_clip: dict[int, list[int]] = defaultdict(list)
        for row, where in enumerate(self._windows):
            by_clip[where.clip].append(row)
        with torch.inference_mode():
            for clips in _alike({self._windows[rows[0]].clip: self._seen[rows[0]].length for rows in by_clip.values()}):
                whole = [(clip, 0, length) for clip, length in clips]
                seen = encoder(self._looks.at(whole, encoder.lips, self.device), layer)
                for (clip, _), features in zip(clips, seen, strict=True):
                    for row in by_clip[clip]:
                        kept[row] = self._word(features, self._windows[row], readout)
        return kept

    def _word(self, features: Tensor, where: Window, readout: ReadOut) -> Any:
        return readout.keep(cut(features, where, self._boundaries)[None], FPS)[0].cpu().numpy()

    def _with_weights(self, encoder: PaddedLips, contender: Contender, training: Training) -> ReadOut:
        share = self._learning.encoder_lr if contender.mode == "finetuned" else 1.0
        return OnPictures(
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
    """Batches of clips of one length, so that what is seen of one does not depend on its neighbours."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip, length in lengths.items():
        by_length[length].append(clip)
    for length, clips in by_length.items():
        size = max(1, BATCH_FRAMES // length)
        for first in range(0, len(clips), size):
            yield [(clip, length) for clip in clips[first : first + size]]
