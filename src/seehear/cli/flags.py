"""Parameters of a function as flags: their types on the command line, and their help."""

from __future__ import annotations

import os
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from inspect import Parameter, isclass, signature
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from docstring_parser import parse as parse_docstring
from jsonargparse import DefaultHelpFormatter

from seehear.config import registry_marks, with_choices

PYTHON_ONLY = frozenset({"progress", "fps", "sample_rate"})
"""Parameters that are never flags: callbacks, and properties of arrays in memory."""

METAVARS = {
    "accept_terms": "DATASET",
    "audio_stream": "STREAM",
    "baselines": "ENCODER",
    "data": "NAME=PATH",
    "device": "DEVICE",
    "enroll": "NAME=PATH",
    "identity": "MODEL",
    "init": "MODEL",
    "label": "LABEL",
    "layer": "LAYER",
    "model": "MODEL",
    "only": "PATTERN",
    "option": "OPTION=VALUE",
    "parts": "PART",
    "preset": "PRESET",
    "skip": "NAME",
    "sync_model": "MODEL",
    "trials": "PATH",
    "where": "LABEL=VALUE",
    "within": "LABEL",
}
"""Placeholders in the help for string parameters whose values have a certain form."""


@dataclass(frozen=True)
class Flag:
    """A parameter on the command line.

    Attributes:
        name: name of the parameter
        type: type on the command line, see `cli_type`
        default: default; `Parameter.empty` if it is required
        help: help text from the docstring
        positional: whether it is positional
        section: for a field of a dataclass: the function's parameter of that type
        section_type: that dataclass
        settings: arguments for argparse that depend on the words of the command line
    """

    name: str
    type: Any
    default: Any = Parameter.empty
    help: str | None = None
    positional: bool = False
    section: str | None = None
    section_type: Any = None
    settings: Mapping[str, Any] | None = None

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is Parameter.empty

    @property
    def takes_several(self) -> bool:
        """Whether it takes several values."""
        return get_origin(self.type) is list

    @property
    def spellings(self) -> tuple[str, ...]:
        """Names for argparse; outputs are ``-o`` everywhere."""
        if self.positional:
            return (self.name,)
        return ("-o", "--out") if self.name == "out" else (f"--{self.name}",)

    def add_to(self, parser: Any) -> None:
        """Add it to a parser or an argument group."""
        parser.add_argument(*self.spellings, **{"help": self.help, **(self.settings or self._settings())})

    def optional(self) -> Flag:
        """Return the same flag, not required."""
        if not self.required or self.takes_several:
            return self
        return Flag(self.name, self.type | None, None, self.help)

    def _settings(self) -> dict[str, Any]:
        if self.takes_several:
            several = {"nargs": "+" if self.positional else "*", "type": get_args(self.type)[0]}
            if self.positional:
                return several
            return several | {"default": [] if self.required else list(self.default or ())}
        if self.positional:
            if self.required and type(None) not in get_args(self.type):
                return {"type": self.type}
            return {"type": self.type, "nargs": "?", "default": None if self.required else self.default}
        if self.type is bool and self.default is False:
            return {"action": "store_true"}
        if self.name == "out" and self.required:  # the parser checks that later, with a better message
            return {"type": self.type, "default": None}
        return {"type": self.type, "required": True} if self.required else {"type": self.type, "default": self.default}


def flags_of(
    function: Callable[..., Any],
    positionals: Sequence[str] = (),
    never_positional: Sequence[str] = (),
    dynamic: Mapping[str, Mapping[str, Any]] | None = None,
    helps: Mapping[str, str] | None = None,
) -> list[Flag]:
    """Return the parameters of a function that can be given on a command line, in order.

    Args:
        function: function with type hints and a docstring
        positionals: parameters with a default that are nevertheless positional
        never_positional: parameters without a default that are nevertheless flags, like ``out``
        dynamic: arguments for argparse, for parameters whose hint is not sufficient
        helps: help of parameters whose docstring is written for Python callers
    """
    texts, dynamic = {**_helps(function), **(helps or {})}, dynamic or {}
    hints = type_hints(function)
    flags: list[Flag] = []
    for name, parameter in signature(function).parameters.items():
        kind = cli_type(hints[name]) if name != "out" else Path | None
        if name in PYTHON_ONLY or (kind is None and name not in dynamic):
            continue
        if is_dataclass(kind) and getattr(kind, "flat", False):
            flags += _fields(kind, name, parameter.default)
            continue
        positional = parameter.default is parameter.empty or name in positionals
        positional = positional and name != "out" and name not in never_positional
        flags.append(Flag(name, kind, parameter.default, texts.get(name), positional, settings=dynamic.get(name)))
    return flags


