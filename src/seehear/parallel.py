"""Worker processes that survive crashes of single tasks."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any, Literal, NoReturn

from seehear.errors import SeehearError, Stopped
from seehear.machine import available_cores, single_threaded_children
from seehear.registry import import_plugin_modules, plugin_modules
from seehear.sandbox import Limits, Watch, WatchThread, limit_own_memory


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM, as sent by clusters, like Ctrl-C, so that trainings save a checkpoint first."""

    def interrupt(number: int, _: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)  # ignore further signals during cleanup
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread, which alone may handle signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


MAX_ATTEMPTS = 2  # retry a task once if its process dies: memory may have been short temporarily


ReportProgress = Callable[[Any], None]


Work = Callable[[Any, ReportProgress], Any]
"""Performs one task and may report progress; results and reports are sent between processes."""


def worker_count(workers: int | None) -> int:
    """Return the number of worker processes: as requested, or one per core.

    Raises:
        SeehearError: fewer than one was requested
    """
    if workers is None:
        return available_cores()
    if workers < 1:
        raise SeehearError(f"--workers must be 1 or more, not {workers}; leave it out for one a core")
    return workers


@dataclass(frozen=True)
class TaskMessage:
    """A message about a task.

    Attributes:
        task: the task
        kind: ``told`` (progress), ``done``, or ``died``: the process crashed in every attempt, or exceeded a limit
        value: the progress report, the result, or a description of how the process died
        code: stable code of the death: ``died``, ``too-much-memory`` or ``too-slow``
    """

    task: Any
    kind: Literal["told", "done", "died"]
    value: Any
    code: str = "died"


def run_tasks(
    tasks: Iterable[Any],
    work: Work,
    workers: int,
    file_of: Callable[[Any], Path] | None = None,
    limits: Limits | None = None,
) -> Iterator[TaskMessage]:
    """Run tasks in worker processes and yield their messages as they arrive.

    Each process uses one thread for OpenMP and OpenCV: two processes with two threads each on two cores ran over 20
    times slower. The processes end with this one, however it ends.

    Args:
        tasks: taken in order; must be picklable
        work: a function of a module, or a partial of one
        workers: number of processes
        file_of: returns the file that a task reads. Files are not trusted: a task that exceeds the limits is stopped
            and not tried again. Without this argument there are no limits.
        limits: limits of each task; by default `Limits`

    Raises:
        SeehearError: processes cannot be started
        Exception: any exception of ``work``; the remaining tasks are abandoned
    """
    waiting = deque((task, MAX_ATTEMPTS) for task in tasks)
    pool: list[Worker] = []
    limits = (limits or Limits()) if file_of else None

    def assign(worker: Worker) -> None:
        task, tries = waiting.popleft()
        if limits and file_of:
            worker.watch.begin(limits, file_of(task))
        worker.assign(task, tries)

    with WatchThread(lambda: [worker.watch for worker in pool]) if limits else nullcontext():
        yield from _run_pool(waiting, pool, lambda: Worker(work, limits=limits), workers, assign)


def _run_pool(
    waiting: deque[tuple[Any, int]],
    pool: list[Worker],
    start: Callable[[], Worker],
    workers: int,
    assign: Callable[[Worker], None],
) -> Iterator[TaskMessage]:
    try:
        while waiting or any(worker.busy for worker in pool):
            while waiting and len(pool) < workers:
                pool.append(start())
            for worker in pool:
                if waiting and worker.ready and not worker.busy:
                    assign(worker)
            for connection in wait([worker.connection for worker in pool]):
                worker = next(m for m in pool if m.connection is connection)
                try:
                    kind, value = worker.connection.recv()
                except (EOFError, OSError):
                    pool.remove(worker)
                    idle = not worker.busy
                    task, tries, death = worker.collect_dead()
                    if idle:
                        continue
                    if excess := worker.watch.excess:
                        yield TaskMessage(task, "died", excess.text, excess.code)
                    elif tries > 1:
                        waiting.appendleft((task, tries - 1))
                    else:
                        yield TaskMessage(task, "died", death)
                    continue
                if kind == "raised":
                    raise value
                if kind == "ready":
                    worker.ready = True
                    continue
                task = worker.task
                if kind == "done":
                    worker.busy = False
                    worker.watch.end()
                    if waiting:  # before the result is yielded, so that no process is idle meanwhile
                        assign(worker)
                yield TaskMessage(task, kind, value)
    finally:
        for worker in pool:
            worker.stop()


