"""Train the weights that ship as `match-small`, from nothing to the folder that `seehear.load` opens.

    python scripts/train_match.py --shared ../shared

Synthetic people, each in one film, and LibriSpeech voices without faces (four speakers in five; the others are for
measuring) are prepared and learned from together: a voice and its face across the modalities, two segments of one
recording within the sound, two stills within the picture. Then the score of two voices is calibrated on the held-out
speakers. Every part is kept in the work folder and not done again, and a training that was stopped goes on.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from shipping import CARDS, publish

from seehear.avatars.make import make_avatars
from seehear.corpus.prepare import prepare
from seehear.training.presets import settings
from seehear.training.pretrain import pretrain

PRESET = "match-small"
AVATARS, SEED = 3000, 11  # as many people as films: what counts is how many there are
HELD_OUT = 5  # one speaker in so many
STEPS = 2500


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/librispeech_251")
    parser.add_argument("--work", type=Path, default=Path("runs/weights"), help="folder for all that is made")
    given = parser.parse_args()

    corpora = [people(given.work), voices(given.shared, given.work)]
    run, preset = given.work / "match", settings(PRESET)
    data = replace(preset.data, split_by="speaker", dev_every=HELD_OUT)
    optim = replace(preset.optim, steps=STEPS, ema=0.998)
    print(pretrain(corpora, run, PRESET, data=data, optim=optim))  # noqa: T201


def people(work: Path) -> Path:
    """The corpus of synthetic people, made first."""
    films, out = work / "match-people", work / "match-avatars"
    make_avatars(films, clips=AVATARS, speakers=AVATARS, seed=SEED)
    prepare([films], out)
    return out


def voices(shared: Path, work: Path) -> Path:
    """The corpus of real voices, without pictures."""
    out = work / "librispeech"
    prepare([shared / "data" / "librispeech_251"], out, format="librispeech", faces="none")
    return out


if __name__ == "__main__":
    main()
