"""Registries, plug-ins of other packages, worker processes, and options that name what is in a registry."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonargparse import ArgumentError, ArgumentParser

from seehear import registry as registry_module
from seehear.cli.flags import field_hint, set_choices
from seehear.config import check_names, hints_with_choices, with_choices
from seehear.errors import ModelError, SeehearError
from seehear.registry import OneOf, PluginError, Registry, register, registry

BUILTIN = {"abs": "math:fabs", "root": "math:sqrt"}


class Toy:
    """Base of what the tests register."""

    registry_kind: ClassVar[str] = "toy"
    name: ClassVar[str]
    sharp: ClassVar[bool] = False


class Blunt(Toy):
    name = "blunt"


class Sharp(Toy):
    name = "sharp"
    sharp = True


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> Registry[Any]:
    """A registry of a kind of its own, without installed plug-ins."""
    monkeypatch.setattr(registry_module, "_registries", {})
    monkeypatch.setattr(registry_module, "_worker_modules", {})
    monkeypatch.setattr(registry_module, "_plugins", {"begun": True, "loading": False})
    return Registry("toy", ModelError, BUILTIN)


def test_names_are_listed_without_importing_what_they_name() -> None:
    toys: Registry[Any] = Registry("toy", ModelError, BUILTIN | {"absent": "a_module_that_nobody_has:anything"})

    assert toys.names() == list(toys) == ["abs", "root", "absent"]
    assert (len(toys), "absent" in toys, "other" in toys) == (3, True, False)
    assert toys["root"](9) == 3
    assert toys["root"] is toys["root"]
    with pytest.raises(ModuleNotFoundError):
        toys["absent"]


def test_a_name_that_does_not_exist_is_told_with_those_that_do(toys: Registry[Any]) -> None:
    with pytest.raises(ModelError) as refusal:
        toys["cube"]

    assert refusal.value.code == "unknown-toy"
    assert all(name in str(refusal.value) for name in ("cube", *BUILTIN))
    assert toys.get("cube") is None
    assert toys.get("cube", 1) == 1


def test_register_finds_the_registry_of_classes_and_objects(toys: Registry[Any]) -> None:
    @dataclass(frozen=True)
    class Declared:
        name: str
        registry_kind: str = "toy"

    declared = Declared("object")
    register(Blunt, declared)

    assert toys.names() == [*BUILTIN, "blunt", "object"]
    assert (toys["blunt"], toys["object"]) == (Blunt, declared)
    assert registry("toy") is toys
    assert registry_module.plugin_modules() == (__name__,)


def test_a_name_that_is_taken_is_refused_but_a_module_may_replace_its_own(toys: Registry[Any]) -> None:
    class Again(Toy):
        name = "blunt"

    class Root(Toy):
        name = "root"

    toys.add(Blunt, "one_module")
    with pytest.raises(PluginError) as refusal:
        toys.add(Again, "another_module")
    assert refusal.value.code == "name-taken"
    assert all(name in str(refusal.value) for name in ("blunt", "one_module", "another_module"))
    assert toys.get("blunt") is Blunt

    toys.add(Again, "one_module")
    assert toys["blunt"] is Again
    with pytest.raises(PluginError):
        toys.add(Root, "one_module")


@pytest.mark.parametrize("wrong", [3, object, type("Nameless", (), {"registry_kind": "toy"}), type("E", (Toy,), {})])
def test_what_is_no_declaration_is_refused(wrong: Any) -> None:
    with pytest.raises(PluginError):
        register(wrong)


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PluginError):
        registry("nothing")


def test_the_home_of_a_kind_is_imported_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = "from seehear.errors import ModelError\nfrom seehear.registry import Registry\n"
    (tmp_path / "home_of_pets.py").write_text(f"{made}PETS = Registry('pet', ModelError, {{'cat': 'math:pi'}})\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(registry_module.HOMES, "pet", "home_of_pets")

    assert registry("pet").names() == ["cat"]


@given(st.lists(st.text("abcxyz-", min_size=1, max_size=4), unique=True), st.text("abcxyz-", max_size=4))
def test_a_registry_holds_what_was_added_in_its_order(names: list[str], other: str) -> None:
    plain: Registry[Any] = Registry("plain", SeehearError, {})
    declared = [type("Declared", (), {"name": name, "registry_kind": "plain"}) for name in names]
    for declaration in declared:
        plain.add(declaration, "somebody")

    assert list(plain.items()) == list(zip(names, declared, strict=True))
    assert (other in plain) == (other in names)
    assert (plain.get(other) is None) == (other not in names)


ToyName = Annotated[str, OneOf("toy")]


@dataclass(frozen=True)
class Inner:
    """Options in options.

    Attributes:
        toy: one of the toys.
    """

    toy: Annotated[str, OneOf("toy")] = "abs"


@dataclass(frozen=True)
class Options:
    """Options as models have them.

    Attributes:
        toy: one of the toys.
        several: some of them.
        perhaps: one or none.
        kind: no name of a registry.
        inner: more of the same.
    """

    toy: Annotated[str, OneOf("toy")] = "abs"
    several: tuple[Annotated[str, OneOf("toy", sharp=True)], ...] = ()
    perhaps: ToyName | None = None
    kind: Literal["a", "b"] = "a"
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self) -> None:
        check_names(self)


def test_names_may_be_asked_to_have_a_trait() -> None:
    register(Blunt, Sharp)

    assert OneOf("toy").names() == ["abs", "root", "blunt", "sharp"]
    assert OneOf("toy", sharp=True).names() == ["sharp"]
    with pytest.raises(ModelError) as refusal:
        OneOf("toy", sharp=True).check("blunt")
    assert refusal.value.code == "unfit-toy"


def test_options_refuse_names_that_do_not_exist() -> None:
    register(Blunt, Sharp)

    assert Options("root", ("sharp",), "blunt").perhaps == "blunt"
    wrong: list[dict[str, Any]] = [{"toy": "cube"}, {"perhaps": "cube"}, {"several": ("sharp", "cube")}]
    for options in wrong:
        with pytest.raises(ModelError, match="cube"):
            Options(**options)
    with pytest.raises(ModelError) as refusal:
        Options(several=("blunt",))
    assert refusal.value.code == "unfit-toy"


def test_type_hints_have_the_names_of_today_as_choices() -> None:
    register(Sharp)

    hints = hints_with_choices(Options)
    assert hints["toy"] == Literal["abs", "root", "sharp"]
    assert hints["several"] == tuple[Literal["sharp"], ...]
    assert hints["perhaps"] == Literal["abs", "root", "sharp"] | None
    assert hints["kind"] == Literal["a", "b"]
    assert with_choices(dict[str, int] | None) == dict[str, int] | None
    assert with_choices(field_hint(Options, ("inner", "toy"))) == hints["toy"]
    with pytest.raises(KeyError):
        field_hint(Options, ("inner", "nothing"))


def parser() -> ArgumentParser:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--model", type=Options, default=Options())
    parser.add_argument("--best", type=ToyName, default="abs")
    parser.add_argument("--all", type=ToyName, nargs="*", default=[])
    set_choices(parser._actions, {"model": Options, "best": ToyName, "all": list[ToyName]})
    return parser


@pytest.mark.parametrize(
    "words",
    [["--model.toy", "blunt"], ["--model.inner.toy", "root"], ["--model.perhaps", "null"], ["--best", "blunt"]],
)
def test_a_parser_takes_the_names(words: list[str]) -> None:
    register(Blunt, Sharp)

    value = parser().parse_args(words)[words[0].removeprefix("--")]
    assert value == (None if words[1] == "null" else words[1])


@pytest.mark.parametrize("flag", ["--model.toy", "--model.perhaps", "--model.inner.toy", "--best"])
def test_a_parser_refuses_other_names_and_tells_them(flag: str) -> None:
    register(Blunt, Sharp)

    with pytest.raises(ArgumentError) as refusal:
        parser().parse_args([flag, "cube"])
    assert all(name in str(refusal.value) for name in ("cube", "root", "blunt"))
    with pytest.raises(ArgumentError):
        parser().parse_args(["--model.several", "[blunt]"])
    with pytest.raises(ArgumentError):
        parser().parse_args(["--all", "blunt", "cube"])
    assert parser().parse_args(["--all", "blunt", "root"]).all == ["blunt", "root"]


PLUGIN = """
    from typing import ClassVar
    from seehear.registry import register

    class ToyLoss:
        registry_kind: ClassVar[str] = "toy"
        name: ClassVar[str] = {name!r}

    def set_up():
        register(ToyLoss)
