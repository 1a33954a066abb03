"""Every format has a data card: its commands are commands, its labels those of the format, its links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest

from seehear.cli import VERBS, split_verb
from seehear.cli.parser import parse
from seehear.data.datasets import DATASETS, DOWNLOADABLE, find_sources
from seehear.data.get import find_download

CARDS = Path(__file__).resolve().parents[1] / "docs" / "datasets"
FOUND = {card.stem: card.read_text(encoding="utf-8") for card in sorted(CARDS.glob("*.md"))}
COMMANDS = [
    (name, command) for name, text in FOUND.items() for command in re.findall(r"^ {4}(seehear .+)$", text, re.MULTILINE)
]


def test_every_format_has_a_card_and_every_card_a_format() -> None:
    assert FOUND.keys() == DATASETS.keys()


@pytest.mark.parametrize("name", FOUND)
def test_cards_say_what_a_user_has_to_know(name: str) -> None:
    text = FOUND[name]
    for word in ("**Terms**", "**Layout**", "| label | values |", "**Split**"):
        assert word in text
    assert name == "folder" or re.search(r"\bCite\s", text)
    assert any(where == name for where, _ in COMMANDS)


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_every_command_of_a_card_is_understood(name: str, command: str) -> None:
    verb, words = split_verb(shlex.split(command)[1:])
    arguments = parse(verb, VERBS[verb], words).arguments
    assert arguments.get("dataset") in (name, None, "folder")
    if verb == "get":
        assert arguments["name"] == name


@pytest.mark.parametrize("name", sorted(DATASETS.keys() - set(DOWNLOADABLE.names()) - {"folder"}))
def test_cards_tell_where_to_ask_for_the_others(name: str) -> None:
    assert DATASETS[name].ask_at.partition("://")[2].rstrip("/") in FOUND[name]


@pytest.mark.parametrize("name", sorted(DATASETS.keys() - {"folder"}))
def test_cards_name_the_labels_that_the_format_gives(name: str, tmp_path: Path) -> None:
    file = tmp_path / DATASETS[name].example
    file.parent.mkdir(parents=True)
    file.touch()
    (source,) = find_sources([tmp_path], name)
    rows = re.findall(r"^\| (`[^|]+) \|", FOUND[name], re.MULTILINE)
    assert set(DATASETS[name].labels) == {label for row in rows for label in re.findall(r"`(\w+)`", row)}
    assert source.labels.keys() <= set(DATASETS[name].labels)


@pytest.mark.parametrize("name", DOWNLOADABLE.names())
def test_cards_tell_the_terms_that_are_asked_for(name: str) -> None:
    terms = find_download(DATASETS[name]).terms
    assert terms.licence in " ".join(FOUND[name].split())
    assert terms.url.removeprefix("https://") in FOUND[name]
    assert f"seehear get {name} -o " in FOUND[name]
