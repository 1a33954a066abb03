"""The demo's lip-sync: learned from nothing, measured on people never seen, and put to use on a film."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seehear.clip import FPS, Clip
from seehear.corpus.store import Corpus
from seehear.demo.stages import one_thread, told
from seehear.errors import ModelError
from seehear.media.mux import shift_sound
from seehear.pretext.lipsync import LipSync
from seehear.tasks.sync import SyncAccuracy, evaluate_sync
from seehear.tools.calibration import KnownSound, calibrate_run
from seehear.tools.confidence import Calibration
from seehear.tools.fix import Fixed, fix
from seehear.tools.listen import LipsAndSound, listen
from seehear.tools.measure import MeasureOptions, measure
from seehear.tools.measurement import Measurement
from seehear.tools.offset import find_peak
from seehear.training.journal import read_metrics
from seehear.training.options import DataOptions, EngineOptions, OptimOptions
from seehear.training.pretrain import Summary, pretrain
from seehear.training.run import load_sync

DELAY_MS = 230.0
"""By how much the demo makes the sound of a clip late: everybody sees that, and it is no whole number of frames."""

TRIALS = 60
"""Held-out clips whose sound is moved by a random delay, to draw measured against true."""

LARGEST_TRIAL_S = 0.6
SEARCH_S = 1.0
CALIBRATION_EXAMPLES = 400


@dataclass(frozen=True)
class Learned:
    """What came of a training.

    Attributes:
        summary: of it.
        metrics: rows of the run's metrics.csv.
    """

    summary: Summary
    metrics: Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Trial:
    """One held-out clip with its sound moved: the true delay, the measured one (ms) and the confidence in it."""

    true_ms: float
    measured_ms: float
    confidence: float


@dataclass(frozen=True)
class Worth:
    """What a lip-sync model is worth on held-out people.

    Attributes:
        accuracy: by the protocol of the papers.
        trials: random delays, true and measured.
    """

    accuracy: SyncAccuracy
    trials: Sequence[Trial]


@dataclass(frozen=True)
class Repair:
    """A film that was put out of sync and back.

    Attributes:
        delay_ms: by how much the sound of ``late`` was made late.
        late: that film.
        before: what was measured on it.
        fixed: what was made of it.
    """

    delay_ms: float
    late: Path
    before: Measurement
    fixed: Fixed


def learn_sync(corpus: Path, run: Path, *, steps: int, seed: int) -> Learned:
    """A small model learns which sound belongs to which lips."""
    data = DataOptions(split_by="speaker", min_frames=50)
    optim, engine = OptimOptions(steps=steps, seed=seed), EngineOptions(probe_every=max(1, steps // 8))
    summary = pretrain([corpus], run, data=data, optim=optim, engine=engine)
    return Learned(summary, read_metrics(run / "metrics.csv"))


def worth_of_sync(run: Path, corpus: Path, held_out: Corpus, *, seed: int) -> Worth:
    """How well it does on held-out people; its confidence becomes a probability on the way."""
    with one_thread():
        accuracy = evaluate_sync(load_sync(run), told("the papers' protocol", held_out))
        with suppress(ModelError):  # after a few steps it may be wrong every time: then its confidence stays rough
            calibrate_run(run, corpus, split_by="speaker", examples=CALIBRATION_EXAMPLES)
        return Worth(accuracy, _trials(load_sync(run), held_out, seed))


def repair(film: Path, folder: Path, model: LipSync) -> Repair:
    """Make the sound of a film late, find that, and fix it."""
    late, fixed = folder / "late.mp4", folder / "fixed.mp4"
    with one_thread():
        shift_sound(film, late, earlier_s=-DELAY_MS / 1000)
        before = measure(late, model, MeasureOptions(SEARCH_S))
        repaired = fix(before, fixed, lambda path: measure(path, model, MeasureOptions(SEARCH_S)), force=True)
    return Repair(DELAY_MS, late, before, repaired)


def _trials(model: LipSync, held_out: Corpus, seed: int) -> list[Trial]:
    """Held-out clips with their sound moved by random delays: what is true and what is measured."""
    rng = np.random.default_rng(seed)
    calibration = Calibration.from_config(model.config)
    places = np.linspace(0, len(held_out) - 1, min(TRIALS, len(held_out))).astype(int).tolist()
    trials = []
    for place in told("random delays", places):
        trials += _trial(model, held_out[place], float(rng.uniform(-LARGEST_TRIAL_S, LARGEST_TRIAL_S)), calibration)
    return trials


def _trial(model: LipsAndSound, clip: Clip, delay_s: float, calibration: Callable[..., float]) -> list[Trial]:
    at_zero = replace(clip, meta={**clip.meta, "start_s": 0.0})
    heard = listen(model, at_zero, KnownSound(clip.audio, delay_s), round(SEARCH_S * FPS))
    peak = find_peak(heard.curve)
    return [Trial(1000 * delay_s, peak.delay_ms, calibration(peak))] if peak else []
