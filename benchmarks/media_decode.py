"""Cost of reading frames on top of decoding, and of encoding and decoding the stored bytes of a clip.

    python benchmarks/media_decode.py [VIDEO] [--seconds 20] [--threads 0] [--repeats 3]

Without VIDEO, one is made: 1280x720, 25 frames per second. Plain PyAV decoding and seehear's readers take turns on the
same file, and CPU time of all threads is counted, so the ratios also hold on a busy machine. The best of the repeats
counts.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from machine import figure

from seehear.clip import FPS
from seehear.media.decode import open_media
from seehear.media.encode import decode_pictures, decode_sound, encode_pictures, encode_sound, write_video
from seehear.media.sound import read_sound

SIZE = (720, 1280)
FACE = 300  # px, side of the face that is cropped


def talk(seconds: float, size: tuple[int, int] = SIZE) -> Iterator[np.ndarray]:
    """Yield frames with texture, motion and camera noise, as RGB arrays."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    room = cv2.GaussianBlur(rng.uniform(0, 255, (*size, 3)).astype(np.float32), (0, 0), 4) * 2 - 128
    grain = rng.normal(0, 4, (8, *size, 3)).astype(np.float32)
    for number in range(round(seconds * FPS)):
        x, y = size[1] * (0.5 + 0.1 * np.sin(number / 20)), size[0] * 0.5
        face = np.exp(-(((columns - x) / 120) ** 2 + ((rows - y) / 160) ** 2))[..., None]
        mouth = np.exp(-(((columns - x) / 50) ** 2 + ((rows - y - 60) / (8 + 10 * np.sin(number) ** 2)) ** 2))[
            ..., None
        ]
        picture = room * (1 - face) + face * (200, 150, 130) - mouth * 90 + grain[number % 8]
        yield np.clip(picture, 0, 255).astype(np.uint8)


def plain(path: Path, threads: int) -> int:
    """PyAV alone."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = threads
        stream.codec_context.thread_type = "AUTO"
        return sum(1 for _ in container.decode(stream))


def stream(path: Path, threads: int) -> int:
    """The picture stream."""
    with open_media(path, threads=threads) as media:
        return sum(1 for _ in media.pictures())


def crops(path: Path, threads: int) -> int:
    """As `stream`, and of every picture one 128 px crop."""
    scale = 128 / FACE
    matrix = np.array([[scale, 0, -490 * scale], [0, scale, -210 * scale]])
    with open_media(path, threads=threads) as media:
        return sum(picture.crop(matrix, (128, 128)).shape[0] > 0 for picture in media.pictures())


def small(path: Path, threads: int) -> int:
    """As `stream`, and of every fifth picture a copy of 320 px."""
    count = 0
    with open_media(path, threads=threads) as media:
        for picture in media.pictures():
            count += 1
            if picture.index % 5 == 0:
                picture.small_bgr(320)
    return count


def full_rgb(path: Path, threads: int) -> int:
    """What would cost more: every picture as a full RGB array."""
    with av.open(str(path)) as container:
        decoder = container.streams.video[0]
        decoder.codec_context.thread_count = threads
        decoder.codec_context.thread_type = "AUTO"
        return sum(frame.to_ndarray(format="rgb24").shape[0] > 0 for frame in container.decode(decoder))


def sound(path: Path, threads: int) -> int:
    """The sound."""
    del threads
    return round(read_sound(path).duration_s * FPS)


def best(work: Callable[[], object], repeats: int) -> float:
    """Processor seconds of the fastest of some runs."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.video or Path(folder) / "talk.mp4"
        if options.video is None:
            tone = np.random.default_rng(0).normal(0, 0.1, round(options.seconds * 16_000)).astype(np.float32)
            write_video(path, talk(options.seconds), FPS, tone, crf=23, threads=0)
        ways = (plain, stream, small, crops, full_rgb, sound)
        seconds = {way: float("inf") for way in ways}
        counts = {}
        for _ in range(options.repeats):
            for way in ways:
                start = time.process_time()
                counts[way] = way(path, options.threads)
                seconds[way] = min(seconds[way], time.process_time() - start)
    print(f"{'':10} {'pictures/s of one core':>22} {'time by plain decoding':>24}")
    for way in ways:
        print(f"{way.__name__:10} {counts[way] / seconds[way]:22.0f} {seconds[way] / seconds[plain]:24.2f}")
    figure("decoding plainly", f"{counts[plain] / seconds[plain]:.0f} pictures/s of one core", "none")

    clip = np.stack([frame[:128, :128] for frame in talk(3, (160, 160))])
    tone = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    pictures, wave = encode_pictures(clip), encode_sound(tone)
    print(f"\na clip of 75 pictures, 128x128: {len(pictures)} + {len(wave)} bytes")
    for name, work in {
        "encode pictures": lambda: encode_pictures(clip),
        "decode pictures": lambda: decode_pictures(pictures),
        "encode sound": lambda: encode_sound(tone),
        "decode sound": lambda: decode_sound(wave),
    }.items():
        print(f"{name:16} {1000 * best(work, 5 * options.repeats):6.1f} ms of one core")


if __name__ == "__main__":
    main()
