"""A data set into a folder: what is missing is transferred, archives are unpacked, and every step can be repeated."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from seehear.downloads.data_sets import DataSet
from seehear.downloads.errors import BadArchiveError, DownloadError, GoneError
from seehear.downloads.ledger import LEDGER, Ledger
from seehear.downloads.patience import Patience
from seehear.downloads.plan import Pending, Plan, Web
from seehear.downloads.remote import RemoteFile, digest
from seehear.downloads.terms import agree
from seehear.downloads.transfer import PART, transfer
from seehear.downloads.unpack import is_archive, unpack
from seehear.progress import Telling

CONNECTIONS = 6
"""At a time, for many small files: enough to hide a round trip, few enough to be a polite guest."""


@dataclass(frozen=True)
class Brought:
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

    def sentence(self) -> str:
        """In words, with what can be done next."""
        came = f"{self.files} files ({self.bytes / 1e6:.1f} MB came)" if self.files else "nothing new: all is there"
        lost = f"; {len(self.missing)} are not on the server ({self.missing[0]})" if self.missing else ""
        step = "evaluate words sync-small" if self.sound_only else "prepare"
        return f"{self.name} is in {self.out}: {came}{lost}. Next: seehear {step} {self.out}{self._rest()}"

    def _rest(self) -> str:
        return f" --format {self.name}" if self.sound_only else f" corpus/ --format {self.name}"


def bring(
    name: str,
    data_set: DataSet,
    out: Path,
    *,
    parts: Sequence[str] = (),
    accept: bool = False,
    keep: bool = False,
    progress: bool = True,
    patience: Patience | None = None,
) -> Brought:
    """Brings what is missing of a data set; see `seehear.corpus.get.get`."""
    patience = patience or Patience()
    with Ledger(out, name) as ledger:
        if not ledger.accepted:
            if not accept:
                agree(data_set.title, data_set.terms)
            ledger.accept(data_set.terms.licence, data_set.terms.url)
        with Telling(f"getting {name}", 1, show=progress) as telling:  # how much it is will be known in a moment
            plan = data_set.place.plan(parts, Web(patience, telling.say))
        left = _what_is_left(plan, ledger)
        _check_room(left, data_set.unpacked, keep, out)
        with Telling(f"getting {name}", _bytes_of(left), show=progress) as telling:
            work = _Work(ledger, telling, Web(patience, telling.say), keep)
            new = sum(work.whole(file) for file in left.files)
            missing = work.several(left.many)
        if missing and len(missing) == len(plan.many):
            raise DownloadError(f"none of the {len(missing)} files of {data_set.title} is on the server any more")
        new += len(left.many) - len(missing)
        return Brought(name, out, new, work.bytes, tuple(missing), data_set.sound_only)


def _what_is_left(plan: Plan, ledger: Ledger) -> Plan:
    files = [file for file in plan.files if ledger.file(file.name) is None]
    many = [file for file in plan.many if not (ledger.folder / file.name).exists()]
    about = plan.about_bytes * len(many) // len(plan.many) if plan.many else plan.about_bytes
    return Plan(files, many, about)


class _Work:
    """The transfers of one call.

    Attributes:
        bytes: of the files that have come.
    """

    def __init__(self, ledger: Ledger, telling: Telling, web: Web, keep: bool) -> None:
        self.bytes = 0
        self._ledger, self._telling, self._web, self._keep = ledger, telling, web, keep
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

    def several(self, many: Sequence[Pending]) -> list[str]:
        """Small files, several at a time; gives the names of those that the server does not have."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            futures = [(file.name, pool.submit(self._one, file)) for file in many]
            try:
                return [name for name, future in futures if not future.result()]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _one(self, file: Pending) -> bool:
        """Whether the server has it."""
        target = self._ledger.folder / file.name
        try:
            remote = file.look_up(self._web)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._transfer(remote, target)
        except GoneError:
            return False
        return True

    def _unpack(self, file: RemoteFile, archive: Path, known: dict[str, Any]) -> int:
        if not (file.checksum or file.listing):
            told = f"no checksum of it is published; its SHA-256, {known['sha256']}, is kept in {LEDGER}"
            self._telling.say(f"{file.name}: {told}")
        self._telling.say(f"unpacking {file.name}")
        try:
            count = unpack(archive, self._ledger.folder, file.listing.fits if file.listing else lambda _: True)
        except BadArchiveError:
            archive.unlink()
            raise
        if not self._keep:
            archive.unlink()
        return count

    def _transfer(self, file: RemoteFile, target: Path) -> None:
        part = target.with_name(target.name + PART)
        self._count(part.stat().st_size if part.exists() else 0)
        transfer(file, target, self._web.patience, self._web.say, self._count)
        with self._lock:
            self.bytes += target.stat().st_size

    def _count(self, came: int) -> None:
        with self._lock:
            self._there += came
            self._telling.update(self._there, f"{self._there / 1e6:.1f} MB")


def _archive_sizes(plan: Plan) -> list[int]:
    return [file.size or plan.about_bytes for file in plan.files if is_archive(file.name)]


def _bytes_of(plan: Plan) -> int:
    """Bytes that are to come, as far as they are known or can be guessed."""
    others = sum(file.size or 0 for file in plan.files if not is_archive(file.name))
    return sum(_archive_sizes(plan)) + others + (plan.about_bytes if plan.many else 0)


def _check_room(plan: Plan, unpacked: float, keep: bool, out: Path) -> None:
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
            "make room, name a folder on another disk, or choose less with --part"
        )
