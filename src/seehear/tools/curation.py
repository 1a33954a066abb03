"""Many videos curated: by a crew of processes, recorded one by one, told of in two tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from seehear import __version__
from seehear.beside import NOT_UTF8, write_text, written_beside
from seehear.clip import FPS
from seehear.corpus.formats.labels_csv import LABELS_FILE
from seehear.corpus.formats.media_files import printable
from seehear.corpus.formats.source import Source, spans_within
from seehear.corpus.manifest import REPORT_FILE
from seehear.corpus.plan import Plan, difference
from seehear.corpus.report import duration
from seehear.corpus.staging import STAGING, Staging
from seehear.corpus.work import no_room
from seehear.crew import Message, Tell, work_through
from seehear.errors import CorpusError, SeehearError
from seehear.progress import Telling
from seehear.tools.batch import use_one_thread
from seehear.tools.conversation import WatchOptions
from seehear.tools.cuttings import Curated, curate_file
from seehear.tools.stretches import Rules, Stretch, seconds_by_reason
from seehear.training.run import load_sync

DONE_FILE = "curated.json"
MEASURED = ("source", "start_s", "end_s", "delay_ms", "confidence", "shifted_ms", "sound")
"""Columns of labels.csv beside the file and what was known of the video before."""

REPORT_COLUMNS = (*MEASURED[:3], "file", "reason", *MEASURED[3:])

Task = tuple[int, Source, str]
"""Number in the plan, the video, and what the names of its cuttings begin with."""


@dataclass(frozen=True)
class Summary:
    """What came of it.

    Attributes:
        out: folder of the files.
        sources: how many videos there were.
        failed: how many of them cannot be used at all.
        files: how many were cut out.
        kept_s: how long those are together.
        seconds: how long the videos are together.
        left_out: reason -> seconds.
    """

    out: str
    sources: int
    failed: int
    files: int
    kept_s: float
    seconds: float
    left_out: dict[str, float]

    @classmethod
    def of(cls, out: Path, outcomes: Sequence[Curated]) -> Summary:
        """Adds up what became of every video."""
        every = [stretch for outcome in outcomes for stretch in outcome.stretches]
        kept = [stretch for stretch in every if stretch.reason is None]
        return cls(
            str(out),
            len(outcomes),
            sum(bool(outcome.problem) for outcome in outcomes),
            len(kept),
            round(sum(stretch.seconds for stretch in kept), 2),
            round(sum(outcome.seconds for outcome in outcomes), 2),
            seconds_by_reason(every),
        )

    def sentence(self) -> str:
        """What the user is told."""
        share = f" ({self.kept_s / self.seconds:.0%})" if self.seconds else ""
        told = f"kept {duration(self.kept_s)} of {duration(self.seconds)}{share} as {self.files} files in {self.out}"
        if self.left_out:
            reasons = ", ".join(f"{reason} {duration(seconds)}" for reason, seconds in self.left_out.items())
            told += f"; left out: {reasons}"
        if self.failed:
            told += f"; {self.failed} of {self.sources} videos cannot be used: see {Path(self.out) / REPORT_FILE}"
        return told


@dataclass(frozen=True)
class Work:
    """What is the same for every video; travels to worker processes.

    Attributes:
        model: name of the sync model.
        rules: what is wanted.
        look: how faces are found.
        out: folder for what is kept.
    """

    model: str
    rules: Rules
    look: WatchOptions
    out: str

    def __call__(self, task: Task, tell: Tell) -> Curated:
        """Curates one video; whatever is wrong with it becomes its problem.

        Raises:
            OSError: the disk is full, which is not the video's fault.
        """
        _, source, key = task
        if source.problem:
            return Curated(problem=source.problem)
        try:
            return curate_file(source.path, key, Path(self.out), _model(self.model), self.rules, self.look, tell, 1)
        except Exception as error:
            if full := no_room(error):
                raise full from error
            said = str(error) if isinstance(error, SeehearError) else f"unforeseen {type(error).__name__}: {error}"
            return Curated(problem=printable(" ".join(said.split())))


@cache
def _model(name: str) -> Any:
    """A process's model, kept from one video to the next."""
    use_one_thread()
    return load_sync(name)


