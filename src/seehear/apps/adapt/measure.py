"""Before and after; recalibration.

Sources differ by one to three frames, each by its own chain of production, and learning from an uncorrected delay
teaches that error. So only sources with one constant, known delay are used, and the delay is undone.
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
from seehear.apps.sync.fit_calibration import fit_model_calibration
from seehear.apps.sync.measure import measure_sync
from seehear.apps.sync.result import CANNOT_TELL_BELOW, SyncMeasurement, TrackDelay, describe_drift
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
    """What was measured on one source.

    Attributes:
        refused: why it cannot be used, a sentence; empty where it can.
        delay_ms: positive: the sound is late. None where there was nothing to measure.
        confidence: the probability that the delay is right.
        seconds: of faces, over all tracks.
        listeners: numbers of the tracks whose lips do not go with the sound at this delay.
        sound: which stream of sound this is about, as ``--audio-stream`` names it; None for the default one.
    """

    refused: str = ""
    delay_ms: float | None = None
    confidence: float = 0.0
    seconds: float = 0.0
    listeners: tuple[int, ...] = ()
    sound: str | None = None

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> MeasuredSource:
        """From `to_json`."""
        told: dict[str, Any] = json.loads(text)
        return cls(**told | {"listeners": tuple(told["listeners"])})


def measure_sources(
    sources: Sequence[Source],
    model: str,
    least_confidence: float,
    staging: Staging[MeasuredSource],
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[MeasuredSource]:
    """Measure every source; what an earlier run has measured is not measured again.

    Args:
        sources: of the user.
        model: name or folder of a sync model.
        least_confidence: sources whose delay is less sure are refused.
        staging: keeps what is done.
        workers: processes; by default one a core.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ModelError: the model cannot be loaded.
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
    """Whether a measured source can be used.

    Args:
        found: what was measured on it.
        least_confidence: sources whose delay is less sure are refused.
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
    """Whether a face agrees with the sound at the file's delay better than at the mean of all delays.

    A face that listens does not: its agreement at any one delay is around the mean, which is 0, or below.
    """
    return delay_ms is not None and float(np.interp(delay_ms, track.curve.delays_ms, track.curve.mean)) > 0


LENGTHS = (5, 15)
"""K: consecutive moments whose distances are averaged, 0.2 and 0.6 s."""


MIN_UNITS = 5
"""With fewer people (or sources) an interval over them says nothing. Then it is over clips: it tells how sure the gain
is on these people, and nothing of others."""


def accuracy_gains(
    before: LipSyncModel, after: LipSyncModel, clips: Corpus, what: str, progress: Progress | None = None
) -> tuple[Gain, ...]:
    """Sync accuracy of two models on the same clips, by the papers' protocol (`seehear.metrics.scores`).

    The truth is offset 0: each source's own delay, measured on all of its moments together, has been undone in the
    clips, for both models alike.

    Args:
        before, after: in evaluation mode.
        clips: that neither was chosen by.
        what: is measured, for the progress.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Returns:
        One for each K that a clip is long enough for.
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
    """People or sources, if there are enough of them to be compared; else clips."""
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
"""Held-out sources without which a calibration would be one of these few videos."""


EXAMPLES = 400
"""Measurements that are made for it."""


KEY = "sync_calibration"


def recalibrate(folder: Path, clips: Corpus, progress: Progress | None = None) -> str:
    """Fit the confidence of the model in a folder, and write it into its config.json.

    Args:
        folder: of the model.
        clips: held out, their delays undone.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Returns:
        Why it was left as it was, a sentence; empty where it was fitted.
    """
    keeps = "the confidence keeps its old calibration"
    sources = len(np.unique(clips.manifest["source"].to_numpy(zero_copy_only=False)))
    if sources < MIN_SOURCES:
        return f"{keeps}: {sources} held-out videos are too few to fit it anew ({MIN_SOURCES} are needed)"
    with single_thread():
        try:
            fitted = fit_model_calibration(load_sync_model(folder), clips, examples=EXAMPLES, progress=progress)
        except ValueError as error:
            return f"{keeps}: {error}"
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    write_text(folder / CONFIG, json.dumps(config | {KEY: fitted.to_config()}, indent=2) + "\n")
    return ""