class Worker:
    """One worker process and its task.

    Attributes:
        ready: whether the process has started
        busy: whether it has a task
        task: the current or last task
        tries: remaining attempts for this task, including the current one
        connection: receives pairs of ``ready``, ``told``, ``done`` or ``raised`` and a value
        watch: watches the memory and time of the task, if there are limits
    """

    def __init__(self, work: Work, alone: bool = True, limits: Limits | None = None) -> None:
        """Start the process; ``work`` may start processes itself only if ``alone`` is false."""
        self.ready = False
        self.busy = False
        self.task: Any = None
        self.tries = 0
        self.connection, child_connection = get_context("spawn").Pipe()
        arguments = (child_connection, work, plugin_modules(), limits and 2 * limits.memory)
        self.process = SpawnProcess(target=_worker_main, args=arguments, daemon=alone)
        self.watch = Watch(lambda: self.process.pid, self.process.kill)
        with single_threaded_children():
            self.process.start()
        child_connection.close()  # so that the connection ends when the process dies

    def assign(self, task: Any, tries: int) -> None:
        """Send a task with the number of attempts left."""
        self.task, self.tries, self.busy = task, tries, True
        try:
            self.connection.send(task)
        except OSError:  # it died between two tasks, which will show when its connection ends
            self.tries += 1  # and does not count against this task

    def collect_dead(self) -> tuple[Any, int, str]:
        """Clean up a dead process; return its task, the remaining attempts and how it died."""
        self.process.join()
        self.connection.close()
        if not self.ready:
            raise SeehearError(
                "worker processes cannot be started; in a script of your own, put the call under "
                "if __name__ == '__main__':"
            )
        return self.task, self.tries, _describe_exit(self.process.exitcode or 0)

    def stop(self, patience_s: float = 5) -> None:
        """Ask the process to end, and kill it if it does not in time."""
        self.process.terminate()
        self.process.join(patience_s)
        if self.process.is_alive():
            self.process.kill()
        self.connection.close()


def _describe_exit(exit_code: int) -> str:
    """Describe how a process died."""
    if exit_code == -signal.SIGKILL:
        return "was killed, perhaps because memory ran out"
    if exit_code < 0:
        return f"crashed ({signal.Signals(-exit_code).name})"
    return f"ended with exit code {exit_code}"


def _worker_main(connection: Connection, work: Work, plugins: Sequence[str], max_bytes: int | None) -> None:
    """Main function of a worker process."""
    import cv2  # not needed by the parent

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent decides
    Thread(target=_exit_with_parent, daemon=True).start()

    def send(kind: str, value: Any) -> None:
        try:
            connection.send((kind, value))
        except OSError:  # the parent is gone
            os._exit(1)

    try:
        import_plugin_modules(plugins)
    except SeehearError as error:
        send("raised", error)
        return
    if max_bytes:
        limit_own_memory(max_bytes)
    send("ready", None)
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            return
        try:
            result = work(task, partial(send, "told"))
        except Stopped as stopped:
            sys.exit(128 + stopped.signal_number)
        except Exception as error:
            send("raised", _picklable(error))
        else:
            send("done", result)


def _exit_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _picklable(error: Exception) -> Exception:
    """Return the error with its traceback as a note, or only its text if it cannot be pickled."""
    text = "".join(traceback.format_exception(error))
    error.add_note(text)
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(text)
    return error
