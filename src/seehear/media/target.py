"""Writing a file so that it is there when it is whole, and not at all before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from av.error import FFmpegError

from seehear.beside import name_beside
from seehear.errors import MediaError


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """An open file beside `path`, which takes its name at the end if nothing went wrong and is deleted otherwise.

    Raises:
        MediaError: it cannot be written; also for errors of FFmpeg inside of the block.
    """
    target = Path(path)
    if target.is_dir():
        raise MediaError(f"{path} is a folder; give the name of a file in it.")
    part = name_beside(target, f".{os.getpid()}.part")
    try:
        with part.open("x+b") as file:
            yield file
        part.replace(target)
    except FileNotFoundError as error:
        raise MediaError(f"{path} cannot be written: there is no folder {target.parent}; create it.") from error
    except (FFmpegError, OSError) as error:
        reason = disk_error(error) or error
        words = reason.strerror or str(reason)
        raise MediaError(f"{path} cannot be written ({words}); give another place or make room.") from error
    finally:
        part.unlink(missing_ok=True)


def disk_error(error: BaseException) -> OSError | None:
    """The error of the disk behind an error: FFmpeg hides those of Python files, and closing fails once more."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and not isinstance(seen, FFmpegError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
