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
    """Train a sync model further on your own videos, without labels, and measure the gain.

    The delay of each video is measured with the model and undone; videos with an unsure or varying delay are refused.
    About one video (or person) in four is held out to measure the gain. If a run was stopped or killed, the same
    command resumes it.

    Args:
        videos: video files, or folders of them
        out: folder for the adapted model: new, empty, or of a run that was stopped
        minutes: CPU minutes (on a GPU: minutes) of training; measuring and preparing take additional time
        model: name or folder of the sync model to start from
        labels: CSV with the columns "file" and "speaker"; by default labels.csv in each folder. With it, no person is
            in both the training and the held-out part.
        replay: corpus that is also trained on a little, so that the model does not forget; by default synthetic people,
            who are generated, which needs the extra "avatars".
        confidence: minimum probability that a video's measured delay is right, 0 to 1
        seed: of the order of clips and of augmentation
        workers: number of processes; by default one per core
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Returns:
        The result. The folder is then a model that every command accepts as ``--model``.

    Raises:
        SeehearError: no video, or too few, can be used; the folder contains something else; a number is out of range;
            or the disk is full
        ModelError: the model does not exist, or is not a sync model
        CorpusError: the videos do not exist, or the replay corpus cannot be read
        Stopped: training was stopped by a signal; the same call resumes it
    """
    if not 0 < minutes < 1e5:
        raise SeehearError(f"--minutes must be more than 0, not {minutes:g}")
    if not 0 <= confidence < 1:
        raise SeehearError(f"--confidence is a probability from 0 to 1, not {confidence:g}")
    from seehear.apps.adapt.run import adapt_to_videos
    from seehear.apps.adapt.stages import AdaptOptions

    options = AdaptOptions(Path(out), minutes, model, replay, confidence, seed, workers, progress)
    return adapt_to_videos([Path(video) for video in videos], labels, options)
