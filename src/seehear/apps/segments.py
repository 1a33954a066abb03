"""One video cut into wanted and unwanted segments, and the wanted ones written.

Wanted is one face that speaks, in step with the sound. Every picture of a file belongs to exactly one stretch.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import binary_dilation

from seehear.apps.curate import CurationRules
from seehear.apps.diarization.active_speaker import ActiveSpeakers, DiarizationOptions, detect_active_speakers
from seehear.apps.diarization.lip_activity import REACH, FaceTrack
from seehear.apps.sync.offset import PHASES, AgreementCurve, DelayPeak, SyncEmbedder, find_peak
from seehear.apps.sync.result import CANNOT_TELL_BELOW
from seehear.clip import FPS
from seehear.data.staging import clip_key
from seehear.media.audio_streams import AudioStreamChoice
from seehear.media.decode import open_media
from seehear.media.encode import write_video
from seehear.media.picture import Picture
from seehear.media.sound import read_sound, split_lengths
from seehear.metrics.calibration import DelayCalibration

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
class FileSegment:
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


def segment_file(
    frames: int,
    faces: Sequence[FaceTrack],
    speaking: Sequence[NDArray[np.bool_]],
    rules: CurationRules,
    calibration: DelayCalibration,
    shift_ms: float = 0.0,
) -> list[FileSegment]:
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
        for start, stop, face in _runs(visible_face(frames, faces))
        for stretch in (
            [FileSegment(start, stop, Reason.NO_FACE if face == NOBODY else Reason.SEVERAL_FACES)]
            if face < 0
            else _of_one_face(start, stop, faces[face], speaking[face], rules, calibration, shift_ms)
        )
    ]


def visible_face(frames: int, faces: Sequence[FaceTrack]) -> NDArray[np.int64]:
    """For each picture the place in ``faces`` of the one face that is seen, `NOBODY` or `SEVERAL`: (frames,)."""
    owner = np.full(frames, NOBODY)
    for place, face in enumerate(faces):
        seen = owner[face.start : face.stop]
        seen[...] = np.where(seen == NOBODY, place, SEVERAL)
    return owner


def delay_of_file(
    frames: int, faces: Sequence[FaceTrack], speaking: Sequence[NDArray[np.bool_]], calibration: DelayCalibration
) -> tuple[float, float] | None:
    """The one delay of all speech of single faces (ms, positive: the sound is late), and its confidence."""
    owner = visible_face(frames, faces)
    parts = [
        face.agreement[spoken & (owner[face.start : face.stop] == place)]
        for place, (face, spoken) in enumerate(zip(faces, speaking, strict=True))
    ]
    peak = find_peak(curve_of(np.concatenate(parts))) if parts else None
    return (peak.delay_ms, calibration(peak)) if peak else None


def curve_of(agreement: NDArray[np.floating]) -> AgreementCurve:
    """The curve of some pictures, as `find_peak` takes it, from their agreement (T, 2 `REACH` + 1) at whole frames."""
    total = agreement.sum(axis=0, dtype=np.float64)
    fine = np.arange(-REACH * PHASES, REACH * PHASES + 1) / PHASES
    between = CubicSpline(np.arange(-REACH, REACH + 1), total)(fine)
    return AgreementCurve(np.asarray(between, np.float64), float((agreement != 0).any(axis=1).sum()))


def seconds_by_reason(all_of_them: Sequence[FileSegment]) -> dict[str, float]:
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
    rules: CurationRules,
    calibration: DelayCalibration,
    shift_ms: float,
) -> Iterator[FileSegment]:
    """The time during which nobody else is seen."""
    shortest, longest = round(rules.min_seconds * FPS), round(rules.max_seconds * FPS)
    if stop - start < shortest:
        yield FileSegment(start, stop, Reason.TOO_SHORT)
        return
    spoken = with_pauses(speaking[start - face.start : stop - face.start])
    for first, last, speaks in _runs(spoken):
        if not speaks:
            yield FileSegment(start + first, start + last, Reason.NOT_SPEAKING)
        elif last - first < shortest:
            yield FileSegment(start + first, start + last, Reason.TOO_SHORT)
        else:
            at = start + first
            for length in split_lengths(last - first, shortest, longest):
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
    start: int, stop: int, peak: DelayPeak | None, rules: CurationRules, calibration: DelayCalibration, shift_ms: float
) -> FileSegment:
    if peak is None:
        return FileSegment(start, stop, Reason.UNSURE)
    reason, confidence = None, calibration(peak)
    if confidence < rules.confidence:
        reason = Reason.UNSURE
    elif abs(peak.delay_ms - shift_ms) > rules.tolerance_ms:
        reason = Reason.OUT_OF_SYNC
    return FileSegment(start, stop, reason, round(peak.delay_ms, 1), round(confidence, 4))


def _runs(values: NDArray[np.generic]) -> list[tuple[int, int, int]]:
    """Stretches of equal values: first place, the one after the last, value."""
    if not len(values):
        return []
    edges = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)]
    return [(first, last, int(values[first])) for first, last in pairwise(edges)]


WATCHING = 0.9
"""Share of the work: the rest is writing."""


ReportShare = Callable[[float], None]


@dataclass(frozen=True)
class CuratedFile:
    """What became of a file.

    Attributes:
        seconds: its length; 0 where it cannot be read.
        stretches: all of its time.
        shifted_ms: by how much its sound was made earlier in what was cut out of it (negative: later).
        problem: why it cannot be used at all; empty where it can.
        sound: which of its sounds was listened to, where it has several, and what there is to know of it.
    """

    seconds: float = 0.0
    stretches: tuple[FileSegment, ...] = ()
    shifted_ms: float = 0.0
    problem: str = ""
    sound: str = ""

    def files(self, key: str) -> Iterator[tuple[str, FileSegment]]:
        """The names of the files that are cut out of it, and what is in them."""
        wanted = (stretch for stretch in self.stretches if stretch.reason is None)
        for number, stretch in enumerate(wanted):
            yield f"{clip_key(key, number)}.mp4", stretch

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From `to_json`."""
        told: dict[str, Any] = json.loads(text)
        parts = (s | {"reason": Reason(s["reason"]) if s["reason"] else None} for s in told.pop("stretches"))
        return cls(stretches=tuple(FileSegment(**part) for part in parts), **told)


