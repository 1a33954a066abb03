"""The delay of one file or array: faces and audio in; delay, confidence and verdict out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.apps.sync.drift import Drift, Segment, describe_drift, find_drift, find_speed_error
from seehear.apps.sync.measure import FaceFinder
from seehear.apps.sync.offset import (
    SILENT_DB,
    AgreementCurve,
    ClipAgreement,
    DelayPeak,
    SyncEmbedder,
    find_peak,
    measure_agreements,
)
from seehear.apps.sync.result import OtherSound, SyncMeasurement, TrackDelay
from seehear.apps.sync.verdict import Verdict, classify_delay, format_delay
from seehear.clip import FPS, SAMPLE_RATE
from seehear.machine import decoder_threads, single_thread
from seehear.media.arrays import NAME as ARRAY
from seehear.media.arrays import ArrayMedia, sound_of_array
from seehear.media.audio_streams import AudioStreamChoice, describe_others
from seehear.media.clips import ClipOptions, ClipReader
from seehear.media.sound import Sound, read_all_sounds
from seehear.metrics.calibration import DelayCalibration
from seehear.models.interface import LipSyncModel
from seehear.models.store import ModelVersion, load_sync_model, model_version
from seehear.parallel_files import PathLike, run_files
from seehear.progress import Progress


def choose_sound(found: Sequence[SyncMeasurement], sounds: Sequence[Sound]) -> SyncMeasurement:
    """The measurement that is most likely right, with what the others say; of equals the first.

    Args:
        found: one of each sound, of the first as a player would choose it. The confidence of the others allows for
            their number (`seehear.metrics.calibration.DelayCalibration.among`).
        sounds: that they were made on.
    """
    best = max(range(len(found)), key=lambda place: (found[place].confidence, -place))
    chosen, sound = found[best], sounds[best]
    rest = tuple(
        OtherSound(other.part, measured.delay_ms, measured.confidence)
        for place, (measured, other) in enumerate(zip(found, sounds, strict=True))
        if place != best and other.part
    )
    reason = chosen.reason
    if chosen.verdict is Verdict.CANNOT_TELL and rest:
        every = ", ".join(other.part.label for other in sounds if other.part)
        reason = f"{reason}; none of the file's sounds agrees with the lips: {every}"
    elif chosen.verdict is Verdict.CANNOT_TELL:
        reason += describe_others(sound.part, sound.others)
    return replace(chosen, reason=reason, sound=sound.part, other_sounds=rest, cautions=sound.cautions)


PIECES_UNDER_WAY = 2
"""Pieces waiting for the network while the next is decoded; bounded, so that memory is too."""


SEGMENT_S = 10.0
"""Length of the segments in which a file's delay is measured along its course."""


SEGMENT_CONFIDENCE = 0.5
"""Minimum confidence of a segment that counts for the drift."""


TOO_SHORT = "every face is visible for too short a time"


MIN_FRAMES = FPS
"""With fewer compared frames of lips, the reason of an unclear peak is that the file is too short."""


STEADY_DB = 4.0
"""Audio whose level changes by less than this is not speech (see `seehear.apps.sync.offset.modulation_db`)."""


MIN_WEIGHT = 0.02
"""Weight of a face that matches nothing: weak evidence of many tracks may add up where none is sufficient alone."""


@dataclass(frozen=True)
class MeasureOptions:
    """Options of a measurement.

    Attributes:
        search_s: maximum delay, in seconds, early or late.
        faces: ``yunet`` finds faces; ``whole-frame`` takes every frame as a face crop.
        detector: the face detector's file (yunet .onnx); by default the cached one, or downloaded.
        sound: audio stream to measure; by default the one that agrees best with the lips.
    """

    search_s: float = 1.0
    faces: FaceFinder = "yunet"
    detector: Path | None = None
    sound: AudioStreamChoice | None = None

    @property
    def crops(self) -> ClipOptions:
        """How the faces are cut out."""
        return ClipOptions(faces=self.faces, detector=self.detector, sound=self.sound)


