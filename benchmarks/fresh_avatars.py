"""Synthetic people that no model of ours was trained on: a seed of their own."""

from pathlib import Path

from seehear.avatars import make_avatars
from seehear.corpus.prepare import prepare

SEED = 90_001  # no training uses it
NEUTRAL = 1 / 7  # all seven classes alike


def fresh_avatars(folder: Path, clips: int, speakers: int, workers: int = 2) -> Path:
    """A prepared corpus in a folder; what is there already is not made again."""
    make_avatars(folder / "people", clips=clips, speakers=speakers, seed=SEED, neutral=NEUTRAL, workers=workers)
    prepare([folder / "people"], folder / "corpus", workers=workers)
    return folder / "corpus"
