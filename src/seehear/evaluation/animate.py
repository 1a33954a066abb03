"""Task animate.

Part of the gain over a still is not heard: a mouth that is half open all the time is nearer to a speaking one than a
shut mouth is, whatever is said. So each clip is drawn again with another clip's sound and with silence, and what counts
is by how much its own sound does better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seehear.clip import Clip, mouth_slices
from seehear.data.corpus import By, Corpus
from seehear.data.manifest import DetectorProvenance
from seehear.data.views import find_view
from seehear.errors import CorpusError
from seehear.evaluation.recordings import units_of_manifest
from seehear.evaluation.result import describe_intervals, format_percent_range
from seehear.evaluation.splits import ClipPart, clips_of_part
from seehear.metrics.bootstrap import Comparison, Estimate, Units, estimate, paired_comparison, to_plain_dict, unit_sums
from seehear.metrics.scores import (
    CHANCE,
    REDUCTION_BOUNDS,
    TOLERANCE,
    MouthError,
    concatenate,
    distances_by_offset,
    error_rate,
    error_reduction,
    hits_offset,
    mouth_error,
)
from seehear.models.animate import AnimateModel, to_planes
from seehear.models.interface import LipSyncModel
from seehear.models.store import load_animate_model, load_sync_model
from seehear.progress import ProgressReporter
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType


OWN, ANOTHER, SILENCE = "own sound", "another clip's sound", "silence"
"""What a clip is drawn with."""


REAL, STILL = "real", "still"


@dataclass(frozen=True)
class Control:
    """Clips drawn with a sound that is not theirs.

    Attributes:
        sound: which.
        lower: by which share their mouths are nearer to the real ones than the still's are.
        gain: `lower` of their own sound less that, paired by person or source: what is heard.
    """

    sound: str
    lower: Estimate
    gain: Comparison


@dataclass(frozen=True)
class SyncJudgement:
    """How many clips a sync model, asked for the offset of their sound, finds to be in sync.

    Attributes:
        drawn: share of the clips drawn with their own sound.
        another: share of the clips drawn with another clip's sound; None where there was none.
        real: share of the real clips.
        still: share of the stills left as they are: what is found without any lips to look at.
        clips: that were long enough to ask.
    """

    drawn: Estimate
    another: Estimate | None
    real: Estimate
    still: Estimate
    clips: int


@dataclass(frozen=True, repr=False)
class AnimateEvaluation(Result):
    """How well clips are animated from their first frames.

    Attributes:
        lower: by which share the mouth of drawn frames is nearer to the real one than the still's is.
        low, high: 95 % interval of it, over people, or sources where these are not known.
        drawn, copied: mean absolute differences in the mouth's square, in 0..1.
        whole: that of drawn frames over the whole picture.
        clips: how many there were.
        units: what intervals are over: speakers or sources.
        unit_count: how many of them there were.
        controls: the same with sounds that are not the clips' own; what is claimed is the difference from the first.
        placed: what a sync model says; None where none was asked.
        draws: `lower` in each draw of the units with replacement, (R,). Not told.
        faces: which detector found them.
    """

    lower: float
    low: float
    high: float
    drawn: float
    copied: float
    whole: float
    clips: int
    units: str
    unit_count: int
    controls: tuple[Control, ...] = ()
    placed: SyncJudgement | None = None
    draws: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), compare=False, repr=False)
    faces: DetectorProvenance = field(default_factory=DetectorProvenance)

    @classmethod
    def of(
        cls, found: Mapping[str, MouthError], units: Units, placed: SyncJudgement | None = None
    ) -> AnimateEvaluation:
        """From what was measured clip by clip, with each sound."""
        own = found[OWN]
        sums = {name: one.sums(units) for name, one in found.items()}
        controls = tuple(
            Control(
                name,
                one.figure(units),
                paired_comparison(name, sums[OWN], sums[name], error_reduction, bounds=REDUCTION_BOUNDS),
            )
            for name, one in found.items()
            if name != OWN
        )
        told = own.figure(units)
        drawn, copied, whole = (float(values.mean()) for values in (own.drawn, own.copied, own.whole))
        return cls(
            told.value, told.low, told.high, drawn, copied, whole, len(own.drawn), units.kind, told.units, controls,
            placed, told.draws,
        )  # fmt: skip

    def control(self, sound: str) -> Control | None:
        """One of the controls; None where it was not drawn."""
        return next((one for one in self.controls if one.sound == sound), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return to_plain_dict(self) | {"chance_placed": CHANCE}

    SHOWN = ("lower", "low", "high", "clips", "unit_count", "units")

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        lines = [
            f"mouth, L1: {self.drawn:.4f} drawn, {self.copied:.4f} copied still: {self.lower:.1%} lower"
            f"{_between(self.low, self.high)}, {self.clips} clips",
            *(f"with {one.sound}: {one.lower.value:.1%} lower{_between(one.lower.low, one.lower.high)}"
              for one in self.controls),
            *(_gained(one) for one in self.controls),
            f"whole picture, L1: {self.whole:.4f} drawn",
        ]  # fmt: skip
        if self.placed:
            p = self.placed
            rows = [(p.drawn, "drawn clips"), (p.real, "real ones"), (p.still, "stills")]
            if p.another:
                rows.insert(1, (p.another, f"those drawn with {ANOTHER}"))
            shares = ", ".join(f"{one.value:.1%}{_between(one.low, one.high)} of {what}" for one, what in rows)
            lines.append(
                f"in sync within ±{TOLERANCE} frame, says the sync model: {shares} (chance {CHANCE:.1%}, {p.clips} "
                "clips)"
            )
        intervals = describe_intervals(self.unit_count, self.units, seeds=False)
        return Text("\n".join([*lines, intervals, *self.faces.lines()]))


def sync_judgement(asked: Mapping[str, Sequence[float]], units: Units) -> SyncJudgement:
    """Shares of the clips that were found to be in sync.

    Args:
        asked: kind of clip -> 1 for each that was found, 0 for each that was not.
        units: of these clips.
    """

    def share(name: str) -> Estimate:
        entries = np.stack([np.asarray(asked[name]), np.ones(len(asked[name]))], axis=1)
        return estimate(unit_sums(entries, units.of, len(units))[None], error_rate)

    another = share(ANOTHER) if ANOTHER in asked else None
    return SyncJudgement(share(OWN), another, share(REAL), share(STILL), len(asked[OWN]))


def _between(low: float, high: float) -> str:
    return "" if isnan(low) else f" ({format_percent_range(low, high)})"


def _gained(one: Control) -> str:
    """The claim: what the own sound adds, and whether that is sure."""
    gain = one.gain
    said = f"own sound less {one.sound}: {100 * gain.difference:+.1f} points"
    if isnan(gain.low):
        return said
    return f"{said} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f}), p = {gain.p:.4f}"


SHORTEST = 2
"""Frames: the still and one to compare."""


def evaluate_animate(
    model: str | Path | AnimateModel,
    corpus: str | Path,
    split: ClipPart = "dev",
    split_by: By | None = None,
    dev_every: int | None = None,
    sync_model: str | None = None,
    clips: int | None = None,
) -> AnimateEvaluation:
    """Evaluate how well a model animates: how near its frames are to the real ones.

    Each clip is generated from its first frame and its audio, and compared with the video. It is generated with another
    clip's audio and with silence, too: what counts is by how much its own does better.

    Args:
        model: folder of a run, name of a model, hf:owner/name on the Hugging Face hub, or a loaded model.
        corpus: folder that "seehear prepare" has made.
        split: which of its clips: those that training holds out (dev), those it learns from, all, or official, those
            whose label part is test.
        split_by: what is on one side of the split only, sources or speakers; by default as in the model's training.
        dev_every: every n-th source (or speaker) is held out; by default as in the model's training.
        sync_model: a sync model, such as sync-small, that judges whether generated lips fit the audio.
        clips: up to this many clips, spread evenly.

    Raises:
        ModelError: there is no such model, or it cannot draw.
        CorpusError: there is no such corpus, it cannot be split, it is sound alone, or none of the clips has sound.
    """
    if clips is not None and clips < 1:
        raise CorpusError(f"--clips must be 1 or more, not {clips}")
    trained = load_animate_model(model)
    judge = load_sync_model(sync_model) if sync_model else None
    chosen = clips_of_part(Corpus(corpus).with_faces(), split, trained.config, split_by, dev_every).with_sound()
    chosen = chosen.subset(np.flatnonzero(chosen.frames >= SHORTEST))
    if not chosen:
        raise CorpusError(f"{corpus} has no clips with sound in the split {split}; prepare videos that have sound")
    if clips is not None and clips < len(chosen):
        chosen = chosen.subset(np.linspace(0, len(chosen) - 1, clips).round().astype(int))
    return replace(
        measure_animation(trained, chosen, judge), faces=DetectorProvenance.of(trained.config, chosen.detectors)
    )


def measure_animation(model: AnimateModel, clips: Corpus, judge: LipSyncModel | None = None) -> AnimateEvaluation:
    """Animate clips from their first frames, with their own sound and with sounds that are not theirs, and compare.

    Args:
        model: in evaluation mode.
        clips: with sound, each of two frames or more.
        judge: a sync model that is asked about the drawn clips.
    """
    units = units_of_manifest(clips.manifest)
    others = other_clip(clips.frames, units)
    parts: dict[str, list[MouthError]] = {}
    asked: dict[str, list[float]] = {}
    answered: list[int] = []
    with ProgressReporter("animating", len(clips)) as telling:
        for number, clip in enumerate(clips):
            sounds = {OWN: clip.audio}
            if others is not None:
                sounds[ANOTHER] = fit_length(clips[int(others[number])].audio, len(clip.audio))
            sounds[SILENCE] = np.zeros_like(clip.audio)
            real = model_pictures(model, clip)
            drawn = {name: animate_with(model, real, sound) for name, sound in sounds.items()}
            for name, film in drawn.items():
                found = mouth_error(film.unsqueeze(0), real.unsqueeze(0), model.options.region)
                parts.setdefault(name, []).append(found)
            if judge and (answers := _sync_distances(judge, model, clip, real, drawn)):
                answered.append(number)
                for name, right in answers.items():
                    asked.setdefault(name, []).append(right)
            done = number + 1
            telling.update(done, f"{done / max(telling.elapsed_s, 1e-3):.1f} clips/s")
    placed = sync_judgement(asked, units.at(answered)) if answered else None
    return AnimateEvaluation.of({name: concatenate(found) for name, found in parts.items()}, units, placed)


def other_clip(frames: NDArray[np.int32], units: Units) -> NDArray[np.int64] | None:
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


def fit_length(sound: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """The beginning of a sound, or the sound again and again where it is too short: (samples,)."""
    return np.resize(sound, samples)


def model_pictures(model: AnimateModel, clip: Clip) -> Tensor:
    """The real pictures of a clip as the model sees them, (T, planes, S, S) in 0..1."""
    seen = torch.from_numpy(find_view(model.input_view).function(clip))
    return to_planes(seen.unsqueeze(0))[0]


def animate_clip(model: AnimateModel, clip: Clip) -> tuple[Tensor, Tensor]:
    """The real pictures of a clip as the model sees them, and those it draws from the first: (T, planes, S, S)."""
    real = model_pictures(model, clip)
    return real, animate_with(model, real, clip.audio)


def animate_with(model: AnimateModel, real: Tensor, sound: NDArray[np.float32]) -> Tensor:
    """What the model draws from the first of these pictures and a sound of their length, (T, planes, S, S)."""
    device = next(model.parameters()).device
    pieces = model.animate(real[0].to(device), torch.from_numpy(sound).to(device))
    return torch.cat([piece.cpu() for piece in pieces])


def _sync_distances(
    judge: LipSyncModel, model: AnimateModel, clip: Clip, real: Tensor, drawn: Mapping[str, Tensor]
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
            answers[name] = float(hits_offset(apart, len(apart)).item())
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
    rows, columns = mouth_slices(side) if model.options.region == "mouth" else (slice(None), slice(None))
    part = film[..., rows, columns]
    part += 255 * F.interpolate(change, part.shape[-2:], mode="bicubic", align_corners=False)
    return film.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1)