def measure_files(
    files: PathLike | Sequence[PathLike],
    model: str | Path | LipSyncModel,
    options: MeasureOptions,
    workers: int | None = None,
    progress: Progress | None = None,
    sandbox: bool = False,
) -> SyncMeasurement | Iterator[SyncMeasurement]:
    """Measure a file, or a sequence of files in worker processes; see `measure_sync`."""
    version = model_version(model)
    load_once(model, version)  # here, even if processes will do the work: a wrong model is one error, not one per file
    return run_files(
        files,
        partial(_measure_with, model, version, options),
        lambda file: SyncMeasurement.failed(file.path, file.error or "", file.code, options.search_s),
        workers,
        progress,
        here=isinstance(model, LipSyncModel),
        sandbox=sandbox,
    )


def _measure_with(
    model: str | Path | LipSyncModel,
    version: ModelVersion,
    options: MeasureOptions,
    path: Path,
    report: Callable[[float], None] | None = None,
) -> SyncMeasurement:
    with single_thread():
        return measure_file(path, load_once(model, version), options, report, decoder_threads())


@lru_cache(maxsize=2)
def _load_once(model: str | Path, version: ModelVersion) -> LipSyncModel:
    return load_sync_model(model)


def load_once(model: str | Path | LipSyncModel, version: ModelVersion) -> LipSyncModel:
    """Load a model, or return the last one if it has the same name and version: loading takes seconds."""
    return model if isinstance(model, LipSyncModel) else _load_once(model, version)


def measure_file(
    path: Path,
    model: SyncEmbedder,
    options: MeasureOptions | None = None,
    progress: Callable[[float], None] | None = None,
    threads: int = 0,
) -> SyncMeasurement:
    """Measure the delay of a file's sound against its picture. Memory does not grow with the file's length.

    Args:
        path: any media file.
        model: what `seehear.load` gives for a sync run.
        options: how to look and how far.
        progress: called with the share of the file that is done (0..1).
        threads: of the decoder; 0: one a core.

    Raises:
        MediaError: the file cannot be read.
    """
    options = options or MeasureOptions()
    with ClipReader(path, options.crops, threads=threads) as reader:
        if reader.media.video is None:
            return _unmeasured(path, options, "there is no video in the file")
        if not reader.media.has_sound:
            return _unmeasured(path, options, "there is no audio in the file")
        sounds = [reader.sound] if options.sound else read_all_sounds(path, reader.media.zero)
        return _measure_clips(path, reader, sounds, model, options, progress)


def measure_arrays(
    video: NDArray[np.uint8],
    audio: NDArray[np.floating] | NDArray[np.integer],
    model: str | Path | LipSyncModel,
    options: MeasureOptions,
    fps: float = FPS,
    sample_rate: int = SAMPLE_RATE,
    progress: Progress | None = None,
) -> SyncMeasurement:
    """`measure_file` for frames and audio in memory; see `measure_sync` for their form.

    Raises:
        MediaError: an array is not of that form.
    """
    name = Path(ARRAY)
    reader = ClipReader(name, options.crops)
    reader.media = ArrayMedia(video, fps)
    loaded = load_sync_model(model)
    report = None if progress is None else lambda share: progress(share, ARRAY)
    with single_thread(), reader:
        return _measure_clips(name, reader, [sound_of_array(audio, sample_rate)], loaded, options, report)


def _measure_clips(
    path: Path,
    reader: ClipReader,
    sounds: Sequence[Sound],
    model: SyncEmbedder,
    options: MeasureOptions,
    progress: Callable[[float], None] | None,
) -> SyncMeasurement:
    reader.sound = sounds[0]
    duration_s = reader.media.duration_s or 1.0
    agreements: list[list[ClipAgreement]] = []
    for pieces in _embed_and_compare(model, reader, sounds, max(1, round(options.search_s * FPS))):
        agreements.append(pieces)
        if progress:
            progress(min(1.0, pieces[0].end_s / duration_s))
    name, seen = reader.detector_name, reader.stats.cautions
    if not agreements:
        return _unmeasured(path, options, reader.stats.empty_reason() or TOO_SHORT, name)
    calibration = DelayCalibration.from_config(model.config).for_search_range(options.search_s)
    found = [
        _conclude_one(path, list(of_sound), calibration.for_best_of(len(sounds)) if place else calibration, options)
        for place, of_sound in enumerate(zip(*agreements, strict=True))
    ]
    chosen = choose_sound(found, sounds)
    return replace(chosen, cautions=(*chosen.cautions, *seen), detector=name)


