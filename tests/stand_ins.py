"""Data sets as they are published, in small, on the server of a test."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile

from seehear.data.datasets import DATASETS, Dataset
from seehear.data.hosts import LfsRepository, ZenodoRecord
from server import Server, md5, sha256

REPOSITORY = "CheyneyComputerScience/CREMA-D/master"


def zip_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


def with_host(name: str, **changes: object) -> Dataset:
    """A data set with another host."""
    dataset = DATASETS[name]
    assert dataset.download is not None
    host = dataclasses.replace(dataset.download.host, **changes)  # type: ignore[type-var]
    return dataclasses.replace(dataset, download=dataclasses.replace(dataset.download, host=host))


def at(name: str, server: Server) -> Dataset:
    """A data set as it is, but on the server of the test."""
    download = DATASETS[name].download
    assert download is not None
    if isinstance(download.host, ZenodoRecord):
        return with_host(name, base=server.url)
    assert isinstance(download.host, LfsRepository)
    return with_host(name, raw=f"{server.url}/raw", media=f"{server.url}/media")


def put_record(server: Server, number: int, archives: dict[str, bytes], *faults: str | int) -> None:
    """A record of Zenodo as its API tells it."""
    files = []
    for name, content in archives.items():
        url = server.put(f"/api/records/{number}/files/{name}/content", content, *faults)
        files.append(
            {"key": name, "size": len(content), "checksum": f"md5:{md5(content)}", "links": {"self": url}, "id": "x"}
        )
    server.put(f"/api/records/{number}", json.dumps({"id": number, "files": files, "metadata": {}}).encode())


def put_lfs(server: Server, path: str, content: bytes, *faults: str | int) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(content)}\nsize {len(content)}\n"
    server.put(f"/raw/{REPOSITORY}/{path}", pointer.encode())
    server.put(f"/media/{REPOSITORY}/{path}", content, *faults)
