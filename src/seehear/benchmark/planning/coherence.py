"""Whether the parts of a plan fit each other: every name that one of them says is that of another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from seehear.benchmark.planning.plan import CorpusSpec, Plan, PretextSpec, TaskSpec
from seehear.benchmark.planning.typed import PlanError
from seehear.benchmark.planning.variants import beginning
from seehear.corpus.formats import FORMATS
from seehear.shipped import HANDCRAFTED, PRESETS, model_names, yaml_names

AVATARS = ("clips", "speakers", "seed", "seconds", "neutral")
"""Arguments of `seehear.avatars.make_avatars` that decide what is made."""

RESERVED = ("model", "data", "optim", "engine", "loss", "seeds")
"""What ``--set`` begins with when no pretext is meant."""

WITHOUT_PRETEXT = (*HANDCRAFTED, "pixels")
ELSEWHERE = ("python:", "transformers:", "hf:")

LABELLED = ("affect", "emotion", "words", "transcription", "lips")
NOISY = ("affect", "emotion", "words", "transcription")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def check(plan: Plan, where: str) -> None:
    """That a plan can be worked through.

    Args:
        plan: with its variants in full.
        where: what its file is called in errors.

    Raises:
        PlanError: it has no seeds or no tasks, or names something that it does not have.
    """
    for problem in _problems(plan):
        raise PlanError(f"{where}: {problem}")


def _problems(plan: Plan) -> Iterator[str]:
    """In the order of the file."""
    if not _NAME.fullmatch(plan.name):
        yield f"the name {plan.name!r} should be of letters, digits, - and _: it becomes the name of a folder"
    if plan.seeds < 1:
        yield f"seeds must be 1 or more, not {plan.seeds}"
    for name, corpus in plan.corpora.items():
        yield from _of_corpus(name, corpus)
    for name, pretext in plan.pretexts.items():
        yield from _of_pretext(name, pretext, plan)
    if not plan.tasks:
        yield "there are no tasks; add one"
    for name, task in plan.tasks.items():
        yield from _of_task(name, task, plan)
    yield from _of_claims(plan)
    for table in plan.paper:
        yield from _unknown(f"the paper's table {table.title!r}", "task", [table.task], plan.tasks)
        for row, figures in table.rows.items():
            if len(figures) != len(table.columns):
                yield (
                    f"the paper's table {table.title!r} has {len(table.columns)} columns, "
                    f"but the row {row!r} {len(figures)} figures"
                )


def _of_corpus(name: str, corpus: CorpusSpec) -> Iterator[str]:
    about = f"the corpus {name!r}"
    if not _NAME.fullmatch(name):
        yield f"{about} should be called by letters, digits, - and _: --data names it"
    if bool(corpus.avatars) == bool(corpus.wants):
        yield f"{about} needs either avatars, which are made, or wants, which says what should be given"
    yield from _unknown(about, "format", [corpus.format], FORMATS)
    yield from _unknown(about, "argument of avatars", corpus.avatars, AVATARS)


def _of_pretext(name: str, pretext: PretextSpec, plan: Plan) -> Iterator[str]:
    about = f"the pretext {name!r}"
    if name in RESERVED or "." in name.partition("[")[0] or not name:
        yield f"{about} cannot be called so: --set would not know what is meant"
    if not pretext.preset.endswith((".yaml", ".yml")):
        yield from _unknown(about, "preset", [pretext.preset], yaml_names(PRESETS))
    yield from _unknown(about, "corpus", pretext.corpora, plan.corpora)
    if not pretext.corpora and not pretext.untrained:
        yield f"{about} has nothing to learn from; name its corpora"
    if "optim.seed" in pretext.set:
        yield f"{about} sets optim.seed, which the benchmark does: leave it out, and say how many seeds"
    if "engine.threads" in pretext.set:
        yield f"{about} sets engine.threads, which the benchmark does: one thread each, so that numbers are the same"
    before = beginning(pretext)
    if before is not None:
        yield from _unknown(about, "pretext to begin with", [before], plan.pretexts)


def _of_task(name: str, task: TaskSpec, plan: Plan) -> Iterator[str]:
    about = f"the task {name!r}"
    if not _NAME.fullmatch(name):
        yield f"{about} should be called by letters, digits, - and _: files are called so"
    yield from _unknown(about, "corpus", task.data, plan.corpora)
    if not task.data:
        yield f"{about} is measured on nothing; name its data"
    yield from _twice(about, "tables", task.data)
    yield from _twice(about, "scores", task.scores)
    yield from _twice(about, "shares of labels", task.labels)
    yield from _twice(about, "ratios of noise", task.snr_db)
    if not task.rows:
        yield f"{about} has no rows; add one"
    yield from _twice(about, "rows", [row.name for row in task.rows])
    for row in task.rows:
        known = row.of in plan.pretexts or row.of in WITHOUT_PRETEXT or row.of.startswith(ELSEWHERE) or "/" in row.of
        if not known and row.of not in model_names():
            there = ", ".join([*plan.pretexts, *WITHOUT_PRETEXT, *model_names()])
            yield (
                f"{about} has a row of {row.of!r}, which is no pretext of the plan and no encoder; there are {there}, "
                f"{', '.join(f'{start}...' for start in ELSEWHERE)}, or folders of runs"
            )
    if not all(0 < share <= 1 for share in task.labels) or not task.labels:
        yield f"{about} has labels {list(task.labels)}; shares are more than 0 and at most 1"
    if task.labels != (1.0,) and task.task not in LABELLED:
        yield f"{about} has shares of labels, but {task.task} has none; only {', '.join(LABELLED)} have"
    if task.noise != "none" and task.task not in NOISY:
        yield f"{about} has noise, but {task.task} is measured without; only {', '.join(NOISY)} know noise"
    if bool(task.snr_db) != (task.noise != "none"):
        yield f"{about} needs both noise and snr_db, or neither"


def _of_claims(plan: Plan) -> Iterator[str]:
    for claim in plan.claims:
        about = f"the claim {claim.says!r}"
        yield from _unknown(about, "task", [claim.task], plan.tasks)
        if claim.task in plan.tasks:
            task = plan.tasks[claim.task]
            yield from _unknown(about, "row", [claim.better, *claim.than], [row.name for row in task.rows])
            if claim.labels not in task.labels:
                yield f"{about} is about {claim.labels:g} of the labels, which {claim.task} does not measure"
        if not claim.than or claim.better in claim.than:
            yield f"{about} needs other rows to be better than"


def _unknown(about: str, what: str, said: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    known = list(known)
    for name in said:
        if name not in known:
            yield f"{about} names the {what} {name!r}, which does not exist; there are {', '.join(known) or 'none'}"


def _twice(about: str, what: str, names: Sequence[str | float]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{about} has two {what} that are called {name!r}"
