"""What an encoder of speech knows of words: FSDD's digits, each speaker left out in turn, its weights frozen.

    python benchmarks/speech_words.py [--model animate-small] [--shared ../shared] [--labels 1 0.1] [--seeds 3]

Accuracy with all of the labels and with a tenth of them, against log-mel, MFCC with deltas and the same encoder with
random weights. Read out are mean and deviation in four segments of time by a logistic regression.
"""

import argparse
from pathlib import Path

from seehear.tasks.words import evaluate_words

AGAINST = ("logmel", "mfcc", "untrained")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="animate-small")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--labels", type=float, nargs="+", default=[1.0, 0.1])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--against", nargs="*", default=AGAINST)
    given = parser.parse_args()
    digits = [given.shared / "data" / "fsdd"]
    for labels in given.labels:
        found = evaluate_words(
            given.model,
            digits,
            against=given.against,
            format="fsdd",
            split="leave-one-speaker-out",
            labels=labels,
            seeds=given.seeds,
        )
        print(f"labels used: {labels:.0%}\n{found}\n", flush=True)


if __name__ == "__main__":
    main()
