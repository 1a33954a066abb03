"""Which face goes with a voice? Synthetic people that no model of ours has seen or heard.

    python benchmarks/facevoice.py [--model match-small] [--work runs/fresh-people]

Area under the curve, EER and 1-of-N matching both ways, each voice and face from another film of the person, among all
people and among those of one sex, one age and both: what is left there is what was learned beyond them.
"""

import argparse
from pathlib import Path

from fresh_avatars import fresh_avatars

from seehear.evaluation.speaker.facevoice import evaluate_facevoice


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="match-small")
    parser.add_argument("--work", type=Path, default=Path("runs/fresh-people"))
    parser.add_argument("--clips", type=int, default=700)
    parser.add_argument("--speakers", type=int, default=350)
    given = parser.parse_args()
    people = fresh_avatars(given.work, given.clips, given.speakers)
    print(evaluate_facevoice(given.model, people))


if __name__ == "__main__":
    main()
