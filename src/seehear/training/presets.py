"""Presets: YAML files whose keys are the arguments of `seehear.training.pretrain.pretrain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from seehear.errors import ModelError
from seehear.pretext import PRETEXTS
from seehear.pretext.sync import SyncOptions
from seehear.shipped import PRESETS, room, yaml_names
from seehear.training.options import DataOptions, EngineOptions, OptimOptions


@dataclass(frozen=True)
class Settings:
    """All sections of a preset.

    Attributes:
        model: options of one of the `PRETEXTS`: its encoders, loss and disturbances.
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
    return yaml_names(PRESETS)


def read_preset(name: str) -> dict[str, Any]:
    """What a preset says, as plain values: the keys that differ from the defaults.

    Args:
        name: of one that comes with the package, or the path of a YAML file.

    Raises:
        ModelError: there is none, or it is no YAML mapping.
    """
    path = Path(name)
    if name in preset_names():
        text = (room(PRESETS) / f"{name}.yaml").read_text(encoding="utf-8")
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


def shaped(words: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The parameters of `pretrain` whose flags depend on what a command line says, as `argparse` takes them."""
    pretext, preset = pretext_told(words)
    options = PRETEXTS[pretext].Options
    return {"preset": {"type": str, "default": preset}, "model": {"type": options, "default": options()}}


def pretext_told(words: Sequence[str]) -> tuple[str, str]:
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
            told = _told_by(value)
            preset = str(told["preset"]) if "preset" in told else preset
            pretext = _pretext_in(told, value) or pretext
        elif flag == "--preset":
            preset = value
        else:
            pretext = _pretext_in({"model": {"pretext": value}}, flag)
    if preset is None:
        preset = f"{pretext or SyncOptions.pretext}-small"
    require_same(preset, pretext_of(preset), pretext)
    return pretext_of(preset), preset


def require_same(preset: str, its: str, asked: str | None) -> None:
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


def _told_by(config: str) -> dict[str, Any]:
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
    if pretext is None or (isinstance(pretext, str) and pretext in PRETEXTS):
        return pretext
    raise ModelError(f"{where} asks for the pretext {pretext!r}; there are {', '.join(PRETEXTS)}")


def settings(name: str) -> Settings:
    """The options of a preset, checked against their types.

    Raises:
        ModelError: a key that does not exist, or a value of the wrong type.
    """
    return fitted(read_preset(name), name)


def fitted(values: Mapping[str, Any], name: str) -> Settings:
    """The options that a preset's values mean, checked against their types.

    Args:
        values: as `read_preset` gives them.
        name: of the preset, for errors.

    Raises:
        ModelError: a key that does not exist, or a value of the wrong type.
    """
    pretext = _pretext_in(values, name) or SyncOptions.pretext
    parser = ArgumentParser(exit_on_error=False)
    types = {"model": PRETEXTS[pretext].Options, "data": DataOptions, "optim": OptimOptions}
    for section, options in (types | {"engine": EngineOptions}).items():
        parser.add_argument(f"--{section}", type=options, default=options())
    try:
        parsed = parser.instantiate(parser.parse_object(dict(values)))
    except (ArgumentError, ValueError) as error:
        raise ModelError(f"the preset {name} does not fit: {' '.join(str(error).split())}") from error
    return Settings(**vars(parsed))


def _plain(value: Any) -> Any:
    """Tuples as lists, all the way down: what YAML can say."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
