"""Worker processes whose death is laid at one task; `parallel_map` over files with results in order."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any, Generic, Literal, NoReturn, TypeVar

from seehear.errors import SeehearError, Stopped, as_user_error
from seehear.machine import available_cores, single_threaded_children


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM, as clusters send it, ends this as Ctrl-C does: trainings save themselves first."""

    def interrupt(number: int, _: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)  # once is enough: what follows is tidying up
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread: whoever owns it decides about signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


MAX_ATTEMPTS = 2  # a task whose process dies gets a second one: perhaps memory was short for a moment


ReportProgress = Callable[[Any], None]


Work = Callable[[Any, ReportProgress], Any]
"""Does one task; may tell of its progress; its result and what it tells are sent between processes."""


def worker_count(workers: int | None) -> int:
    """How many processes are to work: as many as were asked for, or one a core.

    Raises:
        SeehearError: fewer than one was asked for.
    """
    if workers is None:
        return available_cores()
    if workers < 1:
        raise SeehearError(f"--workers must be 1 or more, not {workers}; leave it out for one a core")
    return workers


@dataclass(frozen=True)
class TaskMessage:
    """What the crew says of a task.

    Attributes:
        task: which.
        kind: ``told`` (progress), ``done``, or ``died``: the process was killed or crashed, as often as it was tried.
        value: what was told, the result, or how the process died, in words.
    """

    task: Any
    kind: Literal["told", "done", "died"]
    value: Any


def run_tasks(tasks: Iterable[Any], work: Work, workers: int) -> Iterator[TaskMessage]:
    """Does tasks in processes of their own, and yields what they say, as it comes.

    Each process runs one thread of OpenMP and OpenCV: two processes with two threads each on two cores ran over 20
    times slower. Processes end with this one, however it ends.

    Args:
        tasks: taken in order; anything that can be pickled.
        work: a function of a module, or a partial of one.
        workers: how many processes.

    Raises:
        SeehearError: processes cannot be started.
        Exception: whatever ``work`` raises; the rest is abandoned then.
    """
    waiting = deque((task, MAX_ATTEMPTS) for task in tasks)
    crew: list[Worker] = []
    try:
        while waiting or any(member.busy for member in crew):
            while waiting and len(crew) < workers:
                crew.append(Worker(work))
            for member in crew:
                if waiting and member.ready and not member.busy:
                    member.assign(*waiting.popleft())
            for connection in wait([member.connection for member in crew]):
                member = next(m for m in crew if m.connection is connection)
                try:
                    kind, value = member.connection.recv()
                except (EOFError, OSError):
                    crew.remove(member)
                    idle = not member.busy
                    task, tries, death = member.collect_dead()
                    if idle:
                        continue
                    if tries > 1:
                        waiting.appendleft((task, tries - 1))
                    else:
                        yield TaskMessage(task, "died", death)
                    continue
                if kind == "raised":
                    raise value
                if kind == "ready":
                    member.ready = True
                    continue
                task = member.task
                if kind == "done":
                    member.busy = False
                    if waiting:  # before the result is looked at: no process waits for that
                        member.assign(*waiting.popleft())
                yield TaskMessage(task, kind, value)
    finally:
        for member in crew:
            member.stop()


class Worker:
    """One process and what it is doing.

    Attributes:
        ready: whether it has come up.
        busy: whether it has a task.
        task: that one, or the last.
        tries: how often that may still be begun, this time among them.
        connection: on which it tells: pairs of ``ready``, ``told``, ``done`` or ``raised`` and a value.
    """

    def __init__(self, work: Work, alone: bool = True) -> None:
        """Starts it; ``work`` may start processes itself only if it is not to be ``alone``."""
        self.ready = False
        self.busy = False
        self.task: Any = None
        self.tries = 0
        self.connection, theirs = get_context("spawn").Pipe()
        self.process = SpawnProcess(target=_worker_main, args=(theirs, work), daemon=alone)
        with single_threaded_children():
            self.process.start()
        theirs.close()  # so that its death is the end of our connection

    def assign(self, task: Any, tries: int) -> None:
        """A task to do, which may be begun so often."""
        self.task, self.tries, self.busy = task, tries, True
        try:
            self.connection.send(task)
        except OSError:  # it died between two tasks, which the end of its connection will tell
            self.tries += 1  # and which is not laid at this one's door

    def collect_dead(self) -> tuple[Any, int, str]:
        """After its death: its task, the tries that task had left, and how it died."""
        self.process.join()
        self.connection.close()
        if not self.ready:
            raise SeehearError(
                "worker processes cannot be started; in a script of your own, put the call under "
                "if __name__ == '__main__':"
            )
        return self.task, self.tries, _describe_exit(self.process.exitcode or 0)

    def stop(self, patience_s: float = 5) -> None:
        """Asks it to end, and makes it end if it has not after a while."""
        self.process.terminate()
        self.process.join(patience_s)
        if self.process.is_alive():
            self.process.kill()
        self.connection.close()


