"""What comes of cells is kept as it comes, with commands that a user can give."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.engines import JobEnd, NextJob
from seehear.benchmark.execution import BenchmarkFolder, Execution
from seehear.benchmark.job import CellJob, JobResult
from seehear.benchmark.plan import Cell
from seehear.benchmark.schedule import Schedule

PEOPLE = Cell("corpus", "people", None, {})
TRAINING = Cell("pretrain", "apc", 0, {}, (PEOPLE.key,))
FIGURE = Cell("measure", "words/apc", 0, {"of": TRAINING.key}, (PEOPLE.key, TRAINING.key))


class Pretending:
    """An engine that says what a test wants it to."""

    workers, max_processes = 1, 5

    def __init__(self, say: Callable[[CellJob], JobEnd]) -> None:
        self.say = say
        self.jobs: list[CellJob] = []

    def run(self, next_job: NextJob, is_over: Callable[[], bool]) -> Generator[JobEnd]:
        while job := next_job():
            self.jobs.append(job)
            yield self.say(job)


def carried_out(
    root: Path, say: Callable[[CellJob], JobEnd]
) -> tuple[dict[str, CellOutcome], list[CellJob], list[str]]:
    """Outcomes on disk, jobs as they were given out, and what was heard."""
    folder, engine, heard = BenchmarkFolder(root), Pretending(say), []
    undertaking = Execution(folder, Path("mine"), Schedule([PEOPLE, TRAINING, FIGURE], {}), engine, "cuda:1")
    with folder.locked():
        undertaking.run(lambda cell, outcome: heard.append(f"{cell.label}: {outcome.failed}"))
    return folder.read_outcomes(), engine.jobs, heard


def test_commands_from_the_first_that_is_needed_with_the_folder_as_the_user_names_it(tmp_path: Path) -> None:
    def say(job: CellJob) -> JobEnd:
        command = f"seehear {job.cell.kind} {job.output}"
        return JobEnd(job, JobResult(CellOutcome(job.cell.key, 1.0, reproduce=(command,))))

    outcomes, jobs, _ = carried_out(tmp_path, say)
    corpus, training, figure = outcomes[FIGURE.key].reproduce
    assert corpus == f"seehear corpus mine/corpora/people-{PEOPLE.key}"
    assert training == f"seehear pretrain mine/runs/apc-s0-{TRAINING.key}"
    assert figure.startswith("seehear measure mine/")
    assert [job.workers for job in jobs] == [5, 1, 1]
    assert {job.device for job in jobs} == {"cuda:1"}
    assert jobs[2].inputs == {cell.key: BenchmarkFolder(tmp_path).path_of(cell) for cell in (PEOPLE, TRAINING)}


def test_a_process_that_dies_is_a_reason_and_costs_what_needs_it(tmp_path: Path) -> None:
    def say(job: CellJob) -> JobEnd:
        if job.cell == TRAINING:
            return JobEnd(job, None, "was killed, perhaps because memory ran out")
        return JobEnd(job, JobResult(CellOutcome(job.cell.key, 1.0)))

    outcomes, _, heard = carried_out(tmp_path, say)
    killed = "the process was killed, perhaps because memory ran out"
    assert heard == [
        "people: None",
        f"apc, seed 0: {killed}",
        f"words/apc, seed 0: it needs apc, seed 0, which failed: {killed}",
    ]
    assert outcomes[FIGURE.key].failed == f"it needs apc, seed 0, which failed: {killed}"


def test_a_traceback_is_kept_beside(tmp_path: Path) -> None:
    def say(job: CellJob) -> JobEnd:
        return JobEnd(job, JobResult(CellOutcome(job.cell.key, 1.0, failed="a bug"), "Traceback, line 5"))

    outcomes, jobs, _ = carried_out(tmp_path, say)
    assert len(jobs) == 1
    assert set(outcomes) == {PEOPLE.key, TRAINING.key, FIGURE.key}
    assert BenchmarkFolder(tmp_path).traceback(PEOPLE).read_text() == "Traceback, line 5"
