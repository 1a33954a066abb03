"""The verb get: what is missing of a data set, its terms, download.json."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from seehear.atomic_io import remove_leftovers, write_text
from seehear.data.datasets.catalogue import Download, find_download
from seehear.data.hosts import DownloadPlan, HttpClient, PendingFile, Terms
from seehear.data.http import BadArchiveError, DownloadError, NotOnServerError, RetryPolicy
from seehear.data.transfer import PART, RemoteFile, digest, extract_archive, is_archive, transfer
from seehear.errors import os_errors_as_user_errors
from seehear.progress import Progress, Stage
from seehear.results import Result
from seehear.version import __version__

if TYPE_CHECKING:
    from rich.console import RenderableType


_log = logging.getLogger(__name__)


class TermsNotAcceptedError(DownloadError):
    """The terms of a data set have not been accepted.

    Attributes:
        name: of the data set.
        terms: their text.
    """

    default_code = "terms"

    def __init__(self, name: str, title: str, terms: Terms, way_out: str = "give --accept-terms") -> None:
        """Of this data set."""
        super().__init__(f"the terms of {title} are not accepted; read them at {terms.url}, then {way_out}")
        self.name, self.terms = name, f"{title}\n{terms}"


RECORD_FILE = "download.json"


LOCK = ".getting"


class DownloadRecord:
    """The folder of a data set that is being brought, held by one process at a time, and its ``download.json``."""

    def __init__(self, out: Path, name: str) -> None:
        """Opens the folder, or makes it.

        Raises:
            DownloadError: it holds something else, or another process is at it.
        """
        self.folder = out
        self._path = out / RECORD_FILE
        if out.exists() and not out.is_dir():
            raise DownloadError(f"{out} is a file; name a folder for the data set")
        self._told = self._read(name)
        out.mkdir(parents=True, exist_ok=True)
        self._lock = (out / LOCK).open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise DownloadError(f"another seehear is filling {out} now; wait for it, or name another folder") from None
        remove_leftovers(out)

    @property
    def accepted(self) -> bool:
        """Whether the terms were accepted for this folder before."""
        return bool(self._told.get("accepted"))

    def accept(self, licence: str, url: str) -> None:
        """Writes down that the terms are accepted."""
        self._told |= {"licence": licence, "url": url, "accepted": datetime.now(UTC).isoformat(timespec="seconds")}
        self._write()

    def file(self, name: str) -> dict[str, Any] | None:
        """What is known of a file that was brought whole; None if it was not."""
        known: dict[str, Any] | None = self._told["files"].get(name)
        return known

    def enter(self, name: str, **known: Any) -> None:
        """Writes down that a file was brought whole."""
        self._told["files"][name] = known
        self._write()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets another process have it."""
        (self.folder / LOCK).unlink(missing_ok=True)
        self._lock.close()

    def _read(self, name: str) -> dict[str, Any]:
        fresh: dict[str, Any] = {"seehear": __version__, "data_set": name, "files": {}}
        if not self._path.exists():
            inside = self.folder.iterdir() if self.folder.is_dir() else ()
            others = sorted(path.name for path in inside if not path.name.startswith("."))
            if others:
                raise DownloadError(f"{self.folder} holds other things ({others[0]}); name a new or empty folder")
            return fresh
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            before, _ = told["data_set"], told["files"].items()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DownloadError(f"{self._path} is damaged ({error}); remove it, or name another folder") from error
        if before != name:
            raise DownloadError(f"{self.folder} holds the data set {before}; name another folder for {name}")
        return {**fresh, **told}

    def _write(self) -> None:
        write_text(self._path, json.dumps(self._told, indent=1, ensure_ascii=False))


CONNECTIONS = 6
"""At a time, for many small files: enough to hide a round trip, few enough to be a polite guest."""


