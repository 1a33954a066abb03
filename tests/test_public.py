"""The public interface: light to import, and the same for Python, editors and type checkers."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import seehear
from seehear.errors import SeehearError
from seehear.results import Result

NAMES: dict[str, str] = vars(seehear)["_PUBLIC"]
HEAVY = ("torch", "numpy", "cv2", "av", "matplotlib", "rich", "jsonargparse", "yaml")


def test_importing_it_loads_nothing_heavy() -> None:
    program = "import sys, seehear; dir(seehear); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(done.stdout.split())


def test_dir_lists_the_names() -> None:
    assert dir(seehear) == sorted([*NAMES, "__version__"])
    assert set(vars(seehear)["__all__"]) == set(dir(seehear))


def test_the_types_are_of_the_same_names_in_the_same_modules() -> None:
    stub = Path(seehear.__file__).with_suffix(".pyi")
    typed = {
        name.asname: (statement.module, name.name)
        for statement in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.ImportFrom)
        for name in statement.names
    }
    expected = NAMES | {"__version__": "seehear.version"}
    assert typed == {name: (module, name) for name, module in expected.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_what_its_module_has(name: str) -> None:
    first = getattr(seehear, name)
    found = getattr(import_module(NAMES[name]), name)
    assert first is found or name == "benchmark"  # which may be the package of the same name, see below
    assert callable(getattr(seehear, name))
    assert found.__module__ == NAMES[name]
    assert inspect.getdoc(found)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="telepathy"):
        seehear.telepathy  # type: ignore[attr-defined]  # noqa: B018


def test_a_function_with_the_name_of_a_package_can_be_called_when_that_is_imported() -> None:
    import_module("seehear.benchmark.run")
    with pytest.raises(SeehearError):
        seehear.benchmark("no-such-plan")


def test_results_are_frozen_and_show_themselves_in_one_way() -> None:
    classes = [getattr(seehear, name) for name in NAMES if name[0].isupper() and name != "Result"]
    results = [kind for kind in classes if issubclass(kind, Result)]
    assert len(results) > 10
    for kind in results:
        assert kind.__dataclass_params__.frozen, kind
        assert not inspect.isabstract(kind), kind
        for method in ("__repr__", "__str__", "_repr_html_"):
            assert getattr(kind, method) is getattr(Result, method), kind
