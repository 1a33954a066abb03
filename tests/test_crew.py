"""Processes at work: results, deaths and errors come back to the right task."""

import os
import signal
from functools import partial
from typing import Any

import pytest

from crew_tasks import do
from seehear.errors import SeehearError
from seehear.machine import available_cores
from seehear.parallel import Worker, _describe_exit, run_tasks, worker_count


def run(tasks: list[Any], workers: int = 1) -> list[tuple[Any, str, Any]]:
    return [(m.task, m.kind, m.value) for m in run_tasks(tasks, partial(do, factor=3), workers)]


def test_results_progress_and_one_thread_each() -> None:
    before = os.environ.get("OMP_NUM_THREADS")
    messages = run([1, 2, "threads", 4], workers=2)
    assert sorted(m[2] for m in messages if m[1] == "done" and m[0] != "threads") == [3, 6, 12]
    assert ("threads", "done", ("1", 1)) in messages
    assert (4, "told", "half of 4") in messages
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_a_death_is_tried_twice_and_the_others_live() -> None:
    messages = run([1, "die", 2])
    assert [m for m in messages if m[1] != "told"] == [
        (1, "done", 3),
        ("die", "died", "was killed, perhaps because memory ran out"),
        (2, "done", 6),
    ]


def test_a_death_between_two_tasks_is_laid_at_no_tasks_door() -> None:
    messages = []
    for message in run_tasks(["pid", *range(3)], partial(do, factor=3), workers=1):
        messages.append((message.task, message.kind, message.value))
        if message.kind == "done" and message.task == 0:
            os.kill(messages[1][2], signal.SIGKILL)
    assert [m[::2] for m in messages if m[1] == "done" and m[0] != "pid"] == [(0, 0), (1, 3), (2, 6)]


def test_a_task_for_a_dead_member_is_given_to_another() -> None:
    member = Worker(partial(do, factor=3))
    assert member.connection.recv() == ("ready", None)
    member.ready = True
    member.process.kill()
    member.process.join()
    member.assign("task", 1)  # does not raise
    with pytest.raises((EOFError, OSError)):
        member.connection.recv()
    assert member.collect_dead() == ("task", 2, "was killed, perhaps because memory ran out")


def test_errors_come_back_as_themselves() -> None:
    with pytest.raises(SeehearError, match="give another") as error:
        run(["complain"])
    assert any("crew_tasks.py" in note for note in error.value.__notes__)
    with pytest.raises(RuntimeError, match="cannot travel"):
        run(["strange"])


@pytest.mark.parametrize("workers", [0, -1])
def test_fewer_than_one_worker(workers: int) -> None:
    with pytest.raises(SeehearError, match=f"must be 1 or more, not {workers}; leave it out"):
        worker_count(workers)
    assert worker_count(3) == 3
    assert worker_count(None) == available_cores()


def test_nothing_to_do() -> None:
    assert run([]) == []


def test_deaths_in_words() -> None:
    assert _describe_exit(-signal.SIGSEGV) == "crashed (SIGSEGV)"
    assert _describe_exit(3) == "ended with exit code 3"


def test_processes_that_cannot_start() -> None:
    with pytest.raises(SeehearError, match="worker processes cannot be started"):
        list(run_tasks([1], _Unpicklable(), 1))


class _Unpicklable:
    """Comes out of its pickle as an error, as a script without a main guard does."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)

    def __call__(self, task: Any, tell: Any) -> None: ...
