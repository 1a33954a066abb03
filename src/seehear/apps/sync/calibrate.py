"""`calibrate`: the confidence of a sync model as a probability."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seehear.apps.sync.offset import AgreementCurve, DelayPeak, SyncEmbedder, find_peak, measure_agreement
from seehear.atomic_io import write_text
from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Clip
from seehear.data.corpus import By, Corpus, Split
from seehear.errors import CorpusError, ModelError
from seehear.machine import single_thread
from seehear.metrics.calibration import RIGHT_WITHIN_MS, DelayCalibration, fit_delay_calibration
from seehear.models.store import load_sync_model
from seehear.progress import Progress, Stage
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

MIN_S, MAX_S = 0.5, 10.0


MAX_DELAY_S = 0.8


REACH = FPS  # +-1 s, the default search of `seehear sync`


MISMATCHED = 1 / 3


EXAMPLES = 800


@dataclass(frozen=True)
class DelayedSound:
    """A clip's sound made later by a known delay, as `measure_agreement` reads sound: zeros outside.

    Attributes:
        samples: float32 (N,), 16 kHz.
        start_s: time of the first sample.
    """

    samples: NDArray[np.float32]
    start_s: float

    @property
    def duration_s(self) -> float:
        """When the sound ends."""
        return self.start_s + len(self.samples) / SAMPLE_RATE

    def between(self, start_s: float, stop_s: float) -> NDArray[np.float32]:
        """Samples of a stretch, zeros outside."""
        first, count = round((start_s - self.start_s) * SAMPLE_RATE), round((stop_s - start_s) * SAMPLE_RATE)
        stretch = np.zeros(count, np.float32)
        inside = self.samples[max(0, first) : max(0, first + count)]
        stretch[max(0, -first) :][: len(inside)] = inside
        return stretch


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
    """The curve of a stretch of random length whose sound is late by ``delay_s``."""
    left = round(FPS * float(np.exp(rng.uniform(np.log(MIN_S), np.log(MAX_S)))))
    curve = None
    while left > 0:
        one, another = rng.choice(len(clips), 2, replace=False).tolist()
        clip = clips[one]
        frames = min(clip.frames, max(left, round(MIN_S * FPS)))
        first = int(rng.integers(clip.frames - frames + 1))
        voice = _elsewhere(clips[another].audio, rng) if mismatched else clip.audio
        sound = DelayedSound(voice, delay_s - first / FPS)  # the cut begins at time 0
        heard = measure_agreement(model, _cut(clip, first, frames), sound, REACH)
        curve = heard.curve if curve is None else curve + heard.curve
        left -= frames
    assert curve is not None
    return curve


def _elsewhere(audio: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Another clip's sound, begun somewhere else: in many corpora people all start to speak at the same time."""
    return np.roll(audio, int(rng.integers(len(audio) // 4, 3 * len(audio) // 4)))


def _cut(clip: Clip, first: int, frames: int) -> Clip:
    part, samples = slice(first, first + frames), slice(first * SAMPLES_PER_FRAME, (first + frames) * SAMPLES_PER_FRAME)
    meta = {**clip.meta, "start_s": 0.0, "track": 0}
    return replace(clip, video=clip.video[part], landmarks=clip.landmarks[part], audio=clip.audio[samples], meta=meta)


@dataclass(frozen=True, repr=False)
class CalibrateResult(Result):
    """A model whose confidence was calibrated.

    Attributes:
        run: folder of the model.
        calibration: what its config.json holds now.
    """

    run: Path
    calibration: DelayCalibration

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"model": str(self.run), "sync_calibration": self.calibration.to_config()}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        count = self.calibration.examples
        return Text(f"the confidence of {self.run} is a probability now, fitted to {count} measurements")


def calibrate(
    run: str | os.PathLike[str],
    corpora: Sequence[str | os.PathLike[str]],
    *,
    split_by: By | None = None,
    dev_every: int | None = None,
    examples: int = EXAMPLES,
    progress: Progress | None = None,
) -> CalibrateResult:
    """Calibrate a sync model, so that its confidence is a probability, and write that into its config.json.

    The examples are the corpora's held-out clips, cut to half a second up to all of a clip and joined up to ten
    seconds, with their audio moved by a known delay; in a third of them the audio is another clip's, so that every
    delay is wrong.

    Args:
        run: folder of the model.
        corpora: folders that "seehear prepare" has made, in sync.
        split_by: what is held out, sources or speakers; by default as in the model's training.
        dev_every: every n-th of them is held out; by default as in the model's training.
        examples: how many measurements to make.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        CorpusError: fewer than two held-out clips have sound.
        ModelError: there is no such model, or it was wrong every time, or right every time; its config is left as it
            was.
    """
    run = Path(run)
    model = load_sync_model(run)
    split = Split.of_training(model.config, split_by, dev_every)
    held_out = Corpus(*map(Path, corpora)).with_faces().split("dev", split.every, split.by).with_sound()
    if len(held_out) < 2:
        raise CorpusError(f"{held_out} holds out fewer than two clips with sound; calibration needs more of them")
    try:
        with single_thread():
            calibration = fit_model_calibration(model, held_out, examples=examples, progress=progress)
    except ValueError as error:
        raise ModelError(
            f"the confidence of {run} cannot be calibrated: {error}; train the model for longer, or give other clips"
        ) from error
    path = run / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["sync_calibration"] = calibration.to_config()
    write_text(path, json.dumps(config, indent=2) + "\n")
    return CalibrateResult(run, calibration)
