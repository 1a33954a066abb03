"""The commands that the documents show are commands that there are."""

import re
import shlex
from pathlib import Path

import pytest

from seehear.cli import VERBS, split_verb
from seehear.cli.parser import parse

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(document: Path) -> list[str]:
    """Indented lines that call seehear."""
    found = re.findall(r"^ {4}(?:\$ )?(seehear .+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return [command.split("  #")[0] for command in found]


SHOWN = [(document.name, command) for document in DOCUMENTS for command in commands(document)]
EXAMPLES = [("the help", verb.example) for verb in VERBS.values()]


@pytest.mark.parametrize(("where", "command"), SHOWN + EXAMPLES)
def test_every_shown_command_is_understood(where: str, command: str) -> None:
    verb, words = split_verb(shlex.split(command)[1:])
    assert parse(verb, VERBS[verb], words), where


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
