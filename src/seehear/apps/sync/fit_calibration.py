"""Fit the confidence of a sync model on clips whose audio is moved by known delays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seehear.apps.sync.calibrate import EXAMPLES
from seehear.apps.sync.offset import AgreementCurve, DelayPeak, SyncEmbedder, find_peak, measure_agreement
from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Clip
from seehear.metrics.calibration import RIGHT_WITHIN_MS, DelayCalibration, fit_delay_calibration
from seehear.progress import Progress, Stage

if TYPE_CHECKING:
    pass

MIN_S, MAX_S = 0.5, 10.0


MAX_DELAY_S = 0.8


REACH = FPS  # +-1 s, the default search of `seehear sync`


MISMATCHED = 1 / 3


@dataclass(frozen=True)
class DelayedSound:
    """A clip's audio, made later by a known delay; zeros outside, as `measure_agreement` needs it.

    Attributes:
        samples: float32 (N,), 16 kHz.
        start_s: time of the first sample.
    """

    samples: NDArray[np.float32]
    start_s: float

    @property
    def duration_s(self) -> float:
        """Time of its end."""
        return self.start_s + len(self.samples) / SAMPLE_RATE

    def between(self, start_s: float, stop_s: float) -> NDArray[np.float32]:
        """Samples of a segment, zeros outside."""
        first, count = round((start_s - self.start_s) * SAMPLE_RATE), round((stop_s - start_s) * SAMPLE_RATE)
        samples = np.zeros(count, np.float32)
        inside = self.samples[max(0, first) : max(0, first + count)]
        samples[max(0, -first) :][: len(inside)] = inside
        return samples


def fit_model_calibration(
    model: SyncEmbedder,
    clips: Sequence[Clip],
    *,
    examples: int = EXAMPLES,
    seed: int = 0,
    progress: Progress | None = None,
) -> DelayCalibration:
    """Fit the confidence of a model.

    Args:
        model: the model.
        clips: held-out clips, in sync, from as many people as there are.
        examples: how many measurements to make.
        seed: of the cuts, delays and mismatches.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ValueError: every measurement was right, or every one wrong.
    """
    rng = np.random.default_rng(seed)
    peaks: list[DelayPeak] = []
    right: list[bool] = []
    stage = Stage(progress, "calibrating", examples)
    for done in range(examples):
        delay_s = float(rng.uniform(-MAX_DELAY_S, MAX_DELAY_S))
        mismatched = bool(rng.random() < MISMATCHED)
        peak = find_peak(_example(model, clips, delay_s, mismatched, rng))
        if peak:
            peaks.append(peak)
            right.append(not mismatched and abs(peak.delay_ms - 1000 * delay_s) <= RIGHT_WITHIN_MS)
        stage.update(done + 1, f"{done + 1}/{examples} measurements")
    return replace(fit_delay_calibration(peaks, right), search_s=REACH / FPS)


def _example(
    model: SyncEmbedder, clips: Sequence[Clip], delay_s: float, mismatched: bool, rng: np.random.Generator
) -> AgreementCurve:
    """The curve of a segment of random length whose audio is late by ``delay_s``."""
    left = round(FPS * float(np.exp(rng.uniform(np.log(MIN_S), np.log(MAX_S)))))
    curve = None
    while left > 0:
        one, another = rng.choice(len(clips), 2, replace=False).tolist()
        clip = clips[one]
        frames = min(clip.frames, max(left, round(MIN_S * FPS)))
        first = int(rng.integers(clip.frames - frames + 1))
        voice = _elsewhere(clips[another].audio, rng) if mismatched else clip.audio
        sound = DelayedSound(voice, delay_s - first / FPS)  # the cut begins at time 0
        agreement = measure_agreement(model, _cut(clip, first, frames), sound, REACH)
        curve = agreement.curve if curve is None else curve + agreement.curve
        left -= frames
    assert curve is not None
    return curve


def _elsewhere(audio: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Another clip's audio, rotated: in many corpora all people start to speak at the same time."""
    return np.roll(audio, int(rng.integers(len(audio) // 4, 3 * len(audio) // 4)))


def _cut(clip: Clip, first: int, frames: int) -> Clip:
    part, samples = slice(first, first + frames), slice(first * SAMPLES_PER_FRAME, (first + frames) * SAMPLES_PER_FRAME)
    meta = {**clip.meta, "start_s": 0.0, "track": 0}
    return replace(clip, video=clip.video[part], landmarks=clip.landmarks[part], audio=clip.audio[samples], meta=meta)
