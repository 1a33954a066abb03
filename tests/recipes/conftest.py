"""Stand-ins of data sets: a few synthetic people, filmed once, under the names that the real layouts have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmark_tones import Here
from seehear.benchmark import run_plan
from server import Server, serving, without_proxies

PEOPLE, FILMS = 3, 6


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Films of 2 s; number n is of person n % 3."""
    pytest.importorskip("espeakng_loader")
    from seehear.avatars.make import synthesize_avatars

    out = tmp_path_factory.mktemp("people") / "films"
    made = synthesize_avatars(out, clips=FILMS, speakers=PEOPLE, seed=4, seconds=2.0, workers=1)
    return [path.read_bytes() for path in sorted(made, key=lambda path: int(path.stem.rpartition("_")[2]))]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A web server on this machine."""
    without_proxies(monkeypatch)
    with serving() as told:
        yield told


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    """Benchmarks measure in this process."""
    engine = Here()
    monkeypatch.setattr(run_plan, "LocalEngine", lambda workers: engine)
    return engine
