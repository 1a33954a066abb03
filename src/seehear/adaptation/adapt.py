"""A shipped model, trained further on somebody's own videos: measured, split, prepared, trained, proven.

Every stage leaves what it has done in the folder of the run, so that the same command goes on after a kill.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seehear.adaptation.digests import digest
from seehear.adaptation.learning import load_to_train
from seehear.adaptation.measuring import Measured
from seehear.adaptation.result import Adapted
from seehear.adaptation.stages import Asked, carry_out
from seehear.beside import write_text
from seehear.corpus.formats import find_sources
from seehear.corpus.formats.source import Source
from seehear.corpus.outfolder import refusals_as_sentences
from seehear.corpus.plan import Plan, difference
from seehear.corpus.reading import ReadClips
from seehear.corpus.staging import STAGING, Staging, remove_staging
from seehear.corpus.store import Corpus
from seehear.errors import CorpusError, SeehearError
from seehear.media.clips import ClipOptions
from seehear.training import run
from seehear.training.loop import Stopped
from seehear.training.run import WEIGHTS

RESULT = "adapted.json"


def adapt(
    videos: Sequence[Path],
    out: Path,
    *,
    minutes: float = 15.0,
    model: str = "sync-small",
    labels: Path | None = None,
    replay: Path | None = None,
    confidence: float = 0.7,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = True,
) -> Adapted:
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
        progress: tell how far it is, on the error stream.

    Returns:
        What came of it. The folder is then a model that every command takes with ``--model``.

    Raises:
        SeehearError: no video can be used, or too few; the folder holds something else; a number is absurd; or the disk
            is full.
        ModelError: there is no such model, or it is no sync model.
        CorpusError: there are no such videos, or the corpus to be learned again cannot be read.
    """
    if not 0 < minutes < 1e5:
        raise SeehearError(f"--minutes must be more than 0, not {minutes:g}")
    if not 0 <= confidence < 1:
        raise SeehearError(f"--confidence is a probability from 0 to 1, not {confidence:g}")
    asked = Asked(Path(out), minutes, model, replay, confidence, seed, workers, progress)
    try:
        with refusals_as_sentences(asked.out):
            return _adapt(_sources(videos, labels, asked.out), asked)
    except Stopped as stopped:
        if progress:
            print(f"seehear: {stopped}", file=sys.stderr)  # noqa: T201
        if stopped.signal_number == signal.SIGINT:
            raise KeyboardInterrupt from None
        raise SystemExit(128 + stopped.signal_number) from None


def _adapt(sources: list[Source], asked: Asked) -> Adapted:
    fingerprint = _fingerprint(sources, asked)
    if before := _done_before(asked.out, fingerprint):
        remove_staging(asked.out)
        return before
    load_to_train(asked.model)  # refuse a model of the wrong kind before the work
    with Staging(asked.out, fingerprint, Measured) as staging:
        adapted = carry_out(sources, staging, asked)
        write_text(asked.out / RESULT, json.dumps(adapted.to_dict() | {"made": fingerprint}, indent=1) + "\n")
        staging.remove()
    return adapted


def _done_before(out: Path, fingerprint: dict[str, Any]) -> Adapted | None:
    """The result of an earlier run of the same command.

    Raises:
        SeehearError: the folder holds another run, or other things.
    """
    if (out / RESULT).is_file():
        told = json.loads((out / RESULT).read_text(encoding="utf-8"))
        if how := difference(told["made"], fingerprint):
            raise SeehearError(f"{out} is an adapted model already, made with {how}; name another folder, or remove it")
        return Adapted.from_dict(told)
    if out.exists() and not (out / STAGING).exists() and (not out.is_dir() or any(out.iterdir())):
        raise SeehearError(f"{out} is there already and is not from seehear adapt; name a new folder")
    return None


def _sources(videos: Sequence[Path], labels: Path | None, out: Path) -> list[Source]:
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


def _fingerprint(sources: list[Source], asked: Asked) -> dict[str, Any]:
    """By which the run is known again."""
    told = {
        **ReadClips(ClipOptions()).told(),
        "model": Path(asked.model).name,
        "weights": digest(run.find(asked.model) / WEIGHTS),
        "minutes": asked.minutes,
        "confidence": asked.confidence,
        "seed": asked.seed,
        "replay": Corpus(asked.replay).roots[0].identity if asked.replay else None,
    }
    return Plan.of(sources, told).fingerprint()