def _conclude_one(
    path: Path, agreements: list[ClipAgreement], calibration: DelayCalibration, options: MeasureOptions
) -> SyncMeasurement:
    if max(piece.loudness_db for piece in agreements) < SILENT_DB:
        return _unmeasured(path, options, "the audio is silent while a face is visible")
    return combine_agreements(path, agreements, calibration, options)


def combine_agreements(
    path: Path, agreements: list[ClipAgreement], calibration: DelayCalibration, options: MeasureOptions
) -> SyncMeasurement:
    """From the curves of a file's pieces to the answer.

    A face counts by its frames times its own confidence, relative to the surest face's, so that people who are seen but
    do not speak count little and one face alone is as sure as its track.
    Where the delay changes along the file, every curve is first moved to the delay in the middle.
    """
    tracks = _tracks(agreements, calibration)
    weights = dict.fromkeys((piece.track for piece in agreements), MIN_WEIGHT)
    weights |= {track.track: max(MIN_WEIGHT, track.confidence) for track in tracks}
    surest = max(weights.values())  # has full weight: its evidence must not be discounted twice
    weights = {number: weight / surest for number, weight in weights.items()}
    segments = _segments(agreements, weights, calibration)
    drift = find_drift([segment for segment in segments if segment.confidence >= SEGMENT_CONFIDENCE])
    if drift and drift.changes:
        agreements, weights = _straightened(agreements, drift), dict.fromkeys(weights, 1.0)
    curve = _sum([piece.curve.weighted(weights[piece.track]) for piece in agreements])
    peak = find_peak(curve)
    if peak is None:
        return _unmeasured(path, options, "there is never audio while a face is visible")
    confidence = calibration(peak)
    speed = (
        None if drift and drift.changes else find_speed_error([part for piece in agreements for part in piece.parts])
    )
    if speed and (at_speed := find_peak(speed.curve)):
        confidence = calibration.for_best_of(speed.tried)(
            at_speed
        )  # a constant delay agrees less, so it is not believed
        peak, curve, drift = at_speed, speed.curve, speed.drift(at_speed.delay_ms)
    verdict = classify_delay(peak.delay_ms, confidence)
    if verdict is Verdict.IN_SYNC and drift and drift.changes:
        ends = {classify_delay(delay, confidence) for delay in (drift.at_start_ms, drift.at_end_ms)}
        verdict = Verdict.OUT_OF_SYNC if Verdict.OUT_OF_SYNC in ends else verdict
    return SyncMeasurement(
        path=path,
        verdict=verdict,
        reason=_reason(verdict, agreements, options, peak, drift),
        delay_ms=peak.delay_ms,
        confidence=confidence,
        calibrated=calibration.fitted,
        search_s=options.search_s,
        faces_s=sum(piece.end_s - piece.start_s for piece in agreements),
        tracks=tuple(tracks),
        segments=tuple(segments),
        drift=drift,
        curve=curve,
    )


def _embed_and_compare(
    model: SyncEmbedder, reader: ClipReader, sounds: Sequence[Sound], reach: int
) -> Iterator[list[ClipAgreement]]:
    """Decoding stays in this thread, the network runs in another: both release the interpreter while they compute."""
    waiting: deque[Future[list[ClipAgreement]]] = deque()
    with ThreadPoolExecutor(1) as network:
        for clip in reader:
            if clip.frames <= 2 * model.context:
                continue
            if len(waiting) >= PIECES_UNDER_WAY:
                yield waiting.popleft().result()
            waiting.append(network.submit(measure_agreements, model, clip, sounds, reach))
        while waiting:
            yield waiting.popleft().result()


