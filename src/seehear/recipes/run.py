"""`recipe`: reproduce a table of the papers.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.progress import Progress
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType


def recipe(
    name: str | None = None,
    *,
    out: Path | None = None,
    data: Sequence[str] | Mapping[str, Path] = (),
    accept_terms: Sequence[str] = (),
    skip: Sequence[str] = (),
    option: Sequence[str] = (),
    only: Sequence[str] = (),
    devices: int = 1,
    device: str | None = None,
    workers: int | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> RecipeResult | RecipeText:
    """Reproduce a table of the papers: fetch data, prepare it, pretrain, evaluate, and write a report.

    Each stage runs once. After an interruption, give the same command again to continue. A failed stage is retried, and
    stages that do not depend on it still run. The terms of data sets must be accepted before anything is
    downloaded.

    Args:
        name: packaged recipe (open-data, lrs2, lrw, voxceleb2) or a YAML file; without a name the recipes are listed
        out: output folder: data, corpora, runs, evaluate/report.html and evaluate/tables.md; by default recipe-NAME in
            the current folder
        data: NAME=FOLDER ...: data sets that you already have, as released or prepared; they are not downloaded
        accept_terms: data sets whose terms you accept, by name: --accept-terms grid cremad ravdess
        skip: data sets or pretexts to leave out, with everything that depends on them
        option: OPTION=VALUE ...: options of pretexts, as in seehear benchmark: sync.optim.steps=10000
        only: patterns of what to measure, such as "emotion/*"
        devices: number of GPUs to train with; the steps are divided among them
        device: device for the networks: cpu, cuda, mps or auto; by default a GPU if there is one
        workers: number of processes that prepare and measure; by default one per core
        dry_run: only list the stages with size, hours, disk and terms
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Raises:
        TermsNotAcceptedError: the terms of a data set to be downloaded are not accepted
        SeehearError: the recipe does not exist, a data set is missing, an option is invalid, or the folder holds
            other files
    """
    from seehear.benchmark.run import given_folders
    from seehear.recipes.recipe import read_recipe
    from seehear.recipes.run_recipe import list_recipes, run_recipe
    from seehear.recipes.stages import RecipeOptions

    if name is None:
        return RecipeText(list_recipes())
    chosen = read_recipe(name)
    options = RecipeOptions(out or Path(f"recipe-{chosen.name}"), given_folders(data), skip, option, devices, device)
    return run_recipe(chosen, options, accept_terms, only, workers, dry_run, progress)


@dataclass(frozen=True, repr=False)
class RecipeText(Result):
    """The description of a recipe, or the list of recipes."""

    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"text": self.text}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        return Text(self.text)


@dataclass(frozen=True, repr=False)
class RecipeResult(Result):
    """The result of running a recipe.

    Attributes:
        name: name of the recipe
        out: output folder
        done: names of the completed stages, in order
        failed: stage -> reason of its failure
        report: HTML report of the evaluation; None if there is none
    """

    SHOWN = ("name", "out")

    name: str
    out: Path
    done: tuple[str, ...]
    failed: Mapping[str, str]
    report: Path | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each failed stage."""
        return tuple(f"{name} failed: {reason}" for name, reason in self.failed.items())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        report = None if self.report is None else str(self.report)
        values = {"recipe": self.name, "out": str(self.out), "done": list(self.done), "failed": dict(self.failed)}
        return values | {"report": report}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        lines = [f"{len(self.done)} stages completed: {', '.join(self.done)}"]
        if self.report:
            lines.append(f"report: {self.report}; tables: {self.report.with_name('tables.md')}")
        if self.failed:
            lines.append("fix the problem and repeat the command: completed stages are kept")
        return Text("\n".join(lines))
