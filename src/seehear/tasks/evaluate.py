"""The verb `evaluate`: a model, a corpus, a number with its interval."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Literal

from seehear.corpus.split import By
from seehear.corpus.store import Corpus
from seehear.tasks.sync import evaluate_sync


def evaluate(
    task: Literal["sync"],
    model: str,
    corpus: Path,
    split: Literal["dev", "train", "all"] = "dev",
    split_by: By = "source",
    json: bool = False,
) -> str:
    """Say what a trained model is worth.

    Args:
        task: what to measure. sync: is the moment of the sound found that belongs to the lips, among 31 offsets?
        model: folder of a run, or name of a model.
        corpus: folder that `seehear prepare` has made.
        split: which of its clips: those that training keeps for measuring, those it learns from, or all.
        split_by: what is not on both sides of the split, sources or speakers; as in training.
        json: print one JSON object instead of a table.

    Raises:
        ModelError: there is no such model.
        CorpusError: there is no such corpus, or it cannot be split.
    """
    from seehear.training.run import load

    clips = Corpus(corpus)
    accuracy = evaluate_sync(load(model), clips if split == "all" else clips.split(split, by=split_by))
    return json_.dumps(accuracy.to_dict()) if json else str(accuracy)
