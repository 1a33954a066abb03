"""What docs/benchmark.md shows is a plan, and its commands name plans and options that there are."""

import re
import shlex
from pathlib import Path

import pytest

from seehear.benchmark.cells import cells_of_plan
from seehear.benchmark.reading import plan_from_yaml, plan_names, read_plan
from seehear.benchmark.sweep import apply_set
from seehear.cli import VERBS
from seehear.cli.parser import parse

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ {4}seehear benchmark (.+)$", TEXT, re.MULTILINE)
OWN = "plan.yaml"


def test_the_plan_that_is_shown_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.+?)```", TEXT, re.DOTALL)
    plan = plan_from_yaml(shown, "plan", OWN)
    work = cells_of_plan(plan, dict.fromkeys(plan.corpora, tmp_path))
    assert not work.notes
    assert {place.row for place in work.positions} >= {"sync[loss=multiway]", "sync[loss=separate]", "wav2vec"}
    assert {place.labels for place in work.positions} == {1.0, 0.1}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_name_plans_and_options_that_there_are(command: str) -> None:
    given = parse("benchmark", VERBS["benchmark"], shlex.split(command)).arguments
    if given["plan"] != OWN:
        plan = apply_set(read_plan(given["plan"]), given["option"])
        assert {word.partition("=")[0] for word in given["data"]} <= set(plan.corpora)
        assert cells_of_plan(plan).cells


def test_every_shipped_plan_is_told_of() -> None:
    told = set(re.findall(r"^\| `([\w-]+)` \|", TEXT, re.MULTILINE))
    assert told == set(plan_names())
