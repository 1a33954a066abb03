"""Train the weights that ship as `animate-small`, from nothing to the folder that `seehear.load` opens.

    python scripts/train_animate.py --shared ../shared

Synthetic people, a seventh of whose films is without emotion, and one real speaker (GRID s1, given twice, since he is
one against 1400) are prepared and learned from in two stages. In the first the still is the mean of the clip, so that
all there is to draw is what moves: the encoder of sound learns most from that. In the second the still is any frame, as
it is in use, and the sound is disturbed. Every part is kept in the work folder and not done again, and a training that
was stopped goes on.
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
STILL_STEPS, DRAWING_STEPS = 5000, 4000
CLEAN = SoundAugmentationOptions(gain_db=6, noise=0, equaliser_db=0, warp=0, narrow=0.4)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/grid_s1")
    parser.add_argument("--work", type=Path, default=Path("runs/weights"), help="folder for all that is made")
    given = parser.parse_args()

    speaker, people = grid(given.shared, given.work), feeling_avatars(given.work)
    corpora, preset = [speaker, speaker, people], read_settings(PRESET)
    first, second = given.work / "animate-moving", given.work / "animate"
    moving = replace(preset.model, averaged=1.0, sounds=CLEAN)
    learn(corpora, first, replace(preset, model=moving, optim=replace(preset.optim, steps=STILL_STEPS, ema=0.995)))
    drawing = replace(preset.model, averaged=0.0)
    optim = replace(preset.optim, steps=DRAWING_STEPS, ema=0.998, lr=0.001)
    learn(corpora, second, replace(preset, model=drawing, optim=optim), init=str(first))
    publish(PRESET, second, card(second, [speaker, people], strangers(given.work)))


def feeling_avatars(work: Path) -> Path:
    """The corpus of synthetic people with emotions, made first."""
    films, out = work / "feeling-people", work / "feeling-avatars"
    synthesize_avatars(films, clips=AVATARS, speakers=SPEAKERS, seed=SEED, neutral=NEUTRAL, progress=DISPLAY)
    prepare([films], out, progress=DISPLAY)
    return out


def learn(corpora: list[Path], run: Path, chosen: TrainingSettings, init: str | None = None) -> None:
    """One stage."""
    parts = {"model": chosen.model, "data": chosen.data, "optim": chosen.optim, "engine": chosen.engine}
    print(pretrain(corpora, run, PRESET, init=init, progress=DISPLAY, **parts))  # noqa: T201


def card(run: Path, seen: list[Path], never_met: Path) -> str:
    """The model card, with what was measured on held-out clips of people it has seen, and on people it has not."""
    parts: list[tuple[str, Path, ClipPart]] = [(f"{path.name}, seen in other clips", path, "dev") for path in seen]
    parts.append(("avatars never met", never_met, "all"))
    said = [f"{name}: {evaluate_animate(str(run), path, part, sync_model='sync-small')}" for name, path, part in parts]
    told = "\n\n".join(said)
    return (CARDS / "animate_card.md").read_text(encoding="utf-8").replace("@MEASURED@", told)


if __name__ == "__main__":
    with DISPLAY:
        main()
