"""Options and presets of trainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, cast

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from seehear.config import PRESETS_FOLDER, check_minimums, options_to_dict, resource_folder, yaml_names
from seehear.data.corpus import By
from seehear.errors import ModelError
from seehear.models import DEFAULT_MODEL, MODELS
from seehear.plain_yaml import load_yaml

Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True)
class DataOptions:
    """Training data and batches.

    Attributes:
        batch: clip windows per batch and process.
        frames: length of a window in video frames; 75 are 3 s.
        min_frames: minimum length of a clip; clips between this and ``frames`` make shorter windows.
        split_by: what must not be on both sides of the split: sources or speakers.
        dev_every: hold out every n-th source (or speaker) for development.
        probe_clips: number of development clips for the validation during training.
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
    """Optimizer and schedule: AdamW with linear warm-up and cosine decay.

    Attributes:
        steps: total number of updates.
        lr: peak learning rate.
        warmup: number of warm-up steps.
        final: final learning rate as a fraction of the peak.
        weight_decay: weight decay of matrices and kernels; none on biases, norms and the loss's own parameters.
        beta1: decay of the mean of the gradients.
        beta2: decay of the mean of their squares.
        clip: maximum norm of the gradient; 0 disables clipping.
        accumulate: batches per update.
        ema: decay of the moving average of the weights, which is validated and exported; 0 uses the weights themselves.
        seed: seed of weights, order and augmentation.
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
    """Hardware, logging and checkpoints. Apart from the precision they do not change the result.

    Attributes:
        accelerator: cpu, cuda, mps or auto.
        devices: number of devices per machine, or auto.
        num_nodes: number of machines.
        strategy: auto, ddp, fsdp, or any other name that Lightning Fabric knows.
        precision: 32-true, bf16-mixed, 16-mixed, or auto: bf16-mixed if the hardware multiplies in it (on such a CPU
            convolutions run up to ten times as fast), else 32-true.
        threads: CPU threads per process; by default torch's choice.
        log_every: steps between two rows of metrics.csv.
        probe_every: steps between two validations on the development clips.
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
        model: options of one of the `MODELS`: encoders, loss and augmentation.
        data: clips and batches.
        optim: optimizer and schedule.
        engine: hardware, logging and checkpoints.
    """

    model: Any = field(default_factory=lambda: MODELS[DEFAULT_MODEL].Options())
    data: DataOptions = field(default_factory=DataOptions)
    optim: OptimOptions = field(default_factory=OptimOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML."""
        return cast(dict[str, Any], _plain(options_to_dict(self)))

    def flags(self) -> dict[str, Any]:
        """All options by the name of their flag: ``optim.lr``, ``model.pictures.flip``."""
        return dict(_flags(self, ""))


