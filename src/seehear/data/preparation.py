"""Do a preparation in worker processes, or what an earlier run has left of it; undo known delays.

Sources differ by one to three frames, each by its own chain of production. A model trained on them as they are learns
that error, and then reports a delay where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from seehear.data.datasets import Source
from seehear.data.datasets.folder import read_labels
from seehear.data.manifest import write_corpus_file, write_manifest
from seehear.data.packing import (
    Assembler,
    ReaderFactory,
    SourceOutcome,
    SourceProgress,
    Task,
    prepare_source,
)
from seehear.data.report import REPORT_FILE, PrepareResult, write_source_report
from seehear.data.staging import SourcePlan, Staging, corpus_os_errors, is_complete_corpus, remove_staging
from seehear.errors import CorpusError
from seehear.parallel import run_tasks
from seehear.progress import Progress, Stage
from seehear.version import __version__

COLUMN = "delay_ms"


VERDICT, UNKNOWN = "verdict", "cannot-tell"
"""Column and value with which `seehear sync --csv` marks a delay that is only a guess."""


MAX_MS = 30_000.0


def undo_known_delays(sources: Sequence[Source], table: Path) -> list[Source]:
    """Return the sources with their delays in a CSV; those without one get a ``problem``.

    Args:
        sources: of a data set
        table: CSV with the columns ``file`` (a path relative to the CSV or to the working folder, or a source's name)
            and ``delay_ms``, positive if the audio is late. A delay with the ``verdict`` cannot-tell is ignored.

    Raises:
        CorpusError: the CSV cannot be read, has no such column, a delay is not a number, or no source has a delay
    """
    known: dict[str, float | None] = {}
    for file, (cells, _) in read_labels(table).items():
        guess = cells.get(VERDICT) == UNKNOWN
        delay = None if guess else _delay(table, file, cells.get(COLUMN))
        known |= dict.fromkeys((file, str((table.parent / file).resolve()), str(Path(file).resolve())), delay)
    if not any(delay is not None for delay in known.values()):
        raise CorpusError(f"{table} has no number in a column '{COLUMN}'; write it with `seehear sync --csv`")
    planned = [_delay_table(source, known, table) for source in sources]
    if all(source.problem for source in planned):
        raise CorpusError(f"{table} has no delay for any of the {len(planned)} videos, such as {planned[0].name}")
    return planned


def _delay(table: Path, file: str, cell: str | None) -> float | None:
    """Parse milliseconds; None for an empty cell."""
    if cell is None or not cell.strip():
        return None
    try:
        delay = float(cell)
    except ValueError:
        raise CorpusError(f"{table}: the delay of {file} is {cell!r}, which is not a number") from None
    if not abs(delay) <= MAX_MS:
        raise CorpusError(f"{table}: the delay of {file} is {cell} ms; it must be within {MAX_MS:.0f} ms")
    return delay


def _delay_table(source: Source, known: dict[str, float | None], table: Path) -> Source:
    if source.problem:
        return source
    delay = known.get(str(source.path.resolve()), known.get(source.name))
    if delay is None:
        return replace(source, problem=f"{table.name} has no delay for it")
    return replace(source, delay_s=delay / 1000)


class PrepareProgress:
    """Sums up the progress of the workers: sources and clips done, speed, time left (by the bytes of the sources)."""

    def __init__(self, plan: SourcePlan, known: Mapping[int, SourceOutcome], progress: Progress | None) -> None:
        """Begin with the ``known`` sources, which an earlier run has done."""
        self._sizes = [max(size, 1) for size in plan.sizes]
        self._done_bytes = float(sum(self._sizes[number] for number in known))
        self._sources = len(known)
        self._clips = sum(outcome.clip_count for outcome in known.values())
        self._shares: dict[int, float] = {}
        self.seconds = 0.0  # seconds of sources processed by this run
        self._stage = Stage(progress, "preparing", sum(self._sizes), self._done_bytes)

    def step(self, number: int, step: SourceProgress) -> None:
        """Report a clip of a source."""
        self._shares[number] = step.share
        self._tell()

    def finish(self, number: int, outcome: SourceOutcome) -> None:
        """Report a finished source."""
        self._shares.pop(number, None)
        self._done_bytes += self._sizes[number]
        self._sources += 1
        self._clips += outcome.clip_count
        self.seconds += outcome.seconds
        self._tell()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._stage.elapsed_s

    def _tell(self) -> None:
        running = sum(self._sizes[number] * share for number, share in self._shares.items())
        speed = self.seconds / max(self._stage.elapsed_s, 1e-3)
        text = f"{self._sources}/{len(self._sizes)} sources, {self._clips} clips, {speed:.0f}x real time"
        self._stage.update(self._done_bytes + running, text)


def run_plan(
    plan: SourcePlan, out: Path, open_reader: ReaderFactory, workers: int, progress: Progress | None = None
) -> PrepareResult:
    """Carry out a plan, or resume it; see `prepare`.

    Args:
        plan: the preparation
        out: folder of the corpus
        open_reader: opens the clips of a file
        workers: number of processes
        progress: see `prepare`.

    Raises:
        CorpusError: see `prepare`
    """
    with corpus_os_errors(out):
        if is_complete_corpus(out, plan.fingerprint()):
            remove_staging(out)
            return PrepareResult.read(out)
        with Staging(out, plan.fingerprint(), SourceOutcome) as staging:
            known = _finished_outcomes(plan, staging)
            assembler = Assembler(out, staging, plan.options["shard_clips"])
            assembler.take_all(known)
            watch = PrepareProgress(plan, known, progress)
            for number, outcome in _outcomes(plan, known, staging, open_reader, workers, watch):
                staging.record(number, outcome)
                watch.finish(number, outcome)
                known[number] = outcome
                assembler.take_all(known)
            assembler.finish()
            outcomes = [known[number] for number in range(len(plan.sources))]
            report = PrepareResult.of(out, outcomes, watch.elapsed_s, watch.seconds)
            write_source_report(out, plan.sources, outcomes)
            if assembler.rows:
                _seal(plan, out, assembler)
            staging.remove()
        if not assembler.rows:
            raise CorpusError(_why_nothing(plan, outcomes, out))
        return report


def _finished_outcomes(plan: SourcePlan, staging: Staging[SourceOutcome]) -> dict[int, SourceOutcome]:
    """Return the outcomes of sources that need no work: done by an earlier run, or skipped."""
    known = {}
    for number, source in enumerate(plan.sources):
        if source.problem:
            known[number] = SourceOutcome("skipped", source.problem)
        elif outcome := staging.outcome(number):
            known[number] = outcome
    return known


def _outcomes(
    plan: SourcePlan,
    known: dict[int, SourceOutcome],
    staging: Staging[SourceOutcome],
    open_reader: ReaderFactory,
    workers: int,
    watch: PrepareProgress,
) -> Iterator[tuple[int, SourceOutcome]]:
    """Yield the outcomes of the other sources in the order in which the workers finish them."""
    order = order_of_work(plan.sizes, [n for n in range(len(plan.sources)) if n not in known], workers)
    tasks = [Task(n, plan.sources[n], plan.keys[n]) for n in order]
    work = partial(prepare_source, staging=staging.folder, open_reader=open_reader)
    for message in run_tasks(tasks, work, workers, lambda task: task.source.path):
        number = message.task.number
        if message.kind == "told":
            watch.step(number, message.value)
        elif message.kind == "died":
            yield number, SourceOutcome("failed", f"the process that read it {message.value}")
        else:
            yield number, message.value


LONG_SHARE = 4
"""A file is long if it has more than a quarter of the bytes that each worker will read."""


def order_of_work(sizes: Sequence[int], numbers: Sequence[int], workers: int) -> list[int]:
    """Return the numbers of the files to process in their order, but long files first, the longest at the beginning.

    A long file at the end would keep one worker busy while the others wait. The rest stays in order, because finished
    clips wait on the disk until all files before theirs are finished.
    """
    share = sum(sizes[number] for number in numbers) / workers / LONG_SHARE
    long = [number for number in numbers if sizes[number] > share]
    return sorted(long, key=lambda number: -sizes[number]) + [number for number in numbers if sizes[number] <= share]


def _why_nothing(plan: SourcePlan, outcomes: list[SourceOutcome], out: Path) -> str:
    """Return the error message for a preparation without clips."""
    source, outcome = next((s, o) for s, o in zip(plan.sources, outcomes, strict=True) if o.reason)
    return (
        f"no source of {len(outcomes)} has a clip, for example {source.path}: {outcome.reason.rstrip('.')}; "
        f"see {out / REPORT_FILE}"
    )


def _seal(plan: SourcePlan, out: Path, assembler: Assembler) -> None:
    """Complete the corpus: write the manifest, then corpus.json."""
    digest = write_manifest(out, assembler.rows)
    content = {
        "seehear": __version__,
        "clips": len(assembler.rows),
        "shards": assembler.shards,
        "manifest_sha256": digest,
        "made": plan.fingerprint(),
    }
    write_corpus_file(out, content)
