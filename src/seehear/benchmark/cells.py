"""The cells of a plan (its units of work) and their outcomes."""

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
    """The outcome of a cell. Its fields are the keys of the outcome's JSON file.

    Attributes:
        key: key of the cell.
        seconds: working time.
        failed: reason of the failure, as a sentence; None if the cell succeeded.
        scores: score -> value without noise; the first is the task's main score. Empty if the cell failed or measures
            nothing.
        higher_is_better: whether a higher main score is better.
        chance: score -> chance level.
        draws: main score of each bootstrap sample of the test units (speakers, clips). Cells tested on the same units
            have the same samples, so their differences can be paired.
        by_snr: signal-to-noise ratio in dB, as text -> main score.
        confusion: counts by true class (row) and predicted class; None if there are no classes.
        classes: order of the classes in it.
        det: detection error trade-off curve as (false alarm rate, miss rate); None if nothing is detected.
        recordings, tested: numbers of recordings.
        units: kind of the resampled units: speakers, people, sources.
        unit_count: number of units; 0 if unknown, as in folders of earlier versions.
        reproduce: commands that reproduce the scores, from the first one needed.
        told: further settings and counts reported by the evaluation.
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
        """Return plain values, for JSON."""
        return asdict(self)


class TablePosition(NamedTuple):
    """The position of a measurement in the tables; compares and hashes like the plain tuple.

    Attributes:
        task: key of the task in the plan.
        data: name of the corpus.
        row: name of the row.
        seed: 0, 1, ...
        labels: fraction of the training labels.
    """

    task: str
    data: str
    row: str
    seed: int
    labels: float


@dataclass(frozen=True)
class WorkList:
    """The cells of a plan, and their positions in its tables.

    Attributes:
        plan: the plan with all variants expanded; ``positions`` refers to its tasks and rows.
        cells: each cell once, after those it needs.
        positions: position in the tables -> key of the cell. Measurements that lack data have no cell.
        corpora: name -> key of each available corpus.
        pretexts: (name, seed) -> key of each pretext that a row uses.
        notes: sentences on what is left out, and why.
    """

    plan: BenchmarkPlan
    cells: tuple[Cell, ...]
    positions: Mapping[TablePosition, str]
    corpora: Mapping[str, str]
    pretexts: Mapping[tuple[str, int], str]
    notes: tuple[str, ...]

    def by_key(self) -> dict[str, Cell]:
        """Return the cells by key."""
        return {cell.key: cell for cell in self.cells}


def cells_of_plan(plan: BenchmarkPlan, given: Mapping[str, Path] | None = None) -> WorkList:
    """Return the cells of a plan.

    Args:
        plan: the plan.
        given: name of a corpus of the plan -> its folder; it replaces avatars of that name.

    Raises:
        OptionsError: the plan has no such corpus, a pretext sets an option that its preset does not have, or a row has
            an option that its task does not have.
    """
    plan = expand_variants(plan)
    check_plan(plan, f"the plan {plan.name}")
    builder = _CellBuilder(plan, dict(given or {}))
    for seed in range(plan.seeds):
        for key, task in plan.tasks.items():
            builder.measure(key, task, seed)
    return WorkList(
        plan,
        tuple(builder.cells.values()),
        builder.positions,
        builder.corpora,
        builder.pretexts,
        tuple(builder.notes),
    )


@dataclass
class _CellBuilder:
    """Collects cells; each is created with the first cell that needs it."""

    plan: BenchmarkPlan
    given: Mapping[str, Path]
    cells: dict[str, Cell] = field(default_factory=dict)
    positions: dict[TablePosition, str] = field(default_factory=dict)
    corpora: dict[str, str] = field(default_factory=dict)
    pretexts: dict[tuple[str, int], str] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.given:
            if name not in self.plan.corpora:
                corpora = ", ".join(self.plan.corpora) or "none"
                raise OptionsError(f"--data gives {name!r}, but the corpora of the plan {self.plan.name} are {corpora}")
        for name, pretext in self.plan.pretexts.items():
            self.settings[name] = _settings(name, pretext)

    def measure(self, key: str, task: TaskSpec, seed: int) -> None:
        """Add the cells of all rows of a task, with one seed."""
        available = [name for name in task.data if self.corpus(name)]
        if not available:
            self.note(f"{task.title}: left out, because {_not_given(task.data)}.")
        for name in available:
            on_corpus = f" on {name}" if len(available) > 1 else ""
            for row in task.rows:
                if row.of in self.plan.pretexts and not self.pretext(row.of, seed):
                    continue
                for labels in task.labels:
                    label = f"{key}/{row.name}{on_corpus}"
                    label += f", {100 * labels:g} % of the labels" if labels != 1 else ""
                    cell = self._measurement(label, task, row, name, seed, labels)
                    if seed == 0:
                        _check_options(cell, self.plan.name)
                    self.positions[TablePosition(key, name, row.name, seed, labels)] = self.add(cell)

    def corpus(self, name: str) -> str | None:
        """Return the key of a corpus, or None if it was not given."""
        spec = self.plan.corpora[name]
        if name not in self.corpora:
            if not spec.avatars and name not in self.given:
                self.note(f"The corpus {name} was not given; it needs: {spec.wants.rstrip('.')}.")
                return None
            if spec.avatars and name in self.given:
                self.note(f"The corpus {name} was given: {self.given[name]} replaces the plan's avatars.")
            self.corpora[name] = self.add(Cell("corpus", name, None, _corpus_spec(spec, self.given.get(name))))
        return self.corpora[name]

    def pretext(self, name: str, seed: int) -> str | None:
        """Return the key of a training, or None if it has no data."""
        if (name, seed) in self.pretexts:
            return self.pretexts[name, seed]
        spec = self.plan.pretexts[name]
        initial = initial_pretext(spec)
        initial_key = self.pretext(initial, seed) if initial else None
        corpora = [key for corpus in spec.corpora if (key := self.corpus(corpus))]
        if (initial and not initial_key) or (spec.corpora and not corpora):
            reason = f"{initial}, from which it starts, is left out" if corpora else _not_given(spec.corpora)
            self.note(f"The pretext {name} and the rows that use it are left out, because {reason}.")
            return None
        cell_spec = {
            "preset": spec.preset,
            "settings": _seeded(self.settings[name], seed),
            "corpora": corpora,
            "init": initial_key or spec.init,
            "untrained": spec.untrained,
        }
        cell = Cell("pretrain", name, seed, cell_spec, (*corpora, *([initial_key] if initial_key else [])))
        self.pretexts[name, seed] = self.add(cell)
        return self.pretexts[name, seed]

    def add(self, cell: Cell) -> str:
        """Add a cell unless it is known; return its key."""
        self.cells.setdefault(cell.key, cell)
        return cell.key

    def note(self, sentence: str) -> None:
        """Add a note unless it is known."""
        self.notes[sentence] = None

    def _measurement(self, name: str, task: TaskSpec, row: RowSpec, data: str, seed: int, labels: float) -> Cell:
        of, corpus = self.pretexts.get((row.of, seed)), self.corpora[data]
        spec = {
            "task": task.task,
            "of": of or row.of,
            "mode": row.mode,
            "layer": row.layer,
            "data": corpus,
            "options": to_plain({**task.options, **row.options}),
            "labels": labels,
            "noise": task.noise,
            "snr_db": list(task.snr_db),
        }
        return Cell("measure", name, seed, spec, (corpus, *([of] if of else [])))


def _check_options(cell: Cell, plan: str) -> None:
    """Check the options of an evaluation before any work is done.

    Raises:
        OptionsError: the evaluation has no such option, or the value is not valid for it.
    """
    try:
        evaluation_arguments(cell, "a model", Path("a corpus"))
    except SeehearError as error:
        raise OptionsError(f"the plan {plan}, {cell.name}: {error}") from error


def _corpus_spec(spec: CorpusSpec, folder: Path | None) -> dict[str, Any]:
    """Return everything that determines a corpus; all fields, so that a new default does not change existing keys."""
    values = asdict(replace(spec, avatars={})) if folder else asdict(spec)
    values = {key: to_plain(value) for key, value in values.items() if key not in ("wants", "checksum")}
    return values | ({"path": str(folder.resolve())} if folder else {})


def _settings(name: str, pretext: PretextSpec) -> dict[str, Any]:
    """Return the settings with one thread, so that neither machine nor number of workers changes the result."""
    values = pretext_settings(name, pretext).to_dict()
    return values | {"engine": values["engine"] | {"threads": 1}}


def _seeded(settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    return {**settings, "optim": settings["optim"] | {"seed": seed}}


def _not_given(names: tuple[str, ...]) -> str:
    return f"{names[0]} was not given" if len(names) == 1 else f"none of {', '.join(names)} was given"
