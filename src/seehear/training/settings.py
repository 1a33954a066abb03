"""Options of a training; presets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, cast

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from seehear.config import PRESETS_FOLDER, check_minimums, resource_folder, yaml_names
from seehear.data.corpus import By
from seehear.errors import ModelError
from seehear.models import MODELS
from seehear.models.sync import SyncOptions

Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True)
class DataOptions:
    """Which clips are learned from, and in what portions.

    Attributes:
        batch: windows of clips in a batch, for each process.
        frames: video frames of a window; 75 are 3 s.
        min_frames: shorter clips are left out; those between this and ``frames`` make shorter windows.
        split_by: what must not be on both sides of the split, sources or speakers.
        dev_every: one source (or speaker) in so many is kept for measuring.
        probe_clips: of those, how many the probe measures on while training goes on.
    """

    batch: int = 16
    frames: int = 75
    min_frames: int = 50
    split_by: By = "source"
    dev_every: int = 8
    probe_clips: int = 48

    def __post_init__(self) -> None:
        check_minimums("data", self, batch=1, frames=1, min_frames=1, dev_every=2, probe_clips=0)


@dataclass(frozen=True)
class OptimOptions:
    """How the weights move: AdamW, learning rate up in a line and down in a cosine.

    Attributes:
        steps: updates of the weights, all in all.
        lr: learning rate at its highest.
        warmup: steps until it is reached.
        final: share of it that is left at the end.
        weight_decay: of matrices and kernels; biases, norms and the loss's own numbers are left alone.
        beta1: decay of the mean of gradients.
        beta2: decay of the mean of their squares.
        clip: largest norm of a gradient; 0 does not clip.
        accumulate: batches that make one update.
        ema: decay of the running mean of the weights that is measured and kept; 0 keeps the weights themselves.
        seed: of weights, order and disturbances.
    """

    steps: int = 1500
    lr: float = 2e-3
    warmup: int = 100
    final: float = 0.02
    weight_decay: float = 0.05
    beta1: float = 0.9
    beta2: float = 0.98
    clip: float = 2.0
    accumulate: int = 1
    ema: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_minimums("optim", self, steps=1, accumulate=1, warmup=0, lr=0, final=0, weight_decay=0, clip=0, seed=0)
        for name in ("ema", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"optim.{name} must be 0 or more and less than 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class EngineOptions:
    """What it runs on, and how often it tells and saves; none of it changes what is learned, but for the precision.

    Attributes:
        accelerator: cpu, cuda, mps or auto.
        devices: how many of them on each machine, or auto.
        num_nodes: machines.
        strategy: auto, ddp, fsdp, or any other name that Lightning Fabric knows.
        precision: of the arithmetic: 32-true, bf16-mixed, 16-mixed, or auto: bf16-mixed where the hardware multiplies
            in it (on a CPU of that kind the convolutions then run up to ten times as fast), 32-true elsewhere.
        threads: of each process on the CPU; by default what torch takes.
        log_every: steps between two rows of metrics.csv.
        probe_every: steps between two measurements on the development clips.
        save_every: steps between two checkpoints.
    """

    accelerator: str = "auto"
    devices: int | Literal["auto"] = "auto"
    num_nodes: int = 1
    strategy: str = "auto"
    precision: Precision = "auto"
    threads: int | None = None
    log_every: int = 20
    probe_every: int = 250
    save_every: int = 250

    def __post_init__(self) -> None:
        check_minimums("engine", self, num_nodes=1, log_every=1, probe_every=1, save_every=1)
        if self.threads is not None:
            check_minimums("engine", self, threads=1)


@dataclass(frozen=True)
class TrainingSettings:
    """All sections of a preset.

    Attributes:
        model: options of one of the `MODELS`: its encoders, loss and disturbances.
        data: clips and batches.
        optim: how the weights move.
        engine: what it runs on.
    """

    model: Any = field(default_factory=SyncOptions)
    data: DataOptions = field(default_factory=DataOptions)
    optim: OptimOptions = field(default_factory=OptimOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as YAML has them."""
        return cast(dict[str, Any], _plain(asdict(self)))

    def flags(self) -> dict[str, Any]:
        """Every option by the name of its flag: ``optim.lr``, ``model.pictures.flip``."""
        return dict(_flags(self, ""))


def _flags(options: Any, above: str) -> Iterator[tuple[str, Any]]:
    """Dataclasses are gone into; what is a mapping in itself (``model.lips``) is one option."""
    for entry in fields(options):
        value = getattr(options, entry.name)
        if is_dataclass(value):
            yield from _flags(value, f"{above}{entry.name}.")
        else:
            yield above + entry.name, _plain(value)


def preset_names() -> list[str]:
    """Those that come with the package."""
    return yaml_names(PRESETS_FOLDER)


