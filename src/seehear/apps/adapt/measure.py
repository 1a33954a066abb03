"""Measurements: delays of the sources, accuracy before and after, and recalibration.

The delays of sources differ by one to three frames, depending on how they were produced, and training on an
uncorrected delay teaches that error. So only sources with one constant, known delay are used, and it is undone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seehear.apps.adapt.result import Gain
from seehear.apps.sync.drift import describe_drift
from seehear.apps.sync.fit_calibration import fit_model_calibration
from seehear.apps.sync.measure import measure_sync
from seehear.apps.sync.result import SyncMeasurement, TrackDelay
from seehear.apps.sync.verdict import CANNOT_TELL_BELOW
from seehear.atomic_io import write_text
from seehear.clip import Clip
from seehear.data.corpus import Corpus
from seehear.data.datasets import Source
from seehear.data.staging import Staging
from seehear.evaluation.sync import LengthAccuracy, evaluate_sync_clips
from seehear.machine import single_thread
from seehear.metrics.bootstrap import UNIT_BOUNDS, Units, difference_bounds, interval, singletons, units_of_metas
from seehear.models.interface import LipSyncModel
from seehear.models.store import CONFIG, load_sync_model
from seehear.progress import Progress, Stage


@dataclass(frozen=True)
class MeasuredSource:
    """Measurement of a source.

    Attributes:
        refused: why it cannot be used, as a sentence; empty if it can
        delay_ms: positive if the audio is late; None without a measurement
        confidence: probability that the delay is right
        seconds: total length of face tracks
        listeners: numbers of the tracks whose lips do not fit the audio at this delay
        sound: audio stream, as for ``--audio-stream``; None for the default one
    """

    refused: str = ""
    delay_ms: float | None = None
    confidence: float = 0.0
    seconds: float = 0.0
    listeners: tuple[int, ...] = ()
    sound: str | None = None

    def to_json(self) -> str:
        """Convert to JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> MeasuredSource:
        """Create from the text of `to_json`."""
        values: dict[str, Any] = json.loads(text)
        return cls(**values | {"listeners": tuple(values["listeners"])})


