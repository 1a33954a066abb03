"""Convert plain values (YAML, JSON, flags) to typed dataclasses and back; the packaged YAML files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass, replace
from functools import cache, reduce
from importlib import resources
from importlib.resources.abc import Traversable
from operator import or_
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from seehear.errors import ModelError, SeehearError
from seehear.registry import OneOf


def _fitting(called: str, whole: Any, part: str, value: Any, hint: Any) -> Any:
    """Return the value as the function expects it, or the whole options object of which it is a part.

    Raises:
        SeehearError: the value is not among the allowed ones
    """
    if part:
        return _with_part(called, whole, part, value)
    choices = _choices(hint)
    if choices and value not in choices:
        raise SeehearError(f"{called} cannot be {value!r}; it can be {', '.join(map(str, choices))}")
    if not _is_of(value, hint):
        raise SeehearError(
            f"{called} cannot be {value!r}; seehear evaluate {called.rpartition(' ')[2]} --help says what"
        )
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _with_part(called: str, whole: Any, part: str, value: Any) -> Any:
    if not is_dataclass(whole) or isinstance(whole, type) or part not in {field.name for field in fields(whole)}:
        raise SeehearError(f"there is no {called}; leave it out of the plan (it is {value!r})")
    try:
        return replace(whole, **{part: value})
    except (TypeError, ValueError) as error:  # rejected by the options class itself
        raise SeehearError(f"{called} cannot be {value!r}: {error}") from error


def _choices(hint: Any) -> tuple[Any, ...]:
    """Return the allowed values; empty if any value of the type is allowed."""
    kinds = (hint,) if get_origin(hint) is Literal else get_args(hint)
    if not all(get_origin(kind) is Literal or kind is NoneType for kind in kinds):
        return ()
    return tuple(value for kind in kinds for value in get_args(kind))


def _is_of(value: Any, hint: Any) -> bool:
    """Whether a plain value matches a type; covers the types used in evaluations."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_is_of(value, one) for one in inner)
    if origin is Literal:
        return value in inner
    if origin is not None:
        return isinstance(value, list | tuple) and all(_is_of(one, inner[0]) for one in value)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, {float: (int, float), Path: (str, Path)}.get(hint, hint))


def _flag(name: str, value: Any, default: Any) -> list[str]:
    """Return the option as command-line arguments."""
    flag = f"--{name.replace('_', '-')}"
    if is_dataclass(value) and not isinstance(value, type):
        plain = {field.name: getattr(value, field.name) for field in fields(value)}
        return [
            word
            for part, one in plain.items()
            if one != getattr(default, part)
            for word in _flag(f"{name}.{part}", one, getattr(default, part))
        ]
    if isinstance(value, tuple):
        return [flag, *map(str, value)]
    if value is True and default is False:
        return [flag]
    return [flag, str(value)]


def build_options(options: type, given: Mapping[str, Any]) -> Any:
    """Build an options dataclass, and those in its fields, from plain values of YAML or JSON (lists become tuples)."""
    names = [field.name for field in fields(options)]
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise ModelError(f"{options.__name__} has no option {unknown[0]!r}; it has {', '.join(names)}")
    kinds = get_type_hints(options)
    return options(**{key: _option(kinds[key], value) for key, value in given.items()})


def _option(kind: Any, value: Any) -> Any:
    nested = isinstance(kind, type) and is_dataclass(kind) and isinstance(value, Mapping)
    return build_options(kind, value) if nested else _tuples(value)


OMITTED_IF_EMPTY = ("loss_options",)
"""Options that files contain only if they have a value, as files of earlier versions lack them."""


def options_to_dict(options: Any) -> dict[str, Any]:
    """Convert an options dataclass as `dataclasses.asdict` does, without empty options of `OMITTED_IF_EMPTY`."""
    return asdict(options, dict_factory=_present_items)


def _present_items(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in items if value or name not in OMITTED_IF_EMPTY}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def check_minimums(section: str, options: object, **least: float) -> None:
    """Check minimum values of the fields of an options dataclass.

    Args:
        section: name of the options on the command line
        options: object to check
        least: minimum of each field

    Raises:
        ValueError: a field is smaller or not a number; the message gives its flag
    """
    for name, smallest in least.items():
        value = getattr(options, name)
        if not value >= smallest:
            raise ValueError(f"{section}.{name} must be {smallest:g} or more, not {value}")


T = TypeVar("T")


class OptionsError(SeehearError):
    """A benchmark plan, or the options for it, are invalid."""


def build(kind: type[T], values: Any, where: str) -> T:
    """Build a dataclass from a mapping of its fields.

    Args:
        kind: a dataclass of dataclasses, mappings, tuples, literals and plain values
        values: as read from YAML
        where: location for error messages: the file, then the keys

    Raises:
        OptionsError: an unknown key, a missing key, or a value of the wrong type
    """
    if not isinstance(values, Mapping):
        raise OptionsError(f"{where} must be a mapping with the keys {_comma_list(_keys(kind))}, not {values!r}")
    for key in values:
        if key not in _keys(kind):
            raise OptionsError(
                f"{where} has the key {key!r}, which does not exist; there are {_comma_list(_keys(kind))}"
            )
    for entry in fields(kind):  # type: ignore[arg-type]  # mypy cannot express "a type of a dataclass"
        if entry.default is MISSING and entry.default_factory is MISSING and entry.name not in values:
            raise OptionsError(f"{where} needs the key {entry.name!r}; add it")
    types = hints_with_choices(kind)
    return kind(**{key: build_value(types[key], value, f"{where}, {key}") for key, value in values.items()})