def read_preset(name: str) -> dict[str, Any]:
    """What a preset says, as plain values: the keys that differ from the defaults.

    Args:
        name: of one that comes with the package, or the path of a YAML file.

    Raises:
        ModelError: there is none, or it is no YAML mapping.
    """
    path = Path(name)
    if name in preset_names():
        text = (resource_folder(PRESETS_FOLDER) / f"{name}.yaml").read_text(encoding="utf-8")
    elif path.suffix in (".yaml", ".yml") and path.is_file():
        text = path.read_text(encoding="utf-8")
    else:
        raise ModelError(f"there is no preset {name!r}; there are {', '.join(preset_names())}, or give a .yaml file")
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ModelError(f"{name} is no YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(values, dict):
        raise ModelError(f"{name} must be a mapping with the keys model, data, optim and engine")
    return values


def pretext_of(preset: str) -> str:
    """Whose options a preset's section ``model`` has: its key ``pretext``, by default sync.

    Raises:
        ModelError: there is no such preset, or no such pretext.
    """
    return _pretext_in(read_preset(preset), preset) or SyncOptions.pretext


def pretrain_arguments(words: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The parameters of `pretrain` whose flags depend on what a command line says, as `argparse` takes them."""
    pretext, preset = pretext_on_command_line(words)
    options = MODELS[pretext].Options
    return {"preset": {"type": str, "default": preset}, "model": {"type": options, "default": options()}}


def pretext_on_command_line(words: Sequence[str]) -> tuple[str, str]:
    """What a command line is about, before its flags can be read: which those are depends on it.

    Args:
        words: of the command line; ``--preset``, ``--model.pretext`` and ``--config`` are looked for.

    Returns:
        The pretext and the preset.

    Raises:
        ModelError: a preset or a pretext that is not there, or two that do not belong together.
    """
    preset = pretext = None
    for flag, value in _flags_among(words, ("--preset", "--model.pretext", "--config")):
        if flag == "--config":
            told = _read_config_file(value)
            preset = str(told["preset"]) if "preset" in told else preset
            pretext = _pretext_in(told, value) or pretext
        elif flag == "--preset":
            preset = value
        else:
            pretext = _pretext_in({"model": {"pretext": value}}, flag)
    if preset is None:
        preset = f"{pretext or SyncOptions.pretext}-small"
    check_same_pretext(preset, pretext_of(preset), pretext)
    return pretext_of(preset), preset


def check_same_pretext(preset: str, its: str, asked: str | None) -> None:
    """That a preset is of the pretext whose options are given.

    Raises:
        ModelError: it is of another.
    """
    if asked not in (None, its):
        raise ModelError(
            f"the preset {preset} is for {its}, but the options of the model are for {asked}; "
            f"name a preset such as {asked}-small"
        )


def _flags_among(words: Sequence[str], wanted: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """``--flag value`` and ``--flag=value``, in their order."""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        flag, equals, value = word.partition("=")
        if flag in wanted:
            yield flag, value if equals else following


def _read_config_file(config: str) -> dict[str, Any]:
    """A YAML file of flags, as far as it can be read: what is wrong with it the parser will say."""
    try:
        told = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return told if isinstance(told, dict) else {}


def _pretext_in(told: Mapping[str, Any], where: str) -> str | None:
    """The key ``pretext`` of the section ``model``; None where there is none."""
    model = told.get("model")
    pretext = model.get("pretext") if isinstance(model, dict) else None
    if pretext is None or (isinstance(pretext, str) and pretext in MODELS):
        return pretext
    raise ModelError(f"{where} asks for the pretext {pretext!r}; there are {', '.join(MODELS)}")


def read_settings(name: str) -> TrainingSettings:
    """The options of a preset, checked against their types.

    Raises:
        ModelError: a key that does not exist, or a value of the wrong type.
    """
    return build_settings(read_preset(name), name)


def build_settings(values: Mapping[str, Any], name: str) -> TrainingSettings:
    """The options that a preset's values mean, checked against their types.

    Args:
        values: as `read_preset` gives them.
        name: of the preset, for errors.

    Raises:
        ModelError: a key that does not exist, or a value of the wrong type.
    """
    pretext = _pretext_in(values, name) or SyncOptions.pretext
    parser = ArgumentParser(exit_on_error=False)
    types = {"model": MODELS[pretext].Options, "data": DataOptions, "optim": OptimOptions}
    for section, options in (types | {"engine": EngineOptions}).items():
        parser.add_argument(f"--{section}", type=options, default=options())
    try:
        parsed = parser.instantiate(parser.parse_object(dict(values)))
    except (ArgumentError, ValueError) as error:
        raise ModelError(f"the preset {name} does not fit: {' '.join(str(error).split())}") from error
    return TrainingSettings(**vars(parsed))


def _plain(value: Any) -> Any:
    """Tuples as lists, all the way down: what YAML can say."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
