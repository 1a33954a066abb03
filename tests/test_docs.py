"""The commands that the documents show are commands that there are."""

import ast
import re
import shlex
import shutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import av
import pytest
import torch

import seehear
from seehear.cli import VERBS, parser_of, split_verb
from seehear.cli.parser import parse
from seehear.cli.verbs import family

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "seehear"
PRESETS = sorted(preset.stem for preset in (PACKAGE / "presets").glob("*.yaml"))
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((PACKAGE / "weights").rglob("*.md")),
    *sorted((ROOT / "scripts").glob("*_card.md")),
    ROOT / "benchmarks" / "mini.md",
]


def commands(document: Path) -> list[str]:
    """Indented lines that call seehear."""
    found = re.findall(r"^ {4}(?:\$ )?(seehear .+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return [command.split("  #")[0] for command in found]


def mentions(document: Path) -> list[str]:
    """Commands within sentences, which may leave out what is not the point, and flags by themselves."""
    text = re.sub(r"\s+", " ", document.read_text(encoding="utf-8"))
    return re.findall(r"`((?:seehear [a-z]|--[a-z])[^`]*)`", text)


SHOWN = [(document.name, command) for document in DOCUMENTS for command in commands(document)]
EXAMPLES = [("the help", verb.example) for verb in VERBS.values()]
VARIANTS = [("the help", v.example) for verb in VERBS.values() for v in verb.variants.values() if v.example]
SCRIPT_FLAGS = {"real_people.md": {"--speech"}, "results.md": {"--noises"}}
"""Document -> flags of the scripts that it tells of."""

MENTIONED = sorted({(document.name, words) for document in DOCUMENTS for words in mentions(document)})


@cache
def flags_of_verb(verb: str) -> set[str]:
    """Of its variants and presets, too."""
    words = [[], *([f"--{name}"] for name in VERBS[verb].variants)]
    words += [["--preset", name] for name in PRESETS] if verb == "pretrain" else []
    actions = [action for chosen in words for action in parser_of(verb, chosen)._actions]
    return {flag.replace("_", "-") for action in actions for flag in action.option_strings}


@pytest.mark.parametrize(("where", "command"), SHOWN + EXAMPLES + VARIANTS)
def test_every_shown_command_is_understood(where: str, command: str) -> None:
    verb, words = split_verb(shlex.split(command)[1:])
    assert parse(verb, VERBS[verb], words).function, where


@pytest.mark.parametrize(("where", "words"), MENTIONED)
def test_every_command_and_flag_in_a_sentence_exists(where: str, words: str) -> None:
    flags = set(re.findall(r"(?<!\S)--[a-z][a-z0-9.-]*[a-z]", words))
    if words.startswith("seehear "):
        rest = words.split()[1:]
        if not family(rest[0]) or rest[1:]:
            verb, _ = split_verb(rest)
            assert flags <= flags_of_verb(verb), where
    else:
        assert flags <= {flag for verb in VERBS for flag in flags_of_verb(verb)} | SCRIPT_FLAGS.get(where, set())


def python_blocks(document: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


README_TREE = ast.parse("\n".join(python_blocks(ROOT / "README.md")))
PUBLIC_CALLS = {
    node.func.attr: node
    for node in ast.walk(README_TREE)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "seehear"
}


def test_python_examples_compile() -> None:
    for document in DOCUMENTS:
        for block in python_blocks(document):
            compile(block, document.name, "exec")


def public_function(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(import_module(seehear._PUBLIC[name]), name)
    return function


def test_the_readme_shows_every_function_that_users_begin_with() -> None:
    seldom = {"calibrate", "corpus_info", "doctor", "download_dataset", "register", "verify_pairs", "write_features"}
    assert PUBLIC_CALLS.keys() == {name for name in seehear._PUBLIC if name.islower()} - seldom
    assert all(callable(getattr(seehear, name)) for name in PUBLIC_CALLS)


@pytest.mark.parametrize("name", PUBLIC_CALLS)
def test_the_readme_calls_functions_with_arguments_that_they_take(name: str) -> None:
    call = PUBLIC_CALLS[name]
    signature(public_function(name)).bind(*call.args, **{word.arg: word.value for word in call.keywords if word.arg})


def test_the_readme_names_fields_that_results_have() -> None:
    for node in ast.walk(README_TREE):
        if isinstance(node, ast.Attribute) and node.value in PUBLIC_CALLS.values():
            name = next(name for name, call in PUBLIC_CALLS.items() if call is node.value)
            words = re.findall(r"\w+", public_function(name).__annotations__["return"])
            kinds = [getattr(seehear, word) for word in words if word in seehear._PUBLIC]
            assert any(hasattr(kind, node.attr) or node.attr in kind.__annotations__ for kind in kinds), name


QUICK = ("measure_sync", "fix_sync", "diarize", "verify", "match", "animate", "embed", "load")


def test_the_readme_does_what_it_says(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples that take seconds, on films of real people."""
    faces = shared / "data" / "real_faces"
    if not faces.is_dir():
        pytest.skip(f"films of real people are not here ({faces})")
    monkeypatch.chdir(tmp_path)
    for name, film in {"talk": "p08_1", "panel": "p08_1", "anna": "p08_1", "ben": "p27_1"}.items():
        shutil.copy(faces / f"{film}.mp4", f"{name}.mp4")
    for name in ("anna", "ben"):
        with av.open(f"{name}.mp4") as film:
            next(film.decode(video=0)).to_image().save(f"{name}.jpg")
    for name, film in {"monday": "anna", "tuesday": "anna", "voice": "ben"}.items():
        shutil.copy(f"{film}.mp4", f"{name}.wav")
    kept = [statement for statement in README_TREE.body if functions_of(statement) <= set(QUICK)]
    video, audio = torch.zeros(1, 12, 128, 128, 3, dtype=torch.uint8), torch.zeros(1, 12 * 640)
    found = {"video": video, "audio": audio}
    exec(compile(ast.Module(kept, []), "README.md", "exec"), found)
    assert found["sync"].ok
    assert found["fixed"].after is not None
    assert found["turns"]
    assert found["same"] > 0.5
    assert found["features"].shape[1] == 640
    assert found["talking"].exists()
    assert found["lips"].shape == found["sound"].shape == (1, 4, 128)


def functions_of(statement: ast.stmt) -> set[str]:
    """Public functions that a statement calls."""
    return {name for name, call in PUBLIC_CALLS.items() if call in ast.walk(statement)}


def test_every_verb_has_an_example_in_the_readme() -> None:
    shown = {split_verb(command.split()[1:])[0] for name, command in SHOWN if name == "README.md"}
    assert shown == set(VERBS)


def test_make_targets_that_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        target
        for document in DOCUMENTS
        for target in re.findall(
            r"`?\bmake ([a-z]+)`|^ {4}make ([a-z]+)", document.read_text(encoding="utf-8"), re.MULTILINE
        )
        for target in target
        if target
    }
    assert named <= targets
    assert {"demo", "test", "bench"} <= named


def test_documents_link_to_what_is_there() -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"