class _ForTypeCheckers(type):
    """Stands for a name that a module imports for type checkers only: arrays, loaded models. None can be typed in."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return cls

    def __getitem__(cls, item: Any) -> Any:
        return cls


def type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the type hints of a function without importing what its module imports for type checkers only.

    That keeps the help quick: torch alone takes seconds.
    """
    unknown: dict[str, Any] = {}
    while True:
        try:
            return get_type_hints(function, localns=unknown, include_extras=True)
        except NameError as error:
            if not error.name or error.name in unknown:
                raise
            unknown[error.name] = _ForTypeCheckers(error.name, (), {})


def cli_type(hint: Any) -> Any:
    """Return the type of a parameter on the command line: of a union the path or the name, not the array or the model.

    Returns:
        A type for jsonargparse, ``list[...]`` for several values; None if it cannot be given on a command line.
    """
    if get_origin(hint) is Annotated:
        inner = cli_type(get_args(hint)[0])
        return None if inner is None else Annotated[(inner, *hint.__metadata__)]
    origin = get_origin(hint) or hint
    if origin in (Union, types.UnionType):
        return _union_type(get_args(hint))
    if hint is Any or origin in (str, int, float, bool, Path, dict, Literal) or is_dataclass(hint):
        return hint
    if isclass(origin) and issubclass(origin, os.PathLike):
        return Path
    if isclass(origin) and issubclass(origin, Enum):
        return hint
    if (isclass(origin) and issubclass(origin, Sequence)) or origin in (tuple, list):
        item = cli_type(get_args(hint)[0]) if get_args(hint) else str
        return None if item is None else list[item]  # type: ignore[valid-type]
    return None


def _union_type(members: Sequence[Any]) -> Any:
    kinds = [kind for member in members if member is not type(None) and (kind := cli_type(member)) is not None]
    lists = [kind for kind in kinds if get_origin(kind) is list]
    if lists or not kinds:
        return lists[0] if lists else None
    if str in kinds and Path in kinds:  # str | os.PathLike is a path; str | Path | a class is a name
        kinds.remove(str if any(get_origin(member) is os.PathLike for member in members) else Path)
    if str in kinds or Path in kinds:  # a name or a file rather than the object
        kinds = [kind for kind in kinds if not is_dataclass(kind)]
    return Union[(*kinds, *[type(None)] * (type(None) in members))]


def metavar_of(kind: Any, name: str = "") -> str:
    """Return the placeholder for a value in the help: PATH, NUMBER, COUNT, TEXT, or the choices.

    Args:
        kind: type of the value; ``Annotated`` may contain an object with a ``metavar``, or with the ``names()`` of a
            registry, which are shown as choices
        name: name of the parameter, for strings of a certain form
    """
    origin, inside = get_origin(kind) or kind, get_args(kind)
    if origin is Annotated:
        for extra in kind.__metadata__:
            if hasattr(extra, "metavar"):
                return str(extra.metavar)
            if hasattr(extra, "names"):
                return f"{{{','.join(extra.names())}}}"
        return metavar_of(inside[0], name)
    if origin in (Union, types.UnionType):
        parts = dict.fromkeys(metavar_of(member, name).strip("{}") for member in inside if member is not type(None))
        if len(parts) == 1:
            return metavar_of(next(member for member in inside if member is not type(None)), name)
        return "TEXT" if "TEXT" in parts else "|".join(parts)
    if origin is Literal:
        return f"{{{','.join(str(choice) for choice in inside if choice is not None)}}}"
    if isclass(origin) and issubclass(origin, Enum):
        return f"{{{','.join(origin.__members__)}}}"
    if origin in (list, tuple, Sequence):
        return f"[{metavar_of(inside[0], name) if inside else 'TEXT'},...]"
    simple = {bool: "{true,false}", int: "COUNT", float: "NUMBER", Path: "PATH", str: METAVARS.get(name, "TEXT")}
    return simple.get(origin, "YAML")


