"""The process that reads files, and reports what it touches besides them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from kinds import Kinds
from readers import Reader
from seeds import DECOYS


class Watch:
    """Records what Python code touches outside the folder of the case."""

    def __init__(self) -> None:
        """Add the audit hook for good; it records only while `folder` is set."""
        self.folder: Path | None = None
        self.touched: list[str] = []
        trusted = {
            sys.prefix,
            sys.base_prefix,
            "/usr/lib",
            "/usr/share",
            "/proc",
            "/sys",
            "/dev",
            str(Path(__file__).parents[2] / "src"),
            str(Path(__file__).parent),  # lines of a traceback
        }
        self.trusted = tuple(os.path.realpath(place) for place in trusted)
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event in ("socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
            self.touched.append(f"{event} {arguments[1:2]}")
        elif event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            writes = (
                bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) if isinstance(arguments[2], int) else False
            )
            if writes or Path(os.fsdecode(arguments[0])).is_absolute():  # rmtree opens relative names
                self._look(event, arguments[0], writes)
        elif event in (
            "os.remove",
            "os.rmdir",
            "os.mkdir",
            "os.rename",
            "os.link",
            "os.symlink",
            "os.truncate",
            "os.chmod",
        ):
            two = event in ("os.rename", "os.link", "os.symlink")
            number = arguments[-1] if event != "os.truncate" and isinstance(arguments[-1], int) else -1
            base = Path(f"/proc/self/fd/{number}").readlink() if number >= 0 else Path()
            for place in arguments[:2] if two else arguments[:1]:
                if isinstance(place, (str, bytes, os.PathLike)):
                    self._look(event, base / os.fsdecode(place), True)

    def _look(self, event: str, place: Any, writes: bool) -> None:
        folder, self.folder = self.folder, None  # looking may open
        try:
            real = os.path.realpath(os.fsdecode(place))
            fine = Path(real).is_relative_to(str(folder)) or real == "/dev/null"
            fine = fine or (not writes and real.startswith(self.trusted)) or real.startswith(tempfile.gettempdir())
            if not fine:
                self.touched.append(f"{event} {real}{' (write)' if writes else ''}")
        except ValueError:
            pass
        finally:
            self.folder = folder


class Decoys:
    """Tells by inotify whether anything in a folder was opened or made, by whatever code."""

    def __init__(self, folder: Path) -> None:
        """Watch a folder."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file = self._libc.inotify_init1(os.O_NONBLOCK)
        self._libc.inotify_add_watch(self._file, os.fsencode(folder), 0x20 | 0x100 | 0x200)  # opened, made, removed

    def touched(self) -> bool:
        """Whether there was an event since the last question."""
        try:
            return bool(os.read(self._file, 65536))
        except BlockingIOError:
            return False


def worker(connection: Any, work: Path) -> None:
    """Read what the parent names: (kind, number, folder) -> (outcome, text)."""
    import resource

    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix="seehear-fuzz-tmp")
    import cv2
    import torch
    import yaml  # noqa: F401

    import seehear.benchmark.reading
    import seehear.data.report
    import seehear.media.still  # noqa: F401

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    kinds, watch, decoys = Kinds(work), Watch(), Decoys(work / DECOYS)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    connection.send(("ready", ""))
    while (task := connection.recv()) is not None:
        kind, number, folder = task
        path, read = kinds.make(kind, number, folder)
        decoys.touched()
        watch.touched.clear()
        connection.send(("reading", ""))
        watch.folder = folder
        try:
            outcome, text = attempt(read, path)
        finally:
            watch.folder = None
        if decoys.touched():
            watch.touched.append("a decoy was opened")
        if (folder / "ran").exists():
            watch.touched.append("a pickle's program was run")
        if watch.touched:
            outcome, text = "touched", "\n".join([*watch.touched[:5], f"and {outcome}: {text}"])
        connection.send((outcome, text))


def attempt(read: Reader, path: Path) -> tuple[str, str]:
    """Read a file: ``read``, ``refused``, or ``traceback`` and its text."""
    from seehear.errors import SeehearError

    try:
        read(path)
    except SeehearError as error:
        if "\n" in str(error).strip() or not str(error):
            return "traceback", f"not one sentence: {error!r}"[:3000]
        return "refused", error.code
    except BaseException:
        return "traceback", traceback.format_exc(limit=-12)[-4000:]
    return "read", ""
