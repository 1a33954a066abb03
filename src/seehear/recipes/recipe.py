"""What a recipe is, and what its stages cost.

No training was ever timed on a GPU here. Hours on an H100 are therefore estimates: multiply-accumulates of a training
step, which are counted exactly, at an assumed share of the GPU's published rate. What was measured was measured in
CPU-seconds on one core of a two-core virtual machine with AVX2, on recordings of GRID, CREMA-D and celebrity clips of
224 to 720 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seehear.benchmark.plan import BenchmarkPlan
from seehear.benchmark.reading import loaded, plan_from
from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.config import RECIPES, build, resource_folder, yaml_names
from seehear.data.datasets.catalogue import DATA_SETS, ON_REQUEST
from seehear.errors import SeehearError

if TYPE_CHECKING:
    from seehear.training.settings import TrainingSettings


_ENDINGS = (".yaml", ".yml")


class RecipeError(SeehearError):
    """A recipe, or what is asked of it, does not make sense."""


@dataclass(frozen=True)
class DataSpec:
    """A data set of a recipe.

    Attributes:
        wants: which folder the user gives with ``--data``, in a sentence.
        hours: length of its recordings.
        size_gb: gigabytes as its makers release it; 0 where that is not known.
        source: where hours and size are from.
        format: layout, as `seehear prepare` knows it.
        faces: yunet, whole-frame or none, as `seehear prepare` takes it.
        fetched: whether `seehear get` brings it where no folder is given; its name is then that of a data set there.
        part: of it, as `seehear get --parts` names them; empty for all.
        optional: whether the recipe goes on without it.
        terms: licence, in a sentence; for data sets that are fetched the one that `seehear get` shows.
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
    """What is fetched and prepared, what learns from it, and what is measured.

    Attributes:
        name: of its file, or of the shipped one.
        data: by name.
        plan: pretexts, tasks, claims and the papers' tables; its corpora are the data sets.
    """

    name: str
    data: Mapping[str, DataSpec]
    plan: BenchmarkPlan

    def terms_of(self, name: str) -> str:
        """On what terms a data set is given."""
        return str(DATA_SETS[name].terms) if self.data[name].fetched else self.data[name].terms


def recipe_names() -> list[str]:
    """Those that come with the package."""
    return yaml_names(RECIPES)


def read_recipe(name: str) -> Recipe:
    """A recipe, by the name of one that comes with the package or from a YAML file.

    The file has the keys of a benchmark plan but for ``corpora``, whose place is taken by ``data``: fields of
    `DataSpec` by the name of the data set.

    Raises:
        RecipeError: there is no such recipe, or its data sets do not fit.
        OptionsError: the rest is no plan; see `seehear.benchmark.reading.read_plan`.
    """
    path = Path(name)
    try:
        if name in recipe_names():
            return recipe_of((resource_folder(RECIPES) / f"{name}.yaml").read_text(encoding="utf-8"), name, name)
        if path.suffix in _ENDINGS and path.is_file():
            return recipe_of(path.read_text(encoding="utf-8"), path.stem, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{name} cannot be read ({error}); name another recipe") from error
    raise RecipeError(f"there is no recipe {name!r}; there are {', '.join(recipe_names())}, or give a .yaml file")


def recipe_of(text: str, name: str, where: str) -> Recipe:
    """A recipe from the text of a YAML file.

    Args:
        text: all of it.
        name: of the recipe.
        where: what the file is called in errors.

    Raises:
        RecipeError, OptionsError: see `read_recipe`.
    """
    values = loaded(text, where)
    if not isinstance(values, dict) or not isinstance(values.get("data"), dict) or not values["data"]:
        raise RecipeError(f"{where} needs the key data: data sets by name (docs/recipes.md has how)")
    if "corpora" in values:
        raise RecipeError(f"{where} has the key corpora, which is called data in a recipe; rename it")
    data = {str(key): build(DataSpec, value, f"{where}, data, {key}") for key, value in values["data"].items()}
    rest = {key: value for key, value in values.items() if key != "data"}
    corpora = {key: {"wants": spec.wants, "format": spec.format, "faces": spec.faces} for key, spec in data.items()}
    recipe = Recipe(name, data, plan_from({"name": name, **rest, "corpora": corpora}, where))
    for problem in _problems(recipe):
        raise RecipeError(f"{where}: {problem}")
    return recipe


def _problems(recipe: Recipe) -> Iterator[str]:
    plan = recipe.plan
    for name, spec in recipe.data.items():
        about = f"the data set {name!r}"
        if spec.fetched and name not in DATA_SETS:
            yield f"{about} cannot be fetched; seehear get knows {', '.join(DATA_SETS)}"
        if not spec.fetched and not spec.terms:
            yield f"{about} does not say its terms; seehear get does not know them either"
        if spec.hours <= 0 or spec.size_gb < 0:
            yield f"{about} needs hours of more than 0 and no size below 0"
    if all(pretext.untrained for pretext in plan.pretexts.values()):
        yield "nothing is trained; add a pretext"
    for name, pretext in plan.pretexts.items():
        if pretext.init:
            yield f"the pretext {name!r} begins with {pretext.init}, which a recipe cannot do; leave init out"
    read = {row.of for task in plan.tasks.values() for row in task.rows}
    for name in plan.pretexts:
        if name not in read:
            yield f"the pretext {name!r} is read by no row of a task; add one, or leave it out"


def where_from(spec: DataSpec) -> str:
    """Where a data set that is not fetched can be had, as a sentence's ending; empty where that is not known."""
    return f" (see {ON_REQUEST[spec.format]})" if not spec.fetched and spec.format in ON_REQUEST else ""


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


def of_pretrain(preset: str, settings: TrainingSettings, hours: float, cached: bool) -> Cost:
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


def read_out_s(plan: BenchmarkPlan, hours: Mapping[str, float]) -> float:
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