def curate_file(
    path: Path,
    key: str,
    out: Path,
    model: SyncEmbedder,
    rules: CurationRules,
    look: DiarizationOptions,
    progress: ReportShare | None = None,
    threads: int = 0,
) -> CuratedFile:
    """Cut what is wanted out of one file.

    Args:
        path: any video file.
        key: what the names of its cuttings begin with.
        out: folder that they are written to.
        model: of lip-sync.
        rules: what is wanted.
        look: how faces are found.
        progress: called with the share that is done (0..1); watching takes most of it.
        threads: of the decoder; 0: one a core.

    Raises:
        SeehearError: the file cannot be read, or its cuttings cannot be written.
    """
    with open_media(path, threads=threads) as media:
        if media.video is None:
            return CuratedFile(media.duration_s, problem="there is no picture")
        if not media.has_sound:
            clock = media.clock()
            return _silent(float(clock.end - clock.zero))
    film = detect_active_speakers(path, model, look, _of_the_whole(progress), threads)
    frames = max([round(film.duration_s * FPS), *(face.stop for face in film.tracks)])
    calibration = DelayCalibration.from_config(model.config)
    shift_ms = _to_be_shifted(frames, film.tracks, film.speaks, calibration) if rules.fix else 0.0
    parts = segment_file(frames, film.tracks, film.speaks, rules, calibration, shift_ms)
    found = CuratedFile(frames / FPS, tuple(parts), round(shift_ms, 1), sound=_sound_in_words(film))
    wanted = film.sound.choice if film.sound else None
    write_segments(path, found, key, out, threads, wanted=wanted, turns=film.turns)
    return found


def _sound_in_words(film: ActiveSpeakers) -> str:
    told = [str(film.sound)] if film.sound and (film.sound.of > 1 or film.sound.channel) else []
    return "; ".join([*told, *film.cautions])


def _silent(duration_s: float) -> CuratedFile:
    frames = round(duration_s * FPS)
    return CuratedFile(frames / FPS, (FileSegment(0, frames, Reason.NO_SOUND),) if frames else ())


def _of_the_whole(progress: ReportShare | None) -> ReportShare | None:
    """What is told of the share that has been watched."""
    return (lambda share: progress(WATCHING * share)) if progress else None


def _to_be_shifted(
    frames: int, faces: Sequence[FaceTrack], speaking: Sequence[NDArray[np.bool_]], calibration: DelayCalibration
) -> float:
    """The delay of the file, where it is one that can be told; else 0."""
    measured = delay_of_file(frames, faces, speaking, calibration)
    return measured[0] if measured and measured[1] >= CANNOT_TELL_BELOW else 0.0


def write_segments(
    path: Path,
    found: CuratedFile,
    key: str,
    out: Path,
    threads: int = 0,
    *,
    wanted: AudioStreamChoice | None = None,
    turns: int = 0,
) -> None:
    """Write every wanted stretch: 25 pictures a second of the file's own size, sound of 16 kHz, both from time 0 on.

    Args:
        path: of the file.
        found: what is wanted of it.
        key: what the names of its cuttings begin with.
        out: folder that they are written to.
        threads: of the decoder; 0: one a core.
        wanted: which of its sounds.
        turns: quarters by which its pictures are turned clockwise.

    Raises:
        MediaError: the file cannot be read again, or a cutting cannot be written.
    """
    cuttings = list(found.files(key))
    if not cuttings:
        return
    with open_media(path, threads=threads) as media:
        sound, pictures = read_sound(path, media.zero, wanted), (picture.turned(turns) for picture in media.pictures())
        for name, stretch in cuttings:
            from_s, to_s = (picture / FPS + found.shifted_ms / 1000 for picture in (stretch.start, stretch.stop))
            write_video(out / name, _shown(pictures, stretch), audio=sound.between(from_s, to_s))


def _shown(pictures: Iterator[Picture], stretch: FileSegment) -> Iterator[NDArray[np.uint8]]:
    """The pictures of a stretch, RGB, out of a stream that has not come to its end yet."""
    for picture in pictures:
        if picture.index >= stretch.start:
            yield picture.crop(np.eye(2, 3), picture.shape)
        if picture.index >= stretch.stop - 1:
            return
