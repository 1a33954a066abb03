"""The verb adapt.

Every stage leaves what it has done in the folder of the run, so that the same command goes on after a kill.
"""

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
from seehear.data.datasets import Source, find_sources
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
    asked = AdaptOptions(Path(out), minutes, model, replay, confidence, seed, workers, progress)
    with corpus_os_errors(asked.out):
        return _adapt(_sources(videos, labels, asked.out), asked)


def _adapt(sources: list[Source], asked: AdaptOptions) -> AdaptResult:
    fingerprint = _fingerprint(sources, asked)
    if before := _done_before(asked.out, fingerprint):
        remove_staging(asked.out)
        return before
    load_to_train(asked.model)  # refuse a model of the wrong kind before the work
    with Staging(asked.out, fingerprint, MeasuredSource) as staging:
        adapted = run_stages(sources, staging, asked)
        write_text(asked.out / RESULT, json.dumps(adapted.to_dict() | {"made": fingerprint}, indent=1) + "\n")
        staging.remove()
    return adapted


def _done_before(out: Path, fingerprint: dict[str, Any]) -> AdaptResult | None:
    """The result of an earlier run of the same command.

    Raises:
        SeehearError: the folder holds another run, or other things.
    """
    if (out / RESULT).is_file():
        told = json.loads((out / RESULT).read_text(encoding="utf-8"))
        if how := describe_difference(told["made"], fingerprint):
            raise SeehearError(f"{out} is an adapted model already, made with {how}; name another folder, or remove it")
        return AdaptResult.from_dict(told)
    if out.exists() and not (out / STAGING).exists() and (not out.is_dir() or any(out.iterdir())):
        raise SeehearError(f"{out} is there already and is not from seehear adapt; name a new folder")
    return None


def _sources(videos: Sequence[str | os.PathLike[str]], labels: Path | None, out: Path) -> list[Source]:
    """The user's sources, without what an earlier run has put into the folder of the model.

    Raises:
        CorpusError: there are none, or labels that do not fit.
    """
    inside = out.absolute()
    found = find_sources([Path(video) for video in videos], "folder", labels)
    found = [source for source in found if inside not in source.path.absolute().parents]
    if not found:
        raise CorpusError(f"there is nothing to learn from but what is in {out} itself; name other videos")
    return found


def _fingerprint(sources: list[Source], asked: AdaptOptions) -> dict[str, Any]:
    """By which the run is known again."""
    told = {
        **FaceClipReaders(ClipOptions()).options_dict(),
        "model": Path(asked.model).name,
        "weights": digest(find_model(asked.model) / WEIGHTS),
        "minutes": asked.minutes,
        "confidence": asked.confidence,
        "seed": asked.seed,
        "replay": Corpus(asked.replay).roots[0].identity if asked.replay else None,
    }
    return SourcePlan.from_sources(sources, told).fingerprint()