def carry_out(plan: Plan, out: Path, work: Work, workers: int, progress: bool) -> Summary:
    """Do a plan, or what an earlier run has left of it.

    Raises:
        CorpusError: another process is at it, or not one video can be used.
        ModelError: there is no such model.
        OSError: the disk is full.
    """
    _model(work.model)  # here, even if others will do the work: a wrong model is one error, not one a video
    with Staging(out, plan.fingerprint(), Curated) as staging:
        outcomes = {n: kept for n in range(len(plan.sources)) if (kept := staging.outcome(n))}
        _do_the_rest(plan, outcomes, staging, work, workers, progress)
        every = [outcomes[number] for number in range(len(plan.sources))]
        _write_report(out, plan, every)
        if all(outcome.problem for outcome in every):
            first = plan.sources[0].path
            raise CorpusError(f"none of the {len(every)} videos can be used, {first} for one: {every[0].problem}")
        _write_labels(out, plan, every)
        summary = Summary.of(out, every)
        told = {"seehear": __version__, "summary": asdict(summary), "made": plan.fingerprint()}
        write_text(out / DONE_FILE, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        staging.remove()
    return summary


def _do_the_rest(
    plan: Plan, outcomes: dict[int, Curated], staging: Staging[Curated], work: Work, workers: int, progress: bool
) -> None:
    """What is not among the outcomes yet; they are put there, and written down one by one."""
    tasks = [(n, plan.sources[n], plan.keys[n]) for n in range(len(plan.sources)) if n not in outcomes]
    sizes = [max(size, 1) for size in plan.sizes]
    shares: dict[int, float] = {}
    with Telling("curating", sum(sizes), sum(sizes[n] for n in outcomes), progress) as telling:
        for message in _messages(tasks, work, workers):
            number = message.task[0]
            if message.kind == "told":
                shares[number] = message.value
            else:
                died = Curated(problem=f"the process that watched it {message.value}")
                outcomes[number] = message.value if message.kind == "done" else died
                staging.record(number, outcomes[number])
                shares.pop(number, None)
            done = sum(sizes[n] for n in outcomes) + sum(sizes[n] * share for n, share in shares.items())
            telling.update(done, f"{len(outcomes)}/{len(sizes)} videos")


def _messages(tasks: list[Task], work: Work, workers: int) -> Iterator[Message]:
    """What a crew says of the tasks; one worker is this process itself."""
    if min(workers, len(tasks)) > 1:
        yield from work_through(tasks, work, workers)
        return
    for task in tasks:
        yield Message(task, "done", work(task, lambda share: None))


def done_before(out: Path, fingerprint: dict[str, Any]) -> Summary | None:
    """What an earlier run has made of the very same.

    Raises:
        CorpusError: the folder holds other things, or what was made of others.
    """
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out} is a file; name a folder for what is kept")
    if (out / DONE_FILE).is_file():
        try:
            told = json.loads((out / DONE_FILE).read_text(encoding="utf-8"))
            how = difference(told["made"], fingerprint)
            summary = Summary(**told["summary"])
        except (ValueError, KeyError, TypeError):
            raise CorpusError(f"{out / DONE_FILE} is damaged; remove {out} and curate again") from None
        if how:
            raise CorpusError(f"{out} has been curated already, with {how}; name another folder or remove it")
        return summary
    if out.is_dir() and not (out / STAGING).exists() and (others := sorted(path.name for path in out.iterdir())):
        raise CorpusError(f"{out} holds other things ({others[0]}); name a new or empty folder for what is kept")
    return None


def _write_labels(out: Path, plan: Plan, outcomes: Sequence[Curated]) -> None:
    """labels.csv: a row a file, with what was measured and what was known of its video."""
    rows = []
    for source, key, outcome in zip(plan.sources, plan.keys, outcomes, strict=True):
        for name, stretch in outcome.files(key):
            known = spans_within(source.spans, stretch.start / FPS, stretch.seconds)
            rows.append(
                {
                    **source.labels,
                    **{kind: json.dumps([list(span) for span in spans]) for kind, spans in known.items()},
                    **_measured(source, outcome, stretch),
                    "file": name,
                }
            )
    columns = ["file", *MEASURED, *sorted({name for row in rows for name in row} - {"file", *MEASURED})]
    _write_csv(out / LABELS_FILE, columns, rows)


def _write_report(out: Path, plan: Plan, outcomes: Sequence[Curated]) -> None:
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
    _write_csv(out / REPORT_FILE, REPORT_COLUMNS, rows)


def _measured(source: Source, outcome: Curated, stretch: Stretch) -> dict[str, Any]:
    return {
        "source": source.name,
        "start_s": stretch.start / FPS,
        "end_s": stretch.stop / FPS,
        "delay_ms": stretch.delay_ms,
        "confidence": stretch.confidence,
        "shifted_ms": outcome.shifted_ms,
        "sound": outcome.sound,
    }


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    with written_beside(path) as temporary, temporary.open("w", newline="", encoding="utf-8", errors=NOT_UTF8) as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
