"""Divide one video into segments, and write those to keep.

Kept are segments with one face that speaks, in sync with the audio. Every frame belongs to exactly one segment.
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
from seehear.apps.sync.verdict import CANNOT_TELL_BELOW
from seehear.clip import FPS
from seehear.data.staging import clip_key
from seehear.media.audio_streams import AudioStreamChoice
from seehear.media.decode import open_media
from seehear.media.encode import write_video
from seehear.media.picture import Picture
from seehear.media.sound import read_sound, split_lengths
from seehear.metrics.calibration import DelayCalibration

PAUSE_S = 0.6
"""Shorter silences are pauses between words; during longer ones the person listens."""


MARGIN_S = 0.12
"""Silence kept around speech while the face stays visible: lips open before there is sound."""


NOBODY, SEVERAL = -1, -2


class Reason(StrEnum):
    """Why a segment is not kept; the values appear in report.csv."""

    NO_FACE = "no face"
    SEVERAL_FACES = "several faces"
    NO_SOUND = "no sound"
    NOT_SPEAKING = "not speaking"
    TOO_SHORT = "too short"
    UNSURE = "cannot tell"
    OUT_OF_SYNC = "out of sync"


@dataclass(frozen=True)
class FileSegment:
    """A segment of a file.

    Attributes:
        start, stop: index of its first frame and of the one after its last, at 25 per second
        reason: why it is not kept; None if it is
        delay_ms: delay measured on its face, positive if the audio is late; None without a measurement
        confidence: probability that the delay is right
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
    """Divide a file into segments, in order.

    Args:
        frames: number of frames of the file
        faces: complete tracks
        speaking: for each of them, whether it speaks in each of its frames, (T,)
        rules: which segments are kept
        calibration: calibration of the model that computed the agreement
        shift_ms: by how much the audio will be moved earlier
    """
    return [
        segment
        for start, stop, face in _runs(visible_face(frames, faces))
        for segment in (
            [FileSegment(start, stop, Reason.NO_FACE if face == NOBODY else Reason.SEVERAL_FACES)]
            if face < 0
            else _of_one_face(start, stop, faces[face], speaking[face], rules, calibration, shift_ms)
        )
    ]


def visible_face(frames: int, faces: Sequence[FaceTrack]) -> NDArray[np.int64]:
    """Return for each frame the index in ``faces`` of the only visible face, `NOBODY` or `SEVERAL`: (frames,)."""
    owner = np.full(frames, NOBODY)
    for place, face in enumerate(faces):
        seen = owner[face.start : face.stop]
        seen[...] = np.where(seen == NOBODY, place, SEVERAL)
    return owner


def delay_of_file(
    frames: int, faces: Sequence[FaceTrack], speaking: Sequence[NDArray[np.bool_]], calibration: DelayCalibration
) -> tuple[float, float] | None:
    """Return the delay over all speech with one visible face, ms, positive if the audio is late; and its confidence."""
    owner = visible_face(frames, faces)
    parts = [
        face.agreement[spoken & (owner[face.start : face.stop] == place)]
        for place, (face, spoken) in enumerate(zip(faces, speaking, strict=True))
    ]
    peak = find_peak(curve_of(np.concatenate(parts))) if parts else None
    return (peak.delay_ms, calibration(peak)) if peak else None


def curve_of(agreement: NDArray[np.floating]) -> AgreementCurve:
    """Sum the agreement of frames at whole-frame delays, (T, 2 `REACH` + 1), to a curve for `find_peak`."""
    total = agreement.sum(axis=0, dtype=np.float64)
    fine = np.arange(-REACH * PHASES, REACH * PHASES + 1) / PHASES
    between = CubicSpline(np.arange(-REACH, REACH + 1), total)(fine)
    return AgreementCurve(np.asarray(between, np.float64), float((agreement != 0).any(axis=1).sum()))


def seconds_by_reason(segments: Sequence[FileSegment]) -> dict[str, float]:
    """Return reason -> seconds left out, in descending order."""
    taken: Counter[str] = Counter()
    for segment in segments:
        if segment.reason:
            taken[segment.reason.value] += segment.stop - segment.start
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
    """Divide a span in which only this face is visible."""
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
    """Add pauses and a margin of silence to speech, (T,)."""
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
    """Return runs of equal values: first index, index after the last, value."""
    if not len(values):
        return []
    edges = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)]
    return [(first, last, int(values[first])) for first, last in pairwise(edges)]


DETECTION_SHARE = 0.9
"""Share of the work; the rest is writing."""


ReportShare = Callable[[float], None]


