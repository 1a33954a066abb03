"""Process files in parallel: each within limits of memory and time, results in order, errors as results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from seehear.errors import MediaError, SeehearError, as_user_error
from seehear.parallel import ReportProgress, run_tasks, worker_count
from seehear.progress import Progress
from seehear.sandbox import Limits

Value = TypeVar("Value")

PathLike = str | os.PathLike[str]
"""Path of a file."""

FileWork = Callable[[Path, Callable[[float], None]], Value]
"""Processes one file and reports its completed share; for processes, a function of a module or a partial."""


class FileResult(Generic[Value]):
    """Outcome for one file.

    Attributes:
        path: the file
        value: its result; None if there is an error
        error: why it could not be processed, one sentence
        code: stable code of the error
    """

    def __init__(
        self, path: Path, value: Value | None = None, error: str | None = None, code: str | None = None
    ) -> None:
        """Store the outcome: either ``value`` or ``error``."""
        self.path, self.value, self.error, self.code = path, value, error, code


def try_file(path: Path, work: Callable[[Path], Value], *, among_others: bool) -> FileResult[Value]:
    """Process one file.

    User errors become part of the result. Any other exception is a bug: for a single file it keeps its traceback, with
    ``among_others`` it only fails this file.
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
    except MemoryError as error:
        sentence = SeehearError(f"{path} needs more memory than is available; leave it out", code="too-much-memory")
        if not among_others:
            raise sentence from error
        return FileResult(path, error=str(sentence), code=sentence.code)
    except Exception as error:
        if not among_others:
            raise
        return FileResult(path, error=_unexpected_error(path, error), code="bug")


def map_files(
    paths: Sequence[Path],
    work: FileWork[Value],
    workers: int | None = None,
    progress: Progress | None = None,
    *,
    here: bool = False,
    apart: bool = False,
    limits: Limits | None = None,
) -> Iterator[FileResult[Value]]:
    """Process files and yield the results in the order of the files, in worker processes if there are several workers.

    Args:
        paths: the files
        work: processes one file
        workers: number of processes; by default one per core. A single file is processed in this process, and so are
            all files with one worker.
        progress: called with the completed share of all files
        here: process all files in this process, without limits, because ``work`` cannot be sent to another one
        apart: use a worker process for several files even with one worker
        limits: see `run_tasks`

    Raises:
        SeehearError: fewer than one worker
    """
    count = min(worker_count(workers), len(paths))
    if len(paths) > 1 and (count > 1 or apart) and not here:
        yield from parallel_map(paths, work, count, progress, limits)
        return
    for index, path in enumerate(paths):

        def report(share: float, index: int = index, path: Path = path) -> None:
            if progress:
                progress((index + share) / len(paths), str(path))

        yield try_file(path, partial(_watched, work, report), among_others=len(paths) > 1)
        report(1.0)


def run_files(
    files: PathLike | Sequence[PathLike],
    work: FileWork[Value],
    failed: Callable[[FileResult[Value]], Value],
    workers: int | None = None,
    progress: Progress | None = None,
    *,
    here: bool = False,
    sandbox: bool = False,
) -> Value | Iterator[Value]:
    """Process one path and raise its errors, or a sequence of paths and yield their results.

    Args:
        files: a path, or a sequence of paths
        work: processes one file
        failed: returns the result that stands for a failed file of a sequence
        workers: see `map_files`
        progress: called with the completed share of all files
        here: see `map_files`
        sandbox: process a single path, too, in a worker process with limits

    Raises:
        SeehearError: any error of ``work`` on a single path, or fewer than one worker
    """
    if here and sandbox:
        raise SeehearError("a sandbox is another process, which loads the model itself; give the model by name")
    if isinstance(files, (str, os.PathLike)):
        if sandbox:
            return run_apart(Path(files), work, progress)
        report = partial(_report_of_one, progress, str(files))
        return work(Path(files), report)
    paths = [Path(file) for file in files]
    if sandbox and len(paths) == 1:
        results = parallel_map(paths, work, 1, progress)
    else:
        results = map_files(paths, work, workers, progress, here=here)
    return (failed(result) if result.value is None else result.value for result in results)


def run_apart(path: Path, work: FileWork[Value], progress: Progress | None = None) -> Value:
    """Process one file in a worker process with limits.

    Raises:
        SeehearError: any error of ``work``, or the file exceeds a limit
    """
    (result,) = parallel_map([path], work, 1, progress)
    if result.value is None:
        raise MediaError(result.error or "", code=result.code)
    return result.value


def _report_of_one(progress: Progress | None, file: str, share: float) -> None:
    if progress:
        progress(share, file)


def _watched(work: FileWork[Value], report: Callable[[float], None], path: Path) -> Value:
    return work(path, report)


def parallel_map(
    paths: Sequence[Path],
    work: FileWork[Value],
    workers: int,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> Iterator[FileResult[Value]]:
    """Process many files in parallel, each within limits, and yield the outcomes in order.

    Args:
        paths: the files
        work: a function of a module, or a partial of one
        workers: number of processes
        progress: takes the share of all files that is done
        limits: see `run_tasks`
    """
    finished: dict[int, FileResult[Value]] = {}
    shares = [0.0] * len(paths)
    following = 0
    for message in run_tasks(enumerate(paths), partial(_try_in_worker, work), workers, _numbered_file, limits):
        number, path = message.task
        shares[number] = message.value if message.kind == "told" else 1.0
        if message.kind == "told":
            if progress:
                progress(sum(shares) / len(paths), str(path))
            continue
        why = f"{path} cannot be read: the process that read it {message.value}; leave this file out"
        finished[number] = message.value if message.kind == "done" else FileResult(path, error=why, code=message.code)
        while following in finished:
            result = finished.pop(following)
            following += 1
            if progress:
                progress(sum(shares) / len(paths), str(result.path))
            yield result


def _numbered_file(numbered: tuple[int, Path]) -> Path:
    return numbered[1]


def _try_in_worker(work: FileWork[Value], numbered: tuple[int, Path], tell: ReportProgress) -> FileResult[Value]:
    return try_file(numbered[1], partial(_watched, work, tell), among_others=True)


def _unexpected_error(path: Path, error: Exception) -> str:
    description = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{path}: unexpected {description}; process this file alone to see the traceback, and report it"
