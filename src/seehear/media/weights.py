"""Where the weights of the face detector come from: a path, the environment, the user's cache, the hub."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path

from seehear.errors import ModelError

REPOSITORY = "opencv/face_detection_yunet"
FILE = "face_detection_yunet_2023mar.onnx"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
SIZE = 232_589
"""The file as the OpenCV model zoo publishes it (MIT licence): name, SHA-256, bytes."""

VARIABLE = "SEEHEAR_YUNET"
"""Environment variable that may name the file."""

PATIENCE_S = 4.0
"""A hub that does not answer within this is taken for unreachable: there is another way to go on."""

_log = logging.getLogger(__name__)


def find_weights(path: str | os.PathLike[str] | None = None) -> Path | None:
    """The YuNet file: ``path``, else what SEEHEAR_YUNET names, else the cache, else the hub; None if the hub is away.

    A file that the user names is taken as it is (OpenCV says whether it is a YuNet); one that is downloaded must
    have the published SHA-256.

    Raises:
        ModelError: the named file does not exist, or the hub sent something else.
    """
    for named, by in ((path, "--detector"), (os.environ.get(VARIABLE), VARIABLE)):
        if named:
            if not Path(named).is_file():
                raise ModelError(f"{named}, given by {by}, is not a file; give the path of {FILE}.")
            return Path(named)
    cached = cache_folder() / FILE
    if cached.is_file() and _sha256(cached.read_bytes()) == SHA256:
        return cached
    return _from_hub_once(cached)


def cache_folder() -> Path:
    """The user's cache folder for seehear, by the custom of the platform. It may not exist yet."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "seehear"


@cache
def _from_hub_once(target: Path) -> Path | None:
    """Ask the hub once a process: without a network every reader of a corpus would wait for it again."""
    from huggingface_hub import constants, hf_hub_url

    if constants.HF_HUB_OFFLINE:
        return None
    return download(hf_hub_url(REPOSITORY, FILE), target)


def download(url: str, target: Path) -> Path | None:
    """Fetch the weights and put them at ``target``, whole or not at all.

    One plain request: the hub's own client tries for over 20 s before it believes that there is no network.

    Returns:
        The target, or None if the address cannot be reached or the cache cannot be written.

    Raises:
        ModelError: something else came back.
    """
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            content = answer.read(SIZE + 1)
    except OSError as error:  # urllib's errors are OSErrors: no network, no such host, 404, time is up
        _log.info("the face detector's weights could not be fetched from %s: %s", url, error)
        return None
    if _sha256(content) != SHA256:
        raise ModelError(
            f"what {url} sent is not {FILE} (another SHA-256); nothing was kept: "
            f"fetch the file from the OpenCV model zoo and name it with --detector PATH or {VARIABLE}."
        )
    try:
        _write(content, target)
    except OSError as error:
        _log.warning("the face detector's weights could not be kept at %s: %s", target, error)
        return None
    return target


def _write(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name, delete=False) as beside:
        try:
            beside.write(content)
            beside.close()
            Path(beside.name).replace(target)
        except OSError:
            Path(beside.name).unlink(missing_ok=True)
            raise


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