@dataclass(frozen=True, repr=False)
class DownloadResult(Result):
    """What has been brought.

    Attributes:
        name: of the data set, and of its format.
        out: the folder.
        files: new files, after unpacking.
        bytes: of the files that came over the network.
        missing: names of files that the server does not have.
        sound_only: whether `seehear prepare` has no use for it.
    """

    name: str
    out: Path
    files: int
    bytes: int
    missing: tuple[str, ...] = ()
    sound_only: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"out": str(self.out), "missing": list(self.missing)}

    def __rich__(self) -> RenderableType:
        """With what can be done next."""
        from rich.text import Text

        came = f"{self.files} files ({self.bytes / 1e6:.1f} MB came)" if self.files else "nothing new: all is there"
        lost = f"; {len(self.missing)} are not on the server ({self.missing[0]})" if self.missing else ""
        step = "evaluate words sync-small" if self.sound_only else "prepare"
        return Text(f"{self.name} is in {self.out}: {came}{lost}. Next: seehear {step} {self.out}{self._rest()}")

    def _rest(self) -> str:
        return f" --dataset {self.name}" if self.sound_only else f" -o corpus/ --dataset {self.name}"


def download_parts(
    name: str,
    data_set: Download,
    out: Path,
    *,
    parts: Sequence[str] = (),
    accept: bool = False,
    keep: bool = False,
    progress: Progress | None = None,
    patience: RetryPolicy | None = None,
) -> DownloadResult:
    """Brings what is missing of a data set; see `seehear.data.get.download_dataset`."""
    patience = patience or RetryPolicy()
    with DownloadRecord(out, name) as ledger:
        if not ledger.accepted:
            if not accept:
                raise TermsNotAcceptedError(name, data_set.title, data_set.terms)
            ledger.accept(data_set.terms.licence, data_set.terms.url)
        Stage(progress, f"getting {name}", 1)  # how much it is will be known in a moment
        web = HttpClient(patience, _log.info)
        plan = data_set.place.plan(parts, web)
        left = _what_is_left(plan, ledger)
        _check_room(left, data_set.unpacked, keep, out)
        work = _Transfers(ledger, Stage(progress, f"getting {name}", _bytes_of(left)), web, keep)
        new = sum(work.whole(file) for file in left.files)
        missing = work.several(left.many)
        if missing and len(missing) == len(plan.many):
            raise DownloadError(f"none of the {len(missing)} files of {data_set.title} is on the server any more")
        new += len(left.many) - len(missing)
        return DownloadResult(name, out, new, work.bytes, tuple(missing), data_set.sound_only)


def _what_is_left(plan: DownloadPlan, ledger: DownloadRecord) -> DownloadPlan:
    files = [file for file in plan.files if ledger.file(file.name) is None]
    many = [file for file in plan.many if not (ledger.folder / file.name).exists()]
    about = plan.about_bytes * len(many) // len(plan.many) if plan.many else plan.about_bytes
    return DownloadPlan(files, many, about)