"""

HOME = """
    import sys
    from seehear import registry
    from seehear.errors import ModelError

    TOYS = registry.Registry("toy", ModelError, {"abs": "math:fabs"})
"""


def lay_out(folder: Path, entry: str, module: str) -> None:
    """A package as pip leaves it, and the registry that it adds to."""
    info = folder / "toy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[seehear.plugins]\nmine = {entry}\n")
    (folder / "toy_plugin.py").write_text(textwrap.dedent(module))
    (folder / "toys.py").write_text(textwrap.dedent(HOME))


def python(folder: Path, code: str, script: str = "") -> subprocess.CompletedProcess[str]:
    """What another process prints that has the folder on its path."""
    head = "import toys\nfrom toys import TOYS, registry, sys\n"
    path = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    words = ["-c", path + head + textwrap.dedent(code)]
    if script:
        (folder / script).write_text(path + head + textwrap.dedent(code))
        words = [str(folder / script)]
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("entry", ["toy_plugin", "toy_plugin:set_up"])
def test_an_installed_package_adds_names_without_being_imported_by_the_user(tmp_path: Path, entry: str) -> None:
    module = textwrap.dedent(PLUGIN.format(name="toy-loss")) + ("" if ":" in entry else "set_up()\n")
    lay_out(tmp_path, entry, module)

    done = python(tmp_path, "print(TOYS.names(), TOYS['toy-loss'].__module__, registry.plugin_modules())")
    assert (done.stdout, done.stderr) == ("['abs', 'toy-loss'] toy_plugin ()\n", "")
    heavy = "print(TOYS.names(), [name for name in ('torch', 'numpy', 'rich') if name in sys.modules])"
    assert python(tmp_path, heavy).stdout == "['abs', 'toy-loss'] []\n"


@pytest.mark.parametrize("module", ["import a_module_that_nobody_has", PLUGIN.format(name="abs") + "\n    set_up()"])
def test_a_package_that_cannot_be_loaded_costs_its_own_names_only(tmp_path: Path, module: str) -> None:
    lay_out(tmp_path, "toy_plugin", module)

    done = python(tmp_path, "print(TOYS.names(), TOYS['abs'](-1)); TOYS['cube']")
    assert done.stdout == "['abs'] 1.0\n"
    assert "UserWarning" in done.stderr
    sentence = done.stderr.splitlines()[-1]
    assert all(word in sentence for word in ("ModelError", "cube", "toy_plugin"))


WORKERS = """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    {imports}

    def crew(work, *given):
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(work, *given).result()

    if __name__ == "__main__":
        {begin}
        modules = registry.plugin_modules()
        print(modules, crew(work_file.look_up, modules, "toy-loss"))
