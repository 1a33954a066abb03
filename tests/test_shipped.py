"""Names of what comes with the package."""

import subprocess
import sys

import pytest

from seehear.config import (
    PLANS_FOLDER,
    PRESETS_FOLDER,
    WEIGHTS_FOLDER,
    packaged_model_names,
    resource_folder,
    yaml_names,
)


@pytest.mark.parametrize("place", [PRESETS_FOLDER, PLANS_FOLDER])
def test_every_name_is_a_file_that_is_there(place: tuple[str, ...]) -> None:
    names = yaml_names(place)
    assert names == sorted(names)
    assert names
    assert all((resource_folder(place) / f"{name}.yaml").is_file() for name in names)


def test_models_are_folders_with_weights() -> None:
    assert all(
        (resource_folder(WEIGHTS_FOLDER) / name / "model.safetensors").is_file() for name in packaged_model_names()
    )
    assert "sync-small" in packaged_model_names()


def test_nothing_heavy_is_loaded_to_say_it() -> None:
    code = "import sys, seehear.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
