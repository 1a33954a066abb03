"""Train the weights that ship as `match-small`, from nothing to the folder that `seehear.load` opens.

    python scripts/train_match.py --shared ../shared

First voices alone: those of synthetic people and of LibriSpeech (four speakers in five; the others are for measuring),
two pieces of one recording told from those of others. Then faces, with the voice tower as it is: which face goes with
which voice, and which two stills are of one film. In one go the towers would learn the pairs by heart, there being only
some thousand. At last the score of two voices is calibrated on held-out speakers. Every part is kept in the work folder
and not done again, and a training that was stopped goes on.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from shipping import CARDS, DISPLAY, publish

from seehear.avatars.make import synthesize_avatars
from seehear.data.prepare import prepare
from seehear.evaluation.speaker.facevoice import evaluate_facevoice
from seehear.evaluation.speaker.verification import evaluate_speaker
from seehear.metrics.calibration import ScoreCalibration
from seehear.training.pretrain import pretrain
from seehear.training.settings import read_settings

PRESET = "match-small"
AVATARS, SECONDS, SEED = 4000, 2.0, 11  # as many people as films: what counts is how many there are
HELD_OUT = 5  # one speaker in so many
VOICE_STEPS, FACE_STEPS = 2000, 2800
SHARED = 4  # numbers in which the two meet; the rest of the voice is left to the first stage


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/librispeech_251")
    parser.add_argument("--work", type=Path, default=Path("runs/weights"), help="folder for all that is made")
    given = parser.parse_args()

    utterances = given.shared / "data" / "librispeech_251"
    people, voices = corpora(utterances, given.work)
    preset, first, second = read_settings(PRESET), given.work / "match-voices", given.work / "match"
    preset = replace(preset, model=replace(preset.model, shared=SHARED))
    data = replace(preset.data, batch=96, split_by="speaker", dev_every=HELD_OUT)
    slow = replace(preset.optim, steps=VOICE_STEPS, ema=0.998)
    print(pretrain(voices, first, PRESET, model=preset.model, data=data, optim=slow, progress=DISPLAY))  # noqa: T201
    model = replace(preset.model, freeze_voice=True, weight=0.5, face_dropout=0.6)
    fast = replace(preset.optim, steps=FACE_STEPS, weight_decay=0.5)
    print(pretrain([people], second, PRESET, model=model, data=data, optim=fast, init=str(first), progress=DISPLAY))  # noqa: T201
    publish(PRESET, second, card(second, people, utterances))


def corpora(utterances: Path, work: Path) -> tuple[Path, list[Path]]:
    """Synthetic people; and their voices and those of real people, without pictures."""
    films, people, heard, real = (
        work / name for name in ("match-people", "match-avatars", "match-heard", "librispeech")
    )
    synthesize_avatars(films, clips=AVATARS, speakers=AVATARS, seed=SEED, seconds=SECONDS, progress=DISPLAY)
    prepare([films], people, progress=DISPLAY)
    prepare([films], heard, faces="none", progress=DISPLAY)
    prepare([utterances], real, dataset="librispeech", faces="none", progress=DISPLAY)
    return people, [heard, real]


def card(run: Path, people: Path, utterances: Path) -> str:
    """The model card, with what was measured on those held out; their voices calibrate the model, too."""
    voices = evaluate_speaker(
        str(run), [utterances], dataset="librispeech", trials="segments", split="dev", write_calibration=run
    )
    kept = replace(ScoreCalibration.read(run), model=PRESET, data="held-out LibriSpeech speakers, pieces of 2 s")
    kept.write(run)
    faces = evaluate_facevoice(str(run), people, split="dev", within=())
    told = "\n\n".join(f"```\n{found}\n```" for found in (voices, faces))
    told = told.replace(str(run), PRESET.ljust(len(str(run))))  # where it was on this machine is nobody's business
    for path in (people, utterances):
        told = told.replace(str(path), path.name)
    return (CARDS / "match_card.md").read_text(encoding="utf-8").replace("@MEASURED@", told)


if __name__ == "__main__":
    with DISPLAY:
        main()
