"""Files one by one or in several processes, their outcomes in the order of the files; a bad one stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from seehear.crew import Tell, work_through
from seehear.errors import SeehearError
from seehear.os_errors import as_sentence

Found = TypeVar("Found")


class Tried(Generic[Found]):
    """What became of a file.

    Attributes:
        path: of the file.
        found: what it gave; None where there is an error.
        error: the sentence that says why not.
    """

    def __init__(self, path: Path, found: Found | None = None, error: str | None = None) -> None:
        """One of ``found`` and ``error`` is given."""
        self.path, self.found, self.error = path, found, error


def tried(path: Path, work: Callable[[Path], Found], *, among_others: bool) -> Tried[Found]:
    """Do the work on one file.

    Errors that are the user's to mend become part of the outcome. Any other is a bug: of a single file it keeps its
    traceback; ``among_others`` it costs only this file's answer.
    """
    try:
        return Tried(path, work(path))
    except SeehearError as error:
        return Tried(path, error=str(error))
    except OSError as error:
        sentence = as_sentence(error)
        if sentence is None and not among_others:
            raise
        return Tried(path, error=str(sentence) if sentence else _unforeseen(path, error))
    except Exception as error:
        if not among_others:
            raise
        return Tried(path, error=_unforeseen(path, error))


def in_order(paths: Sequence[Path], work: Callable[[Path], Found], workers: int) -> Iterator[Tried[Found]]:
    """Do the work on many files in so many processes, and give what became of them in their order.

    Args:
        paths: the files.
        work: a function of a module, or a partial of one.
        workers: processes.
    """
    finished: dict[int, Tried[Found]] = {}
    following = 0
    for message in work_through(enumerate(paths), partial(_in_worker, work), workers):
        number, path = message.task
        died = f"{path} cannot be read: the process that did it {message.value}; leave this file out"
        finished[number] = message.value if message.kind == "done" else Tried(path, error=died)
        while following in finished:
            yield finished.pop(following)
            following += 1


def _in_worker(work: Callable[[Path], Found], numbered: tuple[int, Path], tell: Tell) -> Tried[Found]:
    return tried(numbered[1], work, among_others=True)


def _unforeseen(path: Path, error: Exception) -> str:
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{path}: unforeseen {said}; done alone, it shows the traceback that a bug report needs"
