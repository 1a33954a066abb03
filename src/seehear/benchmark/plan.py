"""Dataclasses of a benchmark plan, and expansion of its variants.

A plan describes the tables of a paper: their rows, their columns and the number of seeds. `seehear.benchmark.reading`
reads it from YAML, and `seehear.benchmark.cells` derives its cells.

The key of a cell is computed from everything that determines its result. A cell that was run for one table, plan or
sweep is therefore never run again for another in the same folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any, Literal

from seehear.config import OptionsError

Kind = Literal["corpus", "pretrain", "measure"]


KEY_LENGTH = 12  # hexadecimal digits: unique among millions of cells in a folder


@dataclass(frozen=True)
class Cell:
    """A unit of work.

    Attributes:
        kind: corpus, pretrain or measure.
        name: readable name, also used for folders: ``animate``, ``people``, ``emotion/animate``; without the seed.
        seed: random seed; None if the result is deterministic.
        spec: everything else that determines the result, as plain JSON values; other cells are given by their keys.
            corpus: the fields of `CorpusSpec` except wants and checksum; ``path`` (absolute) if it was given.
            pretrain: ``preset``, ``settings`` (complete sections model, data, optim, engine, as `Settings.to_dict`),
            ``corpora`` (keys), ``init`` (name of a model, key of a cell, or None), ``untrained``.
            measure: ``task``, ``of`` (key of a pretrain cell, or name of another encoder), ``mode``, ``layer``,
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
        """Hash of kind, seed and spec; independent of the name."""
        content = json.dumps([self.kind, self.seed, self.spec], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:KEY_LENGTH]

    @property
    def label(self) -> str:
        """Name and seed, for display."""
        return self.name if self.seed is None else f"{self.name}, seed {self.seed}"


TaskName = Literal[
    "sync", "animate", "emotion", "words", "transcription", "affect", "speaker", "identification", "facevoice", "lips"
]
"""The tasks of ``seehear evaluate``."""


NoiseName = Literal["none", "babble", "white"]


Mode = Literal["frozen", "finetuned", "scratch"]


@dataclass(frozen=True)
class CorpusSpec:
    """The source of clips: generated avatars, or data given by the user.

    Attributes:
        avatars: arguments of `synthesize_avatars` (clips, speakers, seed, seconds, neutral); empty for given data.
        format: layout of the given data set.
        wants: description of the data to give, as a sentence; empty for avatars.
        faces: yunet, whole-frame or none, as for ``seehear prepare``.
        checksum: expected checksum of the avatars; a different one causes a warning, as scores depend on the data.
            Empty: not checked.
    """

    avatars: Mapping[str, Any] = field(default_factory=dict)
    format: str = "folder"
    wants: str = ""
    faces: Literal["yunet", "whole-frame", "none"] = "yunet"
    checksum: str = ""


@dataclass(frozen=True)
class PretextSpec:
    """A training, repeated for each seed.

    Attributes:
        preset: a preset of ``seehear pretrain``.
        corpora: corpora of the plan to train on; those not given are left out, but at least one is needed.
        set: option -> value, by flag name: ``optim.steps``, ``model.loss``.
        vary: option -> values; every combination is a separate pretext, named ``name[loss=avenet]`` after the last
            word of the option. The option ``corpora`` takes lists of names.
        init: name of a model, or ``pretext:NAME`` for another pretext of this plan with the same seed.
        untrained: skip training and use the initial weights.
    """

    preset: str
    corpora: tuple[str, ...] = ()
    set: Mapping[str, Any] = field(default_factory=dict)
    vary: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    init: str | None = None
    untrained: bool = False


@dataclass(frozen=True)
class RowSpec:
    """A row of a table: one encoder with one kind of probe.

    Attributes:
        name: name in the table.
        of: a pretext of the plan, or another encoder as for ``seehear evaluate``: mfcc, logmel, pixels, match-small,
            ``python:MODULE:CALLABLE@RATE``, ``transformers:NAME``.
        mode: frozen, finetuned or scratch.
        layer: layer of the encoder; by default that of the evaluation: for words, emotion, transcription and affect
            `auto`, chosen in each fold on development data.
        options: further arguments of the evaluation, for this row only.
    """

    name: str
    of: str
    mode: Mode = "frozen"
    layer: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskSpec:
    """A table: rows measured on a task, for each of its available corpora.

    Attributes:
        task: name of the evaluation.
        title: title of the table.
        data: names of corpora; each available one gives a table.
        options: arguments of the evaluation: split, probe, seconds and so on.
        labels: fractions of the training labels; one column each.
        noise: noise added to the test recordings.
        snr_db: signal-to-noise ratios in dB; one column each, in addition to the clean one.
        scores: scores shown as columns; claims and the mark of the best refer to the first. Empty: the evaluation's
            main score.
        rows: rows from top to bottom.
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
    """A claim of a paper: a row is better than other rows in the main score of a task.

    Attributes:
        says: the claim in words.
        source: paper and section.
        task: key of a `TaskSpec` of the plan.
        better: name of the better row.
        than: names of the other rows; the claim must hold against each of them.
        labels: fraction of the training labels at which the claim is checked.
    """

    says: str
    source: str
    task: str
    better: str
    than: tuple[str, ...]
    labels: float = 1.0


@dataclass(frozen=True)
class PaperTable:
    """Published numbers, shown next to the measured ones and never mixed with them.

    Attributes:
        title: title of the published table.
        source: authors, year, arXiv number, table.
        task: key of the `TaskSpec` of the plan to show it with.
        columns: column headings with units.
        rows: row -> published numbers by column; None where the paper has none. A row that the plan also measures has
            the same name.
        differs: what differs from the plan: data, size, network, training.
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
        name: stem of its file, or name of a packaged plan.
        title: title of the report.
        about: the question, in a few sentences.
        differs: differences from the papers that apply to all tables.
        seeds: number of repetitions (seeds 0, 1, ...) of everything random.
        corpora, pretexts, tasks: by name.
        claims: claims to check.
        paper: published numbers to show with the tables.
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
"""Prefix in `PretextSpec.init` of the name of another pretext of the plan."""


