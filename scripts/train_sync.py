"""Train the weights that ship with the package, from nothing to the folder that `seehear.load("sync-small")` opens.

    python scripts/train_sync.py --shared ../shared

Synthetic people and one real speaker (GRID s1) are prepared, learned from, measured and calibrated on what was held
out; then the model is copied into the package with its card. Every part is kept in the work folder and not done again,
and a training that was stopped goes on. What the numbers mean: docs/sync.md.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from shipping import CARDS, grid, publish, strangers

from seehear.avatars.make import make_avatars
from seehear.beside import write_text
from seehear.corpus.prepare import prepare
from seehear.corpus.store import Corpus
from seehear.tasks.sync import evaluate_sync
from seehear.tasks.units import counted
from seehear.tools.calibration import calibrate_run
from seehear.training.presets import settings
from seehear.training.pretrain import pretrain
from seehear.training.run import load_sync

AVATARS, SPEAKERS, SEED = 2800, 1400, 2026
LOSS = "multiway"  # of the weights that ship; the preset has separate since
STEPS = 6000


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/grid_s1")
    parser.add_argument("--work", type=Path, default=Path("runs/weights"), help="folder for all that is made")
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps")
    parser.add_argument("--avatars", type=int, default=AVATARS, help="clips of synthetic people")
    given = parser.parse_args()

    corpora = [grid(given.shared, given.work), avatars(given.work, given.avatars)]
    run = given.work / "run"
    preset = settings("sync-small")
    optim = replace(preset.optim, steps=given.steps, ema=0.999)
    model = replace(preset.model, loss=LOSS)
    print(pretrain(corpora, run, preset="sync-small", model=model, optim=optim))  # noqa: T201
    calibrate_run(run, *corpora)
    tested = {f"{corpus.name} (seen in other clips)": Corpus(corpus).split("dev") for corpus in corpora}
    tested["avatars never met"] = Corpus(strangers(given.work))
    measured = {name: evaluate_sync(load_sync(run), clips).to_dict() for name, clips in tested.items()}
    write_text(given.work / "measured.json", json.dumps(measured, indent=2) + "\n")
    card = (CARDS / "sync_card.md").read_text(encoding="utf-8").replace("@MEASURED@", table(measured))
    publish("sync-small", run, card)


def avatars(work: Path, clips: int) -> Path:
    """The corpus of synthetic people, made first."""
    films, out = work / "people", work / "avatars"
    make_avatars(films, clips=clips, speakers=SPEAKERS * clips // AVATARS, seed=SEED)
    prepare([films], out)
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
            over = counted(found["units"], accuracy["units"])
            told = (corpus, str(found["frames"]), f"{found['accuracy']:.1%}", interval, over)
            rows.append(f"| {' | '.join(told)} | {accuracy['chance']:.1%} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
