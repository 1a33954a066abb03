"""The folder that avatars are made in: whole, or known by a mark as unfinished, or the user's and left alone.

What was finished when the making was stopped stays, with its rows of the table; the same command goes on from there.
"""

from __future__ import annotations

import csv
import fcntl
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from seehear.beside import written_beside
from seehear.errors import SeehearError
from seehear.os_errors import refusals_as_sentences

LABELS = "labels.csv"
MARK = ".avatars.json"
"""Says what a folder's avatars are made from; written before the first of them, and the table after the last."""

ROWS = ".rows.jsonl"
"""Rows of the table of the clips that are finished, while others are not; a row is written after its file."""

_OURS = re.compile(r"(s\d+_|d)\d+\.mp4|\.(s\d+_|d)\d+\.mp4\.\d+\.part|\.labels\.csv\.\d+\.tmp")


def is_made(out: Path, asked: dict[str, Any]) -> bool:
    """Whether a folder holds the very avatars that are asked for, all of them.

    Raises:
        SeehearError: it holds others, or it cannot be read.
    """
    with refusals_as_sentences(out):
        if not (out / MARK).is_file() or not (out / LABELS).is_file():
            return False
        made = _asked(out / MARK)
    if made == asked:
        return True
    others = ", ".join(
        f"{name} {made.get(name)} instead of {value}" for name, value in asked.items() if made.get(name) != value
    )
    raise SeehearError(f"{out} holds avatars already, made with {others}; name another folder or remove it")


def made_files(out: Path) -> list[Path]:
    """The files of a folder that is whole, in the order of its table."""
    with (out / LABELS).open(encoding="utf-8", newline="") as file:
        return [out / row["file"] for row in csv.DictReader(file)]


@contextmanager
def in_the_making(out: Path, asked: dict[str, Any]) -> Iterator[None]:
    """Holds a folder while avatars are made in it; if none is finished when that fails, the folder goes if it is new.

    Nothing is ever deleted but files that are called as avatars are, in a folder that has the mark: those that are not
    finished, or were made from something else.

    Raises:
        SeehearError: the folder holds other things, another process is at it, it cannot be written, the disk is full.
    """
    with refusals_as_sentences(out):
        new = not out.exists()
        out.mkdir(parents=True, exist_ok=True)
        if not (out / MARK).is_file() and any(out.iterdir()):
            raise SeehearError(f"{out} is not empty; avatars go into a new folder")
        with (out / MARK).open("a+", encoding="utf-8") as mark:
            _lock(mark, out)
            whole = False
            try:
                if _asked(out / MARK) != asked:
                    (out / ROWS).unlink(missing_ok=True)
                kept = finished(out)
                _remove_ours(out, kept)
                (out / ROWS).write_text("")  # without the torn line of a process that was killed
                for number, row in kept.items():
                    remember(out, number, row)
                mark.truncate(0)
                mark.write(json.dumps(asked) + "\n")
                mark.flush()
                yield
                whole = True
            finally:
                if whole:
                    (out / ROWS).unlink(missing_ok=True)
                elif not finished(out):
                    _remove_ours(out)
                    (out / ROWS).unlink(missing_ok=True)
                    (out / MARK).unlink(missing_ok=True)
                    if new:
                        with suppress(OSError):  # somebody has put something in it meanwhile
                            out.rmdir()


def finished(out: Path) -> dict[int, dict[str, Any]]:
    """The rows of the clips of an unfinished folder that are finished, by their numbers."""
    rows: dict[int, dict[str, Any]] = {}
    with suppress(OSError):
        for line in (out / ROWS).read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, TypeError, KeyError):  # the last line of a process that was killed
                number, row = json.loads(line)
                if (out / row["file"]).is_file():
                    rows[int(number)] = row
    return rows


def remember(out: Path, number: int, row: dict[str, Any]) -> None:
    """Write down that a clip is finished."""
    with (out / ROWS).open("a", encoding="utf-8") as file:
        file.write(json.dumps([number, row], ensure_ascii=False) + "\n")


def write_labels(out: Path, rows: list[dict[str, Any]]) -> None:
    """The table, which says that the folder is whole."""
    with written_beside(out / LABELS) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _asked(mark: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(mark.read_text(encoding="utf-8")))
    except (ValueError, TypeError):  # its writer was killed
        return {}


def _lock(mark: IO[str], out: Path) -> None:
    """Ends with the process, however it ends."""
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SeehearError(f"another seehear is making avatars in {out} now; wait, or name another folder") from None


def _remove_ours(out: Path, keep: Mapping[int, Mapping[str, Any]] | None = None) -> None:
    kept = {row["file"] for row in (keep or {}).values()}
    for path in out.iterdir():
        if _OURS.fullmatch(path.name) and path.name not in kept:
            path.unlink()
