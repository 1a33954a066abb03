"""Words on lips through all seeds and folds: the features of each clip computed once, over the whole of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seehear.clip import FPS
from seehear.corpus.split import Split
from seehear.encoders.padded_lips import PaddedLips
from seehear.errors import CorpusError
from seehear.tasks.contenders import Contender
from seehear.tasks.lipreading.end_to_end import OnPictures
from seehear.tasks.lipreading.looks import Looks
from seehear.tasks.lipreading.sights import Sight
from seehear.tasks.lipreading.window import Window, WindowOptions, cut, window
from seehear.tasks.partition import Fold, Rows
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
        looks: Looks,
        frames: WindowOptions,
        learning: TrainingOptions,
        held: Split,
    ) -> None:
        """Divides the words.

        Args:
            words: `Sight`s with the label ``word``.
            targets: the class of each.
            protocol: how; with the split ``source`` the test part is what ``held`` holds out.
            looks: where their pictures are.
            frames: which of them are read.
            learning: how encoders are trained along.
            held: what the model's training has kept for measuring.

        Raises:
            CorpusError: they cannot be divided so.
        """
        self._seen = [word for word in words if isinstance(word, Sight)]
        self._held = held
        self._looks, self._boundaries, self._learning = looks, frames.boundaries, learning
        self.device = torch.device(protocol.device)
        self._windows = [window(w.clip, w.length, w.between_s, w.whole, frames) for w in self._seen]
        super().__init__(words, targets, protocol, [word.labels["word"] for word in self._seen])

    def divided(self, seed: int) -> list[Fold]:
        """See `Course.divided`; ``source`` tests what the model's training has held out, whatever the seed.

        One in so many of the other sources (or speakers) is development, by the seed.
        """
        if self.protocol.split != "source":
            return super().divided(seed)
        groups = self._groups()
        names = sorted(set(groups))
        test = set(names[:: self._held.every])
        rest = [name for name in names if name not in test]
        if len(rest) < 2:
            raise CorpusError(
                f"{self.recordings.name} has {len(names)} {self._held.by}s with words, too few for training, "
                "development and test; give more clips"
            )
        rng = np.random.default_rng([seed, 79])
        dev = {rest[i] for i in rng.permutation(len(rest))[: max(1, len(rest) // self._held.every)]}
        sides = np.array(["test" if group in test else "dev" if group in dev else "train" for group in groups])
        train, held, tested = (np.flatnonzero(sides == part) for part in ("train", "dev", "test"))
        return [Fold(train, held, tested)]

    def _groups(self) -> list[str]:
        """What is not on both sides: the source or the speaker of each word."""
        if self._held.by == "source":
            return [word.source for word in self._seen]
        from seehear.tasks.partition import known_speakers

        return known_speakers(self.recordings)

    def _inputs(self, kept: list[dict[int, Any]], place: int, rows: Rows) -> Inputs:
        """Features, or where the pictures are."""
        return [kept[place][row] if kept else self._windows[row] for row in rows.tolist()]

    def _features(self, encoder: PaddedLips, layer: str | None, readout: ReadOut, snr: float | None) -> dict[int, Any]:
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
