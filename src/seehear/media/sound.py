"""The sound of a file: 16 kHz, one channel, on the source clock, whatever its length on disk rather than in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import IO, Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.error import FFmpegError
from numpy.typing import NDArray

from seehear.clip import SAMPLE_RATE
from seehear.errors import MediaError
from seehear.media.frames import Damage, clock_zero, packets, restart_shifts, sounds
from seehear.media.heard import Heard
from seehear.media.samples import Reader, as_float, frame_of
from seehear.media.source import open_container, sound_streams
from seehear.media.timebase import Run

Samples = NDArray[np.float32]
FULL_SCALE = 32767
STORED_AT_ONCE = 60 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class _Piece:
    """Stored samples ``offset : offset + stop - start`` sound at samples ``start : stop`` of the source clock."""

    start: int
    stop: int
    offset: int


class Sound:
    """Sound on the source clock; see `read_sound`.

    Attributes:
        duration_s: from the clock's zero to the end of the sound (s); 0.0 without sound.
        repaired: how many samples were not a number or infinite, and are 0 now.
        damaged: how many packets could not be decoded; what is missing is silence.
    """

    def __init__(self, samples: NDArray[np.int16], pieces: list[_Piece], repaired: int = 0, damaged: int = 0) -> None:
        self._samples = samples
        self._pieces = pieces
        self.duration_s = max((piece.stop for piece in pieces), default=0) / SAMPLE_RATE
        self.repaired = repaired
        self.damaged = damaged

    @property
    def peak(self) -> float:
        """Largest absolute sample, 0 to 1; 0 without sound."""
        if not len(self._samples):
            return 0.0
        return max(-int(self._samples.min()), int(self._samples.max())) / FULL_SCALE

    def between(self, start_s: float, stop_s: float) -> Samples:
        """The sound of a stretch of time, zeros where there is none.

        Args:
            start_s, stop_s: on the source clock; rounded to whole samples.

        Returns:
            float32 (N,) in [-1, 1], 16 kHz.
        """
        start, stop = round(start_s * SAMPLE_RATE), round(stop_s * SAMPLE_RATE)
        out = np.zeros(max(0, stop - start), np.float32)
        for piece in self._pieces:
            first, last = max(start, piece.start), min(stop, piece.stop)
            if first < last:
                offset = piece.offset - piece.start
                out[first - start : last - start] = self._samples[first + offset : last + offset]
        out /= FULL_SCALE
        return out

    def stored(self, file: IO[bytes], samples: int) -> Samples:
        """The first so many samples from time 0 on, in an empty file that is mapped into memory: it may be hours.

        Raises:
            ValueError: no samples.
        """
        stored: Samples = np.memmap(file, np.float32, "w+", shape=(samples,))
        for start in range(0, samples, STORED_AT_ONCE):
            stop = min(start + STORED_AT_ONCE, samples)
            stored[start:stop] = self.between(start / SAMPLE_RATE, stop / SAMPLE_RATE)
        return stored


def read_sound(path: str | os.PathLike[str], zero: Fraction | None = None) -> Sound:
    """Decode the sound of a local media file to 16 kHz, the mean of its channels.

    Of several streams it takes the one that a player would. Time 0 is that of `MediaFile.pictures`: sound that starts
    after the first picture begins with silence, what comes before it has negative times, holes in the timestamps are
    silence. The samples lie in an anonymous temporary file: memory does not grow with length.

    Args:
        path: a regular file on this machine.
        zero: time 0 on the file's own axis (s), where it is known already (`MediaFile.zero`).

    Raises:
        MediaError: the file cannot be read (see `open_media`), or there is no room for temporary files.
    """
    zero = clock_zero(path) if zero is None else zero
    with open_container(path) as container:
        streams = sound_streams(container)
        if not streams:
            return Sound(np.zeros(0, np.int16), [])
        damage, spool = Damage(), _Spool(Heard(partial(restart_shifts, path)))
        try:
            with tempfile.TemporaryFile(prefix="seehear-") as file:
                heard = (
                    frame for packet in packets(container, streams[:1], damage) for frame in sounds(packet, damage)
                )
                for chunk in spool.resampled(heard):
                    file.write(chunk.tobytes())
                samples = _mapped(file)
        except FFmpegError as error:
            raise MediaError(f"The sound of {path} is damaged ({error.strerror}); copy or export it again.") from error
        except OSError as error:
            raise MediaError(
                f"The sound of {path} cannot be stored in {tempfile.gettempdir()} ({error}); make room there."
            ) from error
    return Sound(samples, _pieces(spool.heard.runs(zero), len(samples)), spool.repaired, damage.count)


def _pieces(runs: list[Run], stored: int) -> list[_Piece]:
    """Runs in samples; what overlaps with the run before is left out."""
    pieces: list[_Piece] = []
    for run in sorted(runs, key=lambda run: run.start):
        start, offset = round(run.start * SAMPLE_RATE), round(run.first * SAMPLE_RATE)
        stop = start + min(round(run.stop * SAMPLE_RATE), stored) - offset
        skip = max(0, pieces[-1].stop - start) if pieces else 0
        if start + skip < stop:
            pieces.append(_Piece(start + skip, stop, offset + skip))
    return pieces


def _mapped(file: IO[bytes]) -> NDArray[np.int16]:
    file.flush()
    if file.tell() == 0:
        return np.zeros(0, np.int16)
    return np.memmap(file, np.int16, mode="r")


class _Spool:
    """Frames of sound to chunks of 16 kHz int16; notes when each is heard."""

    CHUNK_S = 1.0

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self.repaired = 0
        self._reader = Reader()
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        self._pushed = 0

    def resampled(self, frames: Iterable[AudioFrame]) -> Iterator[NDArray[np.int16]]:
        waiting: list[NDArray[Any]] = []
        kind, rate, seconds = None, 0, 0.0
        for frame in frames:
            samples = self._reader.samples(frame)
            if kind != (frame.sample_rate, len(samples), samples.dtype) or seconds >= self.CHUNK_S:
                yield from self._push(waiting, rate, last=frame.sample_rate != rate)
                kind = rate, _, _ = frame.sample_rate, len(samples), samples.dtype
                waiting, seconds = [], 0.0
            self.heard.note(frame)
            seconds += frame.samples / rate
            waiting.append(samples)
        yield from self._push(waiting, rate, last=True)

    def _push(self, waiting: list[NDArray[Any]], rate: int, last: bool) -> Iterator[NDArray[np.int16]]:
        """Resample what has been waiting; the last of its rate."""
        if not waiting:
            return
        mono = as_float(np.concatenate(waiting, axis=1)).mean(axis=0, keepdims=True)
        bad = ~np.isfinite(mono)
        if bad.any():
            self.repaired += int(bad.sum())
            mono[bad] = 0
        frame = frame_of(mono, "flt", AudioLayout("mono"), rate, self._pushed)
        self._pushed += frame.samples
        out = self._resampler.resample(frame)
        if last:
            out += self._resampler.resample(None)
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            self._pushed = 0
        for part in out:
            yield np.rint(np.clip(part.to_ndarray()[0], -1, 1) * FULL_SCALE).astype(np.int16)
