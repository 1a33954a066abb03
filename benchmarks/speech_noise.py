"""Robustness of a speech encoder to noise: FSDD's digits, trained clean, tested in the babble of other speakers.

    python benchmarks/speech_noise.py [--model animate-small] [--shared ../shared] [--noise babble] [--snr 20 10 0]

The last column of the table by ratio is the relative loss of accuracy from clean to 0 dB; lower is better. Layers and
regularisation are chosen on clean development data, as in speech_words.py. eGeMAPS is left out, as openSMILE would take
most of the time.
"""

import argparse
from pathlib import Path

from seehear.evaluation import evaluate
from seehear.evaluation.baselines import ALL_BASELINES

AGAINST = tuple(name for name in ALL_BASELINES if name != "egemaps")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="animate-small")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--noise", choices=["babble", "white", "pink"], default="babble")
    parser.add_argument("--snr", type=float, nargs="+", default=[20.0, 10.0, 5.0, 0.0, -5.0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--against", nargs="*", default=AGAINST)
    given = parser.parse_args()
    found = evaluate(
        "words",
        given.model,
        [given.shared / "data" / "fsdd"],
        baselines=given.against,
        dataset="fsdd",
        split="leave-one-speaker-out",
        seeds=given.seeds,
        noise=given.noise,
        snr_db=given.snr,
    )
    print(found)


if __name__ == "__main__":
    main()
