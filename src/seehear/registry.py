"""Registries of what options name (losses, models, encoders, tasks, data sets), and plug-ins that add to them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from multiprocessing import parent_process
from types import ModuleType
from typing import Any, TypeVar

from seehear.errors import SeehearError

PLUGIN_GROUP = "seehear.plugins"
"""Entry point group: each entry names a module that calls `register` when imported, or a function that does."""

HOMES = {
    "loss": "seehear.losses",
    "model": "seehear.models",
    "lips encoder": "seehear.nn",
    "sound encoder": "seehear.nn",
    "speech encoder": "seehear.nn",
    "face encoder": "seehear.nn",
    "task": "seehear.evaluation",
    "dataset": "seehear.data.datasets",
}
"""Kind -> module with its registry, imported on first use."""

_SCRIPTS = ("__main__", "__mp_main__")

_registries: dict[str, Registry[Any]] = {}
_worker_modules: dict[str, None] = {}  # an ordered set
_failures: dict[str, str] = {}
_plugins: dict[str, bool] = {"begun": False, "loading": False}

T = TypeVar("T")


class PluginError(SeehearError):
    """A declaration cannot be registered, or a plug-in cannot be loaded."""

    default_code = "plug-in"


class Registry(Mapping[str, T]):
    """The declarations of one kind by name; a built-in one is imported when it is first looked up.

    A declaration is a class or an object with the attributes ``name`` and ``registry_kind``.
    """

    def __init__(self, kind: str, error: type[SeehearError], builtin: Mapping[str, str]) -> None:
        """Create the registry of a kind; `registry` then finds it.

        Args:
            kind: such as "loss"
            error: type of the error for an unknown name
            builtin: name -> ``module:attribute`` of the declarations that come with the package
        """
        self.kind = kind
        self._error = error
        self._builtin = dict(builtin)
        self._declared: dict[str, T] = {}
        self._added_by: dict[str, str] = {}
        _registries[kind] = self

    def __getitem__(self, name: str) -> T:
        if name not in self._declared:
            self.check(name)
        if name not in self._declared:  # a built-in name
            module, attribute = self._builtin[name].split(":")
            self._declared[name] = getattr(import_module(module), attribute)
        return self._declared[name]

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def get(self, name: str, default: Any = None) -> Any:
        """Return the declaration, or the default if there is none."""
        known = name in self.names()
        return self[name] if known else default

    def names(self) -> list[str]:
        """Return the built-in names, then those of plug-ins, without importing the built-in declarations."""
        load_plugins()
        return [*self._builtin, *self._added_by]

    def check(self, name: str) -> None:
        """Check that a name exists.

        Raises:
            SeehearError: it does not; of the registry's error type, with the code ``unknown-<kind>``
        """
        names = self.names()
        if name not in names:
            sentence = f"there is no {self.kind} {name!r}; there are {', '.join(names)}{_way_out()}"
            raise self._error(sentence, code=f"unknown-{self.kind.replace(' ', '-')}")

    def add(self, declaration: T, by: str = "") -> T:
        """Add a declaration.

        Args:
            declaration: has a ``name``
            by: module that adds it; it may replace its own declarations, as a notebook does

        Raises:
            PluginError: the name is taken (code "name-taken")
        """
        name = _attribute(declaration, "name")
        taken_by = "seehear" if name in self._builtin else self._added_by.get(name, by)
        if taken_by != by:
            raise PluginError(f"the {self.kind} {name!r} of {by} exists in {taken_by}; rename it", code="name-taken")
        self._declared[name] = declaration
        self._added_by[name] = by
        return declaration


def registry(kind: str) -> Registry[Any]:
    """Return the registry of a kind.

    Raises:
        PluginError: there is no such kind
    """
    if kind not in _registries and kind in HOMES:
        import_module(HOMES[kind])
    if kind not in _registries:
        raise PluginError(f"there is no registry of the kind {kind!r}; there are {', '.join(HOMES)}")
    return _registries[kind]


def register(*declarations: Any) -> None:
    """Add your own losses, models, encoders, tasks or data sets; their names then work like the built-in ones.

    Call it at import time of a module, so that worker processes can import that module and know the names too.

    Args:
        declarations: subclasses of `Loss` or `PretextModel`, or instances of `Encoder`, `Task` or `Dataset`

    Raises:
        PluginError: not a declaration, or its name is taken
    """
    module = str(sys._getframe(1).f_globals.get("__name__", ""))
    for declaration in declarations:
        registry(_attribute(declaration, "registry_kind")).add(declaration, module)
    if not _plugins["loading"] and module not in _SCRIPTS:  # entry points are known to every process
        _worker_modules[module] = None


def load_plugins() -> None:
    """Load the installed plug-ins once. One that fails to load is reported by a warning."""
    if _plugins["begun"]:
        return
    _plugins.update(begun=True, loading=True)
    try:
        for entry in sorted(entry_points(group=PLUGIN_GROUP), key=lambda entry: entry.name):
            try:
                found = entry.load()
                if not isinstance(found, ModuleType):
                    found()
            except Exception as error:
                _failures[entry.name] = f"the plug-in {entry.value} cannot be loaded ({type(error).__name__}: {error})"
                warnings.warn(_failures[entry.name], stacklevel=2)
    finally:
        _plugins["loading"] = False


def plugin_modules() -> tuple[str, ...]:
    """Return the modules that called `register` outside of entry points; worker processes must import them first."""
    return tuple(_worker_modules)


def import_plugin_modules(modules: Iterable[str]) -> None:
    """Import the `plugin_modules` of the parent process in a worker process.

    Raises:
        PluginError: a module cannot be imported
    """
    for module in modules:
        try:
            import_module(module)
        except ImportError as error:
            raise PluginError(
                f"worker processes cannot import {module}, which calls seehear.register ({error}); "
                "put it into a package that is installed, or on PYTHONPATH"
            ) from error


@dataclass(frozen=True, init=False)
class OneOf:
    """Marks a string as a name in a registry: ``loss: Annotated[str, OneOf("loss", angular=True)]``.

    Attributes:
        kind: kind of the registry
        traits: required attribute values of the declaration; listing names then imports all declarations
    """

    kind: str
    traits: tuple[tuple[str, Any], ...]

    def __init__(self, kind: str, **traits: Any) -> None:
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "traits", tuple(traits.items()))

    def names(self) -> list[str]:
        """Return all names that fit."""
        known = registry(self.kind)
        return [name for name in known.names() if self._fits(known, name)]

    def check(self, name: str) -> None:
        """Check a name.

        Raises:
            SeehearError: it does not exist, or does not fit (code ``unfit-<kind>``)
        """
        known = registry(self.kind)
        known.check(name)
        if not self._fits(known, name):
            raise known._error(
                f"the {self.kind} {name!r} cannot be used here; there are {', '.join(self.names())}",
                code=f"unfit-{self.kind.replace(' ', '-')}",
            )

    def _fits(self, known: Registry[Any], name: str) -> bool:
        return all(getattr(known[name], trait, None) == value for trait, value in self.traits)


def _attribute(declaration: Any, attribute: str) -> str:
    value = getattr(declaration, attribute, None)
    if not isinstance(value, str) or not value:
        raise PluginError(f"{declaration!r} cannot be registered: it has no {attribute}")
    return value


def _way_out() -> str:
    """Explain why a name may be missing although it is spelt correctly."""
    reasons = list(_failures.values())
    if parent_process() is not None:
        reasons.append("a worker process does not see what a script registers; call seehear.register in a module")
    return "".join(f"; {reason}" for reason in reasons)
