"""Small films with several streams and channels of sound, as cameras, broadcasters and dubbing studios make them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

FPS, RATE, WRITTEN_RATE = 25, 16_000, 48_000
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def speech(seconds: float = 1.0, seed: int = 0) -> NDArray[np.float32]:
    """Noise in the band of speech, loud and soft by turns: (N,) at 16 kHz, peak 0.5."""
    rng = np.random.default_rng(seed)
    noise = np.convolve(rng.normal(size=round(seconds * RATE)), np.hanning(9), "same")
    noise *= 0.2 + np.repeat(rng.random(len(noise) // 800 + 1), 800)[: len(noise)]
    return (0.5 * noise / np.abs(noise).max()).astype(np.float32)


def write_film(
    path: Path,
    sounds: Sequence[NDArray[np.floating[Any]]],
    pictures: Iterable[NDArray[np.uint8]] | None = None,
    tags: Sequence[tuple[str, str]] = (),
    codec: str = "pcm_s16le",
) -> Path:
    """Write a film.

    Args:
        path: its suffix names the container.
        sounds: of each stream, (N,) or (channels, N), at 16 kHz; written at 48 kHz.
        pictures: RGB (H, W, 3), 25 a second; by default grey ones, as long as the first sound.
        tags: language and title of each stream.
        codec: of the sound.
    """
    sounds = [np.atleast_2d(sound) for sound in sounds]
    if pictures is None:
        pictures = [np.full((64, 64, 3), 90, np.uint8)] * round(sounds[0].shape[1] * FPS / RATE)
    pictures = list(pictures)
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg2video" if path.suffix == ".mxf" else "libx264", rate=FPS)
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt, video.bit_rate = "yuv420p", 4_000_000
        video.codec_context.thread_count = 1
        streams = [
            out.add_stream(codec, rate=WRITTEN_RATE, layout=LAYOUTS[len(sound)], bit_rate=64_000 * len(sound))
            for sound in sounds
        ]
        for stream, (language, title) in zip(streams, tags, strict=False):
            stream.metadata.update({"language": language, "title": title})
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
            frame.pts = number
            out.mux(video.encode(frame))
            for stream, sound in zip(streams, sounds, strict=True):
                step = RATE // FPS
                part = np.repeat(sound[:, step * number : step * number + step], WRITTEN_RATE // RATE, axis=1)
                whole = np.rint(part * 32767).astype(np.int16)
                heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(whole.T).reshape(1, -1), "s16", stream.layout)
                heard.sample_rate, heard.pts = WRITTEN_RATE, WRITTEN_RATE // FPS * number
                out.mux(stream.encode(heard))
        for stream in (video, *streams):
            out.mux(stream.encode(None))
    return path
