"""Verbs that only bring rooms together and print what comes of it."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seehear.corpus.split import By

LOST_SHOWN = 10


def info(corpus: str, *, json: bool = False) -> None:
    """Say what is in a corpus: clips, hours, speakers, labels, and what could not be read.

    Args:
        corpus: Folder or URL of a corpus that `seehear prepare` made.
        json: Print one JSON object instead.
    """
    from seehear.corpus.info import describe

    told = describe(corpus)
    if json:
        print(json_format.dumps(told.to_dict(), ensure_ascii=False))  # noqa: T201
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    table.add_row("corpus", Text(told.path))
    table.add_row("clips", f"{told.clips}, {told.hours:.2f} hours, from {told.sources} sources ({told.format})")
    lengths = f"{told.mean_seconds:.2f} s on average, from {told.shortest_seconds:.2f} to {told.longest_seconds:.2f} s"
    table.add_row("length", lengths)
    found = f"found by {told.detector}" if told.detector else "whole frames"
    faces = f"{told.size} x {told.size} pixels, 25 a second, {found}" if told.size else "none: sound alone"
    table.add_row("faces", faces)
    table.add_row("speakers", "not labelled" if told.speakers is None else str(told.speakers))
    table.add_row("labels", ", ".join(f"{name} ({count})" for name, count in told.labels.items()) or "none")
    table.add_row("on disk", f"{told.bytes / 1e6:.1f} MB in {told.shards} shards, by seehear {told.seehear}")
    if told.silent_clips:
        table.add_row("without sound", f"{told.silent_clips} clips")
    for name, lost in (("failed", told.failed), ("no clip in", told.empty), ("skipped", told.skipped)):
        for place, (file, reason) in enumerate(list(lost.items())[:LOST_SHOWN]):
            table.add_row(f"{name} ({len(lost)})" if place == 0 else "", Text(f"{file}: {reason}"))
    Console(highlight=False).print(table)


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
    from seehear.tasks.sync_on import sync_on

    accuracy = sync_on(model, corpus, split, split_by, dev_every, lengths)
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
        SeehearError: as `seehear.adaptation.adapt.adapt`.
    """
    from seehear.adaptation.adapt import adapt as adapt_on

    adapted = adapt_on(
        videos, out, minutes=minutes, model=model, labels=labels, replay=replay, confidence=confidence, seed=seed,
        workers=workers,
    )  # fmt: skip
    return json_format.dumps(adapted.to_dict(), ensure_ascii=False) if json else str(adapted)
