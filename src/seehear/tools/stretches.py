"""A file's time cut into stretches that a data set wants and stretches that it does not, each with its reason.

Wanted is one face that speaks, in step with the sound. Every picture of a file belongs to exactly one stretch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import binary_dilation

from seehear.clip import FPS
from seehear.errors import SeehearError
from seehear.media.sound_clips import piece_lengths
from seehear.tools.confidence import Calibration
from seehear.tools.lip_activity import REACH, FaceTrack
from seehear.tools.offset import PHASES, Curve, Peak, find_peak

PAUSE_S = 0.6
"""Shorter silences are pauses between words; longer ones are listening."""

MARGIN_S = 0.12
"""Lips open before they are heard: so much of the silence around speech is kept, where the face stays."""

NOBODY, SEVERAL = -1, -2


class Reason(StrEnum):
    """Why a stretch is not wanted; the values are those of report.csv."""

    NO_FACE = "no face"
    SEVERAL_FACES = "several faces"
    NO_SOUND = "no sound"
    NOT_SPEAKING = "not speaking"
    TOO_SHORT = "too short"
    UNSURE = "cannot tell"
    OUT_OF_SYNC = "out of sync"


@dataclass(frozen=True)
class Rules:
    """What is wanted.

    Attributes:
        min_seconds: shorter stretches are left out.
        max_seconds: longer ones are cut; at least twice ``min_seconds``.
        confidence: least probability that a stretch's delay is what was measured.
        tolerance_ms: by how much the sound may be early or late.
        fix: the delay of the whole file is taken off first.
    """

    min_seconds: float = 1.0
    max_seconds: float = 20.0
    confidence: float = 0.5
    tolerance_ms: float = 60.0
    fix: bool = False

    def __post_init__(self) -> None:
        if not 0.4 <= self.min_seconds <= self.max_seconds / 2 <= 300:
            raise SeehearError(
                f"--min-seconds must be 0.4 or more and --max-seconds from twice that to 600, "
                f"not {self.min_seconds:g} and {self.max_seconds:g}"
            )
        if not 0 <= self.confidence < 1:
            raise SeehearError(f"--confidence is a probability from 0 to 1, not {self.confidence:g}")
        if not 0 < self.tolerance_ms <= 1000 * REACH / FPS:
            raise SeehearError(f"--tolerance-ms must be from 1 to {1000 * REACH / FPS:.0f}, not {self.tolerance_ms:g}")


@dataclass(frozen=True)
class Stretch:
    """A part of a file.

    Attributes:
        start, stop: numbers of its first picture and of the one after its last, at 25 a second.
        reason: why it is not wanted; None where it is.
        delay_ms: measured on its face, positive: the sound is late; None where nothing was measured.
        confidence: the probability that this is right.
    """

    start: int
    stop: int
    reason: Reason | None = None
    delay_ms: float | None = None
    confidence: float | None = None

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return (self.stop - self.start) / FPS


def stretches(
    frames: int,
    faces: Sequence[FaceTrack],
    speaking: Sequence[NDArray[np.bool_]],
    rules: Rules,
    calibration: Calibration,
    shift_ms: float = 0.0,
) -> list[Stretch]:
    """All of a file's time, in order.

    Args:
        frames: pictures of the file.
        faces: whole tracks.
        speaking: for each of them, in which of its pictures (T,) it speaks.
        rules: what is wanted.
        calibration: of the model that gave the faces' agreement.
        shift_ms: by how much the sound will be made earlier.
    """
    return [
        stretch
        for start, stop, face in _runs(owners(frames, faces))
        for stretch in (
            [Stretch(start, stop, Reason.NO_FACE if face == NOBODY else Reason.SEVERAL_FACES)]
            if face < 0
            else _of_one_face(start, stop, faces[face], speaking[face], rules, calibration, shift_ms)
        )
    ]


def owners(frames: int, faces: Sequence[FaceTrack]) -> NDArray[np.int64]:
    """For each picture the place in ``faces`` of the one face that is seen, `NOBODY` or `SEVERAL`: (frames,)."""
    owner = np.full(frames, NOBODY)
    for place, face in enumerate(faces):
        seen = owner[face.start : face.stop]
        seen[...] = np.where(seen == NOBODY, place, SEVERAL)
    return owner


def delay_of_file(
    frames: int, faces: Sequence[FaceTrack], speaking: Sequence[NDArray[np.bool_]], calibration: Calibration
) -> tuple[float, float] | None:
    """The one delay of all speech of single faces (ms, positive: the sound is late), and its confidence."""
    owner = owners(frames, faces)
    parts = [
        face.agreement[spoken & (owner[face.start : face.stop] == place)]
        for place, (face, spoken) in enumerate(zip(faces, speaking, strict=True))
    ]
    peak = find_peak(curve_of(np.concatenate(parts))) if parts else None
    return (peak.delay_ms, calibration(peak)) if peak else None


def curve_of(agreement: NDArray[np.floating]) -> Curve:
    """The curve of some pictures, as `find_peak` takes it, from their agreement (T, 2 `REACH` + 1) at whole frames."""
    total = agreement.sum(axis=0, dtype=np.float64)
    fine = np.arange(-REACH * PHASES, REACH * PHASES + 1) / PHASES
    between = CubicSpline(np.arange(-REACH, REACH + 1), total)(fine)
    return Curve(np.asarray(between, np.float64), float((agreement != 0).any(axis=1).sum()))


def seconds_by_reason(all_of_them: Sequence[Stretch]) -> dict[str, float]:
    """How much time each reason takes away, most first."""
    taken: Counter[str] = Counter()
    for stretch in all_of_them:
        if stretch.reason:
            taken[stretch.reason.value] += stretch.stop - stretch.start
    return {reason: round(count / FPS, 2) for reason, count in taken.most_common()}


def _of_one_face(
    start: int,
    stop: int,
    face: FaceTrack,
    speaking: NDArray[np.bool_],
    rules: Rules,
    calibration: Calibration,
    shift_ms: float,
) -> Iterator[Stretch]:
    """The time during which nobody else is seen."""
    shortest, longest = round(rules.min_seconds * FPS), round(rules.max_seconds * FPS)
    if stop - start < shortest:
        yield Stretch(start, stop, Reason.TOO_SHORT)
        return
    spoken = with_pauses(speaking[start - face.start : stop - face.start])
    for first, last, speaks in _runs(spoken):
        if not speaks:
            yield Stretch(start + first, start + last, Reason.NOT_SPEAKING)
        elif last - first < shortest:
            yield Stretch(start + first, start + last, Reason.TOO_SHORT)
        else:
            at = start + first
            for length in piece_lengths(last - first, shortest, longest):
                peak = find_peak(curve_of(face.agreement[at - face.start : at - face.start + length]))
                yield _judged(at, at + length, peak, rules, calibration, shift_ms)
                at += length


def with_pauses(speaking: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Speech with its pauses and a little of the silence around it, (T,)."""
    runs = [(first, last) for first, last, speaks in _runs(speaking) if speaks]
    filled = speaking.copy()
    for (_, before), (after, _) in pairwise(runs):
        filled[before:after] |= after - before < PAUSE_S * FPS
    return np.asarray(binary_dilation(filled, iterations=round(MARGIN_S * FPS)), bool)


def _judged(
    start: int, stop: int, peak: Peak | None, rules: Rules, calibration: Calibration, shift_ms: float
) -> Stretch:
    if peak is None:
        return Stretch(start, stop, Reason.UNSURE)
    reason, confidence = None, calibration(peak)
    if confidence < rules.confidence:
        reason = Reason.UNSURE
    elif abs(peak.delay_ms - shift_ms) > rules.tolerance_ms:
        reason = Reason.OUT_OF_SYNC
    return Stretch(start, stop, reason, round(peak.delay_ms, 1), round(confidence, 4))


def _runs(values: NDArray[np.generic]) -> list[tuple[int, int, int]]:
    """Stretches of equal values: first place, the one after the last, value."""
    if not len(values):
        return []
    edges = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)]
    return [(first, last, int(values[first])) for first, last in pairwise(edges)]
