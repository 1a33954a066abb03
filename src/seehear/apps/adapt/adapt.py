"""The command ``adapt``. Every stage saves its result in the folder of the run, so that the command can be resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seehear.apps.adapt.data import digest
from seehear.apps.adapt.learning import load_to_train
from seehear.apps.adapt.measure import MeasuredSource
from seehear.apps.adapt.result import AdaptResult
from seehear.apps.adapt.stages import AdaptOptions, run_stages
from seehear.atomic_io import write_text
from seehear.data.corpus import Corpus
from seehear.data.datasets import Source
from seehear.data.datasets.catalogue import find_sources
from seehear.data.packing import FaceClipReaders
from seehear.data.staging import STAGING, SourcePlan, Staging, corpus_os_errors, describe_difference, remove_staging
from seehear.errors import CorpusError, SeehearError
from seehear.media.clips import ClipOptions
from seehear.models.store import WEIGHTS, find_model
from seehear.progress import Progress

RESULT = "adapted.json"


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
    options = AdaptOptions(Path(out), minutes, model, replay, confidence, seed, workers, progress)
    with corpus_os_errors(options.out):
        return _adapt(_sources(videos, labels, options.out), options)


def _adapt(sources: list[Source], options: AdaptOptions) -> AdaptResult:
    fingerprint = _fingerprint(sources, options)
    if before := _done_before(options.out, fingerprint):
        remove_staging(options.out)
        return before
    load_to_train(options.model)  # refuse a model of the wrong kind before the work
    with Staging(options.out, fingerprint, MeasuredSource) as staging:
        adapted = run_stages(sources, staging, options)
        write_text(options.out / RESULT, json.dumps(adapted.to_dict() | {"made": fingerprint}, indent=1) + "\n")
        staging.remove()
    return adapted


def _done_before(out: Path, fingerprint: dict[str, Any]) -> AdaptResult | None:
    """Return the result of an earlier, finished run of the same command; None if there is none.

    Raises:
        SeehearError: the folder contains another run, or other files
    """
    if (out / RESULT).is_file():
        values = json.loads((out / RESULT).read_text(encoding="utf-8"))
        if how := describe_difference(values["made"], fingerprint):
            raise SeehearError(f"{out} is an adapted model already, made with {how}; name another folder, or remove it")
        return AdaptResult.from_dict(values)
    if out.exists() and not (out / STAGING).exists() and (not out.is_dir() or any(out.iterdir())):
        raise SeehearError(f"{out} is there already and is not from seehear adapt; name a new folder")
    return None


def _sources(videos: Sequence[str | os.PathLike[str]], labels: Path | None, out: Path) -> list[Source]:
    """Find the user's sources, except files in the output folder.

    Raises:
        CorpusError: there are none, or the labels do not fit
    """
    inside = out.absolute()
    found = find_sources([Path(video) for video in videos], "folder", labels)
    found = [source for source in found if inside not in source.path.absolute().parents]
    if not found:
        raise CorpusError(f"there is nothing to learn from but what is in {out} itself; name other videos")
    return found


def _fingerprint(sources: list[Source], options: AdaptOptions) -> dict[str, Any]:
    """Describe the inputs that identify the run."""
    values = {
        **FaceClipReaders(ClipOptions()).options_dict(),
        "model": Path(options.model).name,
        "weights": digest(find_model(options.model) / WEIGHTS),
        "minutes": options.minutes,
        "confidence": options.confidence,
        "seed": options.seed,
        "replay": Corpus(options.replay).roots[0].identity if options.replay else None,
    }
    return SourcePlan.from_sources(sources, values).fingerprint()
