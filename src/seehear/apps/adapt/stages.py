"""The stages, resumable."""

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
"""With less to learn from, little is gained."""


HISTORY = "adapted"
"""Key of ``trained`` in config.json: which sources a model has learned from and which were held out, as digests."""


Rows = NDArray[np.int64]


@dataclass(frozen=True)
class AdaptOptions:
    """The arguments of `seehear.apps.adapt.adapt.adapt`, but for the videos."""

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
        """Folder of what is needed only until the model is done, and to look at."""
        return self.out / WORK


@dataclass(frozen=True)
class AdaptationClips:
    """The user's clips and what each is for.

    Attributes:
        corpus: all of them, useful or not.
        rows: of each part.
        within: the held-out clips are the last stretches of sources that are learned from.
    """

    corpus: Corpus
    rows: Mapping[Part, Rows]
    within: bool

    def seconds(self, name: Part) -> float:
        """Of the clips of a part."""
        return float(self.corpus.manifest["seconds"].to_numpy()[self.rows[name]].sum())

    def clips(self, *names: Part) -> Corpus:
        """Of some parts."""
        return self.corpus.subset(np.sort(np.concatenate([self.rows[name] for name in names])))


def run_stages(sources: Sequence[Source], staging: Staging[MeasuredSource], asked: AdaptOptions) -> AdaptResult:
    """All stages.

    Args:
        sources: of the user.
        staging: of the folder of the model.
        asked: what is wanted.

    Raises:
        SeehearError: as `seehear.apps.adapt.adapt.adapt`.
    """
    measured = measure_sources(sources, asked.model, asked.confidence, staging, asked.workers, asked.progress)
    write_sources(asked.out / SOURCES, _uses(sources, measured))
    if all(known.refused for known in measured):
        raise SeehearError(
            f"none of the {len(sources)} videos can be learned from, {sources[0].name} for one: "
            f"{measured[0].refused.rstrip('.')}; the reasons are in {asked.out / SOURCES}"
        )
    lessons, uses = _lessons(sources, measured, asked)
    write_sources(asked.out / SOURCES, uses)
    again, notes = _replayed(asked)
    learned = _learn(lessons, again, sources, uses, asked)
    return _proven(lessons, again, learned, uses, [*notes, *_remarks(lessons)], asked)


def _lessons(
    sources: Sequence[Source], measured: Sequence[MeasuredSource], asked: AdaptOptions
) -> tuple[AdaptationClips, list[SourceUse]]:
    """Prepare and split what can be learned from, and say what each source is used for."""
    usable = {source.name: known for source, known in zip(sources, measured, strict=True) if not known.refused}
    told = [replace(s, delay_s=(usable[s.name].delay_ms or 0.0) / 1000) for s in sources if s.name in usable]
    sounds = {source.path: sound for source in told if (sound := usable[source.name].sound)}
    corpus = prepare_sources(told, sounds, asked.work / "corpus", asked.workers, asked.progress)
    reasons = unusable_reason(corpus, {name: known.listeners for name, known in usable.items()})
    rows = np.flatnonzero([reason is None for reason in reasons])
    names = corpus.manifest["source"].to_pylist()
    if not len(rows):
        raise SeehearError(
            f"none of the {len(usable)} videos with a known delay shows one face that speaks: in {names[0]}, "
            f"{reasons[0]}; give others"
        )
    parting = split_clips(_pieces(corpus.subset(rows)), *_history(sources, asked.model))
    parts: dict[Part, Rows] = {
        name: rows[np.array([own == name for own in parting.parts])] for name in ("learned", "watched", "held out")
    }
    lost: dict[str, Counter[str]] = defaultdict(Counter)
    for name, reason in zip(names, reasons, strict=True):
        if reason:
            lost[name][reason.value] += 1
    uses = _uses(sources, measured, _used(corpus, rows, parting), lost)
    return AdaptationClips(corpus, parts, parting.within), uses


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
    """Names of the sources that the model has learned from before, and of those that were held out then."""
    history = (read_config(find_model(model)).get("trained") or {}).get(HISTORY) or {}
    if not history:
        return set(), set()
    digests = {source.name: digest(source.path) for source in sources}
    learned, held_out = (
        {name for name, own in digests.items() if own in history.get(kind, ())} for kind in ("learned", "held_out")
    )
    return learned, held_out


def _replayed(asked: AdaptOptions) -> tuple[Replay | None, list[str]]:
    """What is learned again, and what there is to say of it."""
    if asked.replay:
        return given(asked.replay), []
    if missing := why_not_synthetic():
        return None, [missing]
    return synthetic(asked.work / "replay", workers=asked.workers, progress=asked.progress), []


