"""Talking-face generation: distance of generated mouths from the real ones.

Part of the gain over a still does not come from the audio: a mouth that is half open all the time is closer to a
speaking one than a shut mouth, whatever is said. So each clip is also generated from another clip's audio and from
silence, and the score is by how much its own audio does better.
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
from seehear.evaluation.result import Measurement, describe_intervals, format_percent_range
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
from seehear.progress import Progress, Stage
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType


OWN, ANOTHER, SILENCE = "own sound", "another clip's sound", "silence"
"""Audio that a clip is generated from."""


REAL, STILL = "real", "still"

NEARER = "mouth nearer than the still"
NEARER_BY_OWN_SOUND = "mouth nearer by its own sound"
IN_SYNC = "drawn clips in sync"


@dataclass(frozen=True)
class Control:
    """Clips generated from audio that is not their own.

    Attributes:
        sound: which audio
        lower: by which share their mouths are closer to the real ones than those of the still
        gain: `lower` with their own audio minus that, paired by person or source: the effect of the audio
    """

    sound: str
    lower: Estimate
    gain: Comparison


@dataclass(frozen=True)
class SyncJudgement:
    """Shares of clips for which a sync model finds the audio offset to be right.

    Attributes:
        drawn: clips generated from their own audio
        another: clips generated from another clip's audio; None if there were none
        real: real clips
        still: still frames: the result without any lip movement
        clips: number of clips that were long enough
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
        lower: by which share the mouth of generated frames is closer to the real one than that of the still
        low, high: 95 % interval of it, over people, or over sources where people are not known
        drawn, copied: mean absolute difference of the mouth region from the real one, of generated frames and of the
            still, in 0..1
        whole: mean absolute difference of generated frames, over the whole frame
        clips: number of clips
        units: what intervals are over: speakers or sources
        unit_count: number of units
        controls: the same with other audio; claims are about the difference from the first
        placed: judgement of a sync model; None without one
        draws: `lower` in each bootstrap draw of the units, (R,); not in JSON
        faces: face detector of the corpus
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
        cls, errors: Mapping[str, MouthError], units: Units, placed: SyncJudgement | None = None
    ) -> AnimateEvaluation:
        """Build it from the errors of each clip with each audio."""
        own = errors[OWN]
        sums = {name: one.sums(units) for name, one in errors.items()}
        controls = tuple(
            Control(
                name,
                one.figure(units),
                paired_comparison(name, sums[OWN], sums[name], error_reduction, bounds=REDUCTION_BOUNDS),
            )
            for name, one in errors.items()
            if name != OWN
        )
        figure = own.figure(units)
        drawn, copied, whole = (float(values.mean()) for values in (own.drawn, own.copied, own.whole))
        return cls(
            figure.value, figure.low, figure.high, drawn, copied, whole, len(own.drawn), units.kind, figure.units,
            controls, placed, figure.draws,
        )  # fmt: skip

    def control(self, sound: str) -> Control | None:
        """Return one of the controls; None if it was not measured."""
        return next((one for one in self.controls if one.sound == sound), None)

    def measurement(self) -> Measurement:
        """Return the figures of the model; those of a sync model where one judged."""
        scores = {NEARER: self.lower, "L1 of the mouth": self.drawn, "L1 of the picture": self.whole}
        setting: dict[str, Any] = {"L1 of the mouth, still": self.copied}
        if another := self.control(ANOTHER):
            scores[NEARER_BY_OWN_SOUND] = another.gain.difference
        if self.placed:
            scores[IN_SYNC] = self.placed.drawn.value
            setting |= {"real clips in sync": self.placed.real.value, "stills in sync": self.placed.still.value}
        chance = {NEARER: 0.0, NEARER_BY_OWN_SOUND: 0.0, IN_SYNC: CHANCE}
        return Measurement(
            scores=scores,
            recordings=self.clips,
            tested=self.clips,
            units=self.units,
            unit_count=self.unit_count,
            draws=self.draws,
            chance={name: value for name, value in chance.items() if name in scores},
            setting=setting,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return to_plain_dict(self) | {"chance_placed": CHANCE}

    SHOWN = ("lower", "low", "high", "clips", "unit_count", "units")

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        lines = [
            f"mouth, L1: {self.drawn:.4f} generated, {self.copied:.4f} copied still: {self.lower:.1%} lower"
            f"{_between(self.low, self.high)}, {self.clips} clips",
            *(f"with {one.sound}: {one.lower.value:.1%} lower{_between(one.lower.low, one.lower.high)}"
              for one in self.controls),
            *(_gained(one) for one in self.controls),
            f"whole frame, L1: {self.whole:.4f} generated",
        ]  # fmt: skip
        if self.placed:
            p = self.placed
            rows = [(p.drawn, "generated clips"), (p.real, "real ones"), (p.still, "stills")]
            if p.another:
                rows.insert(1, (p.another, f"those generated with {ANOTHER}"))
            shares = ", ".join(f"{one.value:.1%}{_between(one.low, one.high)} of {what}" for one, what in rows)
            lines.append(
                f"in sync within ±{TOLERANCE} frame, by the sync model: {shares} (chance {CHANCE:.1%}, {p.clips} clips)"
            )
        intervals = describe_intervals(self.unit_count, self.units, seeds=False)
        return Text("\n".join([*lines, intervals, *self.faces.lines()]))


def sync_judgement(hits: Mapping[str, Sequence[float]], units: Units) -> SyncJudgement:
    """Compute the shares of clips that were found to be in sync.

    Args:
        hits: kind of clip -> 1 or 0 for each clip
        units: units of these clips
    """

    def share(name: str) -> Estimate:
        entries = np.stack([np.asarray(hits[name]), np.ones(len(hits[name]))], axis=1)
        return estimate(unit_sums(entries, units.of, len(units))[None], error_rate)

    another = share(ANOTHER) if ANOTHER in hits else None
    return SyncJudgement(share(OWN), another, share(REAL), share(STILL), len(hits[OWN]))


def _between(low: float, high: float) -> str:
    return "" if isnan(low) else f" ({format_percent_range(low, high)})"


def _gained(one: Control) -> str:
    """Describe the effect of the audio, and its significance."""
    gain = one.gain
    text = f"own sound less {one.sound}: {100 * gain.difference:+.1f} points"
    if isnan(gain.low):
        return text
    return f"{text} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f}), p = {gain.p:.4f}"


SHORTEST = 2
"""Minimum number of frames: the still and one to compare."""


def evaluate_animate(
    model: str | Path | AnimateModel,
    corpus: str | Path,
    split: ClipPart = "dev",
    split_by: By | None = None,
    dev_every: int | None = None,
    sync_model: str | None = None,
    clips: int | None = None,
    progress: Progress | None = None,
) -> AnimateEvaluation:
    """Evaluate how well a model animates: how near its frames are to the real ones.

    Each clip is generated from its first frame and its audio, and compared with the video. It is generated with another
    clip's audio and with silence, too: what counts is by how much its own does better.

    Args:
        model: folder of a run, name of a model, hf:owner/name on the Hugging Face hub, or a loaded model.
        corpus: folder that "seehear prepare" has made.
        split: which of its clips: those that training holds out (dev), those it trains on, all, or official, those
            whose label part is test.
        split_by: what is on one side of the split only, sources or speakers; by default as in the model's training.
        dev_every: every n-th source (or speaker) is held out; by default as in the model's training.
        sync_model: a sync model, such as sync-small, that judges whether generated lips fit the audio.
        clips: up to this many clips, spread evenly.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ModelError: there is no such model, or it cannot draw.
        CorpusError: there is no such corpus, it cannot be split, it is audio alone, or none of the clips has sound.
    """
    if clips is not None and clips < 1:
        raise CorpusError(f"--clips must be 1 or more, not {clips}")
    trained = load_animate_model(model)
    judge = load_sync_model(sync_model) if sync_model else None
    chosen = clips_of_part(Corpus(corpus).with_faces(), split, trained.config, split_by, dev_every).with_sound()
    chosen = chosen.subset(np.flatnonzero(chosen.frames >= SHORTEST))
    if not chosen:
        raise CorpusError(f"{corpus} has no clips with audio in the split {split}; prepare videos that have audio")
    if clips is not None and clips < len(chosen):
        chosen = chosen.subset(np.linspace(0, len(chosen) - 1, clips).round().astype(int))
    return replace(
        measure_animation(trained, chosen, judge, progress),
        faces=DetectorProvenance.of(trained.config, chosen.detectors),
    )


def measure_animation(
    model: AnimateModel, clips: Corpus, judge: LipSyncModel | None = None, progress: Progress | None = None
) -> AnimateEvaluation:
    """Animate clips from their first frames, with their own audio and with other audio, and compare.

    Args:
        model: in evaluation mode
        clips: with audio, each of at least two frames
        judge: sync model for the generated clips
        progress: called with the share of the clips that are done, 0 to 1, and a text
    """
    units = units_of_manifest(clips.manifest)
    others = other_clip(clips.frames, units)
    parts: dict[str, list[MouthError]] = {}
    hits: dict[str, list[float]] = {}
    answered: list[int] = []
    stage = Stage(progress, "animating", len(clips))
    for number, clip in enumerate(clips):
        sounds = {OWN: clip.audio}
        if others is not None:
            sounds[ANOTHER] = fit_length(clips[int(others[number])].audio, len(clip.audio))
        sounds[SILENCE] = np.zeros_like(clip.audio)
        real = model_pictures(model, clip)
        drawn = {name: animate_with(model, real, sound) for name, sound in sounds.items()}
        for name, video in drawn.items():
            error = mouth_error(video.unsqueeze(0), real.unsqueeze(0), model.options.region)
            parts.setdefault(name, []).append(error)
        if judge and (answers := _sync_distances(judge, model, clip, real, drawn)):
            answered.append(number)
            for name, right in answers.items():
                hits.setdefault(name, []).append(right)
        done = number + 1
        stage.update(done, f"{done / max(stage.elapsed_s, 1e-3):.1f} clips/s")
    placed = sync_judgement(hits, units.at(answered)) if answered else None
    return AnimateEvaluation.of({name: concatenate(error) for name, error in parts.items()}, units, placed)


def other_clip(frames: NDArray[np.int32], units: Units) -> NDArray[np.int64] | None:
    """Choose for each clip one of another person (or source), whose audio it gets: always the same one, (clips,).

    It is half of the clips away, or the next after that which is of somebody else and not shorter; if all others are
    shorter, the longest of them.

    Returns:
        None if all clips are of one person or source.
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
    """Cut audio to a length, or repeat it if it is too short: (samples,)."""
    return np.resize(sound, samples)


def model_pictures(model: AnimateModel, clip: Clip) -> Tensor:
    """Return the real frames of a clip as the model's input, (T, planes, S, S) in 0..1."""
    frames = torch.from_numpy(find_view(model.input_view).function(clip))
    return to_planes(frames.unsqueeze(0))[0]


def animate_clip(model: AnimateModel, clip: Clip) -> tuple[Tensor, Tensor]:
    """Return the real frames of a clip, and those generated from the first of them: both (T, planes, S, S)."""
    real = model_pictures(model, clip)
    return real, animate_with(model, real, clip.audio)


def animate_with(model: AnimateModel, real: Tensor, sound: NDArray[np.float32]) -> Tensor:
    """Generate frames from the first of these frames and audio of their length, (T, planes, S, S)."""
    device = next(model.parameters()).device
    pieces = model.animate(real[0].to(device), torch.from_numpy(sound).to(device))
    return torch.cat([piece.cpu() for piece in pieces])


def _sync_distances(
    judge: LipSyncModel, model: AnimateModel, clip: Clip, real: Tensor, drawn: Mapping[str, Tensor]
) -> dict[str, float]:
    """Whether lips are within a frame of the clip's own audio (1) or not (0): those generated from each audio, real
    ones and those of the still; empty if the clip is too short."""
    stood = real[:1].expand_as(real)
    changes = {name: video - stood for name, video in drawn.items() if name != SILENCE}
    videos = {name: full_size(clip, change, model) for name, change in changes.items()}
    videos |= {REAL: full_size(clip, None, model), STILL: full_size(clip, torch.zeros_like(real), model)}
    answers: dict[str, float] = {}
    with torch.inference_mode():
        sound = judge.embed_sound(torch.from_numpy(clip.audio).unsqueeze(0))[0].float()
        for name, video in videos.items():
            lips = judge.embed_lips(video.unsqueeze(0))[0].float()
            distances = distances_by_offset(lips, sound, judge.distance)
            if not len(distances):
                return {}
            answers[name] = float(hits_offset(distances, len(distances)).item())
    return answers


def full_size(clip: Clip, change: Tensor | None, model: AnimateModel) -> Tensor:
    """Return a clip's crops, uint8 (T, S, S, 3): the first one with generated changes, or the real ones.

    Args:
        clip: the clip
        change: generated frames minus the still, (T, planes, size, size); None for the real crops
        model: the model that generated them
    """
    if change is None:
        return torch.from_numpy(clip.video)
    side = clip.video.shape[1]
    first = torch.from_numpy(clip.video[:1]).float().permute(0, 3, 1, 2)
    video = first.expand(len(change), -1, -1, -1).clone()
    rows, columns = mouth_slices(side) if model.options.region == "mouth" else (slice(None), slice(None))
    part = video[..., rows, columns]
    part += 255 * F.interpolate(change, part.shape[-2:], mode="bicubic", align_corners=False)
    return video.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1)
