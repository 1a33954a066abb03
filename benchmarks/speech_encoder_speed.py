"""How fast an encoder of speech hears: times real time, for 10, 60 and 600 seconds of sound.

    python benchmarks/speech_encoder_speed.py [--model animate-small | --encoders small waveform] [--seconds 10 60 600]

What `embed_audio` takes, the best of several turns, of noise: the cost does not depend on what is heard. Linear in the
length means the same number in every column.
"""

import argparse
import time

import numpy as np
import torch
from machine import figure

from seehear.clip import SAMPLE_RATE
from seehear.models.store import load
from seehear.nn import ENCODERS, build_encoder
from seehear.nn.embed import embed_audio
from seehear.nn.interface import SpeechEncoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder of a run or name of a model; else all encoders, untrained")
    parser.add_argument("--shared", help="not needed")
    parser.add_argument("--encoders", nargs="+", default=ENCODERS["speech"].names(), choices=ENCODERS["speech"].names())
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 60.0, 600.0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    named: dict[str, SpeechEncoder]
    if given.model:
        named = {given.model: load(given.model).speech}
    else:
        named = {name: build_encoder("speech", name).eval() for name in given.encoders}
    print(f"{torch.get_num_threads()} threads; times real time, the best of {given.turns}")
    for name, encoder in named.items():
        rates = {seconds: times_real_time(encoder, seconds, given.turns) for seconds in given.seconds}
        told = ", ".join(f"{rate:.0f} x real time on {seconds:g} s" for seconds, rate in rates.items())
        figure(f"sound encoder {name}, {torch.get_num_threads()} threads", told)


def times_real_time(encoder: SpeechEncoder, seconds: float, turns: int) -> float:
    """Seconds of sound a second of work, at best."""
    rng = np.random.default_rng(0)
    wave = 0.1 * rng.standard_normal(round(seconds * SAMPLE_RATE), dtype=np.float32)
    embed_audio(encoder, wave[:SAMPLE_RATE], SAMPLE_RATE)  # the first call allocates
    taken = []
    for _ in range(turns):
        begun = time.perf_counter()
        embed_audio(encoder, wave, SAMPLE_RATE)
        taken.append(time.perf_counter() - begun)
    return seconds / min(taken)


if __name__ == "__main__":
    main()
