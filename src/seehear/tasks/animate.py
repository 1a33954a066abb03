"""What a model that animates is worth: how like the real pictures its own are, and whether their lips fit the sound.

Part of the gain over a still is not heard: a mouth that is half open all the time is nearer to a speaking one than a
shut mouth is, whatever is said. So each clip is drawn again with another clip's sound and with silence, and what counts
is by how much its own sound does better.
"""

from __future__ import annotations

import json as json_format
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seehear.clip import Clip, mouth_in
from seehear.corpus.detectors import FacesFrom
from seehear.corpus.split import By
from seehear.corpus.store import Corpus
from seehear.corpus.views import find_view
from seehear.errors import CorpusError
from seehear.pretext.animate import AnimateModel, planes
from seehear.progress import Telling
from seehear.tasks.animate_result import ANOTHER, OWN, REAL, SILENCE, STILL, AnimateResult, placed_over
from seehear.tasks.likeness import Likeness, joined, likeness
from seehear.tasks.parts import PartName, clips_of_part
from seehear.tasks.sync import distances_by_offset, found
from seehear.tasks.units import Units, units_of_manifest

if TYPE_CHECKING:
    from seehear.pretext.lipsync import LipSync

__all__ = ["AnimateResult", "Likeness", "animate_on", "evaluate_animate", "joined", "likeness", "measure"]

SHORTEST = 2
"""Frames: the still and one to compare."""


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

    Each clip is drawn from its first frame and its sound, and compared with what was filmed. It is drawn with another
    clip's sound and with silence, too: what counts is by how much its own does better.

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
    return replace(measure(trained, chosen, judge), faces=FacesFrom.of(trained.config, chosen.detectors))


def measure(model: AnimateModel, clips: Corpus, judge: LipSync | None = None) -> AnimateResult:
    """Animate clips from their first frames, with their own sound and with sounds that are not theirs, and compare.

    Args:
        model: in evaluation mode.
        clips: with sound, each of two frames or more.
        judge: a sync model that is asked about the drawn clips.
    """
    units = units_of_manifest(clips.manifest)
    others = another(clips.frames, units)
    parts: dict[str, list[Likeness]] = {}
    asked: dict[str, list[float]] = {}
    answered: list[int] = []
    with Telling("animating", len(clips)) as telling:
        for number, clip in enumerate(clips):
            sounds = {OWN: clip.audio}
            if others is not None:
                sounds[ANOTHER] = fitted(clips[int(others[number])].audio, len(clip.audio))
            sounds[SILENCE] = np.zeros_like(clip.audio)
            real = pictures(model, clip)
            drawn = {name: drawn_with(model, real, sound) for name, sound in sounds.items()}
            for name, film in drawn.items():
                found = likeness(film.unsqueeze(0), real.unsqueeze(0), model.options.region)
                parts.setdefault(name, []).append(found)
            if judge and (answers := _asked(judge, model, clip, real, drawn)):
                answered.append(number)
                for name, right in answers.items():
                    asked.setdefault(name, []).append(right)
            done = number + 1
            telling.update(done, f"{done / max(telling.elapsed_s, 1e-3):.1f} clips/s")
    placed = placed_over(asked, units.at(answered)) if answered else None
    return AnimateResult.of({name: joined(found) for name, found in parts.items()}, units, placed)


def another(frames: NDArray[np.int32], units: Units) -> NDArray[np.int64] | None:
    """For each clip one of another person (or source), whose sound is not its own: always the same one, (clips,).

    Half of the clips away, or the next after that which is of somebody else and not shorter; where all of others are
    shorter, the longest of them.

    Returns:
        None where all clips are of one person or source.
    """
    if len(units) < 2:
        return None
    count = len(frames)
    chosen = np.zeros(count, dtype=np.int64)
    for clip in range(count):
        order = (clip + count // 2 + np.arange(count)) % count
        strangers = order[units.of[order] != units.of[clip]]
        enough = strangers[frames[strangers] >= frames[clip]]
        chosen[clip] = enough[0] if len(enough) else strangers[np.argmax(frames[strangers])]
    return chosen


def fitted(sound: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """The beginning of a sound, or the sound again and again where it is too short: (samples,)."""
    return np.resize(sound, samples)


def pictures(model: AnimateModel, clip: Clip) -> Tensor:
    """The real pictures of a clip as the model sees them, (T, planes, S, S) in 0..1."""
    seen = torch.from_numpy(find_view(model.view).function(clip))
    return planes(seen.unsqueeze(0))[0]


def animated(model: AnimateModel, clip: Clip) -> tuple[Tensor, Tensor]:
    """The real pictures of a clip as the model sees them, and those it draws from the first: (T, planes, S, S)."""
    real = pictures(model, clip)
    return real, drawn_with(model, real, clip.audio)


def drawn_with(model: AnimateModel, real: Tensor, sound: NDArray[np.float32]) -> Tensor:
    """What the model draws from the first of these pictures and a sound of their length, (T, planes, S, S)."""
    device = next(model.parameters()).device
    pieces = model.animate(real[0].to(device), torch.from_numpy(sound).to(device))
    return torch.cat([piece.cpu() for piece in pieces])


def _asked(
    judge: LipSync, model: AnimateModel, clip: Clip, real: Tensor, drawn: Mapping[str, Tensor]
) -> dict[str, float]:
    """Whether lips are placed within a frame of the clip's own sound (1) or not (0): those drawn with each sound, real
    ones and the still's; nothing where the clip is too short."""
    stood = real[:1].expand_as(real)
    changes = {name: film - stood for name, film in drawn.items() if name != SILENCE}
    films = {name: full_size(clip, change, model) for name, change in changes.items()}
    films |= {REAL: full_size(clip, None, model), STILL: full_size(clip, torch.zeros_like(real), model)}
    answers: dict[str, float] = {}
    with torch.inference_mode():
        sound = judge.embed_sound(torch.from_numpy(clip.audio).unsqueeze(0))[0].float()
        for name, film in films.items():
            lips = judge.embed_lips(film.unsqueeze(0))[0].float()
            apart = distances_by_offset(lips, sound, judge.distance)
            if not len(apart):
                return {}
            answers[name] = float(found(apart, len(apart)).item())
    return answers


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
