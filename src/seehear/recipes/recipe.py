"""Recipes, and the cost of their stages.

No training was timed on a GPU, so hours on an H100 are estimates: multiply-accumulates of a training step, which are
counted exactly, at an assumed share of the GPU's published rate. Measurements are in CPU-seconds on one core of a
two-core virtual machine with AVX2, on recordings of GRID, CREMA-D and celebrity clips of 224 to 720 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seehear.benchmark.plan import BenchmarkPlan
from seehear.benchmark.reading import parse_yaml, plan_from_values
from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.config import RECIPES, build, resource_folder, yaml_names
from seehear.data.datasets.catalogue import DATA_SETS, ON_REQUEST
from seehear.errors import SeehearError

if TYPE_CHECKING:
    from seehear.training.settings import TrainingSettings


_SUFFIXES = (".yaml", ".yml")


class RecipeError(SeehearError):
    """A recipe, or the options for it, are invalid."""


@dataclass(frozen=True)
class DataSpec:
    """A data set of a recipe.

    Attributes:
        wants: which folder to give with ``--data``, as a sentence
        hours: total length of its recordings
        size_gb: size of the release in GB; 0 if unknown
        source: source of hours and size
        format: layout, as in `seehear prepare`
        faces: yunet, whole-frame or none, as in `seehear prepare`
        fetched: whether `seehear get` downloads it if no folder is given; it must have the same name there
        part: part to download, as in `seehear get --parts`; empty for all
        optional: whether the recipe also works without it
        terms: licence, as a sentence; for downloaded data sets the one shown by `seehear get`
    """

    wants: str
    hours: float
    source: str
    format: str
    size_gb: float = 0.0
    faces: Literal["yunet", "whole-frame", "none"] = "yunet"
    fetched: bool = False
    part: tuple[str, ...] = ()
    optional: bool = False
    terms: str = ""


@dataclass(frozen=True)
class Recipe:
    """The data to fetch and prepare, the pretexts to train, and the measurements.

    Attributes:
        name: file name, or name of the packaged recipe
        data: data sets by name
        plan: pretexts, tasks, claims and the papers' tables; its corpora are the data sets
    """

    name: str
    data: Mapping[str, DataSpec]
    plan: BenchmarkPlan

    def terms_of(self, name: str) -> str:
        """Return the terms of a data set."""
        return str(DATA_SETS[name].terms) if self.data[name].fetched else self.data[name].terms


def recipe_names() -> list[str]:
    """Return the names of the packaged recipes."""
    return yaml_names(RECIPES)


def read_recipe(name: str) -> Recipe:
    """Read a packaged recipe by name, or a YAML file.

    The file has the keys of a benchmark plan, except that ``corpora`` is replaced by ``data``: fields of `DataSpec` for
    each data set name.

    Raises:
        RecipeError: the recipe does not exist, or its data sets are inconsistent
        OptionsError: the rest is not a valid plan; see `seehear.benchmark.reading.read_plan`
    """
    path = Path(name)
    try:
        if name in recipe_names():
            return parse_recipe((resource_folder(RECIPES) / f"{name}.yaml").read_text(encoding="utf-8"), name, name)
        if path.suffix in _SUFFIXES and path.is_file():
            return parse_recipe(path.read_text(encoding="utf-8"), path.stem, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{name} cannot be read ({error}); name another recipe") from error
    raise RecipeError(
        f"there is no recipe {name!r}; choose one of {', '.join(recipe_names())}, or give a .yaml file",
        code="unknown-recipe",
    )


def parse_recipe(text: str, name: str, where: str) -> Recipe:
    """Parse a recipe from YAML text.

    Args:
        text: the whole file
        name: name of the recipe
        where: name of the file in error messages

    Raises:
        RecipeError, OptionsError: see `read_recipe`
    """
    values = parse_yaml(text, where)
    if not isinstance(values, dict) or not isinstance(values.get("data"), dict) or not values["data"]:
        raise RecipeError(f"{where} needs the key data: data sets by name (see docs/recipes.md)")
    if "corpora" in values:
        raise RecipeError(f"{where} has the key corpora; in a recipe it is called data, so rename it")
    data = {str(key): build(DataSpec, value, f"{where}, data, {key}") for key, value in values["data"].items()}
    rest = {key: value for key, value in values.items() if key != "data"}
    corpora = {key: {"wants": spec.wants, "format": spec.format, "faces": spec.faces} for key, spec in data.items()}
    recipe = Recipe(name, data, plan_from_values({"name": name, **rest, "corpora": corpora}, where))
    for problem in _problems(recipe):
        raise RecipeError(f"{where}: {problem}")
    return recipe


def _problems(recipe: Recipe) -> Iterator[str]:
    plan = recipe.plan
    for name, spec in recipe.data.items():
        about = f"the data set {name!r}"
        if spec.fetched and name not in DATA_SETS:
            yield f"{about} cannot be fetched; seehear get has {', '.join(DATA_SETS)}"
        if not spec.fetched and not spec.terms:
            yield f"{about} has no terms, and seehear get has none either; add terms"
        if spec.hours <= 0 or spec.size_gb < 0:
            yield f"{about} needs hours above 0 and size_gb of 0 or more"
    if all(pretext.untrained for pretext in plan.pretexts.values()):
        yield "nothing is trained; add a pretext"
    for name, pretext in plan.pretexts.items():
        if pretext.init:
            yield f"the pretext {name!r} starts from {pretext.init}, which recipes do not support; remove init"
    used = {row.of for task in plan.tasks.values() for row in task.rows}
    for name in plan.pretexts:
        if name not in used:
            yield f"the pretext {name!r} is used by no row of a task; add one or remove it"


def source_hint(spec: DataSpec) -> str:
    """Return where to get a data set that is not downloaded, as the end of a sentence; empty if unknown."""
    return f" (see {ON_REQUEST[spec.format]})" if not spec.fetched and spec.format in ON_REQUEST else ""


H100_MAC_S = 494.7e12
"""Multiply-accumulates per second: 989.4 TFLOP/s, dense bf16, of the H100 SXM as published by NVIDIA."""


UTILISATION = 0.05
"""Fraction of that rate assumed for training: small convolutions, no compiled kernels. Not measured."""


CORES = 16
"""Assumed number of CPU cores per GPU."""


NETWORK_MBIT_S = 100
"""Assumed download rate."""


PREPARE_SPEED = 3.9
"""Seconds of video prepared per core and second. Measured: 6.6 (GRID), 5.1 (224 to 720 pixels), 3.9 (CREMA-D)."""


PREPARE_AUDIO_SPEED = 100
"""Seconds of audio prepared per core and second, without video. Assumed, not measured."""


VIEW_FRAMES_S = 750
"""Frames decoded from a corpus per core and second. Measured: 1,219 (mouth), 827 and 753 (faces)."""


LOAD_BYTE_S = 3.3e9
"""Bytes of batches copied from memory per thread and second. Measured: 3.4 (mouth) to 4.6 GB/s (faces)."""


CORPUS_BYTE_S = 30e3
"""Bytes of a corpus per second of video. Measured: 27 to 30 kB."""


AUDIO_BYTE_S = 20e3
"""Bytes of a corpus per second of audio alone: FLAC, 16 kHz, 16 bits. Assumed, not measured."""


PROBE_S = 6e-3
"""Core-seconds per second of training audio and epoch of a recurrent probe (two layers of 256 over 25 features per
second). Measured on log-mel and MFCC: 4.9 s per epoch for both, 146 recordings of 2.8 s."""


EPOCHS = 100
"""Default number for a recurrent probe; a test compares it with `BGRUOptions`."""


TRAINING_FRACTION = 0.6
"""Fraction of the recordings used to train a probe, with the speakers divided into five parts."""


@dataclass(frozen=True)
class PresetCounts:
    """Hardware requirements of a preset; verified by a test.

    Attributes:
        window: 1e9 multiply-accumulates of a training step per window, regardless of its length: forward and backward,
            counted by torch's FlopCounterMode over two windows, without augmentation and log-mel
        frame: the same per frame of a window
        view_bytes: size of one frame in the disk cache
        stills: frames used of a window; 0 for all
    """

    window: float
    frame: float
    view_bytes: int
    stills: int = 0

    def gmac(self, frames: int) -> float:
        """Return the count for a window of this many frames."""
        return self.window + self.frame * frames


COUNTS: Mapping[str, PresetCounts] = {
    "sync-base": PresetCounts(-2.0, 0.521, 64 * 64),  # negative: the frames at the ends are only context
    "animate-base": PresetCounts(57.5, 0.0724, 128 * 128 * 3),  # 16 frames are generated, whatever the window length
    "match-base": PresetCounts(5.75, 0.0, 112 * 112 * 3, stills=2),  # two segments of 2 s
    "apc-base": PresetCounts(-0.04, 0.0487, 64 * 64),
    "cpc-base": PresetCounts(0.30, 0.298, 64 * 64),
}


@dataclass(frozen=True)
class Cost:
    """Cost of a stage.

    Attributes:
        size: description of the data
        disk_gb: disk space of its output
        hours: with one H100 and with eight; empty if unknown
        hours_source: source of the hours
        at_least: whether the hours cover only part of the work
    """

    size: str
    disk_gb: float
    hours: tuple[float, ...]
    hours_source: str
    at_least: bool = False


def get_cost(size_gb: float) -> Cost:
    """Return the cost of a download: the network determines it, not the number of GPUs."""
    hours = size_gb * 8e3 / NETWORK_MBIT_S / 3600
    return Cost(f"{size_gb:g} GB", size_gb, (hours, hours), f"at {NETWORK_MBIT_S} Mbit/s")


def prepare_cost(hours: float, has_video: bool) -> Cost:
    """Return the cost of preparing this many hours of video, or of audio alone."""
    speed, byte_s = (PREPARE_SPEED, CORPUS_BYTE_S) if has_video else (PREPARE_AUDIO_SPEED, AUDIO_BYTE_S)
    one = hours / speed / CORES
    medium = "video" if has_video else "audio"
    measured = "measured on one core" if has_video else "assumed"
    source = f"{speed:g} x real time per core ({measured}), {CORES} cores per GPU (assumed)"
    return Cost(f"{hours:g} h of {medium}", hours * 3600 * byte_s / 1e9, (one, one / 8), source)


def pretrain_cost(preset: str, settings: TrainingSettings, hours: float, cached: bool) -> Cost:
    """Return the cost of pretraining for the steps of one GPU; eight need an eighth of the steps.

    Args:
        preset: a preset with known counts; others get no hours
        settings: as for one GPU
        hours: hours of training video
        cached: whether another pretext has already decoded the same frames
    """
    data, optim = settings.data, settings.optim
    windows = optim.steps * optim.accumulate * data.batch
    frames = windows * data.frames
    size = f"{optim.steps} steps, {frames / FPS / 3600:.0f} h of video in total"
    counts = COUNTS.get(preset)
    if counts is None:
        return Cost(size, 0.0, (), f"{preset}: operations not counted")
    decoded_frames = 0 if cached else hours * 3600 * FPS
    loaded_frames = windows * (counts.stills or data.frames)
    loading = (loaded_frames * counts.view_bytes + frames * SAMPLES_PER_FRAME * 4) / LOAD_BYTE_S
    computing = windows * counts.gmac(data.frames) * 1e9 / (UTILISATION * H100_MAC_S)
    decoding = decoded_frames / VIEW_FRAMES_S / CORES
    one = (max(computing, loading) + decoding) / 3600
    disk = decoded_frames * (counts.view_bytes + SAMPLES_PER_FRAME * 2) / 1e9
    source = (
        f"{preset}: {counts.gmac(data.frames) / data.frames:.3g} GMAC per frame (counted) at {UTILISATION:.0%} of an "
        "H100's bf16 (assumed), or copying by one thread, whichever takes longer; plus decoding once"
    )
    return Cost(size, disk, (one, one / 8), source)


def evaluate_cost(measurements: int, epoch_s: float) -> Cost:
    """Return the cost of the evaluation, of which only recurrent probes were timed.

    Args:
        measurements: number of measurements
        epoch_s: seconds of training audio times epochs, over all recurrent probes
    """
    size = f"{measurements} measurements"
    if not epoch_s:
        return Cost(size, 0.0, (), "not measured")
    one = epoch_s * PROBE_S / CORES / 3600
    source = (
        f"recurrent probes of one layer each: {1000 * PROBE_S:g} ms of a core per second of audio and epoch "
        "(measured); all other measurements are extra (not measured)"
    )
    return Cost(size, 0.0, (one, one / 8), source, at_least=True)


def probe_seconds(plan: BenchmarkPlan, hours: Mapping[str, float]) -> float:
    """Return seconds of training audio times epochs, over all recurrent probes of a plan.

    Args:
        plan: the measurements
        hours: hours of each of its corpora
    """
    seconds = 0.0
    for task in plan.tasks.values():
        if task.options.get("readout") == "bgru":
            per_row = sum(hours[name] for name in task.data) * 3600 * TRAINING_FRACTION * sum(task.labels)
            options = task.options.get("bgru", {})
            seconds += plan.seeds * len(task.rows) * per_row * options.get("epochs", EPOCHS)
    return seconds
