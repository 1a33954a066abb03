"""Sync accuracy of a model on a corpus, both by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from seehear.corpus.detectors import FacesFrom
from seehear.corpus.split import By
from seehear.corpus.store import Corpus
from seehear.errors import CorpusError, SeehearError
from seehear.tasks.parts import PartName, clips_of_part
from seehear.tasks.sync import LENGTHS, SyncAccuracy, evaluate_sync
from seehear.training.run import load_sync


def sync_on(
    model: str,
    corpus: Path,
    split: PartName = "dev",
    split_by: By | None = None,
    dev_every: int | None = None,
    lengths: Sequence[int] = (),
) -> SyncAccuracy:
    """What `seehear evaluate sync` tells; its help says what is asked for.

    Raises:
        ModelError: there is no such model, or it has learned something else than sync.
        CorpusError: there is no such corpus, it cannot be split, it is sound alone, or none of the clips has sound.
        SeehearError: a length of no frames.
    """
    if any(length < 1 for length in lengths):
        raise SeehearError(f"--lengths must be 1 or more, not {min(lengths)}")
    trained = load_sync(model)
    clips = clips_of_part(Corpus(corpus).with_faces(), split, trained.config, split_by, dev_every).with_sound()
    if not clips:
        raise CorpusError(f"{corpus} has no clips with sound in the split {split}; prepare videos that have sound")
    found = evaluate_sync(trained, clips, tuple(lengths) or LENGTHS)
    return replace(found, faces=FacesFrom.of(trained.config, clips.detectors))
