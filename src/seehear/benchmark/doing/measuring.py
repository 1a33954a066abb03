"""One number of a table: a row measured with one seed, by the evaluation that `seehear evaluate` runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.benchmark.cell import Cell
from seehear.benchmark.doing.asking import ONE_THREAD, arguments, command, evaluation
from seehear.benchmark.outcome import Outcome
from seehear.errors import SeehearError
from seehear.tasks.animate_result import ANOTHER, AnimateResult
from seehear.tasks.result import Result
from seehear.tasks.sync import CHANCE, SyncAccuracy
from seehear.tasks.verification.facevoice_outcome import FaceVoiceResult, FaceVoiceRow
from seehear.tasks.verification.outcome import VerificationResult

NEARER, HEARD, IN_SYNC = "mouth nearer than the still", "mouth nearer by its own sound", "drawn clips in sync"
ALL = "all"


def measured(cell: Cell, model: str | Path, data: Path, device: str = "cpu") -> Outcome:
    """Measure a row with one seed, with one share of the labels, on one corpus, at all noise levels.

    Args:
        cell: of kind ``measure``.
        model: folder of a run, or an encoder by name, as `seehear evaluate` takes it.
        data: a prepared corpus.
        device: where networks run, as torch names it.

    Raises:
        SeehearError: the task does not have what is asked for, or cannot be measured on this corpus.
    """
    task = str(cell.spec["task"])
    given = arguments(cell, model, data, device)
    begun = time.perf_counter()
    found = evaluation(task)(**given)
    outcome = _outcome(cell.key, found, str(data))
    return replace(outcome, seconds=time.perf_counter() - begun, reproduce=(ONE_THREAD, command(task, given)))


def _outcome(key: str, found: Any, data: str) -> Outcome:
    for kind, told in _WAYS.items():
        if isinstance(found, kind):
            return told(key, found, data)
    raise TypeError(f"an evaluation gave {type(found).__name__}, of which no outcome can be made")


def _of_table(key: str, found: Result, data: str) -> Outcome:
    """The only row of the usual table."""
    row = found.rows[0]
    det = found.det[row.encoder] if isinstance(found, VerificationResult) else None
    return Outcome(
        key,
        seconds=0.0,
        scores={name: figure.value for name, figure in row.figures.items()},
        higher_is_better=found.higher_is_better,
        chance=found.chance,
        draws=_known(row.main.draws),
        by_snr={f"{snr:g}": figure.value for snr, figure in row.by_snr.items()},
        confusion=tuple(map(tuple, row.confusion)) if row.confusion else None,
        classes=tuple(found.classes),
        det=None if det is None else tuple((alarms, misses) for _, alarms, misses in det),
        recordings=found.recordings,
        tested=found.tested,
        units=found.units,
        unit_count=row.main.units,
        told=found.setting | {"left out": len(found.left_out)},
    )


def _of_sync(key: str, found: SyncAccuracy, data: str) -> Outcome:
    if not found.by_length:
        raise SeehearError(f"no clip of {data} is long enough to measure sync; use longer clips")
    scores = {f"K={entry.frames}": entry.accuracy for entry in found.by_length}
    return Outcome(
        key,
        seconds=0.0,
        scores=scores,
        chance=dict.fromkeys(scores, found.chance),
        draws=_known(found.by_length[0].draws),
        recordings=found.clips,
        tested=found.by_length[0].clips,
        units=found.units,
        unit_count=found.by_length[0].units,
        told={"windows": found.by_length[0].windows, "too short": found.too_short},
    )


def _of_animate(key: str, found: AnimateResult, data: str) -> Outcome:
    scores = {NEARER: found.lower, "L1 of the mouth": found.drawn, "L1 of the picture": found.whole}
    told: dict[str, Any] = {"L1 of the mouth, still": found.copied}
    if wrong := found.control(ANOTHER):
        scores[HEARD] = wrong.gain.difference
    if found.placed:
        scores[IN_SYNC] = found.placed.drawn.value
        told |= {"real clips in sync": found.placed.real.value, "stills in sync": found.placed.still.value}
    chance = {name: value for name, value in {NEARER: 0.0, HEARD: 0.0, IN_SYNC: CHANCE}.items() if name in scores}
    return Outcome(
        key,
        seconds=0.0,
        scores=scores,
        chance=chance,
        draws=_known(found.draws),
        recordings=found.clips,
        tested=found.clips,
        units=found.units,
        unit_count=found.unit_count,
        told=told,
    )


def _of_faces_and_voices(key: str, found: FaceVoiceResult, data: str) -> Outcome:
    """People whom the model does not know first, all of them before groups."""
    rows = sorted(found.rows, key=lambda row: (row.people == "seen-heard", row.within != ALL))
    first = rows[0]
    scores: dict[str, float] = {}
    chance: dict[str, float] = {}
    for row in rows:
        for name, figure in row.figures.items():
            called = _called(name, row, first.people)
            scores[called] = figure.value
            chance |= {called: found.chance[name]} if name in found.chance else {}
    clips = sum(found.clips.values())
    return Outcome(
        key,
        seconds=0.0,
        scores=scores,
        chance=chance,
        draws=_known(first.figures["AUC"].draws),
        recordings=clips,
        tested=found.clips[first.people],
        units="people",
        unit_count=found.persons[first.people],
        told=found.setting | {"people": dict(found.persons)},
    )


def _called(figure: str, row: FaceVoiceRow, usual: str) -> str:
    """What a column says: ``AUC``, ``AUC within sex``, ``AUC, seen-heard``."""
    called = figure if row.within == ALL else f"{figure} within {row.within}"
    return called if row.people == usual else f"{called}, {row.people}"


def _known(draws: NDArray[np.float64]) -> tuple[float, ...]:
    """Those that are numbers. Whether one is depends on who was drawn alone, so that they stay the same for all."""
    return tuple(draws[np.isfinite(draws)].tolist())


_WAYS: Mapping[type, Callable[[str, Any, str], Outcome]] = {
    Result: _of_table,
    SyncAccuracy: _of_sync,
    AnimateResult: _of_animate,
    FaceVoiceResult: _of_faces_and_voices,
}
