"""Doing one stage: the functions of the verbs, called with what the stage says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from seehear.beside import write_text
from seehear.errors import SeehearError
from seehear.recipes.stages import Kind, Stage

BAD_INPUT = 2
STOPPED = (130, 143, -2, -15)
"""What a training ends with that a signal has stopped."""

STOP_S = 60
"""A training that is asked to stop saves itself first."""


@dataclass(frozen=True)
class Hands:
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
            SystemExit: a training was asked to stop, and goes on from there when it is done again.
        """
        ways: Mapping[Kind, Callable[[Stage], None]] = {
            "get": self._get,
            "prepare": self._prepare,
            "pretrain": self._pretrain,
            "evaluate": self._evaluate,
        }
        ways[stage.kind](stage)

    def _get(self, stage: Stage) -> None:
        from seehear.corpus.get import get

        brought = get(stage.given["name"], stage.place, part=stage.given["part"], accept=True, progress=self.progress)
        print(brought.sentence(), file=sys.stderr)  # noqa: T201

    def _prepare(self, stage: Stage) -> None:
        from seehear.corpus.prepare import prepare

        more = {key: value for key, value in stage.given.items() if key != "source"}
        report = prepare(
            [Path(stage.given["source"])], stage.place, workers=self.workers, progress=self.progress, **more
        )
        print(report.sentence(), file=sys.stderr)  # noqa: T201

    def _pretrain(self, stage: Stage) -> None:
        preset = self.out / "presets" / f"{stage.place.name}.yaml"
        preset.parent.mkdir(exist_ok=True)
        write_text(preset, yaml.safe_dump(stage.given["settings"], sort_keys=False))
        corpora = [Path(folder) for folder in stage.given["corpora"]]
        if stage.given["settings"]["engine"]["devices"] == 1:
            from seehear.training.pretrain import pretrain

            print(pretrain(corpora, stage.place, preset=str(preset)), file=sys.stderr)  # noqa: T201
        else:  # each process of such a training runs the whole command line again, which must not be this one
            _command(["pretrain", *map(str, corpora), str(stage.place), "--preset", str(preset)], self.lock)

    def _evaluate(self, stage: Stage) -> None:
        from seehear.benchmark.doing.folder import Folder
        from seehear.benchmark.planning.cells import cells
        from seehear.benchmark.planning.reading import read_plan
        from seehear.benchmark.run import benchmark, given_folders, only_of

        plan = self.out / "plan.yaml"
        write_text(plan, stage.given["plan"])
        data = stage.given["data"]
        benchmark(str(plan), out=stage.place, data=data, workers=self.workers, device=self.device, only=self.only)
        wanted = only_of(cells(read_plan(plan), given_folders(data)), self.only)
        found = Folder(stage.place.resolve()).read_outcomes()
        failed = [(cell.called, found[cell.key].failed) for cell in wanted.cells if found[cell.key].failed]
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