class HelpFormatter(DefaultHelpFormatter):
    """Help without Python types, and only with meaningful defaults."""

    def _get_help_string(self, action: Any) -> str:
        text = plain(str(action.help or ""))
        if text.lower().startswith("show this help"):
            return "show this help"
        if not action.option_strings:
            return text
        if action.required:
            return f"{text} (required)"
        default = _shown(action.default)
        return f"{text} (default: {default})" if default else text


def show_values(action: Any) -> None:
    """Set the placeholder of an argument in the help."""
    if not action.option_strings:
        choices = metavar_of(getattr(action, "_typehint", None) or action.type)
        action.metavar = choices if choices.startswith("{") else action.dest.upper()
    elif action.dest == "print_config":
        action.metavar, action.help = "", "print a YAML file with the value of every flag, and exit"
    elif action.nargs != 0:
        kind = getattr(action, "_typehint", None) or action.type
        is_file = (kind is None and action.metavar is None) or type(action).__name__ == "_ActionConfigLoad"
        action.metavar = "PATH" if is_file else metavar_of(kind, action.dest.rpartition(".")[2])


def plain(text: str) -> str:
    """Return a docstring text without markup, without the full stop of a single sentence, and without the remarks for
    Python callers that follow "In Python".
    """
    text = re.split(r"[.;,]?\s+In Python\b", text.strip().replace("``", ""), maxsplit=1, flags=re.IGNORECASE)[0]
    return text if ". " in text else text.removesuffix(".")


def _shown(default: Any) -> str:
    """Format a default as on the command line; empty for defaults that mean "not given"."""
    if default is None or default is False or isinstance(default, dict) or hasattr(default, "as_dict"):
        return ""
    if isinstance(default, (list, tuple)):
        return " ".join(map(_shown, default))
    if isinstance(default, Enum):
        return default.name
    return "true" if default is True else "" if default == "==SUPPRESS==" or is_dataclass(default) else str(default)


def _fields(kind: Any, section: str, default: Any) -> list[Flag]:
    """Return the fields of a dataclass as separate flags."""
    hints, helps = get_type_hints(kind, include_extras=True), _helps(kind)
    flags = []
    for entry in fields(kind):
        value = entry.default_factory() if entry.default_factory is not MISSING else entry.default
        value = value if default is Parameter.empty else getattr(default, entry.name)
        flag = Flag(entry.name, cli_type(hints[entry.name]), value, helps.get(entry.name), False, section, kind)
        flags += [flag] if flag.type is not None else []
    return flags


def _helps(documented: Any) -> dict[str, str | None]:
    """Return parameter (or attribute) -> its description in the docstring, for a class also in those of its bases."""
    owners = reversed(documented.__mro__) if isclass(documented) else [documented]
    return {one.arg_name: one.description for owner in owners for one in parse_docstring(owner.__doc__ or "").params}


def field_hint(hint: Any, path: Sequence[str]) -> Any:
    """Return the type hint of a nested field, such as ``("pictures", "flip")`` of a dataclass or of an optional one.

    Raises:
        KeyError: there is no such field
    """
    if not path:
        return hint
    kinds = [kind for kind in (hint, *get_args(hint)) if is_dataclass(kind)]
    for kind in kinds:
        hints = get_type_hints(kind, include_extras=True)
        if path[0] in hints:
            return field_hint(hints[path[0]], path[1:])
    raise KeyError(path[0])


def set_choices(actions: Iterable[Any], hints: Mapping[str, Any]) -> None:
    """Make a parser check and show the names in registries, also within dataclasses.

    jsonargparse (4.53) reads the fields of a dataclass without `Annotated`, so the hints are read again here.

    Args:
        actions: of a jsonargparse parser, after all arguments were added
        hints: first part of a flag -> its type hint with `Annotated`
    """
    for action in actions:
        flag, *path = str(action.dest).split(".")
        if flag not in hints or getattr(action, "_typehint", None) is None:
            continue
        try:
            hint = field_hint(hints[flag], path)
        except KeyError:  # a field of a class chosen on the command line
            continue
        if action.nargs in ("*", "+") and get_origin(hint) is list:
            hint = get_args(hint)[0]
        if any(registry_marks(hint)):
            action._typehint = with_choices(hint)
