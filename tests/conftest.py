"""Fixtures that every room's tests share."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # worker processes are given this path and import what they are to do


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings and models, beside the checkout or named by SEEHEAR_SHARED."""
    default = Path(__file__).resolve().parents[1].parent / "shared"
    folder = Path(os.environ.get("SEEHEAR_SHARED", default))
    if folder.name == "data":  # the variable may name the data folder itself
        folder = folder.parent
    if not (folder / "data").is_dir():
        pytest.skip(f"real recordings are not here ({folder}); set SEEHEAR_SHARED to the folder that holds data/")
    return folder
