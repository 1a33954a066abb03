"""Presets: YAML files whose keys are the arguments of `seehear.training.pretrain.pretrain`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, cast

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from seehear.errors import ModelError
from seehear.pretext.sync import SyncOptions
from seehear.training.options import DataOptions, EngineOptions, OptimOptions


@dataclass(frozen=True)
class Settings:
    """All sections of a preset.

    Attributes:
        model: the pretext, its encoders, loss and disturbances.
        data: clips and batches.
        optim: how the weights move.
        engine: what it runs on.
    """

    model: SyncOptions = field(default_factory=SyncOptions)
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
    folder = resources.files("seehear") / "presets"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def read_preset(name: str) -> dict[str, Any]:
    """What a preset says, as plain values: the keys that differ from the defaults.

    Args:
        name: of one that comes with the package, or the path of a YAML file.

    Raises:
        ModelError: there is none, or it is no YAML mapping.
    """
    path = Path(name)
    if name in preset_names():
        text = (resources.files("seehear") / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
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


def settings(name: str) -> Settings:
    """The options of a preset, checked against their types.

    Raises:
        ModelError: a key that does not exist, or a value of the wrong type.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Settings, as_group=False)
    try:
        parsed = parser.instantiate(parser.parse_object(read_preset(name)))
    except (ArgumentError, ValueError) as error:
        raise ModelError(f"the preset {name} does not fit: {' '.join(str(error).split())}") from error
    return Settings(**vars(parsed))


def _plain(value: Any) -> Any:
    """Tuples as lists, all the way down: what YAML can say."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
