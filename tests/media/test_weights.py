"""The weights of the face detector: which file is taken, and that a download is whole and right or not kept."""

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from seehear.errors import ModelError
from seehear.media import weights

CONTENT = b"a small network" * 1000


class Hub(BaseHTTPRequestHandler):
    """Answers like a hub that has one file: there it redirects to a store, as the real one does."""

    def do_GET(self) -> None:
        if self.path == f"/{weights.REPOSITORY}/resolve/main/{weights.FILE}":
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
    """An empty cache, no variable, and a file to expect that these tests can serve."""
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(weights, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    weights._from_hub_once.cache_clear()
    return tmp_path


def use(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_url", lambda repository, file: f"{hub}/{repository}/resolve/main/{file}"
    )


def test_download_then_cache(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(hub, monkeypatch)
    path = weights.find_weights()
    assert path is not None
    assert path.read_bytes() == CONTENT
    assert path.parent == weights.cache_folder()
    assert [file.name for file in path.parent.iterdir()] == [weights.FILE]
    weights._from_hub_once.cache_clear()
    use("http://127.0.0.1:9", monkeypatch)  # nobody is there: the cache is enough
    assert weights.find_weights() == path


def test_the_hub_is_asked_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(weights, "download", lambda url, target: asked.append(url))
    assert weights.find_weights() is None
    assert weights.find_weights() is None
    assert asked == ["https://huggingface.co/opencv/face_detection_yunet/resolve/main/" + weights.FILE]


def test_a_damaged_cache_is_fetched_anew(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(hub, monkeypatch)
    weights.cache_folder().mkdir(parents=True)
    (weights.cache_folder() / weights.FILE).write_bytes(CONTENT[:100])
    path = weights.find_weights()
    assert path is not None
    assert path.read_bytes() == CONTENT


def test_another_file_is_refused_and_not_kept(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(hub, monkeypatch)
    monkeypatch.setattr(weights, "SHA256", "0" * 64)
    with pytest.raises(ModelError, match=r"another SHA-256.*--detector PATH"):
        weights.find_weights()
    assert not weights.cache_folder().exists()


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "http://nowhere.invalid/x", "{hub}/missing", "{hub}/slow"])
def test_a_hub_that_does_not_answer_is_none(
    address: str, hub: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "PATIENCE_S", 0.3)
    assert weights.download(address.format(hub=hub), home / "file") is None
    assert not (home / "file").exists()


def test_a_cache_that_cannot_be_written_is_none(hub: str, home: Path) -> None:
    (home / "a-file").write_text("")
    assert weights.download(f"{hub}/store/blob", home / "a-file" / "below") is None


def test_offline_by_the_hubs_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(weights, "download", lambda url, target: pytest.fail("the hub was asked"))
    assert weights.find_weights() is None


def test_named_files_come_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = home / "one.onnx", home / "other.onnx"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    monkeypatch.setenv(weights.VARIABLE, str(other))
    assert weights.find_weights(one) == one
    assert weights.find_weights() == other


def test_named_files_that_are_not_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx, given by --detector, is not a file"):
        weights.find_weights(home / "gone.onnx")
    monkeypatch.setenv(weights.VARIABLE, str(home))
    with pytest.raises(ModelError, match=f"given by {weights.VARIABLE}, is not a file"):
        weights.find_weights()
