"""The stages of an adaptation; each can be resumed."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.apps.adapt.data import (
    ClipSplit,
    Part,
    Replay,
    SplitItem,
    digest,
    given,
    prepare_sources,
    repeats,
    split_clips,
    synthetic,
    unusable_reason,
    why_not_synthetic,
)
from seehear.apps.adapt.learning import LearningResult, Material, learn
from seehear.apps.adapt.measure import MIN_UNITS, MeasuredSource, accuracy_gains, measure_sources, recalibrate
from seehear.apps.adapt.result import REFUSED, AdaptResult, Gain, SourceUse, verdict_sentence
from seehear.atomic_io import atomic_write, write_csv
from seehear.data.corpus import Corpus
from seehear.data.datasets import Source
from seehear.data.report import format_duration
from seehear.data.staging import Staging
from seehear.errors import SeehearError
from seehear.metrics.bootstrap import SPEAKER
from seehear.models.store import CONFIG, WEIGHTS, find_model, load_sync_model, read_config
from seehear.progress import Progress

SOURCES, WORK = "sources.csv", "work"


LITTLE_S = 180.0
"""With less training material than this, the gain is small, s."""


HISTORY = "adapted"
"""Key of ``trained`` in config.json: digests of the sources that were trained on and held out."""


Rows = NDArray[np.int64]


@dataclass(frozen=True)
class AdaptOptions:
    """The arguments of `seehear.apps.adapt.adapt.adapt`, except the videos."""

    out: Path
    minutes: float
    model: str
    replay: Path | None
    confidence: float
    seed: int
    workers: int | None
    progress: Progress | None

    @property
    def work(self) -> Path:
        """Folder of intermediate files."""
        return self.out / WORK


@dataclass(frozen=True)
class AdaptationClips:
    """The user's clips and their split.

    Attributes:
        corpus: all clips, usable or not
        rows: rows of each part
        within: the held-out clips are the ends of sources that are trained on
    """

    corpus: Corpus
    rows: Mapping[Part, Rows]
    within: bool

    def seconds(self, name: Part) -> float:
        """Return the total length of the clips of a part."""
        return float(self.corpus.manifest["seconds"].to_numpy()[self.rows[name]].sum())

    def clips(self, *names: Part) -> Corpus:
        """Return the clips of some parts."""
        return self.corpus.subset(np.sort(np.concatenate([self.rows[name] for name in names])))


def run_stages(sources: Sequence[Source], staging: Staging[MeasuredSource], options: AdaptOptions) -> AdaptResult:
    """Run all stages.

    Args:
        sources: the user's sources
        staging: staging area of the output folder
        options: options of the command

    Raises:
        SeehearError: see `seehear.apps.adapt.adapt.adapt`
    """
    measured = measure_sources(sources, options.model, options.confidence, staging, options.workers, options.progress)
    write_sources(options.out / SOURCES, _uses(sources, measured))
    if all(known.refused for known in measured):
        raise SeehearError(
            f"none of the {len(sources)} videos can be used for training, {sources[0].name} for one: "
            f"{measured[0].refused.rstrip('.')}; the reasons are in {options.out / SOURCES}"
        )
    adaptation, uses = _prepare_clips(sources, measured, options)
    write_sources(options.out / SOURCES, uses)
    replay, notes = _replayed(options)
    learned = _learn(adaptation, replay, sources, uses, options)
    return _measure_gain(adaptation, replay, learned, uses, [*notes, *_remarks(adaptation)], options)


def _prepare_clips(
    sources: Sequence[Source], measured: Sequence[MeasuredSource], options: AdaptOptions
) -> tuple[AdaptationClips, list[SourceUse]]:
    """Prepare and split the usable sources, and record what each source is used for."""
    usable = {source.name: known for source, known in zip(sources, measured, strict=True) if not known.refused}
    shifted = [replace(s, delay_s=(usable[s.name].delay_ms or 0.0) / 1000) for s in sources if s.name in usable]
    sounds = {source.path: sound for source in shifted if (sound := usable[source.name].sound)}
    corpus = prepare_sources(shifted, sounds, options.work / "corpus", options.workers, options.progress)
    reasons = unusable_reason(corpus, {name: known.listeners for name, known in usable.items()})
    rows = np.flatnonzero([reason is None for reason in reasons])
    names = corpus.manifest["source"].to_pylist()
    if not len(rows):
        raise SeehearError(
            f"none of the {len(usable)} videos with a known delay shows one face that speaks: in {names[0]}, "
            f"{reasons[0]}; give others"
        )
    split = split_clips(_pieces(corpus.subset(rows)), *_history(sources, options.model))
    parts: dict[Part, Rows] = {
        name: rows[np.array([own == name for own in split.parts])] for name in ("learned", "watched", "held out")
    }
    lost: dict[str, Counter[str]] = defaultdict(Counter)
    for name, reason in zip(names, reasons, strict=True):
        if reason:
            lost[name][reason.value] += 1
    uses = _uses(sources, measured, _used(corpus, rows, split), lost)
    return AdaptationClips(corpus, parts, split.within), uses


def _pieces(clips: Corpus) -> list[SplitItem]:
    table = clips.manifest
    column = f"label_{SPEAKER}"
    people = table[column].to_pylist() if column in table.column_names else [None] * len(clips)
    columns = (table[name].to_pylist() for name in ("source", "start_s", "seconds"))
    return [
        SplitItem(source, person, start_s, seconds)
        for person, source, start_s, seconds in zip(people, *columns, strict=True)
    ]


def _history(sources: Sequence[Source], model: str) -> tuple[set[str], set[str]]:
    """Return the names of the sources that the model was trained on before, and of those that were held out then."""
    history = (read_config(find_model(model)).get("trained") or {}).get(HISTORY) or {}
    if not history:
        return set(), set()
    digests = {source.name: digest(source.path) for source in sources}
    learned, held_out = (
        {name for name, own in digests.items() if own in history.get(kind, ())} for kind in ("learned", "held_out")
    )
    return learned, held_out


def _replayed(options: AdaptOptions) -> tuple[Replay | None, list[str]]:
    """Return the replay material, and remarks about it."""
    if options.replay:
        return given(options.replay), []
    if missing := why_not_synthetic():
        return None, [missing]
    return synthetic(options.work / "replay", workers=options.workers, progress=options.progress), []


def _learn(
    adaptation: AdaptationClips,
    replay: Replay | None,
    sources: Sequence[Source],
    uses: Sequence[SourceUse],
    options: AdaptOptions,
) -> LearningResult:
    corpus, own = options.work / "corpus", adaptation.rows["learned"]
    new, old = 1, 0
    if replay:
        new, old = repeats(
            int(adaptation.corpus.frames[own].sum()), int(Corpus(replay.corpus).frames[replay.learned].sum())
        )
    learned_from = [(corpus, own, new), *([(replay.corpus, replay.learned, old)] if replay else [])]
    trained = read_config(find_model(options.model)).get("trained") or {}
    before = trained.get(HISTORY) or {}
    digests = {source.name: digest(source.path) for source in sources}
    learned = {digests[use.file] for use in uses if "learned" in use.use}
    held_out = {digests[use.file] for use in uses if use.use in ("held out", "watched")}
    remembered = {
        "corpus": [
            *trained.get("corpus", []),
            *([replay.corpus.name] if options.replay and replay else []),
            "own videos",
        ],
        HISTORY: {
            "from": Path(options.model).name,
            "learned": sorted(learned | set(before.get("learned", ()))),
            "held_out": sorted(held_out | set(before.get("held_out", ()))),
        },
    }
    material = Material(learned_from, adaptation.rows["watched"])
    return learn(
        options.model, material, options.work / "learning", options.minutes, remembered, options.seed, options.progress
    )


def _measure_gain(
    adaptation: AdaptationClips, replay: Replay | None, learned: LearningResult, uses: Sequence[SourceUse],
    notes: Sequence[str],
    options: AdaptOptions,
) -> AdaptResult:  # fmt: skip
    """Calibrate and measure the model, and copy it to the output folder."""
    folder = options.work / "learning"
    not_fitted = recalibrate(folder, adaptation.clips("held out", "watched"), options.progress)
    before, after = load_sync_model(options.model), load_sync_model(folder)
    gained = accuracy_gains(before, after, adaptation.clips("held out"), "your videos", options.progress)
    kept = (
        accuracy_gains(before, after, Corpus(replay.corpus).subset(replay.held_out), replay.what, options.progress)
        if replay
        else ()
    )
    for name in (WEIGHTS, CONFIG):  # the config last: it marks the weights as complete
        with atomic_write(options.out / name) as temporary:
            shutil.copyfile(folder / name, temporary)
    return AdaptResult(
        out=str(options.out),
        model=options.model,
        verdict=verdict_sentence(gained, kept, options.model, str(options.out), adaptation.within),
        gains=gained,
        replay=kept,
        replayed=replay.what if replay else "",
        sources=tuple(uses),
        learned_s=round(adaptation.seconds("learned"), 2),
        held_out_s=round(adaptation.seconds("held out"), 2),
        steps=learned.steps,
        kept=learned.kept,
        minutes=learned.minutes,
        calibrated=not not_fitted,
        notes=(*notes, *_interval_caveats(gained), *([not_fitted] if not_fitted else [])),
    )


def _interval_caveats(gained: Sequence[Gain]) -> list[str]:
    """Return the caveat about intervals over clips, if it applies."""
    if not gained or gained[0].kind != "clips":
        return []
    few = f"fewer than {MIN_UNITS} people or videos are held out"
    return [f"{few}: the intervals are over their clips, and say nothing of others"]


def _remarks(adaptation: AdaptationClips) -> list[str]:
    """Return remarks about the split."""
    notes = []
    if adaptation.within:
        notes.append(
            "the videos are too few to hold whole ones out, so the last quarter of each is: this says nothing of "
            "other people and other rooms"
        )
    if not len(adaptation.rows["watched"]):
        notes.append("no video was used for early stopping: the weights of the last step are kept")
    if (learned_s := adaptation.seconds("learned")) < LITTLE_S:
        notes.append(f"{format_duration(learned_s)} of training video is little: more people help most")
    return notes


def _used(corpus: Corpus, rows: Rows, split: ClipSplit) -> dict[str, tuple[str, float]]:
    """Return source -> use, and the number of seconds used."""
    names, seconds = corpus.manifest["source"].to_pylist(), corpus.manifest["seconds"].to_pylist()
    used: dict[str, dict[Part, float]] = defaultdict(dict)
    for row, name in zip(rows.tolist(), split.parts, strict=True):
        parts = used[names[row]]
        parts[name] = parts.get(name, 0.0) + seconds[row]
    return {source: (" + ".join(sorted(parts, reverse=True)), sum(parts.values())) for source, parts in used.items()}


def _uses(
    sources: Sequence[Source],
    measured: Sequence[MeasuredSource],
    used: Mapping[str, tuple[str, float]] | None = None,
    lost: Mapping[str, Counter[str]] | None = None,
) -> list[SourceUse]:
    """Return the rows of sources.csv; before the sources are prepared, all that are not refused count as used."""
    uses = []
    for source, known in zip(sources, measured, strict=True):
        reason = known.refused
        use, seconds = REFUSED if reason else "used", 0.0 if reason else known.seconds
        if not reason and used is not None:
            use, seconds = used.get(source.name, (REFUSED, 0.0))
            if use == REFUSED:
                why = lost.get(source.name) if lost else None
                reason = f"in all of it, {why.most_common(1)[0][0]}" if why else "no face is followed for long enough"
        uses.append(SourceUse(source.name, use, reason, known.delay_ms, known.confidence, round(seconds, 2)))
    return uses


def write_sources(path: Path, uses: Sequence[SourceUse]) -> None:
    """Write sources.csv, one row per source; ``seehear prepare --delays`` can read it."""
    write_csv(path, [vars(use) for use in uses], list(SourceUse.__dataclass_fields__))
