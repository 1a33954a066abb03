"""Several processes with small batches train the same model as one process with their batches together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

pytestmark = pytest.mark.trains

PRETEXTS = ("sync", "match", "animate", "joint", "disentangle", "apc", "cpc")
DIED = 9


def run(world: int, runs: Path, *pretexts: str, kill_at: int = 0) -> dict[str, dict[str, Tensor]]:
    """Train each pretext for a few steps; return losses and weights by pretext."""
    script = Path(__file__).with_name("processes.py")
    command = [sys.executable, str(script), str(world), str(runs), str(kill_at), *pretexts]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == (DIED if kill_at else 0), done.stderr
    return {} if kill_at else {name: torch.load(runs / f"{name}.pt", weights_only=True) for name in pretexts}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Tensor]]:
    return run(1, tmp_path_factory.mktemp("alone"), *PRETEXTS)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Tensor]]:
    return run(2, tmp_path_factory.mktemp("together"), *PRETEXTS)


@pytest.mark.parametrize("pretext", PRETEXTS)
def test_two_processes_equal_one(
    alone: dict[str, dict[str, Tensor]], together: dict[str, dict[str, Tensor]], pretext: str
) -> None:
    one, two = alone[pretext], together[pretext]
    assert one["losses"].std() > 0.001
    torch.testing.assert_close(two["losses"], one["losses"], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(two["weights"], one["weights"], rtol=1e-4, atol=1e-5)


def test_a_killed_training_goes_on_with_another_number_of_processes(
    alone: dict[str, dict[str, Tensor]], tmp_path: Path
) -> None:
    run(2, tmp_path, "sync", kill_at=5)  # two steps after its last checkpoint
    assert (tmp_path / "sync" / "checkpoints" / "last.ckpt").is_file()
    torch.testing.assert_close(run(1, tmp_path, "sync")["sync"], alone["sync"], rtol=1e-4, atol=1e-5)