@dataclass(frozen=True)
class CuratedFile:
    """Outcome for a file.

    Attributes:
        seconds: its length; 0 if it cannot be read
        stretches: its segments, which cover it completely
        shifted_ms: by how much the audio of its segments was moved earlier (negative: later)
        problem: why it cannot be used at all; empty if it can
        sound: audio stream that was used, if there are several, and remarks about it
    """

    seconds: float = 0.0
    stretches: tuple[FileSegment, ...] = ()
    shifted_ms: float = 0.0
    problem: str = ""
    sound: str = ""

    def files(self, key: str) -> Iterator[tuple[str, FileSegment]]:
        """Yield the file names of the kept segments, and the segments."""
        wanted = (segment for segment in self.stretches if segment.reason is None)
        for number, segment in enumerate(wanted):
            yield f"{clip_key(key, number)}.mp4", segment

    def to_json(self) -> str:
        """Convert to JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Create from the text of `to_json`."""
        values: dict[str, Any] = json.loads(text)
        parts = (s | {"reason": Reason(s["reason"]) if s["reason"] else None} for s in values.pop("stretches"))
        return cls(stretches=tuple(FileSegment(**part) for part in parts), **values)


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
    """Divide one file and write the segments to keep.

    Args:
        path: video file
        key: prefix of the names of its segments
        out: output folder
        model: lip-sync model
        rules: which segments are kept
        look: how faces are found
        progress: called with the share that is done, 0 to 1
        threads: threads of the decoder; 0 for one per core

    Raises:
        SeehearError: the file cannot be read, or a segment cannot be written
    """
    with open_media(path, threads=threads) as media:
        if media.video is None:
            return CuratedFile(media.duration_s, problem="there is no video")
        if not media.has_sound:
            clock = media.clock()
            return _silent(float(clock.end - clock.zero))
    speakers = detect_active_speakers(path, model, look, _share_of_all(progress), threads)
    frames = max([round(speakers.duration_s * FPS), *(face.stop for face in speakers.tracks)])
    calibration = DelayCalibration.from_config(model.config)
    shift_ms = _delay_to_undo(frames, speakers.tracks, speakers.speaks, calibration) if rules.fix else 0.0
    parts = segment_file(frames, speakers.tracks, speakers.speaks, rules, calibration, shift_ms)
    found = CuratedFile(frames / FPS, tuple(parts), round(shift_ms, 1), sound=_describe_sound(speakers))
    wanted = speakers.sound.choice if speakers.sound else None
    write_segments(path, found, key, out, threads, wanted=wanted, turns=speakers.turns)
    return found


def _describe_sound(speakers: ActiveSpeakers) -> str:
    values = [str(speakers.sound)] if speakers.sound and (speakers.sound.of > 1 or speakers.sound.channel) else []
    return "; ".join([*values, *speakers.cautions])


def _silent(duration_s: float) -> CuratedFile:
    frames = round(duration_s * FPS)
    return CuratedFile(frames / FPS, (FileSegment(0, frames, Reason.NO_SOUND),) if frames else ())


def _share_of_all(progress: ReportShare | None) -> ReportShare | None:
    """Scale the share of the detection to the whole work."""
    return (lambda share: progress(DETECTION_SHARE * share)) if progress else None


def _delay_to_undo(
    frames: int, faces: Sequence[FaceTrack], speaking: Sequence[NDArray[np.bool_]], calibration: DelayCalibration
) -> float:
    """Return the delay of the file if it is known well enough, else 0."""
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
    """Write the segments to keep: 25 frames per second in the original size and 16 kHz audio, both from time 0.

    Args:
        path: video file
        found: its segments
        key: prefix of the names of its segments
        out: output folder
        threads: threads of the decoder; 0 for one per core
        wanted: audio stream
        turns: number of clockwise quarter turns of the frames

    Raises:
        MediaError: the file cannot be read again, or a segment cannot be written
    """
    kept = list(found.files(key))
    if not kept:
        return
    with open_media(path, threads=threads) as media:
        sound, pictures = read_sound(path, media.zero, wanted), (picture.turned(turns) for picture in media.pictures())
        for name, segment in kept:
            from_s, to_s = (picture / FPS + found.shifted_ms / 1000 for picture in (segment.start, segment.stop))
            write_video(out / name, _frames_of(pictures, segment), audio=sound.between(from_s, to_s))


def _frames_of(pictures: Iterator[Picture], segment: FileSegment) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a segment, RGB, from a stream of frames; segments must be read in order."""
    for picture in pictures:
        if picture.index >= segment.start:
            yield picture.crop(np.eye(2, 3), picture.shape)
        if picture.index >= segment.stop - 1:
            return
