"""Train the weights that ship with the package, from nothing to the folder that `seehear.load("sync-small")` opens.

    python scripts/train_sync.py --shared ../shared

First synthetic people with synthetic voices and one real speaker (GRID s1) are learned from; then, with these, real
people (HDTF and VoxCeleb2, each film's own delay undone) and synthetic people who say what 251 real voices have read
(LibriSpeech). That may be stopped at any time, and goes on when the same command is given again. With --publish the
model, as it is then, learns some last steps at a falling rate, is calibrated and measured on what was held out, and is
copied into the package with its card. Every part is kept in the work folder and not done again. What the numbers mean:
docs/sync.md. On real people whom nothing here has seen: benchmarks/strangers.py.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from shipping import CARDS, DISPLAY, grid, publish, strangers

from seehear.apps.sync.calibrate import calibrate
from seehear.atomic_io import write_text
from seehear.audio.augmentation import SoundAugmentationOptions
from seehear.avatars.make import synthesize_avatars
from seehear.data.corpus import Corpus
from seehear.data.prepare import prepare
from seehear.evaluation.sync import evaluate_sync_clips
from seehear.metrics.bootstrap import count_phrase
from seehear.models.store import load_sync_model
from seehear.training.pretrain import pretrain
from seehear.training.settings import OptimOptions, read_settings

FIRST_AVATARS: dict[str, Any] = {"clips": 2800, "speakers": 1400, "seed": 2026}
AVATARS: dict[str, dict[str, Any]] = {
    "short": {"clips": 800, "speakers": 400, "seed": 500, "seconds": 2.0},
    "long": {"clips": 800, "speakers": 200, "seed": 501, "seconds": 3.0, "neutral": 0.142857},
}
"""Of the second part: those of benchmark mini."""

VOICED, VOICED_SEED = 600, 2027
"""Synthetic people with real voices, one film each."""

FIRST_STEPS, STEPS = 6000, 16_000
COOLING = OptimOptions(steps=420, lr=6e-4, warmup=20, ema=0.98, seed=1)
"""Of the last steps, at a falling rate, which may follow whenever the second part is stopped."""

REAL, REAL_VOICES = 8, 2
"""How often the six minutes of real people and the half hour of real voices are seen, the others once."""

SOUNDS = SoundAugmentationOptions(room=0.3, music=0.2, narrow=0.1)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/")
    parser.add_argument("--work", type=Path, default=Path("runs/weights"), help="folder for all that is made")
    parser.add_argument("--first", help="model to go on from, instead of learning the first part anew")
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps of the second part")
    parser.add_argument("--lr", type=float, default=1e-3, help="its highest learning rate")
    parser.add_argument("--out", type=Path, help="run of the second part; by default WORK/run")
    parser.add_argument("--publish", action="store_true", help="cool it down, measure it, copy it into the package")
    given = parser.parse_args()
    data, work = given.shared / "data", given.work

    speaker = grid(given.shared, work)
    people = [avatars(work / f"people-{name}", work / name, **made) for name, made in AVATARS.items()]
    who = {"clips": VOICED, "speakers": VOICED, "seed": VOICED_SEED}
    voiced = avatars(work / "voiced", work / "voices", **who, recordings=data / "librispeech_251")
    real = work / "real"
    prepare([data / "real_faces"], real, delays=data / "real_faces" / "clips.csv", progress=DISPLAY)

    preset = read_settings("sync-small")
    first = given.first or str(work / "first")
    if not given.first:
        old = [speaker, avatars(work / "people-first", work / "first-avatars", **FIRST_AVATARS)]
        optim = replace(preset.optim, steps=FIRST_STEPS, ema=0.999)
        model = replace(preset.model, loss="multiway")
        pretrain(old, work / "first", preset="sync-small", model=model, optim=optim, progress=DISPLAY)
    run = given.out or work / "run"
    mix = [speaker, *people, *[voiced] * REAL_VOICES, *[real] * REAL]
    model = replace(preset.model, sounds=SOUNDS)
    if not given.publish:
        optim = replace(preset.optim, steps=given.steps, lr=given.lr, ema=0.999)
        print(pretrain(mix, run, preset="sync-small", model=model, optim=optim, init=first, progress=DISPLAY))  # noqa: T201
        return
    cooled = work / "cooled"
    print(pretrain(mix, cooled, preset="sync-small", model=model, optim=COOLING, init=str(run), progress=DISPLAY))  # noqa: T201
    corpora = [speaker, *people, voiced, real]
    calibrate(cooled, corpora, progress=DISPLAY)
    named = zip(("GRID speaker 1", "avatars", "avatars (longer)", "avatars, real voices", "real"), corpora, strict=True)
    tested = {f"{name}: seen in other clips": Corpus(corpus).split("dev") for name, corpus in named}
    tested["avatars never met"] = Corpus(strangers(work))
    measured = {name: evaluate_sync_clips(load_sync_model(cooled), clips).to_dict() for name, clips in tested.items()}
    write_text(work / "measured.json", json.dumps(measured, indent=2) + "\n")
    card = (CARDS / "sync_card.md").read_text(encoding="utf-8").replace("@MEASURED@", table(measured))
    publish("sync-small", cooled, card)


def avatars(films: Path, out: Path, **options: Any) -> Path:
    """The corpus of synthetic people, made first."""
    synthesize_avatars(films, **options, progress=DISPLAY)
    prepare([films], out, progress=DISPLAY)
    return out


def table(measured: dict[str, Any]) -> str:
    """Sync accuracy by corpus and number of averaged embeddings, in Markdown."""
    rows = [
        "| held-out clips of | K (frames) | sync accuracy (+-1 frame of 31) | 95 % interval | over | chance |",
        "|---|---|---|---|---|---|",
    ]
    for corpus, accuracy in measured.items():
        for found in accuracy["by_length"]:
            interval = f"{found['low']:.1%} - {found['high']:.1%}"
            over = count_phrase(found["units"], accuracy["units"])
            told = (corpus, str(found["frames"]), f"{found['accuracy']:.1%}", interval, over)
            rows.append(f"| {' | '.join(told)} | {accuracy['chance']:.1%} |")
    return "\n".join(rows)


if __name__ == "__main__":
    with DISPLAY:
        main()
