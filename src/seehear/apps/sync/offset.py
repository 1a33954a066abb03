"""A piece of a face against the sound: agreement at every delay, and its peak.

Lips are embedded 25 times a second and sound 100 times a second (four phases, 10 ms apart: the log-mel hop), so the
curve of agreement against delay has a point every 10 ms. Its peak, refined by a parabola, is the delay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Clip
from seehear.losses.base import Distance, distances

Floats = NDArray[np.float32]


PHASES = 4
"""Sound embeddings to one video frame: 40 ms / 10 ms, the hop of the log-mel that the sound encoder reads."""


STEP_MS = 1000 / FPS / PHASES
"""Distance between two points of a curve, in milliseconds."""


SHARPNESS = 2.0
"""Logits of a frame's choice among delays, per standard deviation of the similarities. Encoders that were trained by a
softmax learn about this themselves; in units of the spread it fits models trained by any loss."""


OUTLIERS = 0.3
"""Share of frames that say nothing about the delay: silence, a turned head, somebody else speaking. It bounds what one
frame can say against a delay. 0.1 to 0.3 measure equally well on single speakers; more helps where faces listen."""


PEAK_HALF_WIDTH_MS = 120.0
"""Nearer than this to the peak a curve still belongs to it: an encoder sees about 200 ms of lips and of sound."""


PARABOLA_POINTS = 2
"""Points at each side of the highest one that the parabola is fitted to (least squares, so that noise averages)."""


@dataclass(frozen=True)
class AgreementCurve:
    """Agreement of lips and sound for every delay of a symmetric range, summed over frames.

    One frame's agreement with a delay is the logarithm of how much more likely than by chance the frame chooses the
    sound at that delay, less its mean over delays: 0 on average where nothing matches. Where there is no sound to
    choose it is 0, too. Curves add: the sum of two pieces' curves is the curve of both pieces.

    Attributes:
        total: float64 (n,), agreement summed over frames; the middle entry is delay 0, entries are `STEP_MS` apart.
        frames: video frames that had sound to be compared with.
    """

    total: NDArray[np.float64]
    frames: float

    def __add__(self, other: AgreementCurve) -> AgreementCurve:
        return AgreementCurve(self.total + other.total, self.frames + other.frames)

    def weighted(self, weight: float) -> AgreementCurve:
        """The same curve, counting for ``weight`` times as many frames."""
        return AgreementCurve(self.total * weight, self.frames * weight)

    def moved(self, by_ms: float) -> AgreementCurve:
        """The curve of the same piece with its sound made later by ``by_ms`` (whole points; no wrapping round)."""
        longest = len(self.total)
        steps = min(max(round(by_ms / STEP_MS), -longest), longest)  # nothing is left of a curve moved by its length
        moved = np.zeros_like(self.total)
        if steps >= 0:
            moved[steps:] = self.total[: len(moved) - steps]
        else:
            moved[:steps] = self.total[-steps:]
        return AgreementCurve(moved, self.frames)

    @property
    def delays_ms(self) -> NDArray[np.float64]:
        """The delay of every entry, in milliseconds; positive: the audio is late."""
        return (np.arange(len(self.total)) - len(self.total) // 2).astype(np.float64) * STEP_MS

    @property
    def mean(self) -> NDArray[np.float64]:
        """Agreement a frame (n,)."""
        return self.total / max(self.frames, 1e-9)


@dataclass(frozen=True)
class DelayPeak:
    """The highest point of a curve.

    Attributes:
        delay_ms: where, refined between the points.
        agreement: how high, a frame.
        margin: how far above the second best delay, in units of the spread of the rest of the curve.
        evidence: how far above the second best delay in all frames together, as the logarithm of a ratio of
            probabilities: it grows with every frame, while the margin says how plain the answer is.
        frames: video frames behind the curve.
    """

    delay_ms: float
    agreement: float
    margin: float
    evidence: float
    frames: float


def agreement_by_delay(similar: Floats, audible: NDArray[np.bool_] | None = None) -> AgreementCurve:
    """Add up over frames how well lips agree with the sound at every delay.

    Args:
        similar: (T, (T + 2 S) * PHASES), similarity of each of T frames of lips to each embedding of sound, PHASES of
            these a frame, from S frames before the first lips frame to S frames after the last: column PHASES * S is
            the sound at the first lips frame's time.
        audible: bool, one entry per column; False where there was no sound to embed (before the recording begins, after
            it ends). None: everywhere.

    Returns:
        The curve from -S to +S frames. Similarities are taken relative to the mean of their sound embedding, so that
        sound which resembles all lips does not tilt the curve.
    """
    agreement, known = agreement_by_frame(similar, audible)
    return AgreementCurve(agreement.sum(axis=0, dtype=np.float64), float(known.sum()))


def agreement_by_frame(
    similar: Floats, audible: NDArray[np.bool_] | None = None, phases: int = PHASES
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """How well the lips of each frame agree with the sound at every delay.

    Args:
        similar: (T, (T + 2 S) * phases), as `agreement_by_delay` takes it.
        audible: as there.
        phases: embeddings of sound to a frame.

    Returns:
        Agreement (T, 2 S * phases + 1) as `AgreementCurve` defines it, and which frames (T,) had sound to be
        compared with.
    """
    frames, fine = similar.shape
    reach = (fine // phases - frames) // 2
    if fine != (frames + 2 * reach) * phases:
        raise ValueError(f"{fine} sound embeddings do not surround {frames} frames of lips evenly, {phases} to a frame")
    delays = 2 * reach * phases + 1
    audible = np.ones(fine, bool) if audible is None else audible
    if not audible.any():
        return np.zeros((frames, delays)), np.zeros(frames, bool)
    relative = similar - similar.mean(axis=0, keepdims=True)
    logits = relative * (SHARPNESS / max(float(relative[:, audible].std()), 1e-6))
    known = _diagonals(np.broadcast_to(audible, similar.shape), delays, phases)
    choices = np.maximum(known.sum(axis=1, keepdims=True), 1)
    chosen = np.where(known, np.exp(_diagonals(logits - logits.max(axis=1, keepdims=True), delays, phases)), 0)
    chosen *= choices / np.maximum(chosen.sum(axis=1, keepdims=True), 1e-12)  # probability, in units of chance
    agreement = np.where(known, np.log(OUTLIERS + (1 - OUTLIERS) * chosen), 0)
    agreement = np.where(known, agreement - agreement.sum(axis=1, keepdims=True) / choices, 0)
    compared: NDArray[np.bool_] = np.any(known, axis=1)
    return agreement, compared


def find_peak(curve: AgreementCurve) -> DelayPeak | None:
    """The best delay of a curve and how far it stands out; None where the curve says nothing (no sound overlaps)."""
    mean, delays = curve.mean, curve.delays_ms
    best = int(mean.argmax())
    rest = mean[np.abs(delays - delays[best]) > PEAK_HALF_WIDTH_MS]
    known = rest[rest != 0]  # where no sound was to be compared it is 0: in short files that is most of the curve
    if curve.frames == 0 or len(known) < 2:
        return None
    # median absolute deviation: the robust companion of a standard deviation
    spread = max(1.4826 * float(np.median(np.abs(known - np.median(known)))), 1e-6)
    lead = float(mean[best] - rest.max())
    return DelayPeak(
        delay_ms=float(delays[best]) + STEP_MS * _vertex(mean, best),
        agreement=float(mean[best]),
        margin=lead / spread,
        evidence=lead * curve.frames,
        frames=curve.frames,
    )


def _vertex(mean: NDArray[np.float64], best: int) -> float:
    """Where a parabola through the points about ``best`` has its vertex, in points from ``best``, within +-1."""
    half = min(PARABOLA_POINTS, best, len(mean) - 1 - best)
    around = mean[best - half : best + half + 1]
    if half == 0:
        return 0.0
    curvature, slope, _ = np.polyfit(np.arange(-half, half + 1), around, 2)
    return float(np.clip(-slope / (2 * curvature), -1, 1)) if curvature < 0 else 0.0


def _diagonals(product: NDArray[Any], delays: int, phases: int) -> NDArray[Any]:
    """Row t from column phases * t on: (T, columns) -> (T, delays), without copying the rest."""
    product = np.ascontiguousarray(product)
    row, item = product.strides
    return np.lib.stride_tricks.as_strided(
        product, (len(product), delays), (row + phases * item, item), writeable=False
    )


SAMPLES_PER_PHASE = SAMPLES_PER_FRAME // PHASES


PART_S = 1.0
"""Length of the parts in which a piece's curve is kept: at the wrong speed a delay changes by 40 ms in each second."""


