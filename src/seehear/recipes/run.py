"""The command `seehear recipe`, and the description of a recipe."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.benchmark.run import given_folders
from seehear.data.datasets import DATASETS
from seehear.data.get import TermsNotAcceptedError, find_download
from seehear.errors import SeehearError, as_user_error
from seehear.parallel import terminated_as_interrupted
from seehear.progress import Progress
from seehear.recipes.recipe import H100_MAC_S, Recipe, RecipeError, read_recipe, recipe_names, where_from
from seehear.recipes.stages import EVALUATE, RecipeOptions, RecipePlan, Stage, evaluation_stage, plan_recipe
from seehear.recipes.work import RecipeFolder, StageRunner
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

_log = logging.getLogger(__name__)

NOT_RUN = "Nobody has run this recipe at full size yet: hours are estimates, and no figure is promised."


def listed() -> str:
    """List the packaged recipes with their requirements."""
    lines = []
    for name in recipe_names():
        recipe = read_recipe(name)
        lines += [f"{name}: {recipe.plan.title}", f"    {_wants(recipe)}"]
    return "\n".join([*lines, "", "seehear recipe NAME --dry-run prints the stages with size, hours, disk and terms."])


def _wants(recipe: Recipe) -> str:
    parts = []
    for title, names in (
        ("fetches", [name for name, spec in recipe.data.items() if spec.fetched]),
        ("needs --data", [name for name, spec in recipe.data.items() if not (spec.fetched or spec.optional)]),
        ("may use --data", [name for name, spec in recipe.data.items() if spec.optional and not spec.fetched]),
    ):
        parts += [f"{title} {', '.join(names)}"] if names else []
    return "; ".join(parts)


def plan_text(whole: RecipePlan, last: Stage, done: Sequence[str]) -> str:
    """Describe the stages with size, hours, disk and terms, the source of the hours, and the commands.

    Args:
        whole: all stages but the last
        last: the evaluation, if everything succeeds
        done: names of the completed stages
    """
    recipe = whole.recipe
    stages = [*whole.stages, last]
    return "\n".join(
        [
            f"{recipe.name}: {recipe.plan.title}",
            NOT_RUN,
            "",
            *_table(stages, done),
            "",
            "data sets and their terms",
            *_terms(recipe),
            "",
            "how the hours were found",
            *(f"  {kind:<9} {how}" for kind, how in _ways(stages)),
            "",
            "each stage by hand",
            *(f"  {stage.command}" for stage in stages),
            *(["", *whole.notes] if whole.notes else []),
        ]
    )


def _table(stages: Sequence[Stage], done: Sequence[str]) -> list[str]:
    rows = [("stage", "size", "one H100", "eight", "disk")]
    for stage in stages:
        name = f"{stage.name} (done)" if stage.name in done else stage.name
        more = " or more" if stage.cost.at_least else ""
        one, eight = (format_hours(hours) + more for hours in stage.cost.hours) if stage.cost.hours else ("?", "?")
        disk = format_disk(stage.cost.disk_gb) if stage.cost.disk_gb else "not counted"
        rows.append((name, stage.cost.size, one, eight, disk))
    known = [stage.cost.hours for stage in stages if stage.cost.hours]
    one, eight = (format_hours(sum(hours[n] for hours in known)) for n in (0, 1))
    total_disk = format_disk(sum(stage.cost.disk_gb for stage in stages))
    rows.append(("sum", f"{EVALUATE} takes more", one, eight, total_disk))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _terms(recipe: Recipe) -> Iterator[str]:
    for name, spec in recipe.data.items():
        consent = " (asked for before it is fetched)" if spec.fetched else ""
        yield f"  {name}{consent}"
        yield from (f"    {line.strip()}" for line in recipe.terms_of(name).splitlines())
        yield f"    size   {spec.source}{where_from(spec)}"


def _ways(stages: Sequence[Stage]) -> list[tuple[str, str]]:
    """Return each stage kind with the source of its hours, without duplicates."""
    sources = dict.fromkeys((stage.kind, stage.cost.how) for stage in stages)
    more = (
        f"no GPU was timed: {H100_MAC_S / 1e12:.1f} TMAC/s are NVIDIA's figure, the share is a guess, and "
        "disturbances are not counted; eight GPUs take an eighth of the steps, and what they lose to each other is not "
        "counted either"
    )
    return [*sources, ("", more)]


def format_hours(hours: float) -> str:
    """Format with two digits, or as minutes below an hour."""
    return f"{max(1, round(60 * hours))} min" if hours < 1 else f"{hours:.{0 if hours >= 10 else 1}f} h"


def format_disk(gb: float) -> str:
    """Format in MB, GB or TB."""
    if gb >= 1000:
        return f"{gb / 1000:.1f} TB"
    return f"{gb:.0f} GB" if gb >= 1 else f"{1000 * gb:.0f} MB"


TERMS = "terms"
"""Prefix of the marker for accepted terms of a data set."""


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
    if name is None:
        return RecipeText(listed())
    wanted = read_recipe(name)
    asked = RecipeOptions(out or Path(f"recipe-{wanted.name}"), given_folders(data), skip, option, devices, device)
    for one in accept_terms:
        if one not in wanted.data or not wanted.data[one].fetched:
            there = ", ".join(key for key, spec in wanted.data.items() if spec.fetched) or "none"
            raise RecipeError(f"--accept-terms {one!r}: {wanted.name} downloads no such data set; it downloads {there}")
    whole = plan_recipe(wanted, asked)
    folder = RecipeFolder(asked.out)
    if dry_run:
        return RecipeText(plan_text(whole, _last(whole, asked), _done(folder, whole, asked)))
    with folder.held(wanted.name) as lock, terminated_as_interrupted():
        hands = StageRunner(asked.out, workers, device or _gpu_or_cpu(), only, progress, lock)
        return _Work(folder, whole, asked, hands).carry_out(accept_terms)


@dataclass(frozen=True, repr=False)
class RecipeText(Result):
    """A recipe, or all of them, in words."""

    text: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"text": self.text}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        return Text(self.text)


@dataclass(frozen=True, repr=False)
class RecipeResult(Result):
    """What became of a recipe.

    Attributes:
        name: of the recipe.
        out: folder of everything.
        done: stages that are done, in their order.
        failed: stage -> why.
        report: page of the evaluation; None where there is none.
    """

    SHOWN = ("name", "out")

    name: str
    out: Path
    done: tuple[str, ...]
    failed: Mapping[str, str]
    report: Path | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each stage that failed."""
        return tuple(f"{name} failed: {reason}" for name, reason in self.failed.items())

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        report = None if self.report is None else str(self.report)
        told = {"recipe": self.name, "out": str(self.out), "done": list(self.done), "failed": dict(self.failed)}
        return told | {"report": report}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        lines = [f"{len(self.done)} stages are done: {', '.join(self.done)}"]
        if self.report:
            lines.append(f"report: {self.report}; tables: {self.report.with_name('tables.md')}")
        if self.failed:
            lines.append("give the same command again when what failed is put right: what is done is kept")
        return Text("\n".join(lines))


