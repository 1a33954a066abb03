"""The folder of a recipe; running one stage."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seehear.atomic_io import lock_file, remove_leftovers, write_text
from seehear.errors import SeehearError, os_errors_as_user_errors
from seehear.progress import Progress
from seehear.recipes.stages import Kind, Stage

_log = logging.getLogger(__name__)

LOCK = ".recipe"
"""File that marks the folder as that of a recipe."""


@dataclass(frozen=True)
class RecipeFolder:
    """The folder of a recipe.

    Attributes:
        root: the folder
    """

    root: Path

    @contextmanager
    def lock(self, name: str) -> Iterator[int]:
        """Create the folder and lock it for this process; the lock is released however the process ends.

        Args:
            name: name of the recipe

        Yields:
            File descriptor of the lock: a process that inherits it also holds the folder.

        Raises:
            SeehearError: another process holds it, it contains other files, or it is not writable
        """
        lock = self.root / LOCK
        with os_errors_as_user_errors(self.root):
            if self.root.is_dir() and any(self.root.iterdir()) and not lock.is_file():
                raise SeehearError(
                    f"{self.root} contains other files; choose a new folder for the recipe with --out",
                    code="folder-not-empty",
                )
            self.root.mkdir(parents=True, exist_ok=True)
            with lock.open("a+", encoding="utf-8") as file:
                busy = f"another seehear recipe is running in {self.root}; wait for it, or choose another --out"
                lock_file(file, SeehearError(busy, code="folder-locked"))
                file.seek(0)
                owner = file.read().strip()
                if owner not in ("", name):
                    raise SeehearError(
                        f"{self.root} belongs to the recipe {owner}; choose another --out for {name}",
                        code="folder-of-another-recipe",
                    )
                if not owner:
                    file.write(f"{name}\n")
                    file.flush()
                (self.root / "done").mkdir(exist_ok=True)
                for folder in (self.root, self.root / "done"):
                    remove_leftovers(folder)
                yield file.fileno()

    def is_done(self, stage: str, arguments: Mapping[str, Any]) -> bool:
        """Whether a stage has been done with exactly these arguments."""
        try:
            record = json.loads(self._marker(stage).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(record, dict) and record.get("given") == json.loads(json.dumps(arguments))

    def mark(self, stage: str, arguments: Mapping[str, Any], **more: Any) -> None:
        """Record that a stage is done."""
        write_text(self._marker(stage), json.dumps({"stage": stage, "given": arguments, **more}, indent=1) + "\n")

    def _marker(self, stage: str) -> Path:
        return self.root / "done" / f"{stage.replace(' ', '-').replace('/', '_')}.json"


BAD_INPUT = 2


STOPPED = (130, 143, -2, -15)
"""Exit codes of a training that was stopped by a signal."""


STOP_S = 60
"""Time for a training to save a checkpoint after it is asked to stop."""


@dataclass(frozen=True)
class StageRunner:
    """Runs stages.

    Attributes:
        out: folder of the recipe
        workers: number of processes that prepare and measure
        device: device for the networks that are measured
        only: patterns of what to measure
        progress: callback for the progress of each stage
        lock: file descriptor of the folder's lock
    """

    out: Path
    workers: int | None = None
    device: str = "cpu"
    only: Sequence[str] = ()
    progress: Progress | None = None
    lock: int | None = None

    def run(self, stage: Stage) -> None:
        """Run a stage, or complete what an earlier run has left unfinished.

        Raises:
            SeehearError: it failed; the message names the file and the way out
            Stopped: a training was stopped; it resumes in the next run
        """
        runners: Mapping[Kind, Callable[[Stage], None]] = {
            "get": self._get,
            "prepare": self._prepare,
            "pretrain": self._pretrain,
            "evaluate": self._evaluate,
        }
        runners[stage.kind](stage)

    def _get(self, stage: Stage) -> None:
        from seehear.data.get import download_dataset

        download = download_dataset(
            stage.arguments["name"],
            stage.folder,
            parts=stage.arguments["part"],
            accept_terms=True,
            progress=self.progress,
        )
        _log.info("%s", download)

    def _prepare(self, stage: Stage) -> None:
        from seehear.data.prepare import prepare

        more = {key: value for key, value in stage.arguments.items() if key not in ("source", "format")}
        report = prepare(
            [Path(stage.arguments["source"])],
            stage.folder,
            dataset=stage.arguments["format"],
            workers=self.workers,
            progress=self.progress,
            **more,
        )
        _log.info("%s", report)

    def _pretrain(self, stage: Stage) -> None:
        preset = self.out / "presets" / f"{stage.folder.name}.yaml"
        preset.parent.mkdir(exist_ok=True)
        write_text(preset, yaml.safe_dump(stage.arguments["settings"], sort_keys=False))
        corpora = [Path(folder) for folder in stage.arguments["corpora"]]
        if stage.arguments["settings"]["engine"]["devices"] == 1:
            from seehear.training.pretrain import pretrain

            trained = pretrain(corpora, stage.folder, preset=str(preset), progress=self.progress)
            _log.info("%s", trained)
        else:  # each process of such a training runs the whole command line again, which must not be this one
            _command(["pretrain", *map(str, corpora), "-o", str(stage.folder), "--preset", str(preset)], self.lock)

    def _evaluate(self, stage: Stage) -> None:
        from seehear.benchmark.cells import cells_of_plan
        from seehear.benchmark.execution import BenchmarkFolder
        from seehear.benchmark.reading import read_plan
        from seehear.benchmark.run import benchmark, given_folders
        from seehear.benchmark.run_plan import select_work

        plan = self.out / "plan.yaml"
        write_text(plan, stage.arguments["plan"])
        data = stage.arguments["data"]
        benchmark(
            str(plan),
            out=stage.folder,
            data=data,
            workers=self.workers,
            device=self.device,
            only=self.only,
            progress=self.progress,
        )
        selected = select_work(cells_of_plan(read_plan(plan), given_folders(data)), self.only)
        outcomes = BenchmarkFolder(stage.folder.resolve()).read_outcomes()
        failed = [(cell.label, outcomes[cell.key].failed) for cell in selected.cells if outcomes[cell.key].failed]
        if failed:
            raise SeehearError(
                f"{len(failed)} of {len(selected.cells)} measurements failed, such as {failed[0][0]}: {failed[0][1]}"
            )


def _command(words: Sequence[str], lock: int | None) -> None:
    """Run a verb in its own process and log its error stream.

    Args:
        words: command line
        lock: file descriptor inherited by the new process, so that the folder stays locked if this one is killed

    Raises:
        SeehearError: it failed; with the last line of its output
        KeyboardInterrupt: it was stopped
    """
    last_line, descriptors = "", () if lock is None else (lock,)
    command = [sys.executable, "-m", "seehear", *words]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, errors="replace", pass_fds=descriptors
    ) as process:
        assert process.stderr
        try:
            for line in process.stderr:
                _log.info(line.rstrip("\n"))
                last_line = line.strip() or last_line
            code = process.wait()
        except BaseException:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    if code in STOPPED:
        raise KeyboardInterrupt
    if code == BAD_INPUT:
        raise SeehearError(last_line.removeprefix("seehear: "))
    if code:
        raise SeehearError(
            f"seehear {' '.join(words)} ended with exit code {code} ({last_line}); run it by hand to see why"
        )
