"""Matching faces and voices of unseen synthetic people.

    python benchmarks/facevoice.py [--model match-small] [--work runs/fresh-people]

Area under the curve, EER and 1-of-N matching in both directions. Voice and face of a person are from different videos.
Results are given among all people, and among people of the same sex, the same age, or both, which shows what was
learned beyond sex and age.
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
