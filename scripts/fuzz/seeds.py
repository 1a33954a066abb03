"""Write small valid files to damage."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DECOYS = "decoys"
"""Folder of files that damaged files point to; nobody may open them."""


def make_seeds(folder: Path) -> None:
    """Write one small good file of each kind with our own writers, once."""
    import av
    import numpy as np

    from seehear import prepare
    from seehear.config import resource_folder

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    sound = (rng.normal(size=16_000) * 3000).astype(np.int16)
    pictures = rng.integers(0, 255, (12, 64, 64, 3), dtype=np.uint8)
    containers = {
        "mp4": ("libx264", "aac"),
        "mkv": ("libx264", "pcm_s16le"),
        "avi": ("mpeg4", "mp3"),
        "mov": ("mjpeg", "pcm_s16le"),
    }
    containers |= {
        "webm": ("libvpx", "libopus"),
        "ts": ("mpeg2video", "mp2"),
        "mxf": ("mpeg2video", "pcm_s16le"),
        "flv": ("flv1", "aac"),
    }
    containers |= {
        "wav": (None, "pcm_s16le"),
        "flac": (None, "flac"),
        "ogg": (None, "libopus"),
        "mp3": (None, "mp3"),
        "m4a": (None, "aac"),
    }
    for suffix, (video, audio) in containers.items():
        target = folder / f"media.{suffix}"
        try:
            with av.open(str(target), "w") as out:
                streams = []
                if video:
                    seen = out.add_stream(
                        video, rate=25, width=64, height=64, pix_fmt="yuvj420p" if video == "mjpeg" else "yuv420p"
                    )
                    streams.append(seen)
                heard = out.add_stream(
                    audio, rate=48_000 if "opus" in audio or suffix == "mxf" else 16_000, layout="mono"
                )
                for number, picture in enumerate(pictures if video else ()):
                    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=seen.pix_fmt)
                    frame.pts = number
                    out.mux(seen.encode(frame))
                frame = av.AudioFrame.from_ndarray(sound[None], "s16", "mono")
                frame.sample_rate, frame.pts = 16_000, 0
                for part in av.AudioResampler(heard.format.name, "mono", heard.rate).resample(frame):
                    for piece in _pieces(part, heard):
                        out.mux(heard.encode(piece))
                for stream in (*streams, heard):
                    out.mux(stream.encode(None))
        except (av.FFmpegError, ValueError):
            target.unlink(missing_ok=True)
    import cv2

    for suffix in ("png", "jpg", "webp", "tiff", "bmp"):
        cv2.imwrite(str(folder / f"still.{suffix}"), pictures[0])
    films = folder / "films"
    films.mkdir(exist_ok=True)
    shutil.copy(folder / "media.mp4", films / "one.mp4")
    shutil.copy(folder / "media.mkv", films / "two.mkv")
    prepare([films], folder / "corpus", faces="whole-frame", workers=1, min_seconds=0.2)
    for kind, place in (("plan", ("benchmark", "plans")), ("recipe", ("recipes",)), ("preset", ("presets",))):
        for entry in resource_folder(place).iterdir():
            if entry.name.endswith(".yaml"):
                (folder / f"{kind}-{entry.name}").write_bytes(entry.read_bytes())
    shutil.copytree(Path(str(resource_folder(("weights",)))) / "sync-small", folder / "model", dirs_exist_ok=True)


def _pieces(frame: Any, stream: Any) -> Iterator[Any]:
    """The encoder may want frames of one size."""
    import av

    size = stream.codec_context.frame_size or frame.samples
    fifo = av.AudioFifo()
    fifo.write(frame)
    yield from fifo.read_many(size)
