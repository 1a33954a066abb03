"""The commands that the documents show are commands that there are."""

import re
import shlex
from pathlib import Path

import pytest

from seehear.cli import VERBS, parser_of, split_verb
from seehear.cli.parser import parse

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "src" / "seehear" / "weights"
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(WEIGHTS.rglob("*.md")),
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
MENTIONED = sorted({(document.name, words) for document in DOCUMENTS for words in mentions(document)})


def flags_of_verb(verb: str) -> set[str]:
    """Those of its variants, too."""
    entry, found = VERBS[verb], set()
    for chosen in ([], *([f"--{name}"] for name in entry.variants)):
        actions = parser_of(verb, chosen)._actions
        found |= {flag.replace("_", "-") for action in actions for flag in action.option_strings}
    return found


@pytest.mark.parametrize(("where", "command"), SHOWN + EXAMPLES + VARIANTS)
def test_every_shown_command_is_understood(where: str, command: str) -> None:
    verb, words = split_verb(shlex.split(command)[1:])
    assert parse(verb, VERBS[verb], words).arguments, where


@pytest.mark.parametrize(("where", "words"), MENTIONED)
def test_every_command_and_flag_in_a_sentence_exists(where: str, words: str) -> None:
    flags = {flag.replace("_", "-") for flag in re.findall(r"(?<!\S)--[a-z][\w.-]*[a-z]", words)}
    if words.startswith("seehear "):
        verb, _ = split_verb(words.split()[1:])
        assert verb in VERBS, where
        assert flags <= flags_of_verb(verb), where
    else:
        assert flags <= {flag for verb in VERBS for flag in flags_of_verb(verb)}


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
