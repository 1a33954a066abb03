"""Shared parts of the scripts that train the packaged weights: corpora, and copying a run into the package."""

from __future__ import annotations

import shutil
from pathlib import Path

from safetensors.torch import load_file, save

from seehear.atomic_io import write_text
from seehear.avatars.make import synthesize_avatars
from seehear.data.prepare import prepare
from seehear.metrics.calibration import CALIBRATION_FILE as SCORES
from seehear.models.store import CONFIG, WEIGHTS

CARDS = Path(__file__).resolve().parent
PACKAGED = CARDS.parent / "src" / "seehear" / "weights"

STRANGERS, STRANGERS_SEED = 300, 90_001
"""Synthetic people that no training uses, one video each: those of benchmarks/fresh_avatars.py."""


def grid(shared: Path, work: Path) -> Path:
    """Prepare the corpus of GRID's first speaker."""
    out = work / "grid"
    prepare([shared / "data" / "grid_s1" / "video"], out, dataset="grid")
    return out


def strangers(work: Path) -> Path:
    """Make the corpus of synthetic people that no training uses."""
    videos, out = work / "strangers", work / "strangers-corpus"
    synthesize_avatars(videos, clips=STRANGERS, speakers=STRANGERS, seed=STRANGERS_SEED, neutral=1 / 7)
    prepare([videos], out)
    return out


def publish(name: str, run: Path, card: str) -> None:
    """Copy a model into the package, in half precision, with its card and its score calibration."""
    folder = PACKAGED / name
    folder.mkdir(parents=True, exist_ok=True)
    state = load_file(run / WEIGHTS)
    half_state = {key: t.half() if t.is_floating_point() else t for key, t in state.items()}
    (folder / WEIGHTS).write_bytes(save(half_state, metadata={"format": "pt"}))
    for file in (CONFIG, SCORES):
        if (run / file).exists():
            shutil.copyfile(run / file, folder / file)
    write_text(folder / "README.md", card)
