"""Train the packaged weights `match-small` from scratch.

    python scripts/train_match.py --shared ../shared

The voice encoder is trained first, on synthetic people and LibriSpeech (four of five speakers; the others are held
out): it learns which two segments are from the same recording. Faces follow, with a frozen voice encoder: which face
matches which voice, and which two stills are from the same video. Trained together, the two encoders would memorise the
few thousand pairs. Finally the score of two voices is calibrated on held-out speakers. Finished parts in the work
folder are not repeated, and an interrupted training is resumed.
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
AVATARS, SECONDS, SEED = 4000, 2.0, 11  # one video each, as the number of people matters most
HELD_OUT = 5  # hold out every n-th speaker
VOICE_STEPS, FACE_STEPS = 2000, 2800
SHARED = 4  # dimensions shared by voices and faces; the others are trained in the first stage only


def main() -> None:
    """Train, evaluate and publish the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--shared", type=Path, default=Path("../shared"), help="folder that contains data/librispeech_251"
    )
    parser.add_argument("--work", type=Path, default=Path("runs/weights"), help="folder for all outputs")
    arguments = parser.parse_args()

    utterances = arguments.shared / "data" / "librispeech_251"
    people, voices = corpora(utterances, arguments.work)
    preset, first, second = read_settings(PRESET), arguments.work / "match-voices", arguments.work / "match"
    preset = replace(preset, model=replace(preset.model, shared=SHARED))
    data = replace(preset.data, batch=96, split_by="speaker", dev_every=HELD_OUT)
    voice_optim = replace(preset.optim, steps=VOICE_STEPS, ema=0.998)
    print(pretrain(voices, first, PRESET, model=preset.model, data=data, optim=voice_optim, progress=DISPLAY))
    model = replace(preset.model, freeze_voice=True, weight=0.5, face_dropout=0.6)
    face_optim = replace(preset.optim, steps=FACE_STEPS, weight_decay=0.5)
    result = pretrain(
        [people], second, PRESET, model=model, data=data, optim=face_optim, init=str(first), progress=DISPLAY
    )
    print(result)
    publish(PRESET, second, card(second, people, utterances))


def corpora(utterances: Path, work: Path) -> tuple[Path, list[Path]]:
    """Make the corpus of synthetic people, and the corpora of their voices and of real voices, without video."""
    videos, people, voices, real = (
        work / name for name in ("match-people", "match-avatars", "match-heard", "librispeech")
    )
    synthesize_avatars(videos, clips=AVATARS, speakers=AVATARS, seed=SEED, seconds=SECONDS, progress=DISPLAY)
    prepare([videos], people, progress=DISPLAY)
    prepare([videos], voices, faces="none", progress=DISPLAY)
    prepare([utterances], real, dataset="librispeech", faces="none", progress=DISPLAY)
    return people, [voices, real]


def card(run: Path, people: Path, utterances: Path) -> str:
    """Return the model card, with results on held-out speakers; their voices also calibrate the model."""
    voices = evaluate_speaker(
        str(run), [utterances], dataset="librispeech", trials="segments", split="dev", write_calibration=run
    )
    calibration = replace(ScoreCalibration.read(run), model=PRESET, data="held-out LibriSpeech speakers, 2 s segments")
    calibration.write(run)
    faces = evaluate_facevoice(str(run), people, split="dev", within=())
    results = "\n\n".join(f"```\n{result}\n```" for result in (voices, faces))
    results = results.replace(str(run), PRESET.ljust(len(str(run))))  # no paths of this machine
    for path in (people, utterances):
        results = results.replace(str(path), path.name)
    return (CARDS / "match_card.md").read_text(encoding="utf-8").replace("@MEASURED@", results)


if __name__ == "__main__":
    with DISPLAY:
        main()
