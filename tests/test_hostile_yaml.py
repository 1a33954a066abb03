"""YAML that a stranger wrote: no bomb goes off, and every fault is one error of the kind that its reader promises."""

import pytest
import yaml

from seehear.benchmark.reading import read_plan
from seehear.config import OptionsError
from seehear.errors import ModelError
from seehear.plain_yaml import load_yaml
from seehear.training.settings import read_settings

BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
HOSTILE = {
    "aliases of aliases": BOMB + "tasks: *a8\nmodel: *a8\n",
    "a loop": "model: &x {pretext: *x}\ntasks: &y {a: *y}\n",
    "depth": "model: " + "[" * 20_000,
    "digits": "data: {seconds: " + "1" * 5000 + "}",
    "a day that is none": "model: 2001-99-99",
    "a call": "model: !!python/object/apply:os.system ['true']",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_every_fault_is_a_yaml_error(name, tmp_path):
    with pytest.raises(yaml.YAMLError):
        load_yaml(HOSTILE[name])
    file = tmp_path / "file.yaml"
    file.write_text(HOSTILE[name])
    with pytest.raises(ModelError):
        read_settings(str(file))
    with pytest.raises(OptionsError):
        read_plan(file)


def test_presets_that_are_not_text_or_have_an_empty_section(tmp_path):
    file = tmp_path / "file.yaml"
    for content in (b"\xff\xfem\x00", b"model:\n", b"data:\n"):
        file.write_bytes(content)
        with pytest.raises(ModelError):
            read_settings(str(file))


def test_aliases_are_fine():
    assert load_yaml("a: &a {b: [1, 2]}\nc: *a\nd: {<<: *a, e: 3}") == {
        "a": {"b": [1, 2]},
        "c": {"b": [1, 2]},
        "d": {"b": [1, 2], "e": 3},
    }
