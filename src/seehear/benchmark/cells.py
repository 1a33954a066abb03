"""Cells: the pieces of work of a plan, and their outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from seehear.benchmark.arguments import evaluation_arguments
from seehear.benchmark.plan import (
    BenchmarkPlan,
    Cell,
    CorpusSpec,
    PretextSpec,
    RowSpec,
    TaskSpec,
    expand_variants,
    initial_pretext,
)
from seehear.benchmark.reading import check_plan
from seehear.benchmark.sweep import pretext_settings
from seehear.config import OptionsError, to_plain
from seehear.errors import SeehearError


@dataclass(frozen=True)
class CellOutcome:
    """Of a cell that was measured, or of any that failed.

    Attributes:
        key: of the cell.
        seconds: of work.
        failed: the reason, in a sentence; None where it was done.
        scores: score -> value, without noise; the first is the one that the task is about. Empty where it failed, and
            for cells that measure nothing.
        higher_is_better: of the first score.
        chance: score -> what guessing gets.
        draws: the first score in each draw of the test's units (speakers, clips) with replacement. Two cells that were
            tested on the same units have the same draws, so differences can be taken draw by draw.
        by_snr: ratio of sound to noise in dB, as text -> first score.
        confusion: truth (row) by what was said; None where there are no classes.
        classes: in its order.
        det: curve of detection errors: false alarms and misses; None where nothing is detected.
        recordings, tested: how many there were.
        units: what was drawn: speakers, people, sources.
        unit_count: how many of them; 0 where that is not known, as in folders of earlier versions.
        reproduce: commands that give these figures again, from the first that is needed.
        told: what else the evaluation says of its setting.
    """

    key: str
    seconds: float
    failed: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    higher_is_better: bool = True
    chance: Mapping[str, float] = field(default_factory=dict)
    draws: tuple[float, ...] = ()
    by_snr: Mapping[str, float] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] | None = None
    classes: tuple[str, ...] = ()
    det: tuple[tuple[float, float], ...] | None = None
    recordings: int = 0
    tested: int = 0
    units: str = ""
    unit_count: int = 0
    reproduce: tuple[str, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


class TablePosition(NamedTuple):
    """Where a measurement stands in the tables; compares and hashes as the plain tuple.

    Attributes:
        task: its key in the plan.
        data: name of the corpus.
        row: its name.
        seed: 0, 1, ...
        labels: share of the training labels.
    """

    task: str
    data: str
    row: str
    seed: int
    labels: float


@dataclass(frozen=True)
class WorkList:
    """What is to be done for a plan.

    Attributes:
        plan: with its variants in full: its tasks and rows are those of ``places``.
        cells: each once, and after those that it needs.
        places: where in the tables -> key of the cell that says it. What is on data that was not given, or learned from
            none, has no cell.
        corpora: name -> key, of those that are there.
        pretexts: name and seed -> key, of those that some row reads.
        notes: sentences about what is left out, and why.
    """

    plan: BenchmarkPlan
    cells: tuple[Cell, ...]
    places: Mapping[TablePosition, str]
    corpora: Mapping[str, str]
    pretexts: Mapping[tuple[str, int], str]
    notes: tuple[str, ...]

    def by_key(self) -> dict[str, Cell]:
        """The cells by what they are known by."""
        return {cell.key: cell for cell in self.cells}


def cells_of_plan(plan: BenchmarkPlan, given: Mapping[str, Path] | None = None) -> WorkList:
    """The cells of a plan.

    Args:
        plan: what is asked.
        given: name of a corpus of the plan -> its folder. Given ones take the place of avatars of that name.

    Raises:
        OptionsError: a corpus is given that the plan does not have, a pretext sets an option that its preset does not
            have, or a row is measured in a way that its task does not know.
    """
    plan = expand_variants(plan)
    check_plan(plan, f"the plan {plan.name}")
    making = _CellBuilder(plan, dict(given or {}))
    for seed in range(plan.seeds):
        for key, task in plan.tasks.items():
            making.measure(key, task, seed)
    return WorkList(
        plan, tuple(making.done.values()), making.places, making.corpora, making.pretexts, tuple(making.notes)
    )


@dataclass
class _CellBuilder:
    """The cells so far; each is made when the first that needs it is."""

    plan: BenchmarkPlan
    given: Mapping[str, Path]
    done: dict[str, Cell] = field(default_factory=dict)
    places: dict[TablePosition, str] = field(default_factory=dict)
    corpora: dict[str, str] = field(default_factory=dict)
    pretexts: dict[tuple[str, int], str] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.given:
            if name not in self.plan.corpora:
                there = ", ".join(self.plan.corpora) or "none"
                raise OptionsError(f"--data gives {name!r}, but the corpora of the plan {self.plan.name} are {there}")
        for name, pretext in self.plan.pretexts.items():
            self.settings[name] = _settings(name, pretext)

    def measure(self, key: str, task: TaskSpec, seed: int) -> None:
        """All rows of a task, with one seed."""
        there = [name for name in task.data if self.corpus(name)]
        if not there:
            self.note(f"{task.title}: left out, because {_not_given(task.data)}.")
        for name in there:
            told = f" on {name}" if len(there) > 1 else ""
            for row in task.rows:
                if row.of in self.plan.pretexts and not self.pretext(row.of, seed):
                    continue
                for share in task.labels:
                    called = f"{key}/{row.name}{told}" + (f", {100 * share:g} % of the labels" if share != 1 else "")
                    cell = self._measurement(called, task, row, name, seed, share)
                    if seed == 0:
                        _check_options(cell, self.plan.name)
                    self.places[TablePosition(key, name, row.name, seed, share)] = self.add(cell)

    def corpus(self, name: str) -> str | None:
        """Key of a corpus; None where it was not given."""
        spec = self.plan.corpora[name]
        if name not in self.corpora:
            if not spec.avatars and name not in self.given:
                self.note(f"The corpus {name} was not given; wanted: {spec.wants.rstrip('.')}.")
                return None
            if spec.avatars and name in self.given:
                self.note(f"The corpus {name} was given: {self.given[name]} stands in for the plan's avatars.")
            self.corpora[name] = self.add(Cell("corpus", name, None, _corpus_spec(spec, self.given.get(name))))
        return self.corpora[name]

    def pretext(self, name: str, seed: int) -> str | None:
        """Key of a training; None where all that it would learn from was not given."""
        if (name, seed) in self.pretexts:
            return self.pretexts[name, seed]
        spec = self.plan.pretexts[name]
        before = initial_pretext(spec)
        begun = self.pretext(before, seed) if before else None
        corpora = [key for corpus in spec.corpora if (key := self.corpus(corpus))]
        if (before and not begun) or (spec.corpora and not corpora):
            reason = f"{before}, with which it begins, is left out" if corpora else _not_given(spec.corpora)
            self.note(f"The pretext {name} and what reads it are left out, because {reason}.")
            return None
        told = {
            "preset": spec.preset,
            "settings": _seeded(self.settings[name], seed),
            "corpora": corpora,
            "init": begun or spec.init,
            "untrained": spec.untrained,
        }
        cell = Cell("pretrain", name, seed, told, (*corpora, *([begun] if begun else [])))
        self.pretexts[name, seed] = self.add(cell)
        return self.pretexts[name, seed]

    def add(self, cell: Cell) -> str:
        """Remembers a cell, once; gives its key."""
        self.done.setdefault(cell.key, cell)
        return cell.key

    def note(self, sentence: str) -> None:
        """Remembers a sentence, once."""
        self.notes[sentence] = None

    def _measurement(self, called: str, task: TaskSpec, row: RowSpec, data: str, seed: int, share: float) -> Cell:
        of, corpus = self.pretexts.get((row.of, seed)), self.corpora[data]
        told = {
            "task": task.task,
            "of": of or row.of,
            "mode": row.mode,
            "layer": row.layer,
            "data": corpus,
            "options": to_plain({**task.options, **row.options}),
            "labels": share,
            "noise": task.noise,
            "snr_db": list(task.snr_db),
        }
        return Cell("measure", called, seed, told, (corpus, *([of] if of else [])))


def _check_options(cell: Cell, plan: str) -> None:
    """That an evaluation knows what it is asked for, before any work is done.

    Raises:
        OptionsError: it does not.
    """
    try:
        evaluation_arguments(cell, "a model", Path("a corpus"))
    except SeehearError as error:
        raise OptionsError(f"the plan {plan}, {cell.name}: {error}") from error


def _corpus_spec(spec: CorpusSpec, folder: Path | None) -> dict[str, Any]:
    """What decides what is in a corpus; all fields, so that a later default does not change what a key means."""
    told = asdict(replace(spec, avatars={})) if folder else asdict(spec)
    told = {key: to_plain(value) for key, value in told.items() if key not in ("wants", "checksum")}
    return told | ({"path": str(folder.resolve())} if folder else {})


def _settings(name: str, pretext: PretextSpec) -> dict[str, Any]:
    """With one thread, so that neither the machine nor the number of workers changes what is learned."""
    told = pretext_settings(name, pretext).to_dict()
    return told | {"engine": told["engine"] | {"threads": 1}}


def _seeded(settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    return {**settings, "optim": settings["optim"] | {"seed": seed}}


def _not_given(names: tuple[str, ...]) -> str:
    return f"{names[0]} was not given" if len(names) == 1 else f"none of {', '.join(names)} was given"
