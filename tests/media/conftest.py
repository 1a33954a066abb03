"""Small media files made on the spot: pictures that carry their own number, and sound that clicks at known times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

BITS = 12
CLICK_S = 0.004
CLICK_HZ = 1500


@dataclass
class SoundTrack:
    """One stream of sound: silence with clicks.

    Attributes:
        clicks: when (s on the file's axis) they begin.
        start: time (s) of the first sample. Clicks before it are not heard.
        holes: (from, to) in s: what is there is left out, timestamps go on behind it.
    """

    clicks: Sequence[float] = (0.5, 1.0, 1.52)
    codec: str = "aac"
    rate: int = 44_100
    layout: str = "mono"
    start: float = 0.0
    seconds: float = 2.0
    holes: Sequence[tuple[float, float]] = ()
    bit_rate: int = 128_000
    format: str | None = None


@dataclass
class Movie:
    """A video file to be made.

    Attributes:
        stamps: presentation times (s) of the pictures; picture k shows the number k.
        size: (height, width) as stored.
        turn: rotation flag, degrees counterclockwise.
        time_base: of the pictures.
    """

    stamps: Sequence[Fraction | float] = field(default_factory=lambda: [Fraction(k, 25) for k in range(50)])
    size: tuple[int, int] = (64, 96)
    codec: str | None = "libx264"
    pix_fmt: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    turn: int = 0
    aspect: Fraction | None = None
    time_base: Fraction = Fraction(1, 90_000)
    sounds: Sequence[SoundTrack] = (SoundTrack(),)
    container: dict[str, str] = field(default_factory=dict)
    draw: Callable[[int, tuple[int, int]], NDArray[np.uint8]] | None = None
    interlaced: bool = False
    tags: tuple[int, int] = (6, 1)  # BT.601, limited range
    metadata: dict[str, str] = field(default_factory=dict)


def numbered(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """An RGB picture that shows its number as bars, black and white, over its whole width."""
    height, width = size
    bits = [(number >> bit) & 1 for bit in range(BITS)]
    bars = np.repeat(np.array(bits, np.uint8), -(-width // BITS))[:width] * 215 + 20
    return np.broadcast_to(bars[None, :, None], (height, width, 3)).copy()


def number_of(luma: NDArray[np.uint8]) -> int:
    """Read the number of an upright picture made by `numbered`."""
    width = luma.shape[1]
    step = -(-width // BITS)
    middle = luma[luma.shape[0] // 4 : -luma.shape[0] // 4 or None].mean(axis=0)
    return sum(1 << bit for bit in range(BITS) if middle[min(bit * step + step // 2, width - 1)] > 128)


def click_track(clicks: Sequence[float], seconds: float, rate: int, start: float = 0.0) -> NDArray[np.float32]:
    """Silence with short tones that begin at the given times, float32 (samples,)."""
    time = np.arange(round(seconds * rate)) / rate + start
    out = np.zeros(len(time))
    for click in clicks:
        inside = (time >= click) & (time < click + CLICK_S)
        phase = time[inside] - click
        out[inside] += 0.7 * np.sin(2 * np.pi * CLICK_HZ * phase) * np.sin(np.pi * phase / CLICK_S) ** 2
    return out.astype(np.float32)


def make(path: Path, movie: Movie) -> Path:
    """Write a movie; the container follows from the suffix."""
    fine = {"movie_timescale": "90000"} if path.suffix in (".mp4", ".mov") else {}  # else edit lists count in whole ms
    with av.open(str(path), "w", container_options=fine | movie.container) as out:
        out.metadata.update(movie.metadata)
        video = _add_video(out, movie) if movie.codec else None
        sounds = [_add_sound(out, sound) for sound in movie.sounds]
        timed: list[tuple[float, int, Any, Any]] = []
        if video is not None:
            draw = movie.draw or numbered
            for number, stamp in enumerate(movie.stamps):
                timed.append((float(stamp), 0, video, _picture(draw(number, movie.size), movie, stamp)))
        for track, stream in zip(movie.sounds, sounds, strict=True):
            timed += [(frame.pts / track.rate, 1, stream, frame) for frame in _sound_frames(track, stream)]
        for _, _, stream, frame in sorted(timed, key=lambda item: item[:2]):
            out.mux(stream.encode(frame))
        for stream in filter(None, [video, *sounds]):
            out.mux(stream.encode(None))
    return path


def _add_video(out: Any, movie: Movie) -> Any:
    options = {"preset": "ultrafast", "crf": "12"} if movie.codec == "libx264" else {}
    gap = Fraction(movie.stamps[1]) - Fraction(movie.stamps[0]) if len(movie.stamps) > 1 else Fraction(1, 25)
    rate = (1 / gap).limit_denominator(1001)
    stream = out.add_stream(movie.codec, rate=rate, options=options | movie.options)
    stream.height, stream.width = movie.size
    stream.pix_fmt = movie.pix_fmt
    context = stream.codec_context
    context.time_base = movie.time_base
    stream.time_base = movie.time_base
    context.thread_count = 1
    context.colorspace, context.color_range = movie.tags
    if movie.codec in ("mpeg1video", "mpeg2video", "mpeg4", "libvpx"):
        context.bit_rate = 2_000_000
    if movie.aspect is not None:
        context.sample_aspect_ratio = movie.aspect
    if movie.interlaced:
        context.flags |= av.codec.context.Flags.interlaced_dct.value
    if movie.turn:
        stream.set_display_rotation(movie.turn)
    return stream


def _picture(rgb: NDArray[np.uint8], movie: Movie, stamp: Fraction | float) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    matrix, levels = movie.tags
    if movie.pix_fmt in ("rgb24", "bgr24", "rgb8", "gbrp", "bgra", "pal8"):
        frame = frame.reformat(format=movie.pix_fmt)
        frame.time_base, frame.pts = movie.time_base, round(Fraction(stamp) / movie.time_base)
        return frame
    frame = frame.reformat(
        format=movie.pix_fmt,
        dst_colorspace={1: "ITU709", 6: "ITU601"}[matrix],
        dst_color_range={1: "MPEG", 2: "JPEG"}[levels],
    )
    frame.colorspace, frame.color_range = movie.tags
    frame.time_base = movie.time_base
    frame.pts = round(Fraction(stamp) / movie.time_base)
    return frame


def _add_sound(out: Any, track: SoundTrack) -> Any:
    stream = out.add_stream(track.codec, rate=track.rate, layout=track.layout, bit_rate=track.bit_rate)
    if track.format:
        stream.format = track.format
    return stream


def _sound_frames(track: SoundTrack, stream: Any) -> list[av.AudioFrame]:
    samples = click_track(track.clicks, track.seconds, track.rate, track.start)
    channels = len(stream.layout.channels)
    size = stream.codec_context.frame_size or 1024
    frames = []
    for first in range(0, len(samples), size):
        time = track.start + first / track.rate
        if any(begin <= time < end for begin, end in track.holes):
            continue
        part = np.repeat(samples[first : first + size], channels)[None]
        frame = av.AudioFrame.from_ndarray(part, format="flt", layout=track.layout)
        frame.sample_rate = track.rate
        frame.time_base = Fraction(1, track.rate)
        frame.pts = round(track.start * track.rate) + first
        frames.append(frame)
    return frames


class Studio:
    """Makes media files in a folder; what tests use of this module."""

    sound = SoundTrack
    numbered = staticmethod(numbered)
    number_of = staticmethod(number_of)
    click_track = staticmethod(click_track)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str = "a.mp4", **settings: Any) -> Path:
        """Make a file, ``movie("a.mp4", stamps=..., sounds=[movie.sound(...)])``; for the settings see `Movie`."""
        return make(self.folder / name, Movie(**settings))

    def numbers(self, pictures: Iterable[Any]) -> list[int]:
        """The numbers that pictures show."""
        return [number_of(picture.luma()) for picture in pictures]

    def late_ms(self, sound: Any, track: SoundTrack, low: float = -0.5, high: float = 3.0) -> float:
        """How much later than they should the clicks of a track are heard in a `Sound`."""
        heard = sound.between(low, high)
        wanted = click_track(track.clicks, high - low, 16_000, low)
        return lag(wanted, heard) / 16


def lag(wanted: NDArray[np.float32], heard: NDArray[np.float32]) -> float:
    """By how many samples `heard` is later than `wanted`, by the peak of the correlation, to a fraction."""
    size = 1 << (len(wanted) + len(heard)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    correlation = np.fft.irfft(spectrum, size)
    peak = int(np.argmax(correlation))
    before, top, after = correlation[[(peak - 1) % size, peak, (peak + 1) % size]]
    whole = peak if peak < size // 2 else peak - size
    return float(whole + (before - after) / (2 * (before - 2 * top + after)))


@pytest.fixture
def movie(tmp_path: Path) -> Studio:
    """Makes media files in the test's own folder."""
    return Studio(tmp_path)
