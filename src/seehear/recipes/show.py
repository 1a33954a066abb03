"""Recipes in words: which there are, and what the stages of one cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seehear.recipes import costs
from seehear.recipes.recipe import Recipe, read_recipe, recipe_names, where_from
from seehear.recipes.stages import EVALUATE, Course, Stage

NOT_RUN = "Nobody has run this recipe at full size yet: hours are estimates, and no figure is promised."


def listed() -> str:
    """Every recipe that comes with the package, with what it asks for."""
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


def plan_in_words(whole: Course, last: Stage, done: Sequence[str]) -> str:
    """The stages with size, hours, disk and terms, where the hours are from, and the commands.

    Args:
        whole: all stages but the last.
        last: evaluation, as it will be where all goes well.
        done: names of the stages that are done.
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
        one, eight = (hours_in_words(hours) + more for hours in stage.cost.hours) if stage.cost.hours else ("?", "?")
        disk = disk_in_words(stage.cost.disk_gb) if stage.cost.disk_gb else "not counted"
        rows.append((name, stage.cost.size, one, eight, disk))
    known = [stage.cost.hours for stage in stages if stage.cost.hours]
    one, eight = (hours_in_words(sum(hours[n] for hours in known)) for n in (0, 1))
    whole = disk_in_words(sum(stage.cost.disk_gb for stage in stages))
    rows.append(("sum", f"{EVALUATE} takes more", one, eight, whole))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _terms(recipe: Recipe) -> Iterator[str]:
    for name, spec in recipe.data.items():
        asked = " (asked for before it is fetched)" if spec.fetched else ""
        yield f"  {name}{asked}"
        yield from (f"    {line.strip()}" for line in recipe.terms_of(name).splitlines())
        yield f"    size   {spec.source}{where_from(spec)}"


def _ways(stages: Sequence[Stage]) -> list[tuple[str, str]]:
    """Kind and sentence, each once."""
    told = dict.fromkeys((stage.kind, stage.cost.how) for stage in stages)
    more = (
        f"no GPU was timed: {costs.H100_MAC_S / 1e12:.1f} TMAC/s are NVIDIA's figure, the share is a guess, and "
        "disturbances are not counted; eight GPUs take an eighth of the steps, and what they lose to each other is not "
        "counted either"
    )
    return [*told, ("", more)]


def hours_in_words(hours: float) -> str:
    """Two digits, minutes below an hour."""
    return f"{max(1, round(60 * hours))} min" if hours < 1 else f"{hours:.{0 if hours >= 10 else 1}f} h"


def disk_in_words(gb: float) -> str:
    """In MB, GB or TB."""
    if gb >= 1000:
        return f"{gb / 1000:.1f} TB"
    return f"{gb:.0f} GB" if gb >= 1 else f"{1000 * gb:.0f} MB"
