"""Curate videos in worker processes, resumably, and write the clips with labels.csv and report.csv."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.apps.curate import CurateResult, CurationRules
from seehear.apps.diarization.active_speaker import DiarizationOptions
from seehear.apps.segments import CuratedFile, FileSegment, curate_file
from seehear.atomic_io import write_csv, write_text
from seehear.clip import FPS
from seehear.data.datasets import Source, printable, spans_within
from seehear.data.datasets.folder import LABELS_FILE
from seehear.data.report import REPORT_FILE
from seehear.data.staging import STAGING, SourcePlan, Staging, describe_difference
from seehear.errors import CorpusError, SeehearError, disk_full_error
from seehear.machine import use_single_thread
from seehear.models.store import ModelVersion, load_sync_model
from seehear.parallel import ReportProgress, TaskMessage, run_tasks
from seehear.progress import Progress, Stage
from seehear.version import __version__

if TYPE_CHECKING:
    pass


DONE_FILE = "curated.json"


MEASURED = ("source", "start_s", "end_s", "delay_ms", "confidence", "shifted_ms", "sound")
"""Columns of labels.csv in addition to the file and what was known of the video before."""


REPORT_COLUMNS = (*MEASURED[:3], "file", "reason", *MEASURED[3:])


Task = tuple[int, Source, str]
"""Number in the plan, the video, and what the names of its cuttings begin with."""


@dataclass(frozen=True)
class CurateJob:
    """Settings shared by all videos; sent to worker processes.

    Attributes:
        model: name of the sync model
        rules: which segments are kept
        look: how faces are found
        out: output folder
        version: of the model's files.
    """

    model: str
    rules: CurationRules
    look: DiarizationOptions
    out: str
    version: ModelVersion = ()

    def __call__(self, task: Task, tell: ReportProgress) -> CuratedFile:
        """Curate one video; an error is recorded as its problem.

        Raises:
            OSError: the disk is full
        """
        _, source, key = task
        if source.problem:
            return CuratedFile(problem=source.problem)
        try:
            return curate_file(
                source.path, key, Path(self.out), _model(self.model, self.version), self.rules, self.look, tell, 1
            )
        except Exception as error:
            if full := disk_full_error(error):
                raise full from error
            said = str(error) if isinstance(error, SeehearError) else f"unforeseen {type(error).__name__}: {error}"
            return CuratedFile(problem=printable(" ".join(said.split())))


@lru_cache(maxsize=2)
def _model(name: str, version: ModelVersion) -> Any:
    """Load the model, or return the last one if its files are the same: loading takes seconds."""
    use_single_thread()
    return load_sync_model(name)


def run_curation(
    plan: SourcePlan, out: Path, work: CurateJob, workers: int, progress: Progress | None = None
) -> CurateResult:
    """Do a plan, or what an earlier run has left of it.

    Raises:
        CorpusError: another process is at it, or not one video can be used.
        ModelError: there is no such model.
        OSError: the disk is full.
    """
    _model(
        work.model, work.version
    )  # here, even if others will do the work: a wrong model is one error, not one a video
    with Staging(out, plan.fingerprint(), CuratedFile) as staging:
        outcomes = {n: kept for n in range(len(plan.sources)) if (kept := staging.outcome(n))}
        _do_the_rest(plan, outcomes, staging, work, workers, progress)
        every = [outcomes[number] for number in range(len(plan.sources))]
        _write_report(out, plan, every)
        if all(outcome.problem for outcome in every):
            first = plan.sources[0].path
            raise CorpusError(f"none of the {len(every)} videos can be used, {first} for one: {every[0].problem}")
        _write_labels(out, plan, every)
        summary = CurateResult.of(out, every)
        record = {"seehear": __version__, "summary": asdict(summary), "made": plan.fingerprint()}
        write_text(out / DONE_FILE, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        staging.remove()
    return summary


def _do_the_rest(
    plan: SourcePlan,
    outcomes: dict[int, CuratedFile],
    staging: Staging[CuratedFile],
    work: CurateJob,
    workers: int,
    progress: Progress | None,
) -> None:
    """Process the remaining videos, and add and record their outcomes."""
    tasks = [(n, plan.sources[n], plan.keys[n]) for n in range(len(plan.sources)) if n not in outcomes]
    sizes = [max(size, 1) for size in plan.sizes]
    shares: dict[int, float] = {}
    stage = Stage(progress, "curating", sum(sizes), sum(sizes[n] for n in outcomes))
    for message in _messages(tasks, work, workers):
        number = message.task[0]
        if message.kind == "told":
            shares[number] = message.value
        else:
            died = CuratedFile(problem=f"the process that watched it {message.value}")
            outcomes[number] = message.value if message.kind == "done" else died
            staging.record(number, outcomes[number])
            shares.pop(number, None)
        done = sum(sizes[n] for n in outcomes) + sum(sizes[n] * share for n, share in shares.items())
        stage.update(done, f"{len(outcomes)}/{len(sizes)} videos")


def _messages(tasks: list[Task], work: CurateJob, workers: int) -> Iterator[TaskMessage]:
    """Yield the messages of the tasks; with one worker they run in this process."""
    if min(workers, len(tasks)) > 1:
        yield from run_tasks(tasks, work, min(workers, len(tasks)), lambda task: task[1].path)
        return
    for task in tasks:
        yield TaskMessage(task, "done", work(task, lambda share: None))


def finished_result(out: Path, fingerprint: dict[str, Any]) -> CurateResult | None:
    """Return the result of an earlier, finished run with the same plan; None if there is none.

    Raises:
        CorpusError: the folder contains other files, or the result of another plan
    """
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out} is a file; name a folder for what is kept")
    if (out / DONE_FILE).is_file():
        try:
            record = json.loads((out / DONE_FILE).read_text(encoding="utf-8"))
            how = describe_difference(record["made"], fingerprint)
            summary = CurateResult(**record["summary"])
        except (ValueError, KeyError, TypeError):
            raise CorpusError(f"{out / DONE_FILE} is damaged; remove {out} and curate again") from None
        if how:
            raise CorpusError(f"{out} has been curated already, with {how}; name another folder or remove it")
        return summary
    if out.is_dir() and not (out / STAGING).exists() and (others := sorted(path.name for path in out.iterdir())):
        raise CorpusError(f"{out} holds other things ({others[0]}); name a new or empty folder for what is kept")
    return None


def _write_labels(out: Path, plan: SourcePlan, outcomes: Sequence[CuratedFile]) -> None:
    """Write labels.csv: one row per segment, with measurements and the labels of its video."""
    rows = []
    for source, key, outcome in zip(plan.sources, plan.keys, outcomes, strict=True):
        for name, segment in outcome.files(key):
            known = spans_within(source.spans, segment.start / FPS, segment.seconds)
            rows.append(
                {
                    **source.labels,
                    **{kind: json.dumps([list(span) for span in spans]) for kind, spans in known.items()},
                    **_measured(source, outcome, segment),
                    "file": name,
                }
            )
    columns = ["file", *MEASURED, *sorted({name for row in rows for name in row} - {"file", *MEASURED})]
    write_csv(out / LABELS_FILE, rows, columns)


def _write_report(out: Path, plan: SourcePlan, outcomes: Sequence[CuratedFile]) -> None:
    """report.csv: a row a stretch, a row for a video that cannot be used."""
    rows = []
    for source, key, outcome in zip(plan.sources, plan.keys, outcomes, strict=True):
        names = {stretch: name for name, stretch in outcome.files(key)}
        if outcome.problem:
            rows.append({"source": source.name, "reason": outcome.problem})
        rows += [
            {**_measured(source, outcome, stretch), "file": names.get(stretch, ""), "reason": stretch.reason or ""}
            for stretch in outcome.stretches
        ]
    write_csv(out / REPORT_FILE, rows, REPORT_COLUMNS)


def _measured(source: Source, outcome: CuratedFile, stretch: FileSegment) -> dict[str, Any]:
    return {
        "source": source.name,
        "start_s": stretch.start / FPS,
        "end_s": stretch.stop / FPS,
        "delay_ms": stretch.delay_ms,
        "confidence": stretch.confidence,
        "shifted_ms": outcome.shifted_ms,
        "sound": outcome.sound,
    }
