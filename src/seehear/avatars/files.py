"""State of an avatar folder while it is being made, and encoding of frames and audio to MP4.

Clips that were finished before an interruption are kept, with their table rows; the same command resumes there.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from seehear.atomic_io import lock_file, write_csv
from seehear.clip import FPS, SAMPLE_RATE
from seehear.errors import SeehearError, os_errors_as_user_errors
from seehear.media.encode import atomic_file
from seehear.media.picture import BT601, LIMITED

LABELS = "labels.csv"


MARKER_FILE = ".avatars.json"
"""Arguments that a folder's avatars are made from; written before the first clip, the table after the last."""


ROWS = ".rows.jsonl"
"""Table rows of the finished clips of an incomplete folder; a row is written after its file."""


_GENERATED = re.compile(r"(s\d+_|d)\d+\.mp4|\.(s\d+_|d)\d+\.mp4\.\d+\.part|\.labels\.csv\.\d+\.tmp")


def is_complete(out: Path, asked: dict[str, Any]) -> bool:
    """Whether a folder contains all of the requested avatars.

    Raises:
        SeehearError: it contains others, or it cannot be read.
    """
    with os_errors_as_user_errors(out):
        if not (out / MARKER_FILE).is_file() or not (out / LABELS).is_file():
            return False
        recorded = _recorded_arguments(out / MARKER_FILE)
    if recorded == asked:
        return True
    differences = ", ".join(
        f"{name} {recorded.get(name)} instead of {value}"
        for name, value in asked.items()
        if recorded.get(name) != value
    )
    raise SeehearError(f"{out} holds avatars already, made with {differences}; name another folder or remove it")


def finished_files(out: Path) -> list[Path]:
    """The files of a complete folder, in the order of its table."""
    with (out / LABELS).open(encoding="utf-8", newline="") as file:
        return [out / row["file"] for row in csv.DictReader(file)]


@contextmanager
def building(out: Path, asked: dict[str, Any]) -> Iterator[None]:
    """Lock a folder while avatars are made in it; after a failure, a new folder without finished clips is removed.

    Only files with names of avatars are ever deleted, in a folder with a marker: those that are unfinished, or were
    made from other arguments.

    Raises:
        SeehearError: the folder contains other things, is in use by another process, is not writable, or the disk is
            full.
    """
    with os_errors_as_user_errors(out):
        new = not out.exists()
        out.mkdir(parents=True, exist_ok=True)
        if not (out / MARKER_FILE).is_file() and any(out.iterdir()):
            raise SeehearError(f"{out} is not empty; avatars go into a new folder")
        with (out / MARKER_FILE).open("a+", encoding="utf-8") as marker:
            busy = f"another seehear is making avatars in {out} now; wait, or name another folder"
            lock_file(marker, SeehearError(busy))
            complete = False
            try:
                if _recorded_arguments(out / MARKER_FILE) != asked:
                    (out / ROWS).unlink(missing_ok=True)
                kept = finished(out)
                _remove_generated(out, kept)
                (out / ROWS).write_text("")  # drop the incomplete last line of a killed process
                for number, row in kept.items():
                    remember(out, number, row)
                marker.truncate(0)
                marker.write(json.dumps(asked) + "\n")
                marker.flush()
                yield
                complete = True
            finally:
                if complete:
                    (out / ROWS).unlink(missing_ok=True)
                elif not finished(out):
                    _remove_generated(out)
                    (out / ROWS).unlink(missing_ok=True)
                    (out / MARKER_FILE).unlink(missing_ok=True)
                    if new:
                        with suppress(OSError):  # another file has appeared in it
                            out.rmdir()


def finished(out: Path) -> dict[int, dict[str, Any]]:
    """Table rows of the finished clips of an incomplete folder, by clip number."""
    rows: dict[int, dict[str, Any]] = {}
    with suppress(OSError):
        for line in (out / ROWS).read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, TypeError, KeyError):  # the last line after a process was killed
                number, row = json.loads(line)
                if (out / row["file"]).is_file():
                    rows[int(number)] = row
    return rows


def remember(out: Path, number: int, row: dict[str, Any]) -> None:
    """Record that a clip is finished."""
    with (out / ROWS).open("a", encoding="utf-8") as file:
        file.write(json.dumps([number, row], ensure_ascii=False) + "\n")


def write_labels(out: Path, rows: list[dict[str, Any]]) -> None:
    """Write the table, which marks the folder as complete."""
    write_csv(out / LABELS, rows, line_end="\r\n")


def _recorded_arguments(marker: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(marker.read_text(encoding="utf-8")))
    except (ValueError, TypeError):  # the writing process was killed
        return {}


def _remove_generated(out: Path, keep: Mapping[int, Mapping[str, Any]] | None = None) -> None:
    kept = {row["file"] for row in (keep or {}).values()}
    for path in out.iterdir():
        if _GENERATED.fullmatch(path.name) and path.name not in kept:
            path.unlink()


_AAC = {"aac_coder": "fast"}  # the default coder takes as long as rendering all frames


_REPEATABLE = "cpu-independent=1"
"""From preset veryfast on, x264's macroblock tree gives different bytes in each run unless it is set to be independent
of the processor (observed with PyAV 18.1: 12 encodings of one video, 12 results; with the option, one)."""


def write_video_file(
    path: Path,
    pictures: Iterable[NDArray[np.uint8]],
    sound: NDArray[np.float32],
    *,
    crf: int,
    preset: str,
    bit_rate: int,
) -> None:
    """Write an MP4 file (H.264, AAC). It appears under its name only when it is complete.

    `seehear.media.encode.write_video` would use every processor in each of many workers.

    Args:
        path: output file.
        pictures: frames, RGB uint8 (height, width, 3), 25 per second, all of the same even size.
        sound: audio, float32 (N,), 16 kHz, starting with the first frame.
        crf: quality of x264.
        preset: speed of x264; presets leave different artefacts.
        bit_rate: bit rate of AAC in bits per second.

    Raises:
        MediaError: the file cannot be written.
    """
    frames = iter(pictures)
    first = next(frames)
    with atomic_file(path) as file, av.open(file, "w", format="mp4") as container:
        options = {"crf": str(crf), "preset": preset, "x264-params": _REPEATABLE}
        video = container.add_stream("libx264", rate=FPS, options=options)
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv420p"
        context = video.codec_context
        context.time_base = Fraction(1, FPS)
        context.thread_count = 1
        context.colorspace = context.color_primaries = context.color_trc = BT601
        context.color_range = LIMITED
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", bit_rate=bit_rate, options=_AAC)
        for number, picture in enumerate(chain((first,), frames)):
            # OpenCV's conversion is BT.601, limited range, with centred chroma
            frame = VideoFrame.from_ndarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        samples = AudioFrame.from_ndarray(np.ascontiguousarray(sound[None]), format="fltp", layout="mono")
        samples.sample_rate = SAMPLE_RATE
        samples.pts = 0
        container.mux(audio.encode(samples))
        container.mux(audio.encode(None))
