"""Speaker verification on segments of LibriSpeech, by speakers that `match-small` was not trained on.

    python benchmarks/speaker.py [--model match-small] [--shared ../shared] [--seconds 2]

EER and detection cost of pairs of segments, from the same utterance or from different speakers. (Each speaker has one
utterance, so room and microphone help all encoders equally.) The baselines are mean-pooled MFCC and log-mel, the
untrained network, and the encoders of the other pretexts. Intervals and p-values are over speakers, and a line per
baseline states whether the difference is significant. Pooled features are whitened over the test segments, without
labels; without whitening their error rates are two to four times as high.
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
    parser.add_argument("--channels", action="store_true", help="simulate a room and codec for each segment")
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
        print(f"segments of {seconds:g} s\n{found}", *found.verdicts(), sep="\n", end="\n\n", flush=True)


if __name__ == "__main__":
    main()