def _flags(options: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Recurse into dataclasses; a mapping (``model.lips``) is one option."""
    for entry in fields(options):
        value = getattr(options, entry.name)
        if is_dataclass(value):
            yield from _flags(value, f"{prefix}{entry.name}.")
        else:
            yield prefix + entry.name, _plain(value)


def preset_names() -> list[str]:
    """Names of the packaged presets."""
    return yaml_names(PRESETS_FOLDER)


def read_preset(name: str) -> dict[str, Any]:
    """Read a preset as plain values: the keys that differ from the defaults.

    Args:
        name: name of a packaged preset, name of a model for its default options, or path of a YAML file

    Raises:
        ModelError: unknown preset, or not a YAML mapping.
    """
    path = Path(name)
    if name in preset_names():
        text = (resource_folder(PRESETS_FOLDER) / f"{name}.yaml").read_text(encoding="utf-8")
    elif path.suffix in (".yaml", ".yml") and path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"the preset {name} cannot be read ({error}); name another") from error
    elif name in MODELS:
        return {"model": {"pretext": name}}
    else:
        raise ModelError(
            f"there is no preset {name!r}; there are {', '.join(preset_names())}; "
            f"or give a model ({', '.join(MODELS)}), or a .yaml file"
        )
    try:
        values = load_yaml(text)
    except yaml.YAMLError as error:
        raise ModelError(f"{name} is no YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(values, dict):
        raise ModelError(f"{name} must be a mapping with the keys model, data, optim and engine")
    for section, options in values.items():
        if options is None:
            raise ModelError(f"{name} has an empty section {section}; leave it out or give it options")
    return values


def pretext_of(preset: str) -> str:
    """Name of the model that a preset is for: its key ``pretext``, by default sync.

    Raises:
        ModelError: unknown preset or model.
    """
    return _pretext_in(read_preset(preset), preset) or DEFAULT_MODEL


def default_preset(model: str) -> str:
    """Name of a model's default preset; a model without packaged presets is trained with its default options."""
    return small if (small := f"{model}-small") in preset_names() else model


def pretrain_arguments(words: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Parameters of `pretrain` whose flags depend on the command line, in the form that `argparse` takes."""
    pretext, preset = pretext_on_command_line(words)
    options = MODELS[pretext].Options
    models = "; ".join(f"{name}: {model.summary}" if model.summary else name for name, model in MODELS.items())
    help_text = (
        f"the model to train and the defaults of the flags below: a preset ({', '.join(preset_names())}); "
        f"a model, with its default options ({models}); or a YAML file"
    )
    return {
        "preset": {"type": str, "default": preset, "help": help_text},
        "model": {"type": options, "default": options()},
    }


def pretext_on_command_line(words: Sequence[str]) -> tuple[str, str]:
    """Find the model and preset on a command line before it is parsed: the available flags depend on them.

    Args:
        words: the command line; only ``--preset``, ``--model.pretext`` and ``--config`` are read.

    Returns:
        The name of the model and the preset.

    Raises:
        ModelError: unknown preset or model, or they do not belong together.
    """
    preset = pretext = None
    for flag, value in _find_flags(words, ("--preset", "--model.pretext", "--config")):
        if flag == "--config":
            values = _read_config_file(value)
            preset = str(values["preset"]) if "preset" in values else preset
            pretext = _pretext_in(values, value) or pretext
        elif flag == "--preset":
            preset = value
        else:
            pretext = _pretext_in({"model": {"pretext": value}}, flag)
    if preset is None:
        preset = default_preset(pretext or DEFAULT_MODEL)
    check_same_pretext(preset, pretext_of(preset), pretext)
    return pretext_of(preset), preset


def check_same_pretext(preset: str, its: str, asked: str | None) -> None:
    """Check that a preset is for the model whose options are given.

    Raises:
        ModelError: it is for another one.
    """
    if asked not in (None, its):
        raise ModelError(
            f"the preset {preset} is for {its}, but the options of the model are for {asked}; "
            f"name a preset such as {default_preset(str(asked))}"
        )


def _find_flags(words: Sequence[str], names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield ``--flag value`` and ``--flag=value`` in order."""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        flag, equals, value = word.partition("=")
        if flag in names:
            yield flag, value if equals else following


def _read_config_file(config: str) -> dict[str, Any]:
    """Read a YAML file of flags as far as possible; the parser will report any errors."""
    try:
        values = load_yaml(Path(config).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return values if isinstance(values, dict) else {}


def _pretext_in(values: Mapping[str, Any], where: str) -> str | None:
    """The key ``pretext`` of the section ``model``; None if there is none."""
    model = values.get("model")
    pretext = model.get("pretext") if isinstance(model, dict) else None
    if pretext is None or (isinstance(pretext, str) and pretext in MODELS):
        return pretext
    raise ModelError(f"{where} asks for the pretext {pretext!r}; there are {', '.join(MODELS)}")


def read_settings(name: str) -> TrainingSettings:
    """Read the options of a preset, checked against their types.

    Raises:
        ModelError: unknown key, or a value of the wrong type.
    """
    return build_settings(read_preset(name), name)


def build_settings(values: Mapping[str, Any], name: str) -> TrainingSettings:
    """Build settings from a preset's values, checked against their types.

    Args:
        values: result of `read_preset`.
        name: name of the preset, for error messages.

    Raises:
        ModelError: unknown key, or a value of the wrong type.
    """
    pretext = _pretext_in(values, name) or DEFAULT_MODEL
    parser = ArgumentParser(exit_on_error=False)
    types = {"model": MODELS[pretext].Options, "data": DataOptions, "optim": OptimOptions}
    for section, options in (types | {"engine": EngineOptions}).items():
        parser.add_argument(f"--{section}", type=options, default=options())
    try:
        parsed = parser.instantiate(parser.parse_object(dict(values)))
    except (ArgumentError, ValueError, TypeError, ModelError) as error:
        raise ModelError(f"the preset {name} is not valid: {' '.join(str(error).split())}") from error
    return TrainingSettings(**vars(parsed))


def _plain(value: Any) -> Any:
    """Convert tuples to lists, recursively, for YAML."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