def _learn(
    lessons: AdaptationClips,
    again: Replay | None,
    sources: Sequence[Source],
    uses: Sequence[SourceUse],
    asked: AdaptOptions,
) -> LearningResult:
    corpus, own = asked.work / "corpus", lessons.rows["learned"]
    new, old = 1, 0
    if again:
        new, old = repeats(int(lessons.corpus.frames[own].sum()), int(Corpus(again.corpus).frames[again.learned].sum()))
    learned_from = [(corpus, own, new), *([(again.corpus, again.learned, old)] if again else [])]
    trained = read_config(find_model(asked.model)).get("trained") or {}
    before = trained.get(HISTORY) or {}
    digests = {source.name: digest(source.path) for source in sources}
    learned = {digests[use.file] for use in uses if "learned" in use.use}
    held_out = {digests[use.file] for use in uses if use.use in ("held out", "watched")}
    remembered = {
        "corpus": [*trained.get("corpus", []), *([again.corpus.name] if asked.replay and again else []), "own videos"],
        HISTORY: {
            "from": Path(asked.model).name,
            "learned": sorted(learned | set(before.get("learned", ()))),
            "held_out": sorted(held_out | set(before.get("held_out", ()))),
        },
    }
    material = Material(learned_from, lessons.rows["watched"])
    return learn(asked.model, material, asked.work / "learning", asked.minutes, remembered, asked.seed, asked.progress)


def _proven(
    lessons: AdaptationClips, again: Replay | None, learned: LearningResult, uses: Sequence[SourceUse],
    notes: Sequence[str],
    asked: AdaptOptions,
) -> AdaptResult:  # fmt: skip
    """Calibrate, measure, and put the model where every command looks for it."""
    folder = asked.work / "learning"
    not_fitted = recalibrate(folder, lessons.clips("held out", "watched"), asked.progress)
    before, after = load_sync_model(asked.model), load_sync_model(folder)
    gained = accuracy_gains(before, after, lessons.clips("held out"), "your videos", asked.progress)
    kept = (
        accuracy_gains(before, after, Corpus(again.corpus).subset(again.held_out), again.what, asked.progress)
        if again
        else ()
    )
    for name in (WEIGHTS, CONFIG):  # the config last: it vouches for the weights
        with atomic_write(asked.out / name) as beside:
            shutil.copyfile(folder / name, beside)
    return AdaptResult(
        out=str(asked.out),
        model=asked.model,
        verdict=verdict_sentence(gained, kept, asked.model, str(asked.out), lessons.within),
        gains=gained,
        replay=kept,
        replayed=again.what if again else "",
        sources=tuple(uses),
        learned_s=round(lessons.seconds("learned"), 2),
        held_out_s=round(lessons.seconds("held out"), 2),
        steps=learned.steps,
        kept=learned.kept,
        minutes=learned.minutes,
        calibrated=not not_fitted,
        notes=(*notes, *_over_clips(gained), *([not_fitted] if not_fitted else [])),
    )


def _over_clips(gained: Sequence[Gain]) -> list[str]:
    """What an interval over clips does not tell."""
    if not gained or gained[0].kind != "clips":
        return []
    few = f"fewer than {MIN_UNITS} people or videos are held out"
    return [f"{few}: the intervals are over their clips, and say nothing of others"]


def _remarks(lessons: AdaptationClips) -> list[str]:
    """What a user should know of the split."""
    told = []
    if lessons.within:
        told.append(
            "the videos are too few to hold whole ones out, so the last quarter of each is: this says nothing of "
            "other people and other rooms"
        )
    if not len(lessons.rows["watched"]):
        told.append("no video was watched during training: the weights of the last step are kept")
    if (learned_s := lessons.seconds("learned")) < LITTLE_S:
        told.append(f"{format_duration(learned_s)} to learn from is little: more people help most")
    return told


def _used(corpus: Corpus, rows: Rows, parting: ClipSplit) -> dict[str, tuple[str, float]]:
    """By source: what it is used for, and the seconds of it that are used."""
    names, seconds = corpus.manifest["source"].to_pylist(), corpus.manifest["seconds"].to_pylist()
    used: dict[str, dict[Part, float]] = defaultdict(dict)
    for row, name in zip(rows.tolist(), parting.parts, strict=True):
        parts = used[names[row]]
        parts[name] = parts.get(name, 0.0) + seconds[row]
    return {source: (" + ".join(sorted(parts, reverse=True)), sum(parts.values())) for source, parts in used.items()}


def _uses(
    sources: Sequence[Source],
    measured: Sequence[MeasuredSource],
    used: Mapping[str, tuple[str, float]] | None = None,
    lost: Mapping[str, Counter[str]] | None = None,
) -> list[SourceUse]:
    """The rows of sources.csv; before anything is prepared, what is not refused is to be used."""
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
    """Write sources.csv, a row a source; ``seehear prepare --delays`` reads it, too."""
    write_csv(path, [vars(use) for use in uses], list(SourceUse.__dataclass_fields__))
