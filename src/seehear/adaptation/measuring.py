"""The delay of each source, measured with the model that is to be adapted; sources that it is not sure of are refused.

Sources differ by one to three frames, each by its own chain of production, and learning from an uncorrected delay
teaches that error. So only sources with one constant, known delay are used, and the delay is undone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from seehear.corpus.formats.source import Source
from seehear.corpus.staging import Staging
from seehear.progress import Telling
from seehear.threads import torch_threads_kept
from seehear.tools.batch import Job, Outcome, run_jobs
from seehear.tools.measurement import Measurement, TrackDelay, drift_in_words
from seehear.tools.verdict import CANNOT_TELL_BELOW


@dataclass(frozen=True)
class Measured:
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
    def from_json(cls, text: str) -> Measured:
        """From `to_json`."""
        told: dict[str, Any] = json.loads(text)
        return cls(**told | {"listeners": tuple(told["listeners"])})


def measure_sources(
    sources: Sequence[Source],
    model: str,
    least_confidence: float,
    staging: Staging[Measured],
    workers: int | None = None,
    progress: bool = True,
) -> list[Measured]:
    """Measure every source; what an earlier run has measured is not measured again.

    Args:
        sources: of the user.
        model: name or folder of a sync model.
        least_confidence: sources whose delay is less sure are refused.
        staging: keeps what is done.
        workers: processes; by default one a core.
        progress: tell how far it is, on the error stream.

    Raises:
        ModelError: the model cannot be loaded.
    """
    found = {number: staging.outcome(number) for number in range(len(sources))}
    found |= {number: Measured(refused=source.problem) for number, source in enumerate(sources) if source.problem}
    left = [number for number, known in found.items() if known is None]
    with Telling("measuring delays", len(sources), len(sources) - len(left), progress) as telling:
        for number, outcome in zip(left, _outcomes([sources[n] for n in left], model, workers), strict=True):
            measured = judged(outcome, least_confidence)
            staging.record(number, measured)
            found[number] = measured
            done = sum(known is not None for known in found.values())
            telling.update(done, f"{done}/{len(sources)} files")
    return [known for _, known in sorted(found.items()) if known]


def _outcomes(sources: Sequence[Source], model: str, workers: int | None) -> Iterator[Outcome]:
    if sources:
        with torch_threads_kept():
            yield from run_jobs([Job(source.path) for source in sources], model, workers)


def judged(outcome: Outcome, least_confidence: float) -> Measured:
    """Whether a measured source can be used.

    Args:
        outcome: of `seehear.tools.batch`.
        least_confidence: sources whose delay is less sure are refused.
    """
    found = outcome.measurement
    if found is None:
        return Measured(refused=outcome.error or "it cannot be read")
    chosen = found.sound
    return Measured(
        refused=_why_not(found, least_confidence),
        delay_ms=None if found.delay_ms is None else round(found.delay_ms, 1),
        confidence=round(found.confidence, 4),
        seconds=round(found.faces_s, 2),
        listeners=tuple(track.track for track in found.tracks if not _goes_with(track, found.delay_ms)),
        sound=str(chosen.wanted) if chosen and chosen.of > 1 else None,
    )


def _why_not(found: Measurement, least_confidence: float) -> str:
    if found.delay_ms is None:
        return found.reason
    if found.drift and found.drift.changes:
        return f"its delay is not constant ({drift_in_words(found.drift)})"
    if found.confidence < least_confidence:
        unsure = f"its delay is unsure (confidence {found.confidence:.2f}, at least {least_confidence:g} is needed)"
        return f"{unsure}: {found.reason}" if found.confidence < CANNOT_TELL_BELOW else unsure
    return ""


def _goes_with(track: TrackDelay, delay_ms: float | None) -> bool:
    """Whether a face agrees with the sound at the file's delay better than at the mean of all delays.

    A face that listens does not: its agreement at any one delay is around the mean, which is 0, or below.
    """
    return delay_ms is not None and float(np.interp(delay_ms, track.curve.delays_ms, track.curve.mean)) > 0