def measure_sources(
    sources: Sequence[Source],
    model: str,
    least_confidence: float,
    staging: Staging[MeasuredSource],
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[MeasuredSource]:
    """Measure every source that an earlier run has not measured.

    Args:
        sources: the user's sources
        model: name or folder of a sync model
        least_confidence: minimum confidence of the delay; other sources are refused
        staging: stores the measurements
        workers: number of processes; by default one per core
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Raises:
        ModelError: the model cannot be loaded
    """
    found = {number: staging.outcome(number) for number in range(len(sources))}
    found |= {number: MeasuredSource(refused=source.problem) for number, source in enumerate(sources) if source.problem}
    left = [number for number, known in found.items() if known is None]
    stage = Stage(progress, "measuring delays", len(sources), len(sources) - len(left))
    for number, outcome in zip(left, _outcomes([sources[n] for n in left], model, workers), strict=True):
        measured = judged(outcome, least_confidence)
        staging.record(number, measured)
        found[number] = measured
        done = sum(known is not None for known in found.values())
        stage.update(done, f"{done}/{len(sources)} files")
    return [known for _, known in sorted(found.items()) if known]


def _outcomes(sources: Sequence[Source], model: str, workers: int | None) -> Iterator[SyncMeasurement]:
    return measure_sync([source.path for source in sources], model=model, workers=workers) if sources else iter(())


def judged(found: SyncMeasurement, least_confidence: float) -> MeasuredSource:
    """Decide whether a measured source can be used.

    Args:
        found: its measurement
        least_confidence: minimum confidence of the delay
    """
    if found.error:
        return MeasuredSource(refused=found.error)
    chosen = found.sound
    return MeasuredSource(
        refused=_why_not(found, least_confidence),
        delay_ms=None if found.delay_ms is None else round(found.delay_ms, 1),
        confidence=round(found.confidence, 4),
        seconds=round(found.faces_s, 2),
        listeners=tuple(track.track for track in found.tracks if not _goes_with(track, found.delay_ms)),
        sound=str(chosen.choice) if chosen and chosen.of > 1 else None,
    )


def _why_not(found: SyncMeasurement, least_confidence: float) -> str:
    if found.delay_ms is None:
        return found.reason
    if found.drift and found.drift.changes:
        return f"its delay is not constant ({describe_drift(found.drift)})"
    if found.confidence < least_confidence:
        unsure = f"its delay is unsure (confidence {found.confidence:.2f}, at least {least_confidence:g} is needed)"
        return f"{unsure}: {found.reason}" if found.confidence < CANNOT_TELL_BELOW else unsure
    return ""


def _goes_with(track: TrackDelay, delay_ms: float | None) -> bool:
    """Whether a face agrees with the audio at the delay of the file better than on average over all delays.

    The face of a listener does not: its agreement at any delay is about the mean, which is 0, or below.
    """
    return delay_ms is not None and float(np.interp(delay_ms, track.curve.delays_ms, track.curve.mean)) > 0


LENGTHS = (5, 15)
"""K: numbers of consecutive frames whose distances are averaged, 0.2 and 0.6 s."""


MIN_UNITS = 5
"""With fewer people (or sources) an interval over them is meaningless. Then it is over clips, and says how sure the
gain is on these people, but nothing about others."""


def accuracy_gains(
    before: LipSyncModel, after: LipSyncModel, clips: Corpus, what: str, progress: Progress | None = None
) -> tuple[Gain, ...]:
    """Compare the sync accuracy of two models on the same clips by the papers' protocol (`seehear.metrics.scores`).

    The true offset is 0: the delay of each source, measured over all of it, has been undone in the clips.

    Args:
        before, after: models in evaluation mode
        clips: clips that were not used to train or select the models
        what: description of the clips, for the progress
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Returns:
        One gain for each K for which a clip is long enough.
    """
    stage = Stage(progress, f"measuring {what}", 2 * len(clips))
    with single_thread():
        done = 0

        def tell(number: int) -> None:
            stage.update(done + number, f"{done + number}/{2 * len(clips)} clips")

        old = evaluate_sync_clips(before, _predictions(clips, tell), LENGTHS, _units)
        done = len(clips)
        new = evaluate_sync_clips(after, _predictions(clips, tell), LENGTHS, _units)
    return tuple(_gain(*pair, old.units) for pair in zip(old.by_length, new.by_length, strict=True))


def _predictions(clips: Corpus, tell: Callable[[int], None]) -> Iterator[Clip]:
    for number, clip in enumerate(clips):
        tell(number)
        yield clip


def _units(metas: Sequence[Mapping[str, Any]]) -> Units:
    """Return people or sources if there are enough of them, else clips."""
    found = units_of_metas(metas)
    return found if len(found) >= MIN_UNITS else singletons(len(metas))


def _gain(before: LengthAccuracy, after: LengthAccuracy, kind: str) -> Gain:
    difference = after.accuracy - before.accuracy
    draws = after.draws - before.draws  # the same units are drawn the same way for both
    low, high = interval(difference, draws, before.units, difference_bounds(UNIT_BOUNDS))
    return Gain(
        frames=before.frames,
        before=before.accuracy,
        before_interval=_ends(before.low, before.high),
        after=after.accuracy,
        after_interval=_ends(after.low, after.high),
        difference=difference,
        interval=_ends(low, high),
        windows=before.windows,
        units=before.units,
        kind=kind,
    )


def _ends(low: float, high: float) -> tuple[float, float] | None:
    return None if math.isnan(low) or math.isnan(high) else (low, high)


MIN_SOURCES = 6
"""Minimum number of held-out sources for a calibration."""


EXAMPLES = 400
"""Number of measurements for a calibration."""


KEY = "sync_calibration"


def recalibrate(folder: Path, clips: Corpus, progress: Progress | None = None) -> str:
    """Calibrate the confidence of the model in a folder, and store it in its config.json.

    Args:
        folder: folder of the model
        clips: held-out clips, with their delays undone
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Returns:
        Why the calibration was kept, as a sentence; empty if it was fitted.
    """
    keeps = "the confidence keeps its old calibration"
    sources = len(np.unique(clips.manifest["source"].to_numpy(zero_copy_only=False)))
    if sources < MIN_SOURCES:
        return f"{keeps}: {sources} held-out videos are too few to fit it again ({MIN_SOURCES} are needed)"
    with single_thread():
        try:
            fitted = fit_model_calibration(load_sync_model(folder), clips, examples=EXAMPLES, progress=progress)
        except ValueError as error:
            return f"{keeps}: {error}"
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    write_text(folder / CONFIG, json.dumps(config | {KEY: fitted.to_config()}, indent=2) + "\n")
    return ""
