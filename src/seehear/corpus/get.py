"""Bringing an openly licensed data set from where its makers have put it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seehear.downloads.bring import Brought, bring
from seehear.downloads.data_sets import data_set
from seehear.os_errors import refusals_as_sentences


def get(
    name: str,
    out: Path,
    *,
    part: Sequence[str] = (),
    accept: bool = False,
    keep: bool = False,
    progress: bool = True,
) -> Brought:
    """Bring an openly licensed data set: cremad, fsdd, grid, ravdess or speechcommands.

    Its terms are shown and asked for. What was broken off goes on where it was when the same command is given again;
    checksums are those that its makers publish, and nothing half-written is taken for whole.

    Args:
        name: the data set; its page in docs/datasets says how large it is.
        out: its folder; new, empty, or one that this command has begun to fill.
        part: only these parts, such as s1 s2 (grid), 01 02 (actors of ravdess) or 1001 (cremad); by default all films,
            or all sound where there are none.
        accept: accept the terms without being asked.
        keep: keep the archives after unpacking.
        progress: tell how far it is, on the error stream.

    Returns:
        What has been brought.

    Raises:
        SeehearError: there is no such data set or part, its terms are not accepted, the server or the network fails
            for long, what comes is not what was published, or there is no room.
    """
    with refusals_as_sentences(out):
        return bring(name, data_set(name), Path(out), parts=part, accept=accept, keep=keep, progress=progress)
