"""What a stage costs: bytes and hours, computed from what was measured and from what has to be assumed.

No training was ever timed on a GPU here. Hours on an H100 are therefore estimates: multiply-accumulates of a training
step, which are counted exactly, at an assumed share of the GPU's published rate. What was measured was measured in
CPU-seconds on one core of a two-core virtual machine with AVX2, on recordings of GRID, CREMA-D and celebrity clips of
224 to 720 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seehear.clip import FPS, SAMPLES_PER_FRAME

if TYPE_CHECKING:
    from seehear.benchmark.planning.plan import Plan
    from seehear.training.presets import Settings

H100_MAC_S = 494.7e12
"""Multiply-accumulates a second: 989.4 TFLOP/s, dense bf16, of the H100 SXM as NVIDIA publishes it."""

SHARE = 0.05
"""Of that rate, what a training is assumed to reach: small convolutions, no compiled kernels. Not measured."""

CORES = 16
"""CPU cores that are assumed beside each GPU."""

NETWORK_MBIT_S = 100
"""Rate of a download that is assumed."""

PREPARE_X = 3.9
"""Seconds of film that one core prepares in a second. Measured: 6.6 (GRID), 5.1 (224 to 720 pixels), 3.9 (CREMA-D)."""

HEAR_X = 100
"""Seconds of sound that one core prepares in a second where there are no pictures. Assumed, not measured."""

VIEW_FRAMES_S = 750
"""Frames that one core decodes from a corpus in a second. Measured: 1,219 (mouth), 827 and 753 (faces)."""

LOAD_BYTE_S = 3.3e9
"""Bytes of batches that one thread copies in a second from memory. Measured: 3.4 (mouth) to 4.6 GB/s (faces)."""

CORPUS_BYTE_S = 30e3
"""Bytes of a corpus for each second of film. Measured: 27 to 30 kB."""

SOUND_BYTE_S = 20e3
"""Bytes of a corpus for each second of sound alone: FLAC of 16 kHz, 16 bits. Assumed, not measured."""


READ_OUT_S = 6e-3
"""Seconds of one core for each second of training sound and each epoch of a recurrent read-out (two layers of 256 over
25 features a second). Measured on log-mel and MFCC: 4.9 s an epoch for both, 146 recordings of 2.8 s."""

EPOCHS = 100
"""Of a recurrent read-out that does not say how many; a test compares it with `BGRUOptions`."""

TRAINING = 0.6
"""Share of the recordings that a read-out learns from, where the speakers are divided into five parts."""


@dataclass(frozen=True)
class Counted:
    """What a preset asks of the hardware; a test counts it anew.

    Attributes:
        window: thousand million multiply-accumulates of a training step for each window, however long: forward and
            backward, counted by torch's FlopCounterMode over two windows, without disturbances and log-mel.
        frame: the same for each frame of a window.
        view_bytes: of one picture as it is cached on disk.
        stills: pictures of a window; 0 where it is all of them.
    """

    window: float
    frame: float
    view_bytes: int
    stills: int = 0

    def gmac(self, frames: int) -> float:
        """Of a window of so many frames."""
        return self.window + self.frame * frames


COUNTED: Mapping[str, Counted] = {
    "sync-base": Counted(-2.0, 0.521, 64 * 64),  # less than 0: the frames at the ends are context alone
    "animate-base": Counted(57.5, 0.0724, 128 * 128 * 3),  # 16 pictures are drawn, however long the window is
    "match-base": Counted(5.75, 0.0, 112 * 112 * 3, stills=2),  # two segments of 2 s
    "apc-base": Counted(-0.04, 0.0487, 64 * 64),
    "cpc-base": Counted(0.30, 0.298, 64 * 64),
}


@dataclass(frozen=True)
class Cost:
    """Of a stage.

    Attributes:
        size: what it works on, in words.
        disk_gb: what it leaves on the disk.
        hours: on a machine with one H100, and on one with eight; empty where nothing can be said.
        how: where the hours are from, in words.
        at_least: whether only a part of the work is in the hours.
    """

    size: str
    disk_gb: float
    hours: tuple[float, ...]
    how: str
    at_least: bool = False


def of_get(size_gb: float) -> Cost:
    """Of fetching: the network decides, however many GPUs there are."""
    hours = size_gb * 8e3 / NETWORK_MBIT_S / 3600
    return Cost(f"{size_gb:g} GB", size_gb, (hours, hours), f"at {NETWORK_MBIT_S} Mbit/s")


def of_prepare(hours: float, seen: bool) -> Cost:
    """Of preparing so many hours of film, or of sound alone."""
    rate, byte_s = (PREPARE_X, CORPUS_BYTE_S) if seen else (HEAR_X, SOUND_BYTE_S)
    one = hours / rate / CORES
    what = "film" if seen else "sound"
    known = "measured on one core" if seen else "assumed"
    how = f"{rate:g} x real time a core ({known}), {CORES} cores a GPU (assumed)"
    return Cost(f"{hours:g} h of {what}", hours * 3600 * byte_s / 1e9, (one, one / 8), how)


def of_pretrain(preset: str, settings: Settings, hours: float, cached: bool) -> Cost:
    """Of pretraining for the steps of one GPU; eight of them take an eighth of the steps.

    Args:
        preset: whose numbers were counted; another one is given no hours.
        settings: as they are for one GPU.
        hours: of film that is learned from.
        cached: whether another pretext has decoded the same pictures already.
    """
    data, optim = settings.data, settings.optim
    windows = optim.steps * optim.accumulate * data.batch
    frames = windows * data.frames
    size = f"{optim.steps} steps, {frames / FPS / 3600:.0f} h of film in all"
    counted = COUNTED.get(preset)
    if counted is None:
        return Cost(size, 0.0, (), f"{preset}: its arithmetic was not counted")
    film_frames = 0 if cached else hours * 3600 * FPS
    pictures = windows * (counted.stills or data.frames)
    loading = (pictures * counted.view_bytes + frames * SAMPLES_PER_FRAME * 4) / LOAD_BYTE_S
    computing = windows * counted.gmac(data.frames) * 1e9 / (SHARE * H100_MAC_S)
    decoding = film_frames / VIEW_FRAMES_S / CORES
    one = (max(computing, loading) + decoding) / 3600
    disk = film_frames * (counted.view_bytes + SAMPLES_PER_FRAME * 2) / 1e9
    how = (
        f"{preset}: {counted.gmac(data.frames) / data.frames:.3g} GMAC a frame (counted) at {SHARE:.0%} of an H100's "
        "bf16 (assumed), or what one thread copies, whichever is longer; and decoding once"
    )
    return Cost(size, disk, (one, one / 8), how)


def of_evaluate(measurements: int, epoch_s: float) -> Cost:
    """Of measuring, of which only recurrent read-outs were timed.

    Args:
        measurements: how many.
        epoch_s: seconds of training sound, times epochs, of all recurrent read-outs.
    """
    size = f"{measurements} measurements"
    if not epoch_s:
        return Cost(size, 0.0, (), "not measured")
    one = epoch_s * READ_OUT_S / CORES / 3600
    how = (
        f"recurrent read-outs of one layer each: {1000 * READ_OUT_S:g} ms of a core for a second of sound and an epoch "
        "(measured); all other measurements come on top (not measured)"
    )
    return Cost(size, 0.0, (one, one / 8), how, at_least=True)


def read_out_s(plan: Plan, hours: Mapping[str, float]) -> float:
    """Seconds of training sound, times epochs, of all recurrent read-outs of a plan.

    Args:
        plan: what is measured.
        hours: of each of its corpora.
    """
    told = 0.0
    for task in plan.tasks.values():
        if task.options.get("readout") == "bgru":
            each = sum(hours[name] for name in task.data) * 3600 * TRAINING * sum(task.labels)
            parts = task.options.get("bgru", {})
            told += plan.seeds * len(task.rows) * each * parts.get("epochs", EPOCHS)
    return told
