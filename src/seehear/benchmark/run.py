"""`benchmark`: fill the tables of a plan.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seehear.errors import SeehearError
from seehear.progress import Progress

if TYPE_CHECKING:
    from seehear.benchmark.table import BenchmarkResult


def benchmark(
    plan: str | Path,
    *,
    out: Path | None = None,
    data: Sequence[str] | Mapping[str, Path] = (),
    option: Sequence[str] = (),
    seeds: int | None = None,
    minutes: float | None = None,
    only: Sequence[str] = (),
    engine: Literal["local", "ray"] = "local",
    workers: int | None = None,
    address: str | None = None,
    device: str | None = None,
    progress: Progress | None = None,
) -> BenchmarkResult:
    """Fill the tables of a plan: pretexts, losses, encoders, corpora, tasks, label fractions, noise and seeds.

    Only missing results are computed. Repeat a command to resume an interrupted run and to retry failures. Plans run in
    the same folder share their common trainings.

    Args:
        plan: packaged plan (mini, shukla2020-emotion, chung2020-sync, ...) or YAML file
        out: folder for corpora, runs, outcomes, report.html and tables; by default benchmark-NAME here
        data: NAME=FOLDER ...: data sets the plan needs, as a folder of files or a prepared corpus
        option: OPTION=VALUE,VALUE ...: options of pretexts; several values give one row each:
            loss.separation=merged,none
        seeds: number of seeds; by default that of the plan
        minutes: time limit; all tables are run with one seed first, then with the next, and open claims before decided
            ones. The same command resumes later.
        only: measure only what matches these patterns, such as "emotion/*"
        engine: local: processes on this machine; ray: tasks on a Ray cluster whose machines share the folder
        workers: cells run at the same time; by default one per core of this machine or of the cluster
        address: address of the Ray cluster; by default that of this machine, or else this machine alone
        device: cpu, cuda, mps or auto; by default, trainings use that of their preset, and evaluations the CPU
        progress: called with the share of the cells that are done, 0 to 1, and a line about the last one

    Raises:
        SeehearError: the plan, a data set or an option does not exist or is not valid, or the folder contains other
            files.
    """
    from seehear.benchmark.run_plan import run_plan

    if minutes is not None and minutes <= 0:
        raise SeehearError(f"--minutes must be above 0, not {minutes:g}; leave it out to run everything")
    return run_plan(
        plan, out, given_folders(data), option, seeds, minutes, only, engine, workers, address, device, progress
    )


def given_folders(data: Sequence[str] | Mapping[str, Path]) -> dict[str, Path]:
    """Return the folders by name; the command line gives ``NAME=FOLDER``.

    Raises:
        SeehearError: an item has no ``=``, a name is given twice, or a folder does not exist.
    """
    folders: dict[str, Path] = {}
    if isinstance(data, Mapping):
        data = [f"{name}={folder}" for name, folder in data.items()]
    for item in data:
        name, equals, folder = item.partition("=")
        if not equals or not name or not folder:
            raise SeehearError(f"--data needs NAME=FOLDER, not {item!r}; the names are those of the plan's corpora")
        if name in folders:
            raise SeehearError(f"--data gives {name} twice; give one folder per corpus")
        if not Path(folder).is_dir():
            raise SeehearError(f"--data {item}: the folder {folder} does not exist; check the path")
        folders[name] = Path(folder)
    return folders
