"""How many threads there are and how they wait, by what the machine and the user say."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seehear import machine
from seehear.machine import THREAD_VARIABLES, WAIT_VARIABLES, available_cores, cpu_quota, single_threaded_children


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing of threads."""
    for name in (*THREAD_VARIABLES, *WAIT_VARIABLES):
        monkeypatch.setenv(name, "to be put back")
        monkeypatch.delenv(name)
    return monkeypatch


def group(root: Path, line: str, files: dict[str, str]) -> Path:
    """A machine whose control groups say this."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(line + "\n")
    for name, text in files.items():
        (root / "sys/fs/cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "sys/fs/cgroup" / name).write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("line", "files", "quota"),
    [
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/", {"cpu.max": "max 100000"}, math.inf),
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "400000 100000", "cpu.max": "800000 100000"}, 4),
        ("0::/host/name/of/it", {"cpu.max": "200000 100000"}, 2),  # as seen from inside of a container
        ("4:cpu,x:/a", {"cpu,x/a/cpu.cfs_quota_us": "50000", "cpu,x/a/cpu.cfs_period_us": "100000"}, 0.5),
        ("1:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
        ("4:memory:/a", {}, math.inf),
    ],
)
def test_the_quota_of_a_container(tmp_path: Path, line: str, files: dict[str, str], quota: float) -> None:
    assert cpu_quota(group(tmp_path, line, files)) == quota


def test_no_control_groups_are_no_limit(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) == math.inf


@pytest.mark.parametrize(("quota", "cores"), [(math.inf, 8), (0.5, 1), (2.5, 3), (16, 8)])
def test_cores_are_those_allowed_within_the_quota(monkeypatch: pytest.MonkeyPatch, quota: float, cores: int) -> None:
    monkeypatch.setattr(machine, "_allowed_cores", lambda: 8)
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    assert available_cores() == cores


def test_threads_wait_a_little_and_sleep(unset: pytest.MonkeyPatch) -> None:
    machine.configure_threads()
    assert 0 < int(os.environ["GOMP_SPINCOUNT"]) <= 20_000
    assert "OMP_WAIT_POLICY" not in os.environ


@pytest.mark.parametrize("name", WAIT_VARIABLES)
def test_what_the_user_has_set_stays(unset: pytest.MonkeyPatch, name: str) -> None:
    unset.setenv(name, "7")
    machine.configure_threads()
    assert {variable: os.environ.get(variable) for variable in WAIT_VARIABLES} == {
        variable: "7" if variable == name else None for variable in WAIT_VARIABLES
    }


def test_within_a_quota_there_are_as_many_threads(unset: pytest.MonkeyPatch) -> None:
    unset.setattr(machine, "_allowed_cores", lambda: 64)
    unset.setattr(machine, "cpu_quota", lambda: 2.0)
    unset.setenv("MKL_NUM_THREADS", "5")
    machine.configure_threads()
    assert [os.environ.get(name) for name in THREAD_VARIABLES] == ["2", "2", "5"]


def test_without_a_quota_the_number_of_threads_is_left_alone(unset: pytest.MonkeyPatch) -> None:
    unset.setattr(machine, "cpu_quota", lambda: math.inf)
    machine.configure_threads()
    assert not any(name in os.environ for name in THREAD_VARIABLES)


def test_children_have_one_thread_and_the_parent_what_it_had(unset: pytest.MonkeyPatch) -> None:
    unset.setenv("OMP_NUM_THREADS", "3")
    with single_threaded_children():
        assert [os.environ[name] for name in THREAD_VARIABLES] == ["1", "1", "1"]
    assert [os.environ.get(name) for name in THREAD_VARIABLES] == ["3", None, None]


SCRIPT = """
import sys
from seehear.cli import main
main(["--version"])
assert "torch" not in sys.modules, "the libraries read the environment when they are loaded"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="OMP_DISPLAY_ENV is read by GNU's OpenMP")
def test_the_command_line_decides_before_the_libraries_are_loaded(unset: pytest.MonkeyPatch) -> None:
    """What OpenMP itself says it was told, in a process that has run the command line and then loads torch."""
    environment = os.environ | {"OMP_DISPLAY_ENV": "verbose"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + "import torch"], env=environment, capture_output=True, text=True, check=True
    )
    assert f"GOMP_SPINCOUNT = '{machine.SPIN_COUNT}'" in done.stderr