class _Work:
    """The stages of one call.

    Attributes:
        failed: stage -> reason
        done: names of the completed stages
    """

    def __init__(self, folder: RecipeFolder, whole: RecipePlan, asked: RecipeOptions, hands: StageRunner) -> None:
        self.failed: dict[str, str] = {}
        self.done: list[str] = []
        self._folder, self._whole, self._asked, self._hands = folder, whole, asked, hands

    def carry_out(self, accept: Sequence[str]) -> RecipeResult:
        """Run everything that can be run."""
        for note in self._whole.notes:
            _log.info(note)
        for stage in self._whole.stages:
            if stage.kind == "get" and not self._folder.is_done(stage.name, stage.given):
                self._ask(stage, accept)
        for stage in self._whole.stages:
            self._do(stage)
        last = evaluation_stage(self._whole, self._asked, self.done)
        if last:
            self._do(last)
        else:
            self.failed[EVALUATE] = "no pretext is trained and has data to be measured on"
        return self._account(last)

    def _ask(self, stage: Stage, accept: Sequence[str]) -> None:
        """Whether the user accepts the terms.

        Raises:
            TermsNotAcceptedError: not.
        """
        dataset, terms = DATASETS[stage.of], f"{TERMS} {stage.of}"
        known = find_download(dataset).terms
        given = {"licence": known.licence, "url": known.url}
        if self._folder.is_done(terms, given):
            return
        if stage.of not in accept:
            way_out = f"give --accept-terms {stage.of}, or --skip {stage.of}"
            raise TermsNotAcceptedError(dataset, way_out)
        _log.info(f"{dataset.title}\n{dataset.terms}\naccepted with --accept-terms {stage.of}")
        self._folder.mark(terms, given)

    def _do(self, stage: Stage) -> None:
        failed_needs = [need for need in stage.needs if need in self.failed]
        if stage.name in self.failed:
            return
        if failed_needs:
            self.failed[stage.name] = f"it needs {failed_needs[0]}, which failed"
            return
        # --only may now select more measurements, and the benchmark itself resumes
        there = self._folder.is_done(stage.name, stage.given) and stage.place.exists()
        if there and stage.kind != EVALUATE:
            _log.info(f"{stage.name}: done before")
            self.done.append(stage.name)
            return
        _log.info(f"{stage.name}: {stage.command}")
        try:
            self._hands.do(stage)
        except SeehearError as error:
            self.failed[stage.name] = str(error)
        except OSError as refusal:
            sentence = as_user_error(refusal)
            if sentence is None:
                raise
            self.failed[stage.name] = str(sentence)
        else:
            self._folder.mark(stage.name, stage.given)
            self.done.append(stage.name)
        if stage.name in self.failed:
            _log.info(f"{stage.name} failed: {self.failed[stage.name]}")

    def _account(self, last: Stage | None) -> RecipeResult:
        page = last.place / "report.html" if last else None
        found = page if page and page.is_file() else None
        return RecipeResult(self._whole.recipe.name, self._asked.out, tuple(self.done), self.failed, found)


def _last(whole: RecipePlan, asked: RecipeOptions) -> Stage:
    """Return the evaluation stage, assuming that everything succeeds."""
    last = evaluation_stage(whole, asked, [stage.name for stage in whole.stages])
    if last is None:
        raise RecipeError(f"nothing of {whole.recipe.name} would be measured; give more with --data, or leave less out")
    return last


def _done(folder: RecipeFolder, whole: RecipePlan, asked: RecipeOptions) -> list[str]:
    stages = [*whole.stages, _last(whole, asked)]
    return [stage.name for stage in stages if folder.is_done(stage.name, stage.given)]


def _gpu_or_cpu() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
