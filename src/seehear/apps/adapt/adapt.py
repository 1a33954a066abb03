"""`adapt`: train a sync model further on your own videos.

Every stage leaves its results in the folder of the run, so that the same command goes on after a kill.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seehear.errors import SeehearError
from seehear.progress import Progress

if TYPE_CHECKING:
    from seehear.apps.adapt.result import AdaptResult


def adapt(
    videos: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    minutes: float = 15.0,
    model: str = "sync-small",
    labels: Path | None = None,
    replay: Path | None = None,
    confidence: float = 0.7,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> AdaptResult:
    """Train a sync model further on your own videos, without labels, and measure what that gained.

    The delay of each video is measured with the model and undone, and videos whose delay is unsure or not constant are
    refused. About one video (or person) in four is held out for the proof. A run that was stopped or killed goes on
    when it is given again.

    Args:
        videos: video files and folders of them.
        out: folder for the adapted model; new, empty, or one whose run was stopped.
        minutes: CPU minutes that training may take; on a GPU, minutes. Measuring and preparing come on top.
        model: name or folder of the sync model to begin with.
        labels: CSV with the columns "file" and "speaker"; by default labels.csv in each folder. With it, no person is
            both learned from and held out.
        replay: corpus to be learned again a little, so that nothing is forgotten; by default synthetic people, made
            here, which needs the extra "avatars".
        confidence: least probability that a video's measured delay is right, 0 to 1.
        seed: of the order of clips and of their disturbances.
        workers: processes; by default one a core.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Returns:
        What came of it. The folder is then a model that every command takes with ``--model``.

    Raises:
        SeehearError: no video can be used, or too few; the folder holds something else; a number is absurd; or the disk
            is full.
        ModelError: there is no such model, or it is no sync model.
        CorpusError: there are no such videos, or the corpus to be learned again cannot be read.
        Stopped: a signal asked for it while it trained; the same call goes on from there.
    """
    if not 0 < minutes < 1e5:
        raise SeehearError(f"--minutes must be more than 0, not {minutes:g}")
    if not 0 <= confidence < 1:
        raise SeehearError(f"--confidence is a probability from 0 to 1, not {confidence:g}")
    from seehear.apps.adapt.run import adapt_to_videos
    from seehear.apps.adapt.stages import AdaptOptions

    options = AdaptOptions(Path(out), minutes, model, replay, confidence, seed, workers, progress)
    return adapt_to_videos([Path(video) for video in videos], labels, options)
