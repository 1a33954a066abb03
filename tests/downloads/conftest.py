"""A server that errs, and the patience not to wait for it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from server import Server, serving, without_proxies

from seehear.downloads.patience import Patience


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A web server on this machine."""
    without_proxies(monkeypatch)
    with serving() as told:
        yield told


@pytest.fixture
def hasty() -> Patience:
    """Tries as often as ever, and waits for nothing."""
    return Patience(wait_s=0.001, longest_wait_s=0.01, timeout_s=5)
