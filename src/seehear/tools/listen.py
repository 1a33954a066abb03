"""One piece of a face against the sound around it: clip in, curve of agreement against delay out."""

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
from seehear.losses.similarity import Distance, distances
from seehear.tools.offset import PHASES, Curve, agreement_by_frame

SAMPLES_PER_PHASE = SAMPLES_PER_FRAME // PHASES

PART_S = 1.0
"""Length of the parts in which a piece's curve is kept: at the wrong speed a delay changes by 40 ms in each second."""

STILL = 1e-4
"""Samples this small (-80 dB) at the ends of a stretch are not sound but padding: nothing is compared with them."""

SILENT_DB = -55.0
"""Sound whose loudest 40 ms stay below this (re full scale) is called silent: nobody speaks that softly on purpose."""


class LipsAndSound(Protocol):
    """What a model must do to measure sync; `seehear.pretext.lipsync.LipSync` does."""

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
        """16 kHz samples of a stretch, zeros outside the recording."""


@dataclass(frozen=True)
class Heard:
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
    curve: Curve
    loudness_db: float
    modulation_db: float
    parts: tuple[tuple[float, Curve], ...] = ()


def listen(model: LipsAndSound, clip: Clip, sound: SoundSource, reach: int) -> Heard:
    """Compare the lips of a clip with the sound up to ``reach`` frames before and after each of them.

    The sound is embedded at `PHASES` starting points, 10 ms apart, because the model gives one embedding a frame.
    """
    return listen_to_each(model, clip, [sound], reach)[0]


def listen_to_each(model: LipsAndSound, clip: Clip, sounds: Sequence[SoundSource], reach: int) -> list[Heard]:
    """Compare the lips of a clip with each of several sounds, as `listen` does; the lips are embedded once."""
    lips: list[Tensor] = []
    return [_listen(model, clip, lips, sound, reach) for sound in sounds]


def _listen(model: LipsAndSound, clip: Clip, lips: list[Tensor], sound: SoundSource, reach: int) -> Heard:
    """As `listen`; the embeddings of the lips are taken from the list, or put there."""
    start_s, frames = float(clip.meta["start_s"]), clip.frames - 2 * model.context
    samples = (clip.frames + 2 * reach) * SAMPLES_PER_FRAME
    from_s = start_s - reach / FPS
    around = sound.between(from_s, from_s + (samples + (PHASES - 1) * SAMPLES_PER_PHASE) / SAMPLE_RATE)
    similar, heard = np.zeros((frames, frames + 2 * reach, PHASES), np.float32), np.zeros(frames + 2 * reach, bool)
    first, last = sounding_frames(around)
    if last - first > 2 * model.context:
        with torch.inference_mode():
            if not lips:
                lips.append(model.embed_lips(torch.from_numpy(clip.video)[None])[0])
            phases = np.stack([around[SAMPLES_PER_PHASE * phase :][:samples] for phase in range(PHASES)])
            phases = phases[:, first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME]
            embedded = model.embed_sound(torch.from_numpy(phases))  # (PHASES, frames, D)
            alike = torch.stack([similarity(lips[0], phase, model.distance) for phase in embedded], dim=-1)
        covered = slice(first, last - 2 * model.context)
        similar[:, covered], heard[covered] = alike.float().cpu().numpy(), True
    during = sound.between(start_s, start_s + clip.seconds)
    agreement, known = agreement_by_frame(similar.reshape(frames, -1), heard.repeat(PHASES))
    return Heard(
        track=int(clip.meta["track"]),
        start_s=start_s,
        end_s=start_s + clip.seconds,
        curve=Curve(agreement.sum(axis=0, dtype=np.float64), float(known.sum())),
        loudness_db=loudness_db(during),
        modulation_db=modulation_db(during),
        parts=tuple(_parts(agreement, known, start_s + model.context / FPS)),
    )


def _parts(agreement: NDArray[np.floating], known: NDArray[np.bool_], start_s: float) -> Iterator[tuple[float, Curve]]:
    """The agreement of frames (T, delays), the first of which is shown at `start_s`, summed over about `PART_S`."""
    count = max(1, round(len(agreement) / FPS / PART_S))
    edges = np.linspace(0, len(agreement), count + 1).round().astype(int).tolist()
    for first, stop in pairwise(edges):
        total = agreement[first:stop].sum(axis=0, dtype=np.float64)
        yield start_s + (first + stop) / 2 / FPS, Curve(total, float(known[first:stop].sum()))


def similarity(lips: Tensor, sound: Tensor, distance: Distance) -> Tensor:
    """How alike embeddings are: (T, D), (N, D) -> (T, N), larger is more alike."""
    return lips @ sound.T if distance == "cosine" else -distances(lips, sound)


def sounding_frames(audio: NDArray[np.float32]) -> tuple[int, int]:
    """First and last (exclusive) whole video frame of a stretch between the silences that pad its ends.

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
