"""Inputs of lip reading: clips, the words in them, and their frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, floor
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from seehear.clip import FPS
from seehear.config import check_minimums
from seehear.data.corpus import Corpus
from seehear.data.manifest import LABEL_PREFIX, label_columns
from seehear.data.views import ClipViews
from seehear.errors import MediaError
from seehear.evaluation.recordings import CachedSound, Recording, Recordings, Sound, Spans, clip_spans
from seehear.evaluation.words import LABEL, SPANS, isolated_words
from seehear.models.inputs import lip_input
from seehear.models.picture_augmentation import PictureAugmentation
from seehear.nn.interface import LipEncoder
from seehear.progress import Progress

MIN_FRAMES = 2
"""Frames of the shortest word that is read."""


@dataclass(frozen=True)
class WindowOptions:
    """The frames that a word is read from.

    Attributes:
        frames: this many around the middle of the word, such as the 29 of LRW's clips; by default the word and its
            margin, or the whole of a clip of one word
        margin: frames on either side of a word that is cut out of a sentence: lips move before the sound begins
        boundaries: mark for the probe which frames are within the word, where its times are known (word boundary
            indicators, arXiv 2209.01383)
    """

    frames: int | None = None
    margin: int = 4
    boundaries: bool = True

    def __post_init__(self) -> None:
        check_minimums("window", self, margin=0)
        if self.frames is not None:
            check_minimums("window", self, frames=MIN_FRAMES)

    def description(self) -> str:
        """Return the description in the settings of a result."""
        around = f"{self.frames} around its middle" if self.frames else f"its own and {self.margin} on either side"
        return around + (", word boundaries given" if self.boundaries else "")


class WordWindow(NamedTuple):
    """Frames [first, stop) of a clip; those whose middle is in [begins, ends) are within the word."""

    clip: int
    first: int
    stop: int
    begins: float
    ends: float

    def moved(self, by: int, length: int) -> WordWindow:
        """Return the window moved by some frames, within a clip of this length."""
        by = max(-self.first, min(by, length - self.stop))
        return self._replace(first=self.first + by, stop=self.stop + by)

    def counted_from(self, frame: int) -> WordWindow:
        """Return the window relative to a part of the clip that begins at this frame."""
        shifted = {"first": self.first - frame, "stop": self.stop - frame}
        return self._replace(begins=self.begins - frame, ends=self.ends - frame, **shifted)


def word_window(
    clip: int, length: int, between_s: tuple[float, float] | None, whole: bool, options: WindowOptions
) -> WordWindow:
    """Return the window of a word.

    Args:
        clip: its row in the corpus
        length: frames of the clip
        between_s: start and end of the word, where known
        whole: whether the clip is of this word alone
        options: how much is read

    Returns:
        At least `MIN_FRAMES` frames, if the clip has them.
    """
    begins, ends = (FPS * s for s in between_s) if between_s else (0.0, float(length))
    if options.frames:
        first = round((begins + ends - options.frames) / 2)
        stop = first + options.frames
    elif whole:
        first, stop = 0, length
    else:
        first, stop = floor(begins) - options.margin, ceil(ends) + options.margin
    first = max(0, min(first, length - MIN_FRAMES))
    stop = min(length, max(stop, first + MIN_FRAMES))
    return WordWindow(clip, first, stop, begins, ends)


def cut_word(features: Tensor, where: WordWindow, boundaries: bool) -> Tensor:
    """Cut the features of a word out of those of its clip.

    Args:
        features: (T, D)
        where: the frames
        boundaries: add a feature that is 1 in frames within the word, else 0

    Returns:
        (stop - first, D or D + 1).
    """
    own_features = features[where.first : where.stop]
    if not boundaries:
        return own_features
    middle = torch.arange(where.first, where.stop, device=own_features.device) + 0.5
    own = (middle >= where.begins) & (middle < where.ends)
    return F.pad(own_features, (0, 1)) + F.pad(own[:, None].to(own_features), (own_features.shape[1], 0))


class ClipPictures:
    """The frames of a corpus: every view is decoded once and cached on disk, also for pretraining."""

    def __init__(self, corpus: Corpus, progress: Progress | None = None) -> None:
        """Decode nothing yet."""
        self._corpus, self._progress = corpus, progress
        self._views: dict[str, ClipViews] = {}
        self._calm = PictureAugmentation()

    def at(
        self,
        parts: Sequence[tuple[int, int, int]],
        lips: LipEncoder,
        device: torch.device,
        augment: PictureAugmentation | None = None,
        rng: Generator | None = None,
    ) -> Tensor:
        """Return parts of clips; those that are shorter than the longest one repeat their last frame.

        Args:
            parts: clip, first frame and the frame after the last of each
            lips: encoder that the frames are for
            device: device of the result
            augment: augmentation
            rng: random generator of the augmentation; None for no augmentation

        Returns:
            Float32 (B, 1 or 3, T, size, size) in 0..1.

        Raises:
            CorpusError: a clip cannot be read, or there is no disk space for the view.
        """
        views = self._of(lips)
        frames = max(stop - first for _, first, stop in parts)
        video = np.empty((len(parts), frames, *views.shape), dtype=np.uint8)
        for place, (clip, first, stop) in zip(video, parts, strict=True):
            place[: stop - first] = views.window(clip, first, stop - first)[0]
            place[stop - first :] = place[stop - first - 1]
        return lip_input(torch.from_numpy(video).to(device), lips.region, lips, augment or self._calm, rng)

    def _of(self, lips: LipEncoder) -> ClipViews:
        name = "face" if lips.region == "face" else "mouth" if lips.colour else "mouth-luma"
        if name not in self._views:
            self._views[name] = ClipViews(self._corpus, name, progress=self._progress)
        return self._views[name]


class VisibleWord(Recording):
    """A clip, or a word in it, for lip reading.

    Attributes:
        clip: its row in the corpus
        length: video frames of the clip
        between_s: start and end of the word in seconds from the start of the clip; None where unknown
        whole: whether the clip is of this word alone
    """

    def __init__(
        self,
        name: str,
        source: str,
        labels: Mapping[str, str],
        clip: int,
        length: int,
        spans: Callable[[], Spans] = dict,
        between_s: tuple[float, float] | None = None,
        whole: bool = True,
    ) -> None:
        """Read nothing yet."""
        super().__init__(name, source, labels, CachedSound(_no_sound), spans)
        self.clip, self.length, self.between_s, self.whole = clip, length, between_s, whole

    def cut(self, name: str, start_s: float, end_s: float, labels: Mapping[str, str]) -> VisibleWord:
        """Return a word of the clip."""
        both = {**self.labels, **labels}
        return VisibleWord(name, self.source, both, self.clip, self.length, between_s=(start_s, end_s), whole=False)

    def of_one_word(self) -> VisibleWord:
        """Return the same clip with the times of its word, if it has exactly one with times."""
        times = [
            (s.start_s, s.end_s) for s in self.spans.get(SPANS, ()) if s.text.lower() == self.labels[LABEL].lower()
        ]
        between_s = times[0] if len(times) == 1 else None
        return VisibleWord(self.name, self.source, self.labels, self.clip, self.length, between_s=between_s)


def visible_words(
    corpus: Corpus,
    where: Sequence[str] = (),
    vocabulary: int | None = None,
    min_count: int = 10,
    min_speakers: int = 1,
) -> Recordings:
    """Return the words of a corpus that can be lip-read: `VisibleWord` objects with the label ``word``.

    Clips with that label are of one word each; out of the others, words are cut where their times are known. Words that
    are shorter than two video frames, or that continue beyond their clip, are left out and listed.

    Args:
        corpus: with faces
        where, vocabulary, min_count, min_speakers: see `Recordings.where` and `isolated_words`

    Raises:
        CorpusError: no faces, neither words nor their times, or fewer than two words remain.
    """
    clips = _clips(corpus).where(where)
    words = isolated_words(clips, min_count=1)
    visible = [word for word in words if isinstance(word, VisibleWord)]
    left_out = {word.name: problem for word in visible if (problem := _problem(word))}
    kept = [word.of_one_word() if word.whole else word for word in visible if word.name not in left_out]
    return isolated_words(Recordings(kept, words.name, words.left_out | left_out), vocabulary, min_count, min_speakers)


def _problem(word: VisibleWord) -> str:
    """Return why a word cannot be read, if it cannot."""
    if word.length < MIN_FRAMES:
        return f"its clip has {word.length} video frames, and a word needs {MIN_FRAMES}"
    if word.between_s and word.between_s[1] > (word.length + 0.5) / FPS and not word.whole:
        return f"the word {word.labels[LABEL]!r} goes on where its clip ends"
    return ""


def _clips(corpus: Corpus) -> Recordings:
    """Return a `VisibleWord` for each clip."""
    names = label_columns(corpus.with_faces().manifest)
    sights: list[Recording] = []
    left_out = {}
    for clip, row in enumerate(corpus.manifest.to_pylist()):
        root = corpus.roots[row["corpus"]]
        prefix = f"{root.name}/" if len(corpus.roots) > 1 else ""
        if not row["video_size"]:
            left_out[prefix + row["key"]] = "it is audio alone"
            continue
        labels = {name: row[LABEL_PREFIX + name] for name in names if row[LABEL_PREFIX + name]}
        spans = partial(clip_spans, root, row)
        sights.append(VisibleWord(prefix + row["key"], prefix + row["source"], labels, clip, row["frames"], spans))
    return Recordings(sights, str(corpus), left_out)


def _no_sound() -> Sound:
    raise MediaError("x-never")
