"""What a benchmark is to find out: corpora, what is learned from them, what it is measured on, and what is claimed.

A plan says no more than a table of a paper says: the rows, the columns, how often. `seehear.benchmark.planning.reading`
reads it from YAML, `seehear.benchmark.planning.cells` makes the cells of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

TaskName = Literal[
    "sync", "animate", "emotion", "words", "transcription", "affect", "speaker", "identification", "facevoice", "lips"
]
"""Those of `seehear evaluate`."""

NoiseName = Literal["none", "babble", "white"]
Mode = Literal["frozen", "finetuned", "scratch"]


@dataclass(frozen=True)
class CorpusSpec:
    """Where clips are from: made here, or given by who runs the plan.

    Attributes:
        avatars: arguments of `seehear.avatars.make_avatars` (clips, speakers, seed, seconds, neutral); empty where it
            is given.
        format: layout of the data set that is given.
        wants: what should be given, in a sentence; empty where avatars are made.
        faces: yunet, whole-frame or none, as `seehear prepare` takes it.
        checksum: of what is made; another one is told as a warning, because other data has other figures. Empty where
            nothing is compared.
    """

    avatars: Mapping[str, Any] = field(default_factory=dict)
    format: str = "folder"
    wants: str = ""
    faces: Literal["yunet", "whole-frame", "none"] = "yunet"
    checksum: str = ""


@dataclass(frozen=True)
class PretextSpec:
    """What is learned, once a seed.

    Attributes:
        preset: of `seehear pretrain`.
        corpora: names in the plan that are joined; those that were not given are left out, but one has to be there.
        set: option -> value, by the names of flags: ``optim.steps``, ``model.loss``.
        vary: option -> values; every combination is a pretext of its own, called ``name[loss=avenet]`` after the last
            word of the option. The option ``corpora`` takes lists of names.
        init: name of a model, or ``pretext:NAME``, another of this plan with the same seed.
        untrained: not trained at all: the weights that training would begin with.
    """

    preset: str
    corpora: tuple[str, ...] = ()
    set: Mapping[str, Any] = field(default_factory=dict)
    vary: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    init: str | None = None
    untrained: bool = False


@dataclass(frozen=True)
class RowSpec:
    """A row of a table: one encoder, read out in one way.

    Attributes:
        name: what the table calls it.
        of: a pretext of the plan, or an encoder from elsewhere as `seehear evaluate` takes it: mfcc, logmel, pixels,
            match-small, ``python:MODULE:CALLABLE@RATE``, ``transformers:NAME``.
        mode: frozen, finetuned or scratch.
        layer: which is read; by default as the evaluation has it: for words, emotion, transcription and affect `auto`,
            chosen in each fold on development data.
        options: more arguments of the evaluation, for this row alone.
    """

    name: str
    of: str
    mode: Mode = "frozen"
    layer: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskSpec:
    """A table: rows measured on a task, on each of some corpora that is there.

    Attributes:
        task: which evaluation.
        title: of the table.
        data: names of corpora; each that is there gives a table.
        options: arguments of the evaluation: split, read-out, seconds and so on.
        labels: shares of the training labels; each is a column.
        noise: that test recordings are mixed with.
        snr_db: ratios of sound to noise; each is a column, beside the clean one.
        scores: which of the evaluation's scores are columns; the first is the one that claims and marks are about.
            Empty: the evaluation's first.
        rows: from top to bottom.
    """

    task: TaskName
    title: str
    data: tuple[str, ...]
    rows: tuple[RowSpec, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[float, ...] = (1.0,)
    noise: NoiseName = "none"
    snr_db: tuple[float, ...] = ()
    scores: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """What a paper says, to be checked: a row is better than others in the first score of a task.

    Attributes:
        says: in words.
        source: paper and section.
        task: key of a `TaskSpec` of the plan.
        better: name of a row.
        than: names of rows; the claim holds if it holds against each of them.
        labels: share of the labels at which it is checked.
    """

    says: str
    source: str
    task: str
    better: str
    than: tuple[str, ...]
    labels: float = 1.0


@dataclass(frozen=True)
class PaperTable:
    """Figures that a paper prints, shown beside ours and never mixed with them.

    Attributes:
        title: which table.
        source: authors, year, arXiv number, table.
        task: key of the `TaskSpec` of the plan that it stands beside.
        columns: what is in the columns, with units.
        rows: row -> what the paper prints, in the order of the columns; None where it prints nothing. A row that is one
            of ours has the same name.
        differs: what is not the same there: data, size, network, training.
    """

    title: str
    source: str
    task: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[float | None, ...]]
    differs: str


@dataclass(frozen=True)
class Plan:
    """A benchmark.

    Attributes:
        name: of its file, or of the shipped one.
        title: of the report.
        about: what is asked, in a few sentences.
        differs: what is not as in the papers, whatever the table.
        seeds: repetitions 0, 1, ... of everything that chance has a part in.
        corpora, pretexts, tasks: by name.
        claims: to be checked.
        paper: figures to show beside.
    """

    name: str
    title: str
    about: str
    corpora: Mapping[str, CorpusSpec]
    pretexts: Mapping[str, PretextSpec]
    tasks: Mapping[str, TaskSpec]
    differs: str = ""
    seeds: int = 5
    claims: tuple[Claim, ...] = ()
    paper: tuple[PaperTable, ...] = ()