"""

WORK = """
    import toys
    from seehear import registry
    from seehear.errors import SeehearError

    def look_up(modules, name):
        try:
            registry.import_plugin_modules(modules)
            return toys.TOYS[name].__module__
        except SeehearError as error:
            return error.code, str(error)
"""


def crew(folder: Path, imports: str, begin: str) -> str:
    """What a worker process finds for a name that this process has."""
    folder.mkdir(exist_ok=True)
    (folder / "toys.py").write_text(textwrap.dedent(HOME))
    (folder / "work_file.py").write_text(textwrap.dedent(WORK))
    (folder / "my_toys.py").write_text(textwrap.dedent(PLUGIN.format(name="toy-loss")) + "\nset_up()\n")
    code = textwrap.dedent(WORKERS).format(imports=imports, begin=begin)
    done = python(folder, code, "script.py")
    assert done.stderr == ""
    return done.stdout


def test_a_worker_process_knows_what_a_module_has_registered(tmp_path: Path) -> None:
    found = crew(tmp_path, "import work_file", "import my_toys")

    assert found == "('my_toys',) my_toys\n"


def test_a_worker_process_says_why_it_does_not_know_what_a_script_has_registered(tmp_path: Path) -> None:
    own = "class Own: registry_kind, name = 'toy', 'toy-loss'\nimport work_file"
    found = crew(tmp_path, own, "registry.register(Own)")

    assert found.startswith("() ('unknown-toy', ")
    assert "worker" in found


def test_a_worker_process_says_which_module_it_cannot_import() -> None:
    with pytest.raises(PluginError, match="a_module_that_nobody_has"):
        registry_module.import_plugin_modules(["a_module_that_nobody_has"])
