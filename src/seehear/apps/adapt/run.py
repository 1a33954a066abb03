"""A whole adaptation: check its folder, run its stages, write the result."""

from __future__ import annotations

import json
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

RESULT = "adapted.json"


def adapt_to_videos(videos: Sequence[Path], labels: Path | None, options: AdaptOptions) -> AdaptResult:
    """Adapt a model, or return the result of an earlier run of the same command; see `adapt`."""
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
    """The result of an earlier run of the same command.

    Raises:
        SeehearError: the folder holds another run, or other things.
    """
    if (out / RESULT).is_file():
        recorded = json.loads((out / RESULT).read_text(encoding="utf-8"))
        if how := describe_difference(recorded["made"], fingerprint):
            raise SeehearError(f"{out} is an adapted model already, made with {how}; name another folder, or remove it")
        return AdaptResult.from_dict(recorded)
    if out.exists() and not (out / STAGING).exists() and (not out.is_dir() or any(out.iterdir())):
        raise SeehearError(f"{out} is there already and is not from seehear adapt; name a new folder")
    return None


def _sources(videos: Sequence[Path], labels: Path | None, out: Path) -> list[Source]:
    """The user's sources, without what an earlier run has put into the folder of the model.

    Raises:
        CorpusError: there are none, or labels that do not fit.
    """
    inside = out.absolute()
    found = find_sources(videos, "folder", labels)
    found = [source for source in found if inside not in source.path.absolute().parents]
    if not found:
        raise CorpusError(f"there is nothing to learn from but what is in {out} itself; name other videos")
    return found


def _fingerprint(sources: list[Source], options: AdaptOptions) -> dict[str, Any]:
    """By which the run is known again."""
    recorded = {
        **FaceClipReaders(ClipOptions()).options_dict(),
        "model": Path(options.model).name,
        "weights": digest(find_model(options.model) / WEIGHTS),
        "minutes": options.minutes,
        "confidence": options.confidence,
        "seed": options.seed,
        "replay": Corpus(options.replay).roots[0].identity if options.replay else None,
    }
    return SourcePlan.from_sources(sources, recorded).fingerprint()
