"""A small corpus that the tests of one session share, made of fake sources.

A server that errs, and the patience not to wait for it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_reader import run, write_source
from seehear.data.http import RetryPolicy
from server import Server, serving, without_proxies

SPEAKERS = ("anna", "ben", "cleo", "dan")


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten sources of four speakers, 25 clips of 10 to 40 frames, in shards of 4; one source is silent."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = ["file,speaker,text,words"]
    for i in range(10):
        write_source(
            folder / "src" / f"v{i}.mp4", [10 + 3 * i, 40, 25][: 2 + i % 2], **({"silent": 1} if i == 5 else {})
        )
        text = f"said {i}" if i != 7 else ""
        rows.append(f'v{i}.mp4,{SPEAKERS[i % 4]},{text},"[[""a"", 0.1, 0.5], [""b"", 2.2, 2.4]]"')
    (folder / "src" / "labels.csv").write_text("\n".join(rows) + "\n")
    report = run(folder / "src", folder / "out", workers=2)
    assert report.clips == 25
    return folder / "out"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A web server on this machine."""
    without_proxies(monkeypatch)
    with serving() as told:
        yield told


@pytest.fixture
def hasty() -> RetryPolicy:
    """Tries as often as ever, and waits for nothing."""
    return RetryPolicy(wait_s=0.001, longest_wait_s=0.01, timeout_s=5)
