"""Synthetic people that no model of ours was trained on: a seed of their own. As films, or as their voices alone."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame

from seehear.avatars.make import synthesize_avatars
from seehear.avatars.performance import plan_performance
from seehear.avatars.rendering import alignment_json, render_all
from seehear.clip import SAMPLE_RATE
from seehear.data.prepare import prepare
from seehear.media.encode import atomic_file

SEED = 90_001  # no training uses it
NEUTRAL = 1 / 7  # all seven classes alike
SECONDS = 3.0


def fresh_avatars(folder: Path, clips: int, speakers: int, workers: int = 2) -> Path:
    """A prepared corpus in a folder; what is there already is not made again."""
    synthesize_avatars(folder / "people", clips=clips, speakers=speakers, seed=SEED, neutral=NEUTRAL, workers=workers)
    prepare([folder / "people"], folder / "corpus", workers=workers)
    return folder / "corpus"


def avatar_voices(
    folder: Path, clips: int, speakers: int, seed: int = SEED, neutral: float = NEUTRAL, workers: int | None = None
) -> Path:
    """The sound of the films that `synthesize_avatars` would make, AAC at the same rate, with labels; nothing is drawn.

    What only listens needs no more, and this takes a twentieth of the time. What is there already is not made again.

    Returns:
        The folder, which `seehear evaluate` and ``seehear prepare --faces none`` read.
    """
    out = folder / "voices"
    asked = {"clips": clips, "speakers": speakers, "seed": seed, "seconds": SECONDS, "neutral": neutral}
    jobs = [(out, seed, number, speakers, neutral) for number in range(clips)]
    render_all(out, {**asked, "voices": True}, jobs, _voice, workers, progress=True)
    return out


def _voice(job: tuple[Path, int, int, int, float]) -> dict[str, Any]:
    """One file, and its row of the table."""
    out, seed, number, speakers, neutral = job
    take = plan_performance(seed, number, speakers, SECONDS, neutral)
    name = f"s{take.person.number:04d}_{number:06d}.m4a"
    with atomic_file(out / name) as file, av.open(file, "w", format="mp4") as container:
        how = {"bit_rate": take.room.bit_rate, "options": {"aac_coder": "fast"}}
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", **how)
        samples = AudioFrame.from_ndarray(np.ascontiguousarray(take.sound[None]), format="fltp", layout="mono")
        samples.sample_rate, samples.pts, samples.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        container.mux(audio.encode(samples))
        container.mux(audio.encode(None))
    return {
        "file": name,
        "text": " ".join(word.text for word in take.words),
        "speaker": f"s{take.person.number:04d}",
        "emotion": take.emotion,
        "language": take.person.voice.language,
        "sex": take.person.sex,
        "words": alignment_json(take.words),
    }
