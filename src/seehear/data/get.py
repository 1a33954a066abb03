"""The verb get: download the missing files of a data set, after its terms are accepted."""

from __future__ import annotations

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
from typing import TYPE_CHECKING, Annotated, Any, Self

from seehear.atomic_io import lock_file, remove_leftovers, write_text
from seehear.data.datasets import DATASETS, DOWNLOADABLE, Dataset
from seehear.data.hosts import Download, DownloadPlan, HttpClient, PendingFile
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
        name: of the data set
        terms: text of the terms
    """

    default_code = "terms"

    def __init__(self, dataset: Dataset, way_out: str = "give --accept-terms") -> None:
        """Refuse to download a data set."""
        url = find_download(dataset).terms.url
        super().__init__(f"the terms of {dataset.title} are not accepted; read them at {url}, then {way_out}")
        self.name, self.terms = dataset.name, f"{dataset.title}\n{dataset.terms}"


class _Names:
    """Names in the help of ``seehear get``. Others are refused by `find_dataset`, which says where to ask for them."""

    def names(self) -> list[str]:
        return DOWNLOADABLE.names()


def find_dataset(name: str) -> Dataset:
    """Return a data set that can be downloaded.

    Raises:
        DownloadError: unknown data set, or only its authors give it out
    """
    dataset: Dataset | None = DATASETS.get(name)
    if dataset is None or not (dataset.download or dataset.ask_at):
        names = ", ".join(DOWNLOADABLE.names())
        raise DownloadError(f"there is no data set {name!r} to download; there are {names}", code="unknown-dataset")
    find_download(dataset)
    return dataset


def find_download(dataset: Dataset) -> Download:
    """Return how to download a data set.

    Raises:
        DownloadError: only its authors give it out (code "not-downloadable")
    """
    if dataset.download is None:
        raise DownloadError(
            f"{dataset.name} is only given out by its authors, see {dataset.ask_at}; then read it with "
            f"`seehear prepare --dataset {dataset.name}` or `seehear evaluate` (see docs/datasets)",
            code="not-downloadable",
        )
    return dataset.download


RECORD_FILE = "download.json"


LOCK = ".getting"


class DownloadRecord:
    """The folder of a data set, locked for this process, with its ``download.json``."""

    def __init__(self, out: Path, name: str) -> None:
        """Open or create the folder.

        Raises:
            DownloadError: the folder holds something else, or another process uses it
        """
        self.folder = out
        self._path = out / RECORD_FILE
        if out.exists() and not out.is_dir():
            raise DownloadError(f"{out} is a file; name a folder for the data set")
        self._record = self._read(name)
        out.mkdir(parents=True, exist_ok=True)
        self._lock = (out / LOCK).open("wb")
        busy = f"another seehear is downloading into {out}; wait for it, or name another folder"
        lock_file(self._lock, DownloadError(busy, code="in-use"))
        remove_leftovers(out)

    @property
    def accepted(self) -> bool:
        """Whether the terms were accepted before, for this folder."""
        return bool(self._record.get("accepted"))

    def accept(self, licence: str, url: str) -> None:
        """Record that the terms are accepted."""
        self._record |= {"licence": licence, "url": url, "accepted": datetime.now(UTC).isoformat(timespec="seconds")}
        self._write()

    def file(self, name: str) -> dict[str, Any] | None:
        """Return the record of a complete file; None if it is not complete."""
        record: dict[str, Any] | None = self._record["files"].get(name)
        return record

    def enter(self, name: str, **known: Any) -> None:
        """Record that a file is complete."""
        self._record["files"][name] = known
        self._write()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unlock the folder."""
        (self.folder / LOCK).unlink(missing_ok=True)
        self._lock.close()

    def _read(self, name: str) -> dict[str, Any]:
        fresh: dict[str, Any] = {"seehear": __version__, "data_set": name, "files": {}}
        if not self._path.exists():
            inside = self.folder.iterdir() if self.folder.is_dir() else ()
            others = sorted(path.name for path in inside if not path.name.startswith("."))
            if others:
                raise DownloadError(f"{self.folder} holds other files ({others[0]}); name a new or empty folder")
            return fresh
        try:
            record = json.loads(self._path.read_text(encoding="utf-8"))
            before, _ = record["data_set"], record["files"].items()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DownloadError(f"{self._path} is damaged ({error}); remove it, or name another folder") from error
        if before != name:
            raise DownloadError(f"{self.folder} holds the data set {before}; name another folder for {name}")
        return {**fresh, **record}

    def _write(self) -> None:
        write_text(self._path, json.dumps(self._record, indent=1, ensure_ascii=False))


CONNECTIONS = 6
"""Parallel requests for many small files: enough to hide latency, few enough to be polite."""


@dataclass(frozen=True, repr=False)
class DownloadResult(Result):
    """Result of a download.

    Attributes:
        name: of the data set
        out: its folder
        files: number of new files, after unpacking
        bytes: downloaded bytes
        missing: names of files that the server does not have
        sound_only: whether the data set has no videos
    """

    name: str
    out: Path
    files: int
    bytes: int
    missing: tuple[str, ...] = ()
    sound_only: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"out": str(self.out), "missing": list(self.missing)}

    def __rich__(self) -> RenderableType:
        """Return a summary with the next command."""
        from rich.text import Text

        new = f"{self.files} new files ({self.bytes / 1e6:.1f} MB downloaded)" if self.files else "no new files"
        missing = f"; {len(self.missing)} are not on the server ({self.missing[0]})" if self.missing else ""
        step = "evaluate words sync-small" if self.sound_only else "prepare"
        return Text(f"{self.name} is in {self.out}: {new}{missing}. Next: seehear {step} {self.out}{self._rest()}")

    def _rest(self) -> str:
        return f" --dataset {self.name}" if self.sound_only else f" -o corpus/ --dataset {self.name}"


