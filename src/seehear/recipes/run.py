"""The verb `seehear recipe`: stages one after the other, each once, a failure costing only what needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seehear.benchmark.run import given_folders, terminated_as_interrupted
from seehear.downloads.data_sets import DATA_SETS
from seehear.downloads.terms import agree
from seehear.errors import SeehearError
from seehear.os_errors import as_sentence
from seehear.recipes.folder import RecipeFolder
from seehear.recipes.recipe import RecipeError, read_recipe
from seehear.recipes.show import listed, plan_in_words
from seehear.recipes.stages import EVALUATE, Asked, Course, Stage, course, evaluation
from seehear.recipes.work import BAD_INPUT, Hands

TERMS = "terms"
"""Before the name of a data set: the marker that says that its terms are accepted."""


def recipe(
    name: str | None,
    *,
    out: Path | None = None,
    data: Sequence[str] = (),
    accept: Sequence[str] = (),
    without: Sequence[str] = (),
    set: Sequence[str] = (),
    only: Sequence[str] = (),
    devices: int = 1,
    device: str | None = None,
    workers: int | None = None,
    dry_run: bool = False,
) -> int:
    """Do all that a table of the papers needs: fetch data, prepare it, pretrain, evaluate, write a report.

    Each stage is done once. A run that was stopped or killed goes on when the same command is given again; a stage
    that failed is tried again, and those that do not need it are done all the same. Terms of data sets are shown and
    asked for before anything is fetched.

    Args:
        name: of a recipe that comes with the package (open-data, lrs2, lrw, voxceleb2) or a YAML file; without one the
            recipes are listed.
        out: folder of everything: data, corpora, runs, evaluate/report.html and evaluate/tables.md; by default
            recipe-NAME here.
        data: NAME=FOLDER ...: data sets that you have, as released or prepared; they are not fetched then.
        accept: data sets whose terms you accept without being asked, by name: --accept grid cremad ravdess.
        without: data sets or pretexts to leave out, with all that needs them.
        set: OPTION=VALUE ...: options of pretexts, as of seehear benchmark: sync.optim.steps=10000.
        only: patterns of what is measured, such as "emotion/*".
        devices: GPUs that train together; the steps are shared out among them.
        device: what networks run on: cpu, cuda, mps or auto; by default a GPU where there is one.
        workers: processes that prepare and measure; by default one a core.
        dry_run: print the stages with size, hours, disk and terms, and do nothing.

    Returns:
        0 where everything is done, 2 where a stage failed.

    Raises:
        SeehearError: no such recipe, a data set that is missing, an option that does not fit, or a folder that holds
            other things.
    """
    if name is None:
        print(listed())  # noqa: T201
        return 0
    wanted = read_recipe(name)
    asked = Asked(out or Path(f"recipe-{wanted.name}"), given_folders(data), without, set, devices, device)
    for one in accept:
        if one not in wanted.data or not wanted.data[one].fetched:
            there = ", ".join(key for key, spec in wanted.data.items() if spec.fetched) or "none"
            raise RecipeError(f"--accept {one!r}: {wanted.name} fetches no such data set; it fetches {there}")
    whole = course(wanted, asked)
    folder = RecipeFolder(asked.out)
    if dry_run:
        print(plan_in_words(whole, _last(whole, asked), _done(folder, whole, asked)))  # noqa: T201
        return 0
    with folder.held(wanted.name) as lock, terminated_as_interrupted():
        hands = Hands(asked.out, workers, device or _gpu_or_cpu(), only, lock=lock)
        return _Work(folder, whole, asked, hands).carry_out(accept)


def optional_name(words: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The name has a position on the command line and may be left out, whatever the words are."""
    return {"name": {"type": str, "nargs": "?", "default": None}}


class _Work:
    """The stages of one call.

    Attributes:
        failed: stage -> why.
        done: names of the stages that are done.
    """

    def __init__(self, folder: RecipeFolder, whole: Course, asked: Asked, hands: Hands) -> None:
        self.failed: dict[str, str] = {}
        self.done: list[str] = []
        self._folder, self._whole, self._asked, self._hands = folder, whole, asked, hands

    def carry_out(self, accept: Sequence[str]) -> int:
        """Everything that can be done; gives the exit code."""
        for note in self._whole.notes:
            _tell(note)
        for stage in self._whole.stages:
            if stage.kind == "get" and not self._folder.is_done(stage.name, stage.given):
                self._ask(stage, accept)
        for stage in self._whole.stages:
            self._do(stage)
        last = evaluation(self._whole, self._asked, self.done)
        if last:
            self._do(last)
        else:
            self.failed[EVALUATE] = "no pretext is trained and has data to be measured on"
        return self._account(last)

    def _ask(self, stage: Stage, accept: Sequence[str]) -> None:
        """Whether the user accepts the terms; where not, fetching has failed."""
        known, terms = DATA_SETS[stage.of], f"{TERMS} {stage.of}"
        given = {"licence": known.terms.licence, "url": known.terms.url}
        if self._folder.is_done(terms, given):
            return
        try:
            if stage.of in accept:
                _tell(f"{known.title}\n{known.terms}\naccepted with --accept {stage.of}")
            else:
                agree(known.title, known.terms)
        except SeehearError as refusal:
            self.failed[stage.name] = f"{refusal} (--accept {stage.of}, or --without {stage.of})"
        else:
            self._folder.mark(terms, given)

    def _do(self, stage: Stage) -> None:
        lost = [need for need in stage.needs if need in self.failed]
        if stage.name in self.failed:
            return
        if lost:
            self.failed[stage.name] = f"it needs {lost[0]}, which failed"
            return
        # what was measured may grow with --only, and a benchmark itself knows what is left
        there = self._folder.is_done(stage.name, stage.given) and stage.place.exists()
        if there and stage.kind != EVALUATE:
            _tell(f"{stage.name}: done before")
            self.done.append(stage.name)
            return
        _tell(f"{stage.name}: {stage.command}")
        try:
            self._hands.do(stage)
        except SeehearError as error:
            self.failed[stage.name] = str(error)
        except OSError as refusal:
            sentence = as_sentence(refusal)
            if sentence is None:
                raise
            self.failed[stage.name] = str(sentence)
        else:
            self._folder.mark(stage.name, stage.given)
            self.done.append(stage.name)
        if stage.name in self.failed:
            _tell(f"{stage.name} failed: {self.failed[stage.name]}")

    def _account(self, last: Stage | None) -> int:
        if last and (last.place / "report.html").is_file():
            _tell(f"report: {last.place / 'report.html'}; tables: {last.place / 'tables.md'}")
        for name, reason in self.failed.items():
            _tell(f"seehear: {name} failed: {reason}")
        if self.failed:
            _tell("give the same command again when that is put right: what is done is kept")
        return BAD_INPUT if self.failed else 0


def _last(whole: Course, asked: Asked) -> Stage:
    """The evaluation where all goes well."""
    last = evaluation(whole, asked, [stage.name for stage in whole.stages])
    if last is None:
        raise RecipeError(f"nothing of {whole.recipe.name} would be measured; give more with --data, or leave less out")
    return last


def _done(folder: RecipeFolder, whole: Course, asked: Asked) -> list[str]:
    stages = [*whole.stages, _last(whole, asked)]
    return [stage.name for stage in stages if folder.is_done(stage.name, stage.given)]


def _gpu_or_cpu() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201
