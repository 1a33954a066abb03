"""The folder of a recipe; one stage done."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seehear.atomic_io import remove_leftovers, write_text
from seehear.errors import SeehearError, os_errors_as_user_errors
from seehear.recipes.stages import Kind, Stage

LOCK = ".recipe"
"""Whose presence says whose folder it is."""


@dataclass(frozen=True)
class RecipeFolder:
    """Where everything of a recipe is.

    Attributes:
        root: the folder.
    """

    root: Path

    @contextmanager
    def held(self, name: str) -> Iterator[int]:
        """Makes the folder and holds it for this process, however it ends.

        Args:
            name: of the recipe.

        Yields:
            The descriptor of its lock: a process that inherits it holds the folder as well.

        Raises:
            SeehearError: another process works in it, it holds other things, or it cannot be written.
        """
        lock = self.root / LOCK
        with os_errors_as_user_errors(self.root):
            if self.root.is_dir() and any(self.root.iterdir()) and not lock.is_file():
                raise SeehearError(f"{self.root} holds other things; name a new folder for the recipe with --out")
            self.root.mkdir(parents=True, exist_ok=True)
            with lock.open("a+", encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise SeehearError(
                        f"another seehear recipe is at work in {self.root}; wait for it, or name another --out"
                    ) from None
                file.seek(0)
                before = file.read().strip()
                if before not in ("", name):
                    raise SeehearError(f"{self.root} is of the recipe {before}; name another --out for {name}")
                if not before:
                    file.write(f"{name}\n")
                    file.flush()
                (self.root / "done").mkdir(exist_ok=True)
                for folder in (self.root, self.root / "done"):
                    remove_leftovers(folder)
                yield file.fileno()

    def is_done(self, stage: str, given: Mapping[str, Any]) -> bool:
        """Whether a stage has been done with these very arguments."""
        try:
            told = json.loads(self._marker(stage).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(told, dict) and told.get("given") == json.loads(json.dumps(given))

    def mark(self, stage: str, given: Mapping[str, Any], **more: Any) -> None:
        """Writes down that a stage is done."""
        write_text(self._marker(stage), json.dumps({"stage": stage, "given": given, **more}, indent=1) + "\n")

    def _marker(self, stage: str) -> Path:
        return self.root / "done" / f"{stage.replace(' ', '-').replace('/', '_')}.json"


BAD_INPUT = 2


STOPPED = (130, 143, -2, -15)
"""What a training ends with that a signal has stopped."""


STOP_S = 60
"""A training that is asked to stop saves itself first."""


@dataclass(frozen=True)
class StageRunner:
    """What stages are done with.

    Attributes:
        out: folder of the recipe.
        workers: processes that prepare and measure.
        device: where networks run that are measured.
        only: patterns of what is measured.
        progress: tell how far a stage is.
        lock: descriptor of the folder's lock.
    """

    out: Path
    workers: int | None = None
    device: str = "cpu"
    only: Sequence[str] = ()
    progress: bool = True
    lock: int | None = None

    def do(self, stage: Stage) -> None:
        """Does a stage, or what an earlier run has left of it.

        Raises:
            SeehearError: it cannot be done; the sentence names the file and the way out.
            Stopped: a training was asked to stop, and goes on from there when it is done again.
        """
        ways: Mapping[Kind, Callable[[Stage], None]] = {
            "get": self._get,
            "prepare": self._prepare,
            "pretrain": self._pretrain,
            "evaluate": self._evaluate,
        }
        ways[stage.kind](stage)

    def _get(self, stage: Stage) -> None:
        from seehear.data.get import download_dataset

        brought = download_dataset(
            stage.given["name"], stage.place, parts=stage.given["part"], accept_terms=True, progress=self.progress
        )
        print(brought, file=sys.stderr)  # noqa: T201

    def _prepare(self, stage: Stage) -> None:
        from seehear.data.prepare import prepare

        more = {key: value for key, value in stage.given.items() if key not in ("source", "format")}
        report = prepare(
            [Path(stage.given["source"])],
            stage.place,
            dataset=stage.given["format"],
            workers=self.workers,
            progress=self.progress,
            **more,
        )
        print(report, file=sys.stderr)  # noqa: T201

    def _pretrain(self, stage: Stage) -> None:
        preset = self.out / "presets" / f"{stage.place.name}.yaml"
        preset.parent.mkdir(exist_ok=True)
        write_text(preset, yaml.safe_dump(stage.given["settings"], sort_keys=False))
        corpora = [Path(folder) for folder in stage.given["corpora"]]
        if stage.given["settings"]["engine"]["devices"] == 1:
            from seehear.training.pretrain import pretrain

            print(pretrain(corpora, stage.place, preset=str(preset)), file=sys.stderr)  # noqa: T201
        else:  # each process of such a training runs the whole command line again, which must not be this one
            _command(["pretrain", *map(str, corpora), "-o", str(stage.place), "--preset", str(preset)], self.lock)

    def _evaluate(self, stage: Stage) -> None:
        from seehear.benchmark.cells import cells_of_plan
        from seehear.benchmark.execution import BenchmarkFolder
        from seehear.benchmark.reading import read_plan
        from seehear.benchmark.run import benchmark, given_folders, select_work

        plan = self.out / "plan.yaml"
        write_text(plan, stage.given["plan"])
        data = stage.given["data"]
        benchmark(str(plan), out=stage.place, data=data, workers=self.workers, device=self.device, only=self.only)
        wanted = select_work(cells_of_plan(read_plan(plan), given_folders(data)), self.only)
        found = BenchmarkFolder(stage.place.resolve()).read_outcomes()
        failed = [(cell.label, found[cell.key].failed) for cell in wanted.cells if found[cell.key].failed]
        if failed:
            raise SeehearError(
                f"{len(failed)} of {len(wanted.cells)} measurements failed, {failed[0][0]} for one: {failed[0][1]}"
            )


def _command(words: Sequence[str], lock: int | None) -> None:
    """A verb in a process of its own, whose error stream is passed on.

    Args:
        words: of its command line.
        lock: that it holds too: should this process be killed, nobody else begins in the folder while it lives on.

    Raises:
        SeehearError: it failed; with what it said last.
        KeyboardInterrupt: it was stopped.
    """
    said, held = "", () if lock is None else (lock,)
    with subprocess.Popen(
        [sys.executable, "-m", "seehear", *words], stderr=subprocess.PIPE, text=True, errors="replace", pass_fds=held
    ) as process:
        assert process.stderr
        try:
            for line in process.stderr:
                sys.stderr.write(line)
                said = line.strip() or said
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
        raise SeehearError(said.removeprefix("seehear: "))
    if code:
        raise SeehearError(
            f"seehear {' '.join(words)} ended with exit code {code} ({said}); give it by hand to see why"
        )