STILL = 1e-4
"""Samples this small (-80 dB) at the ends of a segment are padding, not audio, and are not compared."""


SILENT_DB = -55.0
"""Sound whose loudest 40 ms stay below this (re full scale) is called silent: nobody speaks that softly on purpose."""


class SyncEmbedder(Protocol):
    """What a model must do to measure sync; `seehear.models.interface.LipSyncModel` does."""

    config: dict[str, Any]
    context: int
    distance: Distance

    def embed_lips(self, video: Tensor) -> Tensor:
        """uint8 (B, T, S, S, 3) face crops -> (B, T - 2 c, D), c the ``context`` frames lost at each end."""

    def embed_sound(self, audio: Tensor) -> Tensor:
        """float32 (B, T * 640) -> (B, T - 2 c, D)."""


class SoundSource(Protocol):
    """What sound is read from; `seehear.media.sound.Sound` is one."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""

    def between(self, start_s: float, stop_s: float) -> NDArray[np.float32]:
        """16 kHz samples of a segment, zeros outside the recording."""


@dataclass(frozen=True)
class ClipAgreement:
    """One piece of a face, compared with the sound.

    Attributes:
        track: number of the face.
        start_s, end_s: on the file's clock.
        curve: agreement against delay.
        loudness_db: of the loudest 40 ms of sound during the piece, re full scale.
        modulation_db: by how much that level changes during the piece.
        parts: the same curve in parts of about `PART_S`, each with the time of its middle (s on the file's clock).
    """

    track: int
    start_s: float
    end_s: float
    curve: AgreementCurve
    loudness_db: float
    modulation_db: float
    parts: tuple[tuple[float, AgreementCurve], ...] = ()


def measure_agreement(model: SyncEmbedder, clip: Clip, sound: SoundSource, reach: int) -> ClipAgreement:
    """Compare the lips of a clip with the sound up to ``reach`` frames before and after each of them.

    The sound is embedded at `PHASES` starting points, 10 ms apart, because the model gives one embedding a frame.
    """
    return measure_agreements(model, clip, [sound], reach)[0]


def measure_agreements(
    model: SyncEmbedder, clip: Clip, sounds: Sequence[SoundSource], reach: int
) -> list[ClipAgreement]:
    """Compare the lips of a clip with each of several sounds by `measure_agreement`; the lips are embedded once."""
    lips: list[Tensor] = []
    return [_listen(model, clip, lips, sound, reach) for sound in sounds]


def _listen(model: SyncEmbedder, clip: Clip, lips: list[Tensor], sound: SoundSource, reach: int) -> ClipAgreement:
    """As `measure_agreement`; the embeddings of the lips are taken from the list, or put there."""
    start_s, frames = float(clip.meta["start_s"]), clip.frames - 2 * model.context
    samples = (clip.frames + 2 * reach) * SAMPLES_PER_FRAME
    from_s = start_s - reach / FPS
    around = sound.between(from_s, from_s + (samples + (PHASES - 1) * SAMPLES_PER_PHASE) / SAMPLE_RATE)
    similar, audible = np.zeros((frames, frames + 2 * reach, PHASES), np.float32), np.zeros(frames + 2 * reach, bool)
    first, last = sounding_frames(around)
    if last - first > 2 * model.context:
        with torch.inference_mode():
            if not lips:
                lips.append(model.embed_lips(torch.from_numpy(clip.video)[None])[0])
            phases = np.stack([around[SAMPLES_PER_PHASE * phase :][:samples] for phase in range(PHASES)])
            phases = phases[:, first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME]
            embedded = model.embed_sound(torch.from_numpy(phases))  # (PHASES, frames, D)
            similarity = torch.stack(
                [embedding_similarity(lips[0], phase, model.distance) for phase in embedded], dim=-1
            )
        covered = slice(first, last - 2 * model.context)
        similar[:, covered], audible[covered] = similarity.float().cpu().numpy(), True
    during = sound.between(start_s, start_s + clip.seconds)
    agreement, known = agreement_by_frame(similar.reshape(frames, -1), audible.repeat(PHASES))
    return ClipAgreement(
        track=int(clip.meta["track"]),
        start_s=start_s,
        end_s=start_s + clip.seconds,
        curve=AgreementCurve(agreement.sum(axis=0, dtype=np.float64), float(known.sum())),
        loudness_db=loudness_db(during),
        modulation_db=modulation_db(during),
        parts=tuple(_parts(agreement, known, start_s + model.context / FPS)),
    )


def _parts(
    agreement: NDArray[np.floating], known: NDArray[np.bool_], start_s: float
) -> Iterator[tuple[float, AgreementCurve]]:
    """The agreement of frames (T, delays), the first of which is shown at `start_s`, summed over about `PART_S`."""
    count = max(1, round(len(agreement) / FPS / PART_S))
    edges = np.linspace(0, len(agreement), count + 1).round().astype(int).tolist()
    for first, stop in pairwise(edges):
        total = agreement[first:stop].sum(axis=0, dtype=np.float64)
        yield start_s + (first + stop) / 2 / FPS, AgreementCurve(total, float(known[first:stop].sum()))


def embedding_similarity(lips: Tensor, sound: Tensor, distance: Distance) -> Tensor:
    """Similarity of embeddings: (T, D), (N, D) -> (T, N)."""
    return lips @ sound.T if distance == "cosine" else -distances(lips, sound)


def sounding_frames(audio: NDArray[np.float32]) -> tuple[int, int]:
    """First and last (exclusive) whole video frame of a segment between the silences that pad its ends.

    A model normalises sound over all that it is given: silence that is no part of the recording would spoil that.
    """
    sounding = np.flatnonzero(np.abs(audio) > STILL)
    if not len(sounding):
        return 0, 0
    whole = (len(audio) - (PHASES - 1) * SAMPLES_PER_PHASE) // SAMPLES_PER_FRAME
    return -(-int(sounding[0]) // SAMPLES_PER_FRAME), min(int(sounding[-1]) // SAMPLES_PER_FRAME, whole)


def loudness_db(audio: NDArray[np.float32]) -> float:
    """Level of the loudest video frame's worth of sound (N,), in dB re full scale; -inf for digital silence."""
    return float(_levels_db(audio).max(initial=-np.inf))


def modulation_db(audio: NDArray[np.float32]) -> float:
    """From the softest tenth of the video frames of sound (N,) to the loudest, in dB; digital silence does not count.

    Speech has syllables and pauses: 20 dB and more when it is clean, and still 5 dB in white noise as loud as itself.
    A tone or noise that goes on and on has less than 1 dB.
    """
    levels = _levels_db(audio)
    levels = levels[levels > 20 * np.log10(STILL)]
    return float(np.subtract(*np.percentile(levels, [90, 10]))) if len(levels) else 0.0


def _levels_db(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    """Level of every whole video frame's worth of sound: (N,) -> (N // 640,), in dB re full scale."""
    frames = audio[: len(audio) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME].reshape(-1, SAMPLES_PER_FRAME)
    with np.errstate(divide="ignore"):
        levels: NDArray[np.float64] = 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1))
    return levels
