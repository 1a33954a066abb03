"""The figures of the README and what `make bench` runs: the same commands, with the same seeds, labels and counts."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"


def rows(text: str) -> list[str]:
    """The last column of every table of figures."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| what ")]
    return [command for line in lines for command in re.findall(r"`([^`]+)`", line.rsplit("|", 2)[1])]


def measured() -> list[str]:
    """The commands of the figures in the README and in docs/results.md."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    return rows(readme.split("\n## Measured\n", 1)[1].split("\n## ", 1)[0]) + rows(results)


def run_all(*arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS / "run_all.py"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


@pytest.fixture(scope="module")
def jobs() -> list[list[str]]:
    """Script and arguments of everything that `make bench` runs, in the order of the list."""
    return [shlex.split(line.split("  ")[0]) for line in run_all("--list").splitlines()]


def test_the_readme_has_figures_and_every_one_a_command() -> None:
    assert len(measured()) > 20


def test_every_script_that_the_readme_quotes_is_run_with_these_very_arguments(jobs: list[list[str]]) -> None:
    quoted = [shlex.split(command) for command in measured() if command.startswith("benchmarks/")]
    missing = [" ".join(words) for words in quoted if words not in jobs]
    assert not missing, f"make bench does not run what the README quotes: {missing}"
    assert all((ROOT / words[0]).is_file() for words in quoted)


def test_every_other_command_of_the_table_is_a_target_or_a_verb() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for command in measured():
        words = command.split()
        known = {"make": words[1] in targets if len(words) > 1 else False, "seehear": True}
        assert words[0].startswith("benchmarks/") or known.get(words[0], False), command


def test_what_is_run_is_there_and_takes_its_arguments(jobs: list[list[str]]) -> None:
    for script, *arguments in jobs:
        text = (ROOT / script).read_text(encoding="utf-8")
        options = [word for word in arguments if word.startswith("--")]
        assert all(f'"{option}"' in text for option in options), script
