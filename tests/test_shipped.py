"""Names of what comes with the package."""

import subprocess
import sys

import pytest

from seehear.shipped import PLANS, PRESETS, WEIGHTS, model_names, room, yaml_names


@pytest.mark.parametrize("place", [PRESETS, PLANS])
def test_every_name_is_a_file_that_is_there(place: tuple[str, ...]) -> None:
    names = yaml_names(place)
    assert names == sorted(names)
    assert names
    assert all((room(place) / f"{name}.yaml").is_file() for name in names)


def test_models_are_folders_with_weights() -> None:
    assert all((room(WEIGHTS) / name / "model.safetensors").is_file() for name in model_names())
    assert "sync-small" in model_names()


def test_nothing_heavy_is_loaded_to_say_it() -> None:
    code = "import sys, seehear.shipped; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
