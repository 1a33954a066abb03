"""Train the packaged weights `sync-small` from scratch.

    python scripts/train_sync.py --shared ../shared

The first part uses synthetic people with synthetic voices and one real speaker (GRID s1). The second part adds real
people (HDTF and VoxCeleb2, with the delay of each video removed) and synthetic people speaking recordings of 251 real
voices (LibriSpeech). It may be stopped at any time; the same command resumes it. With --publish, the current model is
trained for some last steps at a falling learning rate, calibrated, evaluated on held-out data, and copied into the
package with its card. Finished parts in the work folder are not repeated. See docs/sync.md for the meaning of the
numbers, and benchmarks/strangers.py for results on unseen real people.
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
"""Avatars of the second part: those of the benchmark mini."""

VOICED, VOICED_SEED = 600, 2027
"""Synthetic people with real voices, one video each."""

FIRST_STEPS, STEPS = 6000, 16_000
COOLING = OptimOptions(steps=420, lr=6e-4, warmup=20, ema=0.98, seed=1)
"""Options of the last steps, at a falling rate; they may follow whenever the second part is stopped."""

REAL, REAL_VOICES = 8, 2
"""Weights of the six minutes of real people and the half hour of real voices; other corpora have weight 1."""

SOUNDS = SoundAugmentationOptions(room=0.3, music=0.2, narrow=0.1)


def main() -> None:
    """Train the model, or publish it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that contains data/")
    parser.add_argument("--work", type=Path, default=Path("runs/weights"), help="folder for all outputs")
    parser.add_argument("--first", help="model to start from, instead of training the first part")
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps of the second part")
    parser.add_argument("--lr", type=float, default=1e-3, help="its maximum learning rate")
    parser.add_argument("--out", type=Path, help="run of the second part; by default WORK/run")
    parser.add_argument("--publish", action="store_true", help="cool down, evaluate, and copy into the package")
    arguments = parser.parse_args()
    data, work = arguments.shared / "data", arguments.work

    speaker = grid(arguments.shared, work)
    people = [
        avatars(work / f"people-{name}", work / name, **avatar_options) for name, avatar_options in AVATARS.items()
    ]
    voiced_options = {"clips": VOICED, "speakers": VOICED, "seed": VOICED_SEED}
    voiced = avatars(work / "voiced", work / "voices", **voiced_options, recordings=data / "librispeech_251")
    real = work / "real"
    prepare([data / "real_faces"], real, delays=data / "real_faces" / "clips.csv", progress=DISPLAY)

    preset = read_settings("sync-small")
    first = arguments.first or str(work / "first")
    if not arguments.first:
        first_corpora = [speaker, avatars(work / "people-first", work / "first-avatars", **FIRST_AVATARS)]
        optim = replace(preset.optim, steps=FIRST_STEPS, ema=0.999)
        model = replace(preset.model, loss="multiway")
        pretrain(first_corpora, work / "first", preset="sync-small", model=model, optim=optim, progress=DISPLAY)
    run = arguments.out or work / "run"
    mix = [speaker, *people, *[voiced] * REAL_VOICES, *[real] * REAL]
    model = replace(preset.model, sounds=SOUNDS)
    if not arguments.publish:
        optim = replace(preset.optim, steps=arguments.steps, lr=arguments.lr, ema=0.999)
        print(pretrain(mix, run, preset="sync-small", model=model, optim=optim, init=first, progress=DISPLAY))
        return
    cooled = work / "cooled"
    print(pretrain(mix, cooled, preset="sync-small", model=model, optim=COOLING, init=str(run), progress=DISPLAY))
    corpora = [speaker, *people, voiced, real]
    calibrate(cooled, corpora, progress=DISPLAY)
    named_corpora = zip(
        ("GRID speaker 1", "avatars", "avatars (longer)", "avatars, real voices", "real"), corpora, strict=True
    )
    test_clips = {f"{name}: other clips in training": Corpus(corpus).split("dev") for name, corpus in named_corpora}
    test_clips["unseen avatars"] = Corpus(strangers(work))
    measured = {
        name: evaluate_sync_clips(load_sync_model(cooled), clips).to_dict() for name, clips in test_clips.items()
    }
    write_text(work / "measured.json", json.dumps(measured, indent=2) + "\n")
    card = (CARDS / "sync_card.md").read_text(encoding="utf-8").replace("@MEASURED@", table(measured))
    publish("sync-small", cooled, card)


def avatars(videos: Path, out: Path, **options: Any) -> Path:
    """Make a corpus of synthetic people."""
    synthesize_avatars(videos, **options, progress=DISPLAY)
    prepare([videos], out, progress=DISPLAY)
    return out


def table(measured: dict[str, Any]) -> str:
    """Return a Markdown table of sync accuracy by corpus and number of averaged embeddings."""
    rows = [
        "| held-out clips of | K (frames) | sync accuracy (+-1 frame of 31) | 95 % interval | over | chance |",
        "|---|---|---|---|---|---|",
    ]
    for corpus, accuracy in measured.items():
        for entry in accuracy["by_length"]:
            interval = f"{entry['low']:.1%} - {entry['high']:.1%}"
            over = count_phrase(entry["units"], accuracy["units"])
            cells = (corpus, str(entry["frames"]), f"{entry['accuracy']:.1%}", interval, over)
            rows.append(f"| {' | '.join(cells)} | {accuracy['chance']:.1%} |")
    return "\n".join(rows)


if __name__ == "__main__":
    with DISPLAY:
        main()
