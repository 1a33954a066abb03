"""Speed of `seehear sync` on 720p25, and its memory for 3 and for 30 minutes.

    python benchmarks/sync_speed.py [--shared ../shared] [--model sync-small] [--minutes 3 30]

A 1280x720 file is made from real clips (one minute, encoded once, with repeated packets). It is decoded with PyAV
alone, processed by the command, and decoded again. On a busy machine, the ratio is more reliable than the times.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from machine import figure

from seehear.clip import FPS, SAMPLE_RATE
from seehear.media.decode import open_media
from seehear.media.encode import write_video
from seehear.media.sound import read_sound

WIDTH, HEIGHT = 1280, 720
CLIP_S = 3


def minute(clips: list[Path], path: Path) -> None:
    """Make one minute of speech, with three seconds of each clip, enlarged to the full height."""

    def frames() -> Iterator[np.ndarray]:
        for clip in clips:
            with open_media(clip) as media:
                for picture, _ in zip(media.pictures(), range(CLIP_S * FPS), strict=False):
                    small, _ = picture.small_bgr(360)
                    large = cv2.resize(small, (HEIGHT * small.shape[1] // small.shape[0], HEIGHT))[..., ::-1]
                    canvas = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
                    left = (WIDTH - large.shape[1]) // 2
                    canvas[:, left : left + large.shape[1]] = large
                    yield canvas

    sound = np.concatenate([read_sound(clip).between(0, CLIP_S) for clip in clips])
    write_video(path, frames(), FPS, sound, sample_rate=SAMPLE_RATE, crf=23)


def repeated(source: Path, times: int, path: Path, length: float = 60.0) -> None:
    """Repeat the packets of a file of this duration (s), without re-encoding."""
    with av.open(str(path), "w") as out:
        streams, last = {}, {}
        for turn in range(times):
            with av.open(str(source)) as container:
                for index, stream in enumerate(container.streams):
                    if turn == 0:
                        streams[index] = out.add_stream_from_template(stream)
                for packet in container.demux():
                    if packet.dts is None:
                        continue
                    shift = round(turn * length / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    if packet.dts <= last.get(packet.stream_index, -1 << 62):
                        continue  # the padding of the sound's last packet reaches into the next turn
                    last[packet.stream_index] = packet.dts
                    packet.stream = streams[packet.stream_index]
                    out.mux(packet)


def decode_seconds(path: Path) -> float:
    """Wall time of decoding every picture with PyAV, as many threads as FFmpeg likes."""
    begun = time.perf_counter()
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for _ in container.decode(video=0):
            pass
    return time.perf_counter() - begun


def sync_seconds(path: Path, model: str) -> tuple[float, float, dict]:
    """Wall time (s), peak memory (MB) and answer of the command in its own process."""
    command = [sys.executable, "-m", "seehear", "sync", str(path), "--json", "--model", model]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    answer = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - begun, usage.ru_maxrss / 1024, answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--model", default="sync-small")
    parser.add_argument("--minutes", type=int, nargs="+", default=[3, 30])
    options = parser.parse_args()
    clips = sorted((options.shared / "data" / "grid_s1" / "video").glob("*.mp4"))[::8][: 60 // CLIP_S]
    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder, "minute.mp4")
        minute(clips, one)
        for minutes in options.minutes:
            path = Path(folder, f"{minutes}.mp4")
            repeated(one, minutes, path)
            before = decode_seconds(path)
            took, memory, answer = sync_seconds(path, options.model)
            decode = (before + decode_seconds(path)) / 2
            print(
                f"{minutes} min of {HEIGHT}p: {60 * minutes / took:.1f}x real time ({took:.1f} s), pure decoding "
                f"{decode:.1f} s, ratio {took / decode:.2f}, peak memory {memory:.0f} MB; "
                f"delay {answer['delay_ms']} ms, confidence {answer['confidence']}, faces {answer['faces_s']} s"
            )
            speed = (
                f"{60 * minutes / took:.1f} x real time, {took / decode:.2f} x decoding alone, {memory:.0f} MB at most"
            )
            figure(f"sync, {minutes} min of {HEIGHT}p25", speed)


if __name__ == "__main__":
    main()