def download_parts(
    name: str,
    data_set: Dataset,
    out: Path,
    *,
    parts: Sequence[str] = (),
    accept: bool = False,
    keep: bool = False,
    progress: Progress | None = None,
    patience: RetryPolicy | None = None,
) -> DownloadResult:
    """Download the missing files of a data set; see `download_dataset`."""
    download, patience = find_download(data_set), patience or RetryPolicy()
    with DownloadRecord(out, name) as ledger:
        if not ledger.accepted:
            if not accept:
                raise TermsNotAcceptedError(data_set)
            ledger.accept(download.terms.licence, download.terms.url)
        Stage(progress, f"getting {name}", 1)  # its size is not known yet
        web = HttpClient(patience, _log.info)
        plan = download.host.plan(parts, web)
        left = _what_is_left(plan, ledger)
        _check_room(left, download.unpacked, keep, out)
        work = _Transfers(ledger, Stage(progress, f"getting {name}", _bytes_of(left)), web, keep)
        new = sum(work.whole(file) for file in left.files)
        missing = work.several(left.many)
        if missing and len(missing) == len(plan.many):
            raise DownloadError(f"none of the {len(missing)} files of {data_set.title} are on the server", code="gone")
        new += len(left.many) - len(missing)
        return DownloadResult(name, out, new, work.bytes, tuple(missing), data_set.holds == "sound")


def _what_is_left(plan: DownloadPlan, ledger: DownloadRecord) -> DownloadPlan:
    files = [file for file in plan.files if ledger.file(file.name) is None]
    many = [file for file in plan.many if not (ledger.folder / file.name).exists()]
    about = plan.about_bytes * len(many) // len(plan.many) if plan.many else plan.about_bytes
    return DownloadPlan(files, many, about)


class _Transfers:
    """The transfers of a call.

    Attributes:
        bytes: size of the downloaded files
    """

    def __init__(self, ledger: DownloadRecord, stage: Stage, web: HttpClient, keep: bool) -> None:
        self.bytes = 0
        self._ledger, self._stage, self._web, self._keep = ledger, stage, web, keep
        self._there = 0
        self._lock = Lock()

    def whole(self, file: RemoteFile) -> int:
        """Download a file, unpack it if it is an archive, and return the number of new files."""
        target = self._ledger.folder / file.name
        if not target.exists():  # else the process was killed before unpacking
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
        """Download small files in parallel; return the names of those that are not on the server."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            futures = [(file.name, pool.submit(self._one, file)) for file in many]
            try:
                return [name for name, future in futures if not future.result()]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _one(self, file: PendingFile) -> bool:
        """Download a file; return False if it is not on the server."""
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
            note = f"no checksum is published; its SHA-256, {known['sha256']}, is kept in {RECORD_FILE}"
            _log.info("%s: %s", file.name, note)
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
    """Return the known or estimated size of the downloads."""
    others = sum(file.size or 0 for file in plan.files if not is_archive(file.name))
    return sum(_archive_sizes(plan)) + others + (plan.about_bytes if plan.many else 0)


def _check_room(plan: DownloadPlan, unpacked: float, keep: bool, out: Path) -> None:
    """Check that the disk has room for the archives and their content.

    Raises:
        DownloadError: it does not
    """
    archives = _archive_sizes(plan)
    freed = 0 if keep else sum(archives) - max(archives, default=0)  # each is removed after unpacking
    partial = sum(path.stat().st_size for path in out.glob(f"*{PART}"))
    needed = _bytes_of(plan) - freed + unpacked * sum(archives) - partial
    free = shutil.disk_usage(out).free
    if needed > free:
        raise DownloadError(
            f"the disk of {out} is too full: about {needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free; "
            "free some space, name a folder on another disk, or choose fewer --parts",
            code="disk-full",
        )


def download_dataset(
    name: Annotated[str, _Names()],
    out: str | os.PathLike[str],
    *,
    parts: Sequence[str] = (),
    accept_terms: bool = False,
    keep_archives: bool = False,
    progress: Progress | None = None,
) -> DownloadResult:
    """Download an openly licensed data set.

    Its terms must be accepted. The same command resumes a download that was stopped. Files are checked against the
    checksums that the authors publish, if they do.

    Args:
        name: the data set; its page in docs/datasets gives its size.
        out: its folder; new, empty, or one of a download that was stopped.
        parts: only these, such as s1 s2 (grid), 01 02 (actors of ravdess) or 1001 (cremad); by default all videos, or
            all sound files if there are none.
        accept_terms: accept the terms of the data set, which are shown without this flag.
        keep_archives: keep the archives after unpacking.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        TermsNotAcceptedError: no ``accept_terms``, and they were not accepted before
        DownloadError: unknown data set or part, the server or the network fails repeatedly, a wrong checksum, or a full
            disk
    """
    with os_errors_as_user_errors(Path(out)):
        return download_parts(
            name,
            find_dataset(name),
            Path(out),
            parts=parts,
            accept=accept_terms,
            keep=keep_archives,
            progress=progress,
        )
