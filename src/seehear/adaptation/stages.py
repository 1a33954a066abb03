"""The stages of an adaptation, each of which goes on where an earlier run has left it."""

from __future__ import annotations

import csv
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.adaptation.digests import digest
from seehear.adaptation.learning import Learned, Material, learn
from seehear.adaptation.material import prepare_sources, useless
from seehear.adaptation.measuring import Measured, measure_sources
from seehear.adaptation.proof import LEAST_UNITS, gains
from seehear.adaptation.recalibration import recalibrate
from seehear.adaptation.replay import Replay, given, repeats, synthetic, why_not_synthetic
from seehear.adaptation.result import REFUSED, Adapted, SourceUse
from seehear.adaptation.split import Part, Parting, Piece, part
from seehear.adaptation.verdict import Gain, sentence
from seehear.beside import NOT_UTF8, written_beside
from seehear.corpus.formats.source import Source
from seehear.corpus.report import duration
from seehear.corpus.staging import Staging
from seehear.corpus.store import Corpus
from seehear.errors import SeehearError
from seehear.tasks.units import SPEAKER
from seehear.training import run
from seehear.training.run import CONFIG, WEIGHTS, load_sync

SOURCES, WORK = "sources.csv", "work"

LITTLE_S = 180.0
"""With less to learn from, little is gained."""

HISTORY = "adapted"
"""Key of ``trained`` in config.json: which sources a model has learned from and which were held out, as digests."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """The arguments of `seehear.adaptation.adapt.adapt`, but for the videos."""

    out: Path
    minutes: float
    model: str
    replay: Path | None
    confidence: float
    seed: int
    workers: int | None
    progress: bool

    @property
    def work(self) -> Path:
        """Folder of what is needed only until the model is done, and to look at."""
        return self.out / WORK


@dataclass(frozen=True)
class Lessons:
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


def carry_out(sources: Sequence[Source], staging: Staging[Measured], asked: Asked) -> Adapted:
    """All stages.

    Args:
        sources: of the user.
        staging: of the folder of the model.
        asked: what is wanted.

    Raises:
        SeehearError: as `seehear.adaptation.adapt.adapt`.
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


def _lessons(sources: Sequence[Source], measured: Sequence[Measured], asked: Asked) -> tuple[Lessons, list[SourceUse]]:
    """Prepare and split what can be learned from, and say what each source is used for."""
    usable = {source.name: known for source, known in zip(sources, measured, strict=True) if not known.refused}
    told = [replace(s, delay_s=(usable[s.name].delay_ms or 0.0) / 1000) for s in sources if s.name in usable]
    sounds = {source.path: sound for source in told if (sound := usable[source.name].sound)}
    corpus = prepare_sources(told, sounds, asked.work / "corpus", asked.workers, asked.progress)
    reasons = useless(corpus, {name: known.listeners for name, known in usable.items()})
    rows = np.flatnonzero([reason is None for reason in reasons])
    names = corpus.manifest["source"].to_pylist()
    if not len(rows):
        raise SeehearError(
            f"none of the {len(usable)} videos with a known delay shows one face that speaks: in {names[0]}, "
            f"{reasons[0]}; give others"
        )
    parting = part(_pieces(corpus.subset(rows)), *_history(sources, asked.model))
    parts: dict[Part, Rows] = {
        name: rows[np.array([own == name for own in parting.parts])] for name in ("learned", "watched", "held out")
    }
    lost: dict[str, Counter[str]] = defaultdict(Counter)
    for name, reason in zip(names, reasons, strict=True):
        if reason:
            lost[name][reason.value] += 1
    uses = _uses(sources, measured, _used(corpus, rows, parting), lost)
    return Lessons(corpus, parts, parting.within), uses


