"""What a model that animates is worth: how like the real pictures its own are, and whether their lips fit the sound."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seehear.clip import Clip, mouth_in
from seehear.corpus.split import By
from seehear.corpus.store import Corpus
from seehear.corpus.views import find_view
from seehear.errors import CorpusError
from seehear.pretext.animate import AnimateModel, planes
from seehear.progress import Telling
from seehear.tasks.likeness import Likeness, joined, likeness
from seehear.tasks.parts import PartName, clips_of_part
from seehear.tasks.significance import as_plain
from seehear.tasks.sync import CHANCE, TOLERANCE, distances_by_offset, found

if TYPE_CHECKING:
    from seehear.pretext.lipsync import LipSync

__all__ = ["AnimateResult", "Likeness", "Placed", "animate_on", "evaluate_animate", "joined", "likeness", "measure"]

SHORTEST = 2
"""Frames: the still and one to compare."""


@dataclass(frozen=True)
class Placed:
    """How many clips a sync model, asked for the offset of their sound, finds to be in sync.

    Attributes:
        drawn: share of the drawn clips.
        real: share of the real clips.
        still: share of the stills left as they are: what is found without any lips to look at.
        clips: that were long enough to ask.
    """

    drawn: float
    real: float
    still: float
    clips: int


@dataclass(frozen=True)
class AnimateResult:
    """How well clips are animated from their first frames.

    Attributes:
        lower: by which share the mouth of drawn frames is nearer to the real one than the still's is.
        low, high: 95 % interval of it, by a bootstrap over clips.
        drawn, copied: mean absolute differences in the mouth's square, in 0..1.
        whole: that of drawn frames over the whole picture.
        clips: how many there were.
        placed: what a sync model says; None where none was asked.
        draws: `lower` in each draw of clips with replacement, (R,). Not told.
    """

    lower: float
    low: float
    high: float
    drawn: float
    copied: float
    whole: float
    clips: int
    placed: Placed | None = None
    draws: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), compare=False, repr=False)

    @classmethod
    def of(cls, found: Likeness, placed: Placed | None = None) -> AnimateResult:
        """From what was measured clip by clip."""
        low, high = found.interval()
        drawn, copied, whole = (float(values.mean()) for values in (found.drawn, found.copied, found.whole))
        return cls(found.lower, low, high, drawn, copied, whole, len(found.drawn), placed, found.draws())

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return as_plain(self) | {"chance_placed": CHANCE}

    def __str__(self) -> str:
        lines = [
            f"mouth, L1: {self.drawn:.4f} drawn, {self.copied:.4f} copied still: {self.lower:.1%} lower "
            f"(95 % interval {self.low:.1%} to {self.high:.1%}, {self.clips} clips)",
            f"whole picture, L1: {self.whole:.4f} drawn",
        ]
        if self.placed:
            p = self.placed
            lines.append(
                f"in sync within ±{TOLERANCE} frame, says the sync model: {p.drawn:.1%} of drawn clips, "
                f"{p.real:.1%} of real ones, {p.still:.1%} of stills (chance {CHANCE:.1%}, {p.clips} clips)"
            )
        return "\n".join(lines)


def evaluate_animate(
    model: str,
    corpus: Path,
    split: PartName = "dev",
    split_by: By | None = None,
    dev_every: int | None = None,
    sync: str | None = None,
    clips: int | None = None,
    json: bool = False,
) -> str:
    """Say how well a model animates.

    Each clip is drawn from its first frame and its sound, and compared with what was filmed.

    Args:
        model: folder of a run, name of a model, or hf:owner/name on the Hugging Face hub.
        corpus: folder that `seehear prepare` has made.
        split: which of its clips: those that training keeps for measuring, those it learns from, all, or official,
            those whose label part is test.
        split_by: what is not on both sides of the split, sources or speakers; by default as in the model's training.
        dev_every: one source (or speaker) in so many is kept for measuring; by default as in the model's training.
        sync: a sync model, such as sync-small, that is asked whether drawn lips fit the sound.
        clips: take only so many, spread evenly.
        json: print one JSON object instead of words.

    Raises:
        ModelError: there is no such model, or it cannot draw.
        CorpusError: there is no such corpus, it cannot be split, it is sound alone, or none of the clips has sound.
    """
    result = animate_on(model, corpus, split, split_by, dev_every, sync, clips)
    return json_format.dumps(result.to_dict()) if json else str(result)


def animate_on(
    model: str,
    corpus: Path,
    split: PartName = "dev",
    split_by: By | None = None,
    dev_every: int | None = None,
    sync: str | None = None,
    clips: int | None = None,
) -> AnimateResult:
    """What `evaluate_animate` tells; see there.

    Raises:
        ModelError, CorpusError: see there.
    """
    from seehear.training.run import load_animate, load_sync

    if clips is not None and clips < 1:
        raise CorpusError(f"--clips must be 1 or more, not {clips}")
    trained = load_animate(model)
    judge = load_sync(sync) if sync else None
    chosen = clips_of_part(Corpus(corpus).with_faces(), split, trained.config, split_by, dev_every).with_sound()
    chosen = chosen.subset(np.flatnonzero(chosen.frames >= SHORTEST))
    if not chosen:
        raise CorpusError(f"{corpus} has no clips with sound in the split {split}; prepare videos that have sound")
    if clips is not None and clips < len(chosen):
        chosen = chosen.subset(np.linspace(0, len(chosen) - 1, clips).round().astype(int))
    return measure(trained, chosen, judge)


def measure(model: AnimateModel, clips: Corpus, judge: LipSync | None = None) -> AnimateResult:
    """Animate clips from their first frames, and compare.

    Args:
        model: in evaluation mode.
        clips: with sound, each of two frames or more.
        judge: a sync model that is asked about the drawn clips.
    """
    parts: list[Likeness] = []
    asked: list[tuple[bool, bool, bool]] = []
    with Telling("animating", len(clips)) as telling:
        for number, clip in enumerate(clips, 1):
            real, drawn = animated(model, clip)
            parts.append(likeness(drawn.unsqueeze(0), real.unsqueeze(0), model.options.region))
            if judge:
                asked += list(_asked(judge, model, clip, real, drawn))
            telling.update(number, f"{number / max(telling.elapsed_s, 1e-3):.1f} clips/s")
    return AnimateResult.of(joined(parts), _shares(asked) if asked else None)


def _shares(asked: list[tuple[bool, bool, bool]]) -> Placed:
    drawn, real, still = np.mean(asked, axis=0).tolist()
    return Placed(drawn, real, still, len(asked))


def animated(model: AnimateModel, clip: Clip) -> tuple[Tensor, Tensor]:
    """The real pictures of a clip as the model sees them, and those it draws from the first: (T, planes, S, S)."""
    seen = torch.from_numpy(find_view(model.view).function(clip))
    real = planes(seen.unsqueeze(0))[0]
    device = next(model.parameters()).device
    pieces = model.animate(real[0].to(device), torch.from_numpy(clip.audio).to(device))
    return real, torch.cat([piece.cpu() for piece in pieces])


def _asked(
    judge: LipSync, model: AnimateModel, clip: Clip, real: Tensor, drawn: Tensor
) -> Iterator[tuple[bool, bool, bool]]:
    """Whether drawn lips, real ones and the still's are placed within a frame; nothing where the clip is too short."""
    stood = real[:1].expand_as(real)
    films = (full_size(clip, change, model) for change in (drawn - stood, None, torch.zeros_like(drawn)))
    with torch.inference_mode():
        sound = judge.embed_sound(torch.from_numpy(clip.audio).unsqueeze(0))[0].float()
        answers = []
        for film in films:
            lips = judge.embed_lips(film.unsqueeze(0))[0].float()
            apart = distances_by_offset(lips, sound, judge.distance)
            if not len(apart):
                return
            answers.append(bool(found(apart, len(apart)).item()))
    drew, was, stayed = answers
    yield drew, was, stayed


def full_size(clip: Clip, change: Tensor | None, model: AnimateModel) -> Tensor:
    """A clip's crops, uint8 (T, S, S, 3): the first one with drawn changes; the real ones where there are none.

    Args:
        clip: whose.
        change: (T, planes, size, size), drawn minus still.
        model: that drew.
    """
    if change is None:
        return torch.from_numpy(clip.video)
    side = clip.video.shape[1]
    first = torch.from_numpy(clip.video[:1]).float().permute(0, 3, 1, 2)
    film = first.expand(len(change), -1, -1, -1).clone()
    rows, columns = mouth_in(side) if model.options.region == "mouth" else (slice(None), slice(None))
    part = film[..., rows, columns]
    part += 255 * F.interpolate(change, part.shape[-2:], mode="bicubic", align_corners=False)
    return film.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1)
