"""What a benchmark asks: dataclasses of a plan, and its variants in full.

A cell is known by a key that is computed from everything that decides its result, so a cell that was done for one
table, one plan or one sweep is never done again for another in the same folder.

A plan says no more than a table of a paper says: the rows, the columns, how often. `seehear.benchmark.reading`
reads it from YAML, `seehear.benchmark.cells` makes the cells of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Annotated, Any, Literal

from seehear.config import OptionsError, check_names
from seehear.evaluation.task import Mode, NoiseName
from seehear.registry import OneOf

Kind = Literal["corpus", "pretrain", "measure"]


KEY_LENGTH = 12  # hexadecimal digits: enough for millions of cells in a folder


@dataclass(frozen=True)
class Cell:
    """A piece of work.

    Attributes:
        kind: corpus, pretrain or measure.
        name: for people and for the names of folders: ``animate``, ``people``, ``emotion/animate``; no seed in it.
        seed: of what chance decides; None where it decides nothing.
        spec: everything else that decides the result, as plain JSON values. Of other cells: their keys.
            corpus: the fields of `CorpusSpec` but for wants and checksum; ``path`` (absolute) where it was given.
            pretrain: ``preset``, ``settings`` (whole sections model, data, optim, engine, as `Settings.to_dict`),
            ``corpora`` (keys), ``init`` (name of a model, key of a cell, or None), ``untrained``.
            measure: ``task``, ``of`` (key of a pretrain cell, or an encoder from elsewhere), ``mode``, ``layer``,
            ``data`` (key of a corpus), ``options``, ``labels``, ``noise``, ``snr_db``.
        needs: keys of the cells whose results it uses.
    """

    kind: Kind
    name: str
    seed: int | None
    spec: Mapping[str, Any]
    needs: tuple[str, ...] = ()

    @cached_property
    def key(self) -> str:
        """What it is known by: the same for the same work, whatever it is called."""
        told = json.dumps([self.kind, self.seed, self.spec], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:KEY_LENGTH]

    @property
    def label(self) -> str:
        """For people: name and seed."""
        return self.name if self.seed is None else f"{self.name}, seed {self.seed}"


@dataclass(frozen=True)
class CorpusSpec:
    """Where clips are from: made here, or given by who runs the plan.

    Attributes:
        avatars: arguments of `synthesize_avatars` (clips, speakers, seed, seconds, neutral); empty where it
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

    task: Annotated[str, OneOf("task")]
    title: str
    data: tuple[str, ...]
    rows: tuple[RowSpec, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[float, ...] = (1.0,)
    noise: NoiseName = "none"
    snr_db: tuple[float, ...] = ()
    scores: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_names(self)


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
class BenchmarkPlan:
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


INIT = "pretext:"
"""In `PretextSpec.init`, what stands before the name of another pretext of the plan."""


CORPORA = "corpora"
"""The one option that varies without being one of a preset."""


@dataclass(frozen=True)
class _Variant:
    """One combination: what is added to names, and the pretext."""

    label: str
    pretext: PretextSpec


def expand_variants(plan: BenchmarkPlan) -> BenchmarkPlan:
    """The same plan in which no pretext varies.

    A pretext that begins with another one that varies comes in as many variants. A row that reads a pretext that varies
    becomes one for each variant, named as they are: ``row[loss=avenet]``.

    Raises:
        OptionsError: pretexts begin with each other in a ring, one varies over nothing, or a variant is called as
            another pretext is.
    """
    variants: dict[str, list[_Variant]] = {}
    for name in _beginnings_first(plan):
        for option, values in plan.pretexts[name].vary.items():
            _check_values(f"in the plan {plan.name} the pretext {name}", option, values)
        variants[name] = _variants(plan.pretexts[name], variants)
    pretexts: dict[str, PretextSpec] = {}
    for name in plan.pretexts:
        for variant in variants[name]:
            called = _called(name, variant.label)
            if called in pretexts:
                raise OptionsError(f"the plan {plan.name} has two pretexts that are called {called}; rename one")
            pretexts[called] = variant.pretext
    tasks = {key: _with_rows(task, variants) for key, task in plan.tasks.items()}
    return replace(plan, pretexts=pretexts, tasks=tasks)


def base_name(name: str) -> str:
    """Of a variant, what it is a variant of: ``sync`` of ``sync[loss=avenet]``."""
    return name.partition("[")[0]


def _beginnings_first(plan: BenchmarkPlan) -> list[str]:
    """Names of pretexts, each after the one that it begins with."""
    order: list[str] = []
    for name in plan.pretexts:
        way = [name]
        while (before := initial_pretext(plan.pretexts[way[-1]])) in plan.pretexts and before not in order:
            if before in way:
                raise OptionsError(f"in the plan {plan.name} the pretext {name} begins with itself; change its init")
            way.append(str(before))
        order += [step for step in reversed(way) if step not in order]
    return order


def initial_pretext(pretext: PretextSpec) -> str | None:
    """Name of the pretext of the same plan that it begins with; None where it begins otherwise."""
    return pretext.init.removeprefix(INIT) if pretext.init and pretext.init.startswith(INIT) else None


def _variants(pretext: PretextSpec, known: Mapping[str, list[_Variant]]) -> list[_Variant]:
    before = initial_pretext(pretext)
    found = []
    for begun in known.get(before or "", [_Variant("", pretext)]):
        init = f"{INIT}{_called(before, begun.label)}" if before else pretext.init
        for values in product(*pretext.vary.values()):
            chosen = dict(zip(pretext.vary, values, strict=True))
            corpora = tuple(chosen.pop(CORPORA, pretext.corpora))
            varied = replace(pretext, vary={}, corpora=corpora, set={**pretext.set, **chosen}, init=init)
            found.append(_Variant(_called(begun.label, _label(pretext.vary, values)), varied))
    return found


def _check_values(where: str, option: str, values: Sequence[Any]) -> None:
    """That there is something to vary over.

    Raises:
        OptionsError: there is nothing, or something that names no corpora.
    """
    if not values:
        raise OptionsError(f"{where} varies {option} over nothing; give values")
    for corpora in values if option == CORPORA else ():
        if not isinstance(corpora, list | tuple) or not all(isinstance(name, str) for name in corpora):
            raise OptionsError(f"{where} varies corpora, and {corpora!r} is no list of their names")


def _called(name: str, label: str) -> str:
    """A name with what it is a variant in; what it was a variant in before stands in the same brackets."""
    return f"{name[:-1]},{label[1:]}" if label and name.endswith("]") else name + label


def _label(options: Iterable[str], values: Iterable[Any]) -> str:
    """``[loss=avenet,lr=0.001]``; where two options end alike, their whole names."""
    options = list(options)
    last = [option.rpartition(".")[2] for option in options]
    names = last if len(set(last)) == len(last) else options
    told = ",".join(f"{name}={_in_words(value)}" for name, value in zip(names, values, strict=True))
    return f"[{told}]" if told else ""


def _in_words(value: Any) -> str:
    return "+".join(_in_words(item) for item in value) if isinstance(value, list | tuple) else str(value)


def _with_rows(task: TaskSpec, variants: Mapping[str, list[_Variant]]) -> TaskSpec:
    rows: list[RowSpec] = []
    for row in task.rows:
        for variant in variants.get(row.of, [_Variant("", PretextSpec(""))]):
            rows.append(replace(row, name=_called(row.name, variant.label), of=_called(row.of, variant.label)))
    return replace(task, rows=tuple(rows))
