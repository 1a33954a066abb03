"""Run the stages of a recipe, and describe recipes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from seehear.data.datasets import DATASETS
from seehear.data.get import TermsNotAcceptedError, find_download
from seehear.errors import SeehearError, as_user_error
from seehear.parallel import terminated_as_interrupted
from seehear.progress import Progress
from seehear.recipes.recipe import H100_MAC_S, Recipe, RecipeError, read_recipe, recipe_names, source_hint
from seehear.recipes.run import RecipeResult, RecipeText
from seehear.recipes.stages import EVALUATE, RecipeOptions, RecipePlan, Stage, evaluation_stage, plan_recipe
from seehear.recipes.work import RecipeFolder, StageRunner

_log = logging.getLogger(__name__)

NOT_RUN = "This recipe has not been run at full size yet: hours are estimates, and no result is guaranteed."


def list_recipes() -> str:
    """Describe the packaged recipes and their requirements."""
    lines = []
    for name in recipe_names():
        recipe = read_recipe(name)
        lines += [f"{name}: {recipe.plan.title}", f"    {_requirements(recipe)}"]
    return "\n".join([*lines, "", "seehear recipe NAME --dry-run prints the stages with size, hours, disk and terms."])


def _requirements(recipe: Recipe) -> str:
    parts = []
    for title, names in (
        ("fetches", [name for name, spec in recipe.data.items() if spec.fetched]),
        ("needs --data", [name for name, spec in recipe.data.items() if not (spec.fetched or spec.optional)]),
        ("may use --data", [name for name, spec in recipe.data.items() if spec.optional and not spec.fetched]),
    ):
        parts += [f"{title} {', '.join(names)}"] if names else []
    return "; ".join(parts)


def plan_text(plan: RecipePlan, last: Stage, done: Sequence[str]) -> str:
    """Describe the stages with size, hours, disk and terms, the source of the hours, and the commands.

    Args:
        plan: all stages but the last
        last: the evaluation, if everything succeeds
        done: names of the completed stages
    """
    recipe = plan.recipe
    stages = [*plan.stages, last]
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
            "source of the hours",
            *(f"  {kind:<9} {source}" for kind, source in _hour_sources(stages)),
            "",
            "each stage by hand",
            *(f"  {stage.command}" for stage in stages),
            *(["", *plan.notes] if plan.notes else []),
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
        consent = " (must be accepted before it is fetched)" if spec.fetched else ""
        yield f"  {name}{consent}"
        yield from (f"    {line.strip()}" for line in recipe.terms_of(name).splitlines())
        yield f"    size   {spec.source}{source_hint(spec)}"


def _hour_sources(stages: Sequence[Stage]) -> list[tuple[str, str]]:
    """Return each stage kind with the source of its hours, without duplicates."""
    sources = dict.fromkeys((stage.kind, stage.cost.hours_source) for stage in stages)
    more = (
        f"no GPU was timed: {H100_MAC_S / 1e12:.1f} TMAC/s are NVIDIA's figure, the fraction is an assumption, and "
        "augmentation is not counted; eight GPUs need an eighth of the steps, without communication overhead"
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


def run_recipe(
    chosen: Recipe,
    options: RecipeOptions,
    accept_terms: Sequence[str],
    only: Sequence[str],
    workers: int | None,
    dry_run: bool,
    progress: Progress | None,
) -> RecipeResult | RecipeText:
    """Run the stages of a recipe that are missing, or describe them; see `recipe`."""
    for accepted in accept_terms:
        if accepted not in chosen.data or not chosen.data[accepted].fetched:
            fetched = ", ".join(key for key, spec in chosen.data.items() if spec.fetched) or "none"
            raise RecipeError(
                f"--accept-terms {accepted!r}: {chosen.name} downloads no such data set; it downloads {fetched}"
            )
    plan = plan_recipe(chosen, options)
    folder = RecipeFolder(options.out)
    if dry_run:
        return RecipeText(plan_text(plan, _last_stage(plan, options), _done(folder, plan, options)))
    with folder.lock(chosen.name) as lock, terminated_as_interrupted():
        runner = StageRunner(options.out, workers, options.device or _gpu_or_cpu(), only, progress, lock)
        return _RecipeRun(folder, plan, options, runner).run(accept_terms)


class _RecipeRun:
    """One run of a recipe.

    Attributes:
        failed: stage -> reason
        done: names of the completed stages
    """

    def __init__(self, folder: RecipeFolder, plan: RecipePlan, options: RecipeOptions, runner: StageRunner) -> None:
        self.failed: dict[str, str] = {}
        self.done: list[str] = []
        self._folder, self._plan, self._options, self._runner = folder, plan, options, runner

    def run(self, accept: Sequence[str]) -> RecipeResult:
        """Run all stages that can be run."""
        for note in self._plan.notes:
            _log.info(note)
        for stage in self._plan.stages:
            if stage.kind == "get" and not self._folder.is_done(stage.name, stage.arguments):
                self._check_terms(stage, accept)
        for stage in self._plan.stages:
            self._run_stage(stage)
        last = evaluation_stage(self._plan, self._options, self.done)
        if last:
            self._run_stage(last)
        else:
            self.failed[EVALUATE] = "there is no trained pretext with data to measure it on"
        return self._result(last)

    def _check_terms(self, stage: Stage, accept: Sequence[str]) -> None:
        """Check that the user accepts the terms of a data set, and record it.

        Raises:
            TermsNotAcceptedError: the terms are not accepted
        """
        dataset, marker = DATASETS[stage.target], f"{TERMS} {stage.target}"
        known = find_download(dataset).terms
        terms = {"licence": known.licence, "url": known.url}
        if self._folder.is_done(marker, terms):
            return
        if stage.target not in accept:
            way_out = f"give --accept-terms {stage.target}, or --skip {stage.target}"
            raise TermsNotAcceptedError(dataset, way_out)
        _log.info(f"{dataset.title}\n{dataset.terms}\naccepted with --accept-terms {stage.target}")
        self._folder.mark(marker, terms)

    def _run_stage(self, stage: Stage) -> None:
        failed_needs = [need for need in stage.needs if need in self.failed]
        if stage.name in self.failed:
            return
        if failed_needs:
            self.failed[stage.name] = f"it needs {failed_needs[0]}, which failed"
            return
        # the evaluation is always run: --only may select more measurements, and completed ones are skipped
        is_complete = self._folder.is_done(stage.name, stage.arguments) and stage.folder.exists()
        if is_complete and stage.kind != EVALUATE:
            _log.info(f"{stage.name}: already done")
            self.done.append(stage.name)
            return
        _log.info(f"{stage.name}: {stage.command}")
        try:
            self._runner.run(stage)
        except SeehearError as error:
            self.failed[stage.name] = str(error)
        except OSError as refusal:
            sentence = as_user_error(refusal)
            if sentence is None:
                raise
            self.failed[stage.name] = str(sentence)
        else:
            self._folder.mark(stage.name, stage.arguments)
            self.done.append(stage.name)
        if stage.name in self.failed:
            _log.info(f"{stage.name} failed: {self.failed[stage.name]}")

    def _result(self, last: Stage | None) -> RecipeResult:
        page = last.folder / "report.html" if last else None
        report = page if page and page.is_file() else None
        return RecipeResult(self._plan.recipe.name, self._options.out, tuple(self.done), self.failed, report)


def _last_stage(plan: RecipePlan, options: RecipeOptions) -> Stage:
    """Return the evaluation stage, assuming that everything succeeds."""
    last = evaluation_stage(plan, options, [stage.name for stage in plan.stages])
    if last is None:
        raise RecipeError(f"{plan.recipe.name} would measure nothing; give more data with --data, or leave less out")
    return last


def _done(folder: RecipeFolder, plan: RecipePlan, options: RecipeOptions) -> list[str]:
    stages = [*plan.stages, _last_stage(plan, options)]
    return [stage.name for stage in stages if folder.is_done(stage.name, stage.arguments)]


def _gpu_or_cpu() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
