"""The confidence of an adapted model, fitted anew on the user's held-out clips where these are enough."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from seehear.beside import write_text
from seehear.corpus.store import Corpus
from seehear.threads import torch_threads_kept
from seehear.tools.batch import use_one_thread
from seehear.tools.calibration import calibrate
from seehear.training.run import CONFIG, load_sync

LEAST_SOURCES = 6
"""Held-out sources without which a calibration would be one of these few videos."""

EXAMPLES = 400
"""Measurements that are made for it."""

KEY = "sync_calibration"


def recalibrate(folder: Path, clips: Corpus, progress: bool = True) -> str:
    """Fit the confidence of the model in a folder, and write it into its config.json.

    Args:
        folder: of the model.
        clips: held out, their delays undone.
        progress: tell how far it is, on the error stream.

    Returns:
        Why it was left as it was, a sentence; empty where it was fitted.
    """
    keeps = "the confidence keeps its old calibration"
    sources = len(np.unique(clips.manifest["source"].to_numpy(zero_copy_only=False)))
    if sources < LEAST_SOURCES:
        return f"{keeps}: {sources} held-out videos are too few to fit it anew ({LEAST_SOURCES} are needed)"
    with torch_threads_kept():
        use_one_thread()
        try:
            fitted = calibrate(load_sync(folder), clips, examples=EXAMPLES, progress=progress)
        except ValueError as error:
            return f"{keeps}: {error}"
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    write_text(folder / CONFIG, json.dumps(config | {KEY: fitted.to_config()}, indent=2) + "\n")
    return ""