def build_value(kind: Any, value: Any, where: str) -> Any:
    """Convert a plain value to its type; see `build`."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return _untyped(value, where)
    if is_dataclass(kind) and isinstance(kind, type):
        return build(kind, value, where)
    if origin is Literal:
        return _one_of(inner, value, where)
    if origin in (Union, UnionType):
        if value is None and NoneType in inner:
            return None
        return build_value(next(part for part in inner if part is not NoneType), value, where)
    if origin is tuple:
        return _items(inner[0], value, where)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(inner[1], value, where)
    return _plain_value(kind, value, where)


def to_plain(value: Any) -> Any:
    """Convert to what YAML and JSON can express: dataclasses and mappings to dicts, tuples to lists, recursively.

    Fields of dataclasses with their default value are omitted.
    """
    if is_dataclass(value) and not isinstance(value, type):
        plain = {entry.name: getattr(value, entry.name) for entry in fields(value) if not _default(entry, value)}
        return {name: to_plain(item) for name, item in plain.items()}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    return [to_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _default(entry: Any, owner: Any) -> bool:
    default = entry.default if entry.default_factory is MISSING else entry.default_factory()
    return default is not MISSING and bool(getattr(owner, entry.name) == default)


def _untyped(value: Any, where: str) -> Any:
    """Accept JSON values only; YAML also has dates, sets and bytes, which no option accepts."""
    if isinstance(value, Mapping):
        return _mapping(Any, value, where)
    if isinstance(value, list | tuple):
        return [_untyped(item, where) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise OptionsError(f"{where} is {value!r}, which no option can be; put it in quotes if it is a text")


def _one_of(allowed: tuple[Any, ...], value: Any, where: str) -> Any:
    if value not in allowed:
        raise OptionsError(f"{where} is {value!r}, which does not exist; there are {_comma_list(allowed)}")
    return value


def _items(kind: Any, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise OptionsError(f"{where} must be a list, not {value!r}")
    return tuple(build_value(kind, item, f"{where}, number {number}") for number, item in enumerate(value, 1))


def _mapping(kind: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise OptionsError(f"{where} must be a mapping, not {value!r}")
    for key in value:
        if not isinstance(key, str):
            raise OptionsError(f"{where} has the key {key!r}, which is no text; put it in quotes")
    return {key: build_value(kind, item, f"{where}, {key}") for key, item in value.items()}


def _plain_value(kind: type[Any], value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
        raise OptionsError(f"{where} must be {names[kind]}, not {value!r}")
    return value


def _keys(kind: Any) -> list[str]:
    return [entry.name for entry in fields(kind)]


def _comma_list(names: Iterable[Any]) -> str:
    return ", ".join(str(name) for name in names)


def with_choices(hint: Any) -> Any:
    """Replace every `OneOf` in a type hint with a `Literal` of the names that its registry has now."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        marks = [mark for mark in hint.__metadata__ if isinstance(mark, OneOf)]
        if marks:
            return Literal[tuple(marks[0].names())]
        return Annotated[(with_choices(inner[0]), *hint.__metadata__)]
    if not any(registry_marks(hint)):
        return hint
    parts = tuple(map(with_choices, inner))
    return reduce(or_, parts) if origin in (Union, UnionType) else origin[parts]


def hints_with_choices(options: Any) -> dict[str, Any]:
    """Return the type hints of a class or a function, each through `with_choices`."""
    return {name: with_choices(hint) for name, hint in get_type_hints(options, include_extras=True).items()}


def check_names(options: Any) -> None:
    """Check those fields of an options dataclass that are names in a registry; for its ``__post_init__``.

    Raises:
        SeehearError: a name does not exist, or does not fit
    """
    kind: Any = type(options)
    for name, marks in _marked_fields(kind).items():
        value = getattr(options, name)
        for one in value if isinstance(value, list | tuple) else (value,):
            if one is not None:
                for mark in marks:
                    mark.check(one)


def registry_marks(hint: Any) -> Iterator[OneOf]:
    """Yield every `OneOf` in a type hint."""
    if get_origin(hint) is Annotated:
        yield from (mark for mark in hint.__metadata__ if isinstance(mark, OneOf))
    for part in get_args(hint) if get_origin(hint) is not Literal else ():
        yield from registry_marks(part)


@cache
def _marked_fields(options: Any) -> dict[str, tuple[OneOf, ...]]:
    hints = get_type_hints(options, include_extras=True)
    found = {entry.name: tuple(registry_marks(hints[entry.name])) for entry in fields(options)}
    return {name: marks for name, marks in found.items() if marks}


PRESETS_FOLDER = ("presets",)


PLANS_FOLDER = ("benchmark", "plans")


RECIPES = ("recipes",)


WEIGHTS_FOLDER = ("weights",)


YAML_SUFFIX = ".yaml"


def resource_folder(place: tuple[str, ...]) -> Traversable:
    """Return the folder of `PRESETS_FOLDER`, `PLANS_FOLDER`, `RECIPES` or `WEIGHTS_FOLDER`."""
    return resources.files("seehear").joinpath(*place)


def yaml_names(place: tuple[str, ...]) -> list[str]:
    """Return the names of its YAML files, without suffix."""
    names = [entry.name for entry in resource_folder(place).iterdir()]
    return sorted(name.removesuffix(YAML_SUFFIX) for name in names if name.endswith(YAML_SUFFIX))


def packaged_model_names() -> list[str]:
    """Return the models whose weights are available; none in a checkout without weights."""
    folder = resource_folder(WEIGHTS_FOLDER)
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