def _describe_exit(exit_code: int) -> str:
    """How a process died, in words."""
    if exit_code == -signal.SIGKILL:
        return "was killed, perhaps for want of memory"
    if exit_code < 0:
        return f"crashed ({signal.Signals(-exit_code).name})"
    return f"ended with exit code {exit_code}"


def _worker_main(connection: Connection, work: Work) -> None:
    """The life of a process of the crew."""
    import cv2  # here: the parent has no need of it

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides
    Thread(target=_exit_with_parent, daemon=True).start()

    def send(kind: str, value: Any) -> None:
        try:
            connection.send((kind, value))
        except OSError:  # nobody is there to hear it
            os._exit(1)

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
    """The error with its traceback as a note, or, where it cannot travel between processes, its text."""
    told = "".join(traceback.format_exception(error))
    error.add_note(told)
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(told)
    return error


Value = TypeVar("Value")

Progress = Callable[[float, str], None]
"""Takes the share of the work that is done, 0 to 1, and what is being done."""

FileWork = Callable[[Path, Callable[[float], None]], Value]
"""Does the work on one file, and says what share of it is done; for processes a function of a module, or a partial."""


class FileResult(Generic[Value]):
    """What became of a file.

    Attributes:
        path: of the file.
        value: what it gave; None where there is an error.
        error: the sentence that says why not.
        code: the error's stable code.
    """

    def __init__(
        self, path: Path, value: Value | None = None, error: str | None = None, code: str | None = None
    ) -> None:
        """One of ``value`` and ``error`` is given."""
        self.path, self.value, self.error, self.code = path, value, error, code


def try_file(path: Path, work: Callable[[Path], Value], *, among_others: bool) -> FileResult[Value]:
    """Do the work on one file.

    Errors that are the user's to mend become part of the result. Any other is a bug: of a single file it keeps its
    traceback; ``among_others`` it costs only this file's answer.
    """
    try:
        return FileResult(path, work(path))
    except SeehearError as error:
        return FileResult(path, error=str(error), code=error.code)
    except OSError as error:
        sentence = as_user_error(error)
        if sentence is None and not among_others:
            raise
        if sentence is None:
            return FileResult(path, error=_unexpected_error(path, error), code="bug")
        return FileResult(path, error=str(sentence), code=sentence.code)
    except Exception as error:
        if not among_others:
            raise
        return FileResult(path, error=_unexpected_error(path, error), code="bug")


def map_files(
    paths: Sequence[Path], work: FileWork[Value], workers: int | None = None, progress: Progress | None = None
) -> Iterator[FileResult[Value]]:
    """Do the work on files, in processes where there are several, and give the results in the order of the files.

    Args:
        paths: the files.
        work: what is done with each.
        workers: processes; by default one a core. One worker, or one file, is done in this process.
        progress: takes the share of all files that is done.

    Raises:
        SeehearError: fewer than one worker.
    """
    count = min(worker_count(workers), len(paths))
    if count > 1:
        for done, result in enumerate(parallel_map(paths, partial(_unwatched, work), count), 1):
            if progress:
                progress(done / len(paths), str(result.path))
            yield result
        return
    for index, path in enumerate(paths):

        def report(share: float, index: int = index, path: Path = path) -> None:
            if progress:
                progress((index + share) / len(paths), str(path))

        yield try_file(path, partial(_watched, work, report), among_others=len(paths) > 1)
        report(1.0)


def _watched(work: FileWork[Value], report: Callable[[float], None], path: Path) -> Value:
    return work(path, report)


def _unwatched(work: FileWork[Value], path: Path) -> Value:
    return work(path, lambda share: None)


def parallel_map(paths: Sequence[Path], work: Callable[[Path], Value], workers: int) -> Iterator[FileResult[Value]]:
    """Do the work on many files in so many processes, and give what became of them in their order.

    Args:
        paths: the files.
        work: a function of a module, or a partial of one.
        workers: processes.
    """
    finished: dict[int, FileResult[Value]] = {}
    following = 0
    for message in run_tasks(enumerate(paths), partial(_try_in_worker, work), workers):
        number, path = message.task
        died = f"{path} cannot be read: the process that did it {message.value}; leave this file out"
        finished[number] = message.value if message.kind == "done" else FileResult(path, error=died, code="died")
        while following in finished:
            yield finished.pop(following)
            following += 1


def _try_in_worker(
    work: Callable[[Path], Value], numbered: tuple[int, Path], tell: ReportProgress
) -> FileResult[Value]:
    return try_file(numbered[1], work, among_others=True)


def _unexpected_error(path: Path, error: Exception) -> str:
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{path}: unforeseen {said}; done alone, it shows the traceback that a bug report needs"
