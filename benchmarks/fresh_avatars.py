"""Synthetic people of a seed that no packaged model was trained on: as videos, or as voices only."""

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
NEUTRAL = 1 / 7  # all seven classes equally frequent
SECONDS = 3.0


def fresh_avatars(folder: Path, clips: int, speakers: int, workers: int = 2) -> Path:
    """Make a prepared corpus; finished parts are not repeated."""
    synthesize_avatars(folder / "people", clips=clips, speakers=speakers, seed=SEED, neutral=NEUTRAL, workers=workers)
    prepare([folder / "people"], folder / "corpus", workers=workers)
    return folder / "corpus"


def avatar_voices(
    folder: Path, clips: int, speakers: int, seed: int = SEED, neutral: float = NEUTRAL, workers: int | None = None
) -> Path:
    """Make only the audio of the videos of `synthesize_avatars`, as AAC at the same rate, with labels.

    This takes a twentieth of the time. Finished files are not made again.

    Returns:
        The folder, for ``seehear evaluate`` and ``seehear prepare --faces none``.
    """
    out = folder / "voices"
    arguments = {"clips": clips, "speakers": speakers, "seed": seed, "seconds": SECONDS, "neutral": neutral}
    jobs = [(out, seed, number, speakers, neutral) for number in range(clips)]
    render_all(out, {**arguments, "voices": True}, jobs, _voice, workers, None)
    return out


def _voice(job: tuple[Path, int, int, int, float]) -> dict[str, Any]:
    """Write one file and return its row of the table."""
    out, seed, number, speakers, neutral = job
    performance = plan_performance(seed, number, speakers, SECONDS, neutral)
    name = f"s{performance.person.number:04d}_{number:06d}.m4a"
    with atomic_file(out / name) as file, av.open(file, "w", format="mp4") as container:
        codec_options = {"bit_rate": performance.room.bit_rate, "options": {"aac_coder": "fast"}}
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", **codec_options)
        samples = AudioFrame.from_ndarray(np.ascontiguousarray(performance.sound[None]), format="fltp", layout="mono")
        samples.sample_rate, samples.pts, samples.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        container.mux(audio.encode(samples))
        container.mux(audio.encode(None))
    return {
        "file": name,
        "text": " ".join(word.text for word in performance.words),
        "speaker": f"s{performance.person.number:04d}",
        "emotion": performance.emotion,
        "language": performance.person.voice.language,
        "sex": performance.person.sex,
        "words": alignment_json(performance.words),
    }
