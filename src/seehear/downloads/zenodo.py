"""Records of Zenodo: their files with sizes and checksums, as the record's own JSON tells them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from seehear.downloads.errors import DownloadError
from seehear.downloads.plan import Plan, Web, chosen
from seehear.downloads.remote import Checksum, RemoteFile
from seehear.downloads.web import read_small


@dataclass(frozen=True)
class ZenodoRecord:
    """A data set that is a record of Zenodo.

    Attributes:
        title: of the data set, for sentences.
        number: of the record.
        usual: the parts that are brought where none are named.
        always: those that are brought with any.
        read_as: what a short form of a part stands for.
        base: address of Zenodo.
    """

    title: str
    number: int
    usual: Sequence[str]
    always: Sequence[str] = ()
    read_as: Callable[[str], str] = str
    base: str = "https://zenodo.org"

    def plan(self, parts: Sequence[str], web: Web) -> Plan:
        """The files of these parts; see `seehear.downloads.plan.Place`."""
        url = f"{self.base}/api/records/{self.number}"
        files = parse_record(read_small(url, web.patience, web.say), url)
        names = sorted(files, key=lambda name: (len(name), name))  # s2 before s10
        wanted = chosen(names, [*(parts or self.usual), *self.always], self.read_as, self.title)
        return Plan([files[name] for name in wanted])


def parse_record(text: bytes, url: str) -> dict[str, RemoteFile]:
    """The files of a record's JSON, by name.

    Raises:
        DownloadError: it is not such a record, or a file's name is no plain name.
    """
    try:
        files = [
            RemoteFile(str(f["key"]), str(f["links"]["self"]), int(f["size"]), Checksum.parse(str(f["checksum"])))
            for f in json.loads(text)["files"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise DownloadError(f"{url} does not answer as a record of Zenodo ({type(error).__name__}: {error})") from error
    for file in files:
        if file.name in ("", ".", "..") or PurePosixPath(file.name).name != file.name or "\\" in file.name:
            raise DownloadError(f"{url} names a file {file.name!r}, which is no plain name; nothing was brought")
    return {file.name: file for file in files}
