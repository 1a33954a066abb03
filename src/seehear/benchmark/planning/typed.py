"""Plain values, as YAML has them, as dataclasses and back; whatever does not fit is named by where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from seehear.errors import SeehearError

T = TypeVar("T")


class PlanError(SeehearError):
    """A plan of a benchmark, or what is asked of it, does not make sense."""


def built(kind: type[T], values: Any, where: str) -> T:
    """A dataclass from a mapping of its fields.

    Args:
        kind: a dataclass of dataclasses, mappings, tuples, literals and plain values.
        values: as YAML gives them.
        where: what they are called in an error: the file, then the keys on the way.

    Raises:
        PlanError: a key that does not exist, one that is missing, or a value of another type.
    """
    if not isinstance(values, Mapping):
        raise PlanError(f"{where} must be a mapping with the keys {_listed(_keys(kind))}, not {values!r}")
    for key in values:
        if key not in _keys(kind):
            raise PlanError(f"{where} has the key {key!r}, which does not exist; there are {_listed(_keys(kind))}")
    for entry in fields(kind):  # type: ignore[arg-type]  # mypy cannot say "a type of a dataclass"
        if entry.default is MISSING and entry.default_factory is MISSING and entry.name not in values:
            raise PlanError(f"{where} needs the key {entry.name!r}; add it")
    types = get_type_hints(kind)
    return kind(**{key: value_of(types[key], value, f"{where}, {key}") for key, value in values.items()})


def value_of(kind: Any, value: Any, where: str) -> Any:
    """A plain value as its type has it; see `built`."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return _anything(value, where)
    if is_dataclass(kind) and isinstance(kind, type):
        return built(kind, value, where)
    if origin is Literal:
        return _one_of(inner, value, where)
    if origin in (Union, UnionType):
        if value is None and NoneType in inner:
            return None
        return value_of(next(part for part in inner if part is not NoneType), value, where)
    if origin is tuple:
        return _items(inner[0], value, where)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(inner[1], value, where)
    return _plain_value(kind, value, where)


def plain(value: Any) -> Any:
    """What YAML and JSON can say: dataclasses and mappings as dicts, tuples as lists, all the way down.

    Fields of dataclasses that have their default are left out.
    """
    if is_dataclass(value) and not isinstance(value, type):
        told = {entry.name: getattr(value, entry.name) for entry in fields(value) if not _usual(entry, value)}
        return {name: plain(item) for name, item in told.items()}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _usual(entry: Any, owner: Any) -> bool:
    default = entry.default if entry.default_factory is MISSING else entry.default_factory()
    return default is not MISSING and bool(getattr(owner, entry.name) == default)


def _anything(value: Any, where: str) -> Any:
    """What JSON knows; YAML also has dates, sets and bytes, which no option takes."""
    if isinstance(value, Mapping):
        return _mapping(Any, value, where)
    if isinstance(value, list | tuple):
        return [_anything(item, where) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise PlanError(f"{where} is {value!r}, which no option can be; put it in quotes if it is a text")


def _one_of(allowed: tuple[Any, ...], value: Any, where: str) -> Any:
    if value not in allowed:
        raise PlanError(f"{where} is {value!r}, which does not exist; there are {_listed(allowed)}")
    return value


def _items(kind: Any, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise PlanError(f"{where} must be a list, not {value!r}")
    return tuple(value_of(kind, item, f"{where}, number {number}") for number, item in enumerate(value, 1))


def _mapping(kind: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise PlanError(f"{where} must be a mapping, not {value!r}")
    for key in value:
        if not isinstance(key, str):
            raise PlanError(f"{where} has the key {key!r}, which is no text; put it in quotes")
    return {key: value_of(kind, item, f"{where}, {key}") for key, item in value.items()}


def _plain_value(kind: type[Any], value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
        raise PlanError(f"{where} must be {names[kind]}, not {value!r}")
    return value


def _keys(kind: Any) -> list[str]:
    return [entry.name for entry in fields(kind)]


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(str(name) for name in names)
