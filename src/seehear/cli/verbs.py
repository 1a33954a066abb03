"""Verbs that print what a function of a lower room returns."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from seehear.data.corpus import By
from seehear.evaluation.splits import ClipPart


def evaluate_animate(
    model: str,
    corpus: Path,
    split: ClipPart = "dev",
    split_by: By | None = None,
    dev_every: int | None = None,
    sync: str | None = None,
    clips: int | None = None,
    json: bool = False,
) -> str:
    """Say how well a model animates.

    Each clip is drawn from its first frame and its sound, and compared with what was filmed. It is drawn with another
    clip's sound and with silence, too: what counts is by how much its own does better.

    Args:
        model: folder of a run, name of a model, or hf:owner/name on the Hugging Face hub.
        corpus: folder that `seehear prepare` has made.
        split: which of its clips: those that training keeps for measuring, those it learns from, all, or official,
            those whose label part is test.
        split_by: what is not on both sides of the split, sources or speakers; by default as in the model's training.
        dev_every: one source (or speaker) in so many is kept for measuring; by default as in the model's training.
        sync: a sync model, such as sync-small, that is asked whether drawn lips fit the sound.
        clips: take only so many, spread evenly.
        json: print one JSON object instead of words.

    Raises:
        ModelError: there is no such model, or it cannot draw.
        CorpusError: there is no such corpus, it cannot be split, it is sound alone, or none of the clips has sound.
    """
    from seehear.evaluation.animate import evaluate_animate as evaluate

    result = evaluate(model, corpus, split, split_by, dev_every, sync, clips)
    return json_format.dumps(result.to_dict()) if json else str(result)


def evaluate_sync(
    model: str,
    corpus: Path,
    split: Literal["dev", "train", "all", "official"] = "dev",
    split_by: By | None = None,
    dev_every: int | None = None,
    lengths: Sequence[int] = (),
    json: bool = False,
) -> str:
    """Does a model find the moment of the sound that belongs to the lips, among 31 offsets?

    Args:
        model: folder of a run, name of a model, or hf:owner/name on the Hugging Face hub.
        corpus: folder that `seehear prepare` has made.
        split: which of its clips: those that training keeps for measuring, those it learns from, all, or official,
            those whose label part is test.
        split_by: what is not on both sides of the split, sources or speakers; by default as in the model's training.
        dev_every: one source (or speaker) in so many is kept for measuring; by default as in the model's training.
        lengths: numbers of frames over which distances are averaged, K in the papers; by default 5, 7, 9, 11, 13, 15.
        json: print one JSON object instead of a table.

    Raises:
        ModelError: there is no such model, or it has learned something else than sync.
        CorpusError: there is no such corpus, it cannot be split, it is sound alone, or none of the clips has sound.
        SeehearError: a length of no frames.
    """
    from seehear.evaluation.sync import evaluate_sync

    accuracy = evaluate_sync(model, corpus, split, split_by, dev_every, lengths)
    return json_format.dumps(accuracy.to_dict()) if json else str(accuracy)


def adapt(
    videos: list[Path],
    *,
    out: Path,
    minutes: float = 15.0,
    model: str = "sync-small",
    labels: Path | None = None,
    replay: Path | None = None,
    confidence: float = 0.7,
    seed: int = 0,
    workers: int | None = None,
    json: bool = False,
) -> str:
    """Train a sync model further on your own videos, without labels, and measure what that gained.

    The delay of each video is measured with the model and undone, and videos whose delay is unsure or not constant are
    refused. About one video (or person) in four is held out. In the end a table compares the model before and after on
    these. A run that was stopped or killed goes on when it is given again.

    Args:
        videos: video files and folders of them; 3 minutes or more, of as many people as possible.
        out: folder for the adapted model; new, empty, or one whose run was stopped.
        minutes: CPU minutes that training may take; on a GPU, minutes. Measuring and preparing come on top.
        model: name or folder of the sync model to begin with.
        labels: CSV with the columns "file" and "speaker"; by default labels.csv in each folder. With it, no person is
            both learned from and held out.
        replay: corpus to be learned again a little, so that nothing is forgotten; by default synthetic people, made
            here, which needs the extra "avatars".
        confidence: least probability that a video's measured delay is right, from 0 to 1.
        seed: of the order of clips and of their disturbances.
        workers: processes; by default one a core.
        json: print one JSON object instead of a table.

    Raises:
        SeehearError: as `seehear.apps.adapt.adapt.adapt`.
    """
    from seehear.apps.adapt.adapt import adapt as adapt_on

    adapted = adapt_on(
        videos, out, minutes=minutes, model=model, labels=labels, replay=replay, confidence=confidence, seed=seed,
        workers=workers,
    )  # fmt: skip
    return json_format.dumps(adapted.to_dict(), ensure_ascii=False) if json else str(adapted)
