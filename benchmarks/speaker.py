"""Whose voice is it? Pieces of LibriSpeech utterances by speakers that `match-small` was not trained on.

    python benchmarks/speaker.py [--model match-small] [--shared ../shared] [--seconds 2]

EER and detection costs of pairs of pieces, of one utterance or of two speakers' (each speaker has one utterance: room
and microphone help everybody alike), against mean-pooled MFCC and log-mel, the same network with random weights, and
the encoders of the other pretexts. Intervals and p values are over speakers, and a line for each of the others says
whether the difference is sure. What is pooled is whitened
over the pieces that are tested, without labels: without that it is two to four times as wrong.
"""

import argparse
from pathlib import Path

from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.speaker.verification import evaluate_speaker

AGAINST = ("mfcc", "logmel", "untrained", "animate-small", "sync-small")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="match-small")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--seconds", type=float, nargs="+", default=[2.0, 4.0])
    parser.add_argument("--channels", action="store_true", help="a room and codec for each piece")
    parser.add_argument("--against", nargs="*", default=AGAINST)
    given = parser.parse_args()
    voices = [given.shared / "data" / "librispeech_251"]
    for seconds in given.seconds:
        found = evaluate_speaker(
            given.model,
            voices,
            baselines=given.against,
            dataset="librispeech",
            trials="segments",
            seconds=seconds,
            channels=given.channels,
            split="dev",
        )
        assert isinstance(found, EvaluationResult)
        print(f"pieces of {seconds:g} s\n{found}", *found.verdicts(), sep="\n", end="\n\n", flush=True)


if __name__ == "__main__":
    main()