def _pieces(clips: Corpus) -> list[Piece]:
    table = clips.manifest
    column = f"label_{SPEAKER}"
    people = table[column].to_pylist() if column in table.column_names else [None] * len(clips)
    columns = (table[name].to_pylist() for name in ("source", "start_s", "seconds"))
    return [
        Piece(source, person, start_s, seconds)
        for person, source, start_s, seconds in zip(people, *columns, strict=True)
    ]


def _history(sources: Sequence[Source], model: str) -> tuple[set[str], set[str]]:
    """Names of the sources that the model has learned from before, and of those that were held out then."""
    history = (run.read_config(run.find(model)).get("trained") or {}).get(HISTORY) or {}
    if not history:
        return set(), set()
    digests = {source.name: digest(source.path) for source in sources}
    learned, held_out = (
        {name for name, own in digests.items() if own in history.get(kind, ())} for kind in ("learned", "held_out")
    )
    return learned, held_out


def _replayed(asked: Asked) -> tuple[Replay | None, list[str]]:
    """What is learned again, and what there is to say of it."""
    if asked.replay:
        return given(asked.replay), []
    if missing := why_not_synthetic():
        return None, [missing]
    return synthetic(asked.work / "replay", workers=asked.workers, progress=asked.progress), []


def _learn(
    lessons: Lessons, again: Replay | None, sources: Sequence[Source], uses: Sequence[SourceUse], asked: Asked
) -> Learned:
    corpus, own = asked.work / "corpus", lessons.rows["learned"]
    new, old = 1, 0
    if again:
        new, old = repeats(int(lessons.corpus.frames[own].sum()), int(Corpus(again.corpus).frames[again.learned].sum()))
    learned_from = [(corpus, own, new), *([(again.corpus, again.learned, old)] if again else [])]
    trained = run.read_config(run.find(asked.model)).get("trained") or {}
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
    lessons: Lessons, again: Replay | None, learned: Learned, uses: Sequence[SourceUse], notes: Sequence[str],
    asked: Asked,
) -> Adapted:  # fmt: skip
    """Calibrate, measure, and put the model where every command looks for it."""
    folder = asked.work / "learning"
    not_fitted = recalibrate(folder, lessons.clips("held out", "watched"), asked.progress)
    before, after = load_sync(asked.model), load_sync(folder)
    gained = gains(before, after, lessons.clips("held out"), "your videos", asked.progress)
    kept = (
        gains(before, after, Corpus(again.corpus).subset(again.held_out), again.what, asked.progress) if again else ()
    )
    for name in (WEIGHTS, CONFIG):  # the config last: it vouches for the weights
        with written_beside(asked.out / name) as beside:
            shutil.copyfile(folder / name, beside)
    return Adapted(
        out=str(asked.out),
        model=asked.model,
        verdict=sentence(gained, kept, asked.model, str(asked.out), lessons.within),
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
    few = f"fewer than {LEAST_UNITS} people or videos are held out"
    return [f"{few}: the intervals are over their clips, and say nothing of others"]


def _remarks(lessons: Lessons) -> list[str]:
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
        told.append(f"{duration(learned_s)} to learn from is little: more people help most")
    return told


def _used(corpus: Corpus, rows: Rows, parting: Parting) -> dict[str, tuple[str, float]]:
    """By source: what it is used for, and the seconds of it that are used."""
    names, seconds = corpus.manifest["source"].to_pylist(), corpus.manifest["seconds"].to_pylist()
    used: dict[str, dict[Part, float]] = defaultdict(dict)
    for row, name in zip(rows.tolist(), parting.parts, strict=True):
        parts = used[names[row]]
        parts[name] = parts.get(name, 0.0) + seconds[row]
    return {source: (" + ".join(sorted(parts, reverse=True)), sum(parts.values())) for source, parts in used.items()}


def _uses(
    sources: Sequence[Source],
    measured: Sequence[Measured],
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
    with written_beside(path) as beside, beside.open("w", newline="", encoding="utf-8", errors=NOT_UTF8) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(SourceUse.__dataclass_fields__)
        table.writerows(["" if value is None else value for value in vars(use).values()] for use in uses)