def _tracks(agreements: list[ClipAgreement], calibration: DelayCalibration) -> list[TrackDelay]:
    tracks = []
    for number, pieces in groupby(
        sorted(agreements, key=lambda piece: (piece.track, piece.start_s)), lambda p: p.track
    ):
        of_track = list(pieces)
        curve = _sum([piece.curve for piece in of_track])
        peak = find_peak(curve)
        if peak:
            start_s, end_s = of_track[0].start_s, of_track[-1].end_s
            tracks.append(TrackDelay(number, start_s, end_s, peak.delay_ms, calibration(peak), curve))
    return sorted(tracks, key=lambda track: track.start_s)


def _segments(
    agreements: list[ClipAgreement], weights: dict[int, float], calibration: DelayCalibration
) -> list[Segment]:
    """The delay in every ten seconds of the file; short appearances within one segment are measured together."""

    def segment_index(piece: ClipAgreement) -> int:
        return int((piece.start_s + piece.end_s) / 2 // SEGMENT_S)

    segments = []
    for _, pieces in groupby(sorted(agreements, key=segment_index), segment_index):
        within = list(pieces)
        peak = find_peak(_sum([piece.curve.weighted(weights[piece.track]) for piece in within]))
        if peak:
            start_s, end_s = min(piece.start_s for piece in within), max(piece.end_s for piece in within)
            segments.append(Segment(start_s, end_s, peak.delay_ms, calibration(peak)))
    return segments


def _straightened(agreements: list[ClipAgreement], drift: Drift) -> list[ClipAgreement]:
    """Every piece's curve moved to the delay of the file's middle, so that drift does not smear the sum."""
    reference = drift.delay_at((drift.first_s + drift.last_s) / 2)
    return [
        replace(piece, curve=piece.curve.moved(reference - drift.delay_at((piece.start_s + piece.end_s) / 2)))
        for piece in agreements
    ]


def _sum(curves: list[AgreementCurve]) -> AgreementCurve:
    return AgreementCurve(np.sum([curve.total for curve in curves], axis=0), sum(curve.frames for curve in curves))


def _describe_delay(peak: DelayPeak, drift: Drift | None) -> str:
    text = f"the audio is {format_delay(peak.delay_ms)}"
    if not drift or not drift.changes:
        return text
    return f"{text}, and it {'' if drift.jumps else 'drifts, '}{describe_drift(drift)}"


def _reason(
    verdict: Verdict, agreements: list[ClipAgreement], options: MeasureOptions, peak: DelayPeak, drift: Drift | None
) -> str:
    if verdict is not Verdict.CANNOT_TELL:
        return _describe_delay(peak, drift)
    if drift and drift.changes:
        return f"the delay seems to change along the file, but that is not sure ({describe_drift(drift)})"
    return _why_unclear(agreements, options)


def _why_unclear(agreements: list[ClipAgreement], options: MeasureOptions) -> str:
    """The most likely reason for an unclear peak; certain reasons come first."""
    frames = sum(piece.curve.frames for piece in agreements)
    if frames < MIN_FRAMES:
        faces_s = sum(piece.end_s - piece.start_s for piece in agreements)
        return f"too short: faces are seen for {faces_s:.2f} s, and only {frames / FPS:.2f} s of that can be compared"
    modulation_db = max(piece.modulation_db for piece in agreements)
    if modulation_db < STEADY_DB:
        return (
            f"no speech: while a face is visible the level of the audio varies by {modulation_db:.1f} dB, "
            "as steady as a tone or noise"
        )
    return (
        f"no clear peak: within {options.search_s:g} s either way the lips match the audio at no delay much better "
        "than at others (no speech, another voice, or a longer delay: try --search-s 5)"
    )


def _unmeasured(path: Path, options: MeasureOptions, reason: str, detector: str | None = None) -> SyncMeasurement:
    return SyncMeasurement(path, Verdict.CANNOT_TELL, reason, search_s=options.search_s, detector=detector)
