"""Emotion recognition with a frozen speech encoder: unseen synthetic people, a tenth of the labels.

    python benchmarks/speech_emotion.py [--model animate-small] [--clips 1400] [--labels 0.1] [--seeds 5]

Seven balanced classes, by people unknown to the model; each seed tests another fifth of them. The baselines are the
untrained encoder, log-mel and MFCC with deltas, both also with the level and with the mean of each band removed, and
eGeMAPS if openSMILE is installed. In each fold, regularisation and scaling of the probe and the layer of each encoder
are chosen on people who are neither in the training nor in the test set.

Only the voices of the people are made, as the task needs no video.
"""

import argparse
import tempfile
from pathlib import Path

from fresh_avatars import avatar_voices

from seehear.evaluation import evaluate
from seehear.evaluation.baselines import ALL_BASELINES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="animate-small")
    parser.add_argument("--shared", type=Path, help="ignored: the people are made here")
    parser.add_argument("--avatars", type=Path, help="corpus of people that the model has not seen")
    parser.add_argument("--work", type=Path, help="folder to make them in, kept")
    parser.add_argument("--clips", type=int, default=1400)
    parser.add_argument("--speakers", type=int, default=350)
    parser.add_argument("--labels", type=float, nargs="+", default=[0.1])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--against", nargs="*", default=ALL_BASELINES)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        corpus = given.avatars or avatar_voices(given.work or Path(temporary), given.clips, given.speakers)
        for labels in given.labels:
            found = evaluate(
                "emotion", given.model, [corpus], baselines=given.against, label_fraction=labels, seeds=given.seeds
            )
            print(f"labels used: {labels:.0%}\n{found}\n", flush=True)


if __name__ == "__main__":
    main()