class _Transfers:
    """The transfers of one call.

    Attributes:
        bytes: of the files that have come.
    """

    def __init__(self, ledger: DownloadRecord, stage: Stage, web: HttpClient, keep: bool) -> None:
        self.bytes = 0
        self._ledger, self._stage, self._web, self._keep = ledger, stage, web, keep
        self._there = 0
        self._lock = Lock()

    def whole(self, file: RemoteFile) -> int:
        """One file, unpacked if it is an archive; says how many files that made."""
        target = self._ledger.folder / file.name
        if not target.exists():  # else a kill came between its transfer and its unpacking
            self._transfer(file, target)
        known = {"url": file.url, "bytes": target.stat().st_size}
        if file.checksum:
            known[file.checksum.algorithm] = file.checksum.value
        else:
            known["sha256"] = digest(target)
        count = self._unpack(file, target, known) if is_archive(file.name) else 1
        self._ledger.enter(file.name, **known)
        return count

    def several(self, many: Sequence[PendingFile]) -> list[str]:
        """Small files, several at a time; gives the names of those that the server does not have."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            futures = [(file.name, pool.submit(self._one, file)) for file in many]
            try:
                return [name for name, future in futures if not future.result()]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _one(self, file: PendingFile) -> bool:
        """Whether the server has it."""
        target = self._ledger.folder / file.name
        try:
            remote = file.resolve(self._web)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._transfer(remote, target)
        except NotOnServerError:
            return False
        return True

    def _unpack(self, file: RemoteFile, archive: Path, known: dict[str, Any]) -> int:
        if not (file.checksum or file.listing):
            told = f"no checksum of it is published; its SHA-256, {known['sha256']}, is kept in {RECORD_FILE}"
            _log.info("%s: %s", file.name, told)
        _log.info("unpacking %s", file.name)
        try:
            count = extract_archive(archive, self._ledger.folder, file.listing.fits if file.listing else lambda _: True)
        except BadArchiveError:
            archive.unlink()
            raise
        if not self._keep:
            archive.unlink()
        return count

    def _transfer(self, file: RemoteFile, target: Path) -> None:
        part = target.with_name(target.name + PART)
        self._count(part.stat().st_size if part.exists() else 0)
        transfer(file, target, self._web.retry_policy, self._web.say, self._count)
        with self._lock:
            self.bytes += target.stat().st_size

    def _count(self, came: int) -> None:
        with self._lock:
            self._there += came
            self._stage.update(self._there, f"{self._there / 1e6:.1f} MB")


def _archive_sizes(plan: DownloadPlan) -> list[int]:
    return [file.size or plan.about_bytes for file in plan.files if is_archive(file.name)]


def _bytes_of(plan: DownloadPlan) -> int:
    """Bytes that are to come, as far as they are known or can be guessed."""
    others = sum(file.size or 0 for file in plan.files if not is_archive(file.name))
    return sum(_archive_sizes(plan)) + others + (plan.about_bytes if plan.many else 0)


def _check_room(plan: DownloadPlan, unpacked: float, keep: bool, out: Path) -> None:
    """Whether the disk has room for the archives and for what is in them.

    Raises:
        DownloadError: it has not.
    """
    archives = _archive_sizes(plan)
    passing = 0 if keep else sum(archives) - max(archives, default=0)  # each is removed when it is unpacked
    there = sum(path.stat().st_size for path in out.glob(f"*{PART}"))
    wanted = _bytes_of(plan) - passing + unpacked * sum(archives) - there
    free = shutil.disk_usage(out).free
    if wanted > free:
        raise DownloadError(
            f"there is no room for it in {out}: about {wanted / 1e9:.1f} GB are wanted, {free / 1e9:.1f} GB are free; "
            "make room, name a folder on another disk, or choose less with --parts"
        )


def download_dataset(
    name: str,
    out: str | os.PathLike[str],
    *,
    parts: Sequence[str] = (),
    accept_terms: bool = False,
    keep_archives: bool = False,
    progress: Progress | None = None,
) -> DownloadResult:
    """Bring an openly licensed data set: cremad, fsdd, grid, ravdess or speechcommands.

    Its terms have to be accepted. What was broken off goes on where it was when the same command is given again;
    checksums are those that its makers publish, and nothing half-written is taken for whole.

    Args:
        name: the data set; its page in docs/datasets says how large it is.
        out: its folder; new, empty, or one that this command has begun to fill.
        parts: only these, such as s1 s2 (grid), 01 02 (actors of ravdess) or 1001 (cremad); by default all films,
            or all sound where there are none.
        accept_terms: accept the terms of its makers; the error without this holds them.
        keep_archives: keep the archives after unpacking.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Returns:
        What has been brought.

    Raises:
        TermsNotAcceptedError: without ``accept_terms``, where they were not accepted before.
        SeehearError: there is no such data set or part, the server or the network fails
            for long, what comes is not what was published, or there is no room.
    """
    with os_errors_as_user_errors(Path(out)):
        return download_parts(
            name,
            find_download(name),
            Path(out),
            parts=parts,
            accept=accept_terms,
            keep=keep_archives,
            progress=progress,
        )