CORPORA = "corpora"
"""The only option that can be varied although presets do not have it."""


@dataclass(frozen=True)
class _Variant:
    """One combination of varied options: the suffix of its name, and the pretext."""

    label: str
    pretext: PretextSpec


def expand_variants(plan: BenchmarkPlan) -> BenchmarkPlan:
    """Return the plan with a separate pretext for every variant.

    A pretext that starts from one with variants has the same variants. A row of a pretext with variants becomes one row
    per variant, with the same suffix: ``row[loss=avenet]``.

    Raises:
        OptionsError: pretexts start from each other in a cycle, an option has no values, or a variant has the name of
            another pretext.
    """
    variants: dict[str, list[_Variant]] = {}
    for name in _in_training_order(plan):
        for option, values in plan.pretexts[name].vary.items():
            _check_values(f"in the plan {plan.name} the pretext {name}", option, values)
        variants[name] = _variants(plan.pretexts[name], variants)
    pretexts: dict[str, PretextSpec] = {}
    for name in plan.pretexts:
        for variant in variants[name]:
            variant_name = _variant_name(name, variant.label)
            if variant_name in pretexts:
                raise OptionsError(f"the plan {plan.name} has two pretexts named {variant_name}; rename one")
            pretexts[variant_name] = variant.pretext
    tasks = {key: _with_rows(task, variants) for key, task in plan.tasks.items()}
    return replace(plan, pretexts=pretexts, tasks=tasks)


def base_name(name: str) -> str:
    """Return the name without the suffix of a variant: ``sync`` for ``sync[loss=avenet]``."""
    return name.partition("[")[0]


def _in_training_order(plan: BenchmarkPlan) -> list[str]:
    """Return the names of pretexts, each after the one it starts from."""
    order: list[str] = []
    for name in plan.pretexts:
        chain = [name]
        while (initial := initial_pretext(plan.pretexts[chain[-1]])) in plan.pretexts and initial not in order:
            if initial in chain:
                raise OptionsError(f"in the plan {plan.name} the pretext {name} starts from itself; change its init")
            chain.append(str(initial))
        order += [link for link in reversed(chain) if link not in order]
    return order


def initial_pretext(pretext: PretextSpec) -> str | None:
    """Return the name of the pretext of the same plan that it starts from, or None."""
    return pretext.init.removeprefix(INIT) if pretext.init and pretext.init.startswith(INIT) else None


def _variants(pretext: PretextSpec, known: Mapping[str, list[_Variant]]) -> list[_Variant]:
    initial = initial_pretext(pretext)
    variants = []
    for start in known.get(initial or "", [_Variant("", pretext)]):
        init = f"{INIT}{_variant_name(initial, start.label)}" if initial else pretext.init
        for values in product(*pretext.vary.values()):
            options = dict(zip(pretext.vary, values, strict=True))
            corpora = tuple(options.pop(CORPORA, pretext.corpora))
            variant = replace(pretext, vary={}, corpora=corpora, set={**pretext.set, **options}, init=init)
            variants.append(_Variant(_variant_name(start.label, _label(pretext.vary, values)), variant))
    return variants


def _check_values(where: str, option: str, values: Sequence[Any]) -> None:
    """Check the values of a varied option.

    Raises:
        OptionsError: there are none, or values of ``corpora`` are not lists of names.
    """
    if not values:
        raise OptionsError(f"{where} varies {option} over no values; give some")
    for corpora in values if option == CORPORA else ():
        if not isinstance(corpora, list | tuple) or not all(isinstance(name, str) for name in corpora):
            raise OptionsError(f"{where} varies corpora, but {corpora!r} is not a list of names of corpora")


def _variant_name(name: str, label: str) -> str:
    """Append the label of a variant to a name; a name that already has one gets a combined label."""
    return f"{name[:-1]},{label[1:]}" if label and name.endswith("]") else name + label


def _label(options: Iterable[str], values: Iterable[Any]) -> str:
    """Return a label such as ``[loss=avenet,lr=0.001]``, with full option names if the short ones are ambiguous."""
    options = list(options)
    last = [option.rpartition(".")[2] for option in options]
    names = last if len(set(last)) == len(last) else options
    settings = ",".join(f"{name}={_value_text(value)}" for name, value in zip(names, values, strict=True))
    return f"[{settings}]" if settings else ""


def _value_text(value: Any) -> str:
    return "+".join(_value_text(item) for item in value) if isinstance(value, list | tuple) else str(value)


def _with_rows(task: TaskSpec, variants: Mapping[str, list[_Variant]]) -> TaskSpec:
    rows: list[RowSpec] = []
    for row in task.rows:
        for variant in variants.get(row.of, [_Variant("", PretextSpec(""))]):
            name, of = _variant_name(row.name, variant.label), _variant_name(row.of, variant.label)
            rows.append(replace(row, name=name, of=of))
    return replace(task, rows=tuple(rows))
