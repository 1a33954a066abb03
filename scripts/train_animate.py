"""Train the packaged weights `animate-small` from scratch.

    python scripts/train_animate.py --shared ../shared

The data are synthetic people, a seventh of whose videos have no emotion, and one real speaker (GRID s1, used twice, as
he is one against 1400). Training has two stages. In the first, the still is the mean of the clip, so that only motion
has to be generated, from which the audio encoder learns most. In the second, the still is any frame, as in use, and the
audio is augmented. Finished parts in the work folder are not repeated, and an interrupted training is resumed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from shipping import CARDS, DISPLAY, grid, publish, strangers

from seehear.audio.augmentation import SoundAugmentationOptions
from seehear.avatars.make import synthesize_avatars
from seehear.data.prepare import prepare
from seehear.evaluation.animate import evaluate_animate
from seehear.evaluation.splits import ClipPart
from seehear.training.pretrain import pretrain
from seehear.training.settings import TrainingSettings, read_settings

PRESET = "animate-small"
AVATARS, SPEAKERS, SEED, NEUTRAL = 2800, 1400, 7, 0.143
MOTION_STEPS, STILL_STEPS = 5000, 4000  # of the first and second stage
CLEAN = SoundAugmentationOptions(gain_db=6, noise=0, equaliser_db=0, warp=0, narrow=0.4)


def main() -> None:
    """Train, evaluate and publish the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that contains data/grid_s1")
    parser.add_argument("--work", type=Path, default=Path("runs/weights"), help="folder for all outputs")
    arguments = parser.parse_args()

    speaker, people = grid(arguments.shared, arguments.work), emotional_avatars(arguments.work)
    corpora, preset = [speaker, speaker, people], read_settings(PRESET)
    first, second = arguments.work / "animate-moving", arguments.work / "animate"
    motion = replace(preset.model, averaged=1.0, sounds=CLEAN)
    train(corpora, first, replace(preset, model=motion, optim=replace(preset.optim, steps=MOTION_STEPS, ema=0.995)))
    still = replace(preset.model, averaged=0.0)
    optim = replace(preset.optim, steps=STILL_STEPS, ema=0.998, lr=0.001)
    train(corpora, second, replace(preset, model=still, optim=optim), init=str(first))
    publish(PRESET, second, card(second, [speaker, people], strangers(arguments.work)))


def emotional_avatars(work: Path) -> Path:
    """Make the corpus of synthetic people with emotions."""
    videos, out = work / "feeling-people", work / "feeling-avatars"
    synthesize_avatars(videos, clips=AVATARS, speakers=SPEAKERS, seed=SEED, neutral=NEUTRAL, progress=DISPLAY)
    prepare([videos], out, progress=DISPLAY)
    return out


def train(corpora: list[Path], run: Path, settings: TrainingSettings, init: str | None = None) -> None:
    """Run one stage."""
    sections = {name: getattr(settings, name) for name in ("model", "data", "optim", "engine")}
    print(pretrain(corpora, run, PRESET, init=init, progress=DISPLAY, **sections))


def card(run: Path, training_corpora: list[Path], unseen: Path) -> str:
    """Return the model card, with results on held-out clips of the training people and on unseen people."""
    parts: list[tuple[str, Path, ClipPart]] = [
        (f"{path.name}, other clips in training", path, "dev") for path in training_corpora
    ]
    parts.append(("unseen avatars", unseen, "all"))
    results = [
        f"{name}: {evaluate_animate(str(run), path, part, sync_model='sync-small')}" for name, path, part in parts
    ]
    return (CARDS / "animate_card.md").read_text(encoding="utf-8").replace("@MEASURED@", "\n\n".join(results))


if __name__ == "__main__":
    with DISPLAY:
        main()
