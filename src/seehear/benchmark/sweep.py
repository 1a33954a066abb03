"""Set or vary options of a plan from the command line (``--option``)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from seehear.benchmark.plan import CORPORA, BenchmarkPlan, Claim, PretextSpec, base_name, expand_variants
from seehear.benchmark.reading import check_plan
from seehear.config import OptionsError
from seehear.errors import ModelError
from seehear.losses import LOSSES
from seehear.plain_yaml import load_yaml

if TYPE_CHECKING:
    from seehear.training.settings import TrainingSettings


def pretext_settings(name: str, pretext: PretextSpec) -> TrainingSettings:
    """Return the complete, validated training settings of a pretext.

    Args:
        name: name of the pretext, for errors
        pretext: a pretext without variants

    Raises:
        OptionsError: its preset has no such option, or a value is not valid.
    """
    from seehear.training.settings import build_settings, read_preset

    values = deepcopy(read_preset(pretext.preset))
    for option, value in pretext.set.items():
        _put(values, option, value)
    try:
        settings = build_settings(values, pretext.preset)
    except ModelError as error:
        raise OptionsError(f"the options of the pretext {name!r} are not valid: {error}") from error
    for option in pretext.set:
        if not has_option(settings, option):
            raise OptionsError(f"the pretext {name!r} sets {option}, which the preset {pretext.preset} does not have")
    return settings


def has_option(settings: TrainingSettings, option: str) -> bool:
    """Whether the settings have an option of this flag name, or a mapping that could contain it."""
    flags = settings.flags()
    return option in flags or any(option.startswith(f"{flag}.") for flag in flags if isinstance(flags[flag], Mapping))


def _put(values: dict[str, Any], option: str, value: Any) -> None:
    """Set ``a.b.c`` in nested mappings."""
    *parents, last = option.split(".")
    for key in parents:
        if not isinstance(values.get(key), dict):
            values[key] = {}
        values = values[key]
    values[last] = value


ALIAS = "loss.separation"
"""Alias of ``model.loss`` whose values are those of `Loss.separates`: ``none``, ``merged``, ..."""


LOSS = "model.loss"


_COMMA = re.compile(r",(?![^\[{]*[\]}])")
"""A comma between values, outside lists and mappings."""


_EQUALS = re.compile(r"((?:[^=\[]|\[[^\]]*\])*)=(.*)", re.DOTALL)
"""Option and values; an equals sign in the brackets of a variant does not separate them."""


def apply_set(plan: BenchmarkPlan, assignments: Sequence[str]) -> BenchmarkPlan:
    """Return the plan with options set or varied, and all variants expanded.

    Options are those of presets (``model.``, ``data.``, ``optim.``, ``engine.``). They apply to every pretext that has
    them, or to the one whose name comes first: ``sync.optim.steps``. ``NAME.corpora`` sets the training data of a
    pretext, with ``+`` between several corpora. ``loss.separation`` is ``model.loss`` for pretexts with an angular
    one-against-many loss; ``none`` is the multi-way loss alone. ``seeds`` sets the number of seeds.

    One value sets an option, several vary it; the last assignment of an option counts. Several varied options give all
    combinations. Untrained pretexts vary only with options of the model. Claims on a row that now has variants are
    dropped; ``differs`` reports this and the assignments.

    Args:
        plan: the plan
        assignments: each ``OPTION=VALUE`` or ``OPTION=VALUE,VALUE``

    Raises:
        OptionsError: the form is wrong, no pretext has the option, or the plan varies it itself.
    """
    if not assignments:
        return plan
    pretexts = dict(plan.pretexts)
    for assignment in assignments:
        option, values = _parse(assignment)
        if option == "seeds":
            plan = replace(plan, seeds=_number_of_seeds(values, assignment))
            continue
        for name, inner in _targets(option, pretexts, assignment):
            if _named_by(name, pretexts[name], inner):
                raise OptionsError(
                    f"--option {assignment}: {name} is named by its {inner}; change the values in the plan"
                )
            pretexts[name] = _changed(pretexts[name], inner, values)
    expanded = expand_variants(replace(plan, pretexts=pretexts))
    changed = _without_lost_claims(expanded, assignments)
    check_plan(changed, f"the plan {plan.name} with --option")
    return changed


def _parse(assignment: str) -> tuple[str, list[Any]]:
    match = _EQUALS.fullmatch(assignment)
    option, values = match.groups() if match else ("", "")
    parts = [part.strip() for part in _COMMA.split(values)]
    if not option.strip() or not all(parts):
        raise OptionsError(
            f"--option {assignment} must be OPTION=VALUE or OPTION=VALUE,VALUE, such as optim.steps=500,1000"
        )
    return option.strip(), [_value(part, assignment) for part in parts]


def _value(part: str, assignment: str) -> Any:
    """Parse a value as YAML, and also floats such as 1e-3, which YAML reads as text."""
    try:
        value = load_yaml(part)
    except yaml.YAMLError as error:
        raise OptionsError(
            f"--option {assignment} has the value {part!r}, which is not valid YAML; quote it", code="yaml"
        ) from error
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _number_of_seeds(values: list[Any], assignment: str) -> int:
    if len(values) != 1 or not isinstance(values[0], int) or isinstance(values[0], bool) or values[0] < 1:
        raise OptionsError(f"--option {assignment} must be one whole number, the number of seeds: 1 or more")
    return values[0]


def _targets(option: str, pretexts: dict[str, PretextSpec], assignment: str) -> list[tuple[str, str]]:
    """Return the pretexts to which an option applies, each with its name there."""
    named = [(name, option.removeprefix(prefix)) for name in pretexts if option.startswith(prefix := f"{name}.")]
    if not named:  # the base name stands for all variants
        prefixes = {name: f"{base_name(name)}." for name in pretexts}
        named = [(name, option.removeprefix(prefix)) for name, prefix in prefixes.items() if option.startswith(prefix)]
    candidates = named or [(name, option) for name in pretexts]
    targets = [(name, inner) for name, inner in candidates if _has(name, pretexts[name], inner, bool(named))]
    if not targets:
        names = ", ".join(name for name, _ in candidates) or "none"
        inner = candidates[0][1] if candidates else option
        raise OptionsError(
            f"--option {assignment}: no pretext has the option {inner}; searched: {names}", code="unknown-option"
        )
    return [(name, LOSS if inner == ALIAS else inner) for name, inner in targets]


def _has(name: str, pretext: PretextSpec, option: str, by_name: bool) -> bool:
    if option == CORPORA:
        return by_name
    if pretext.untrained and not by_name and not option.startswith("model."):
        return False
    settings = pretext_settings(name, pretext)
    if option == ALIAS:
        return _is_separable(settings.flags())
    return has_option(settings, option) and option != "optim.seed"


def _is_separable(flags: Mapping[str, Any]) -> bool:
    """Whether separation within the modalities can be added to the loss, or taken away."""
    loss = LOSSES.get(flags.get(LOSS, ""))
    return loss is not None and loss.separates is not None and flags.get("model.similarity", "angular") == "angular"


def _loss_with_separation(value: Any) -> Any:
    """Return the loss for a value of `ALIAS`; most are names of losses already."""
    if value is None or value in LOSSES:
        return value
    return next((name for name, loss in LOSSES.items() if loss.separates == value), value)


def _named_by(name: str, pretext: PretextSpec, option: str) -> bool:
    """Whether a variant's name contains the option, so that another value would make the name wrong."""
    named = re.findall(r"(?:^|,)([\w.]+)=", name.partition("[")[2].removesuffix("]"))
    return (option == CORPORA or option in pretext.set) and (option in named or option.rpartition(".")[2] in named)


def _changed(pretext: PretextSpec, option: str, values: list[Any]) -> PretextSpec:
    if option == LOSS:
        values = [_loss_with_separation(value) for value in values]
    if option == CORPORA:
        corpora = tuple(tuple(str(value).split("+")) for value in values)
        if len(corpora) == 1:
            return replace(pretext, corpora=corpora[0], vary=_without(pretext.vary, option))
        return replace(pretext, vary={**pretext.vary, option: corpora})
    if len(values) == 1:
        return replace(pretext, set={**pretext.set, option: values[0]}, vary=_without(pretext.vary, option))
    return replace(pretext, vary={**pretext.vary, option: tuple(values)})


def _without(vary: Mapping[str, tuple[Any, ...]], option: str) -> dict[str, tuple[Any, ...]]:
    """Return the varied options without one."""
    return {name: values for name, values in vary.items() if name != option}


def _without_lost_claims(plan: BenchmarkPlan, assignments: Sequence[str]) -> BenchmarkPlan:
    rows = {key: {row.name for row in task.rows} for key, task in plan.tasks.items()}
    kept = tuple(claim for claim in plan.claims if _rows_of(claim) <= rows[claim.task])
    lost = [f"“{claim.says}”" for claim in plan.claims if claim not in kept]
    sentences = [plan.differs, f"Set on the command line: {' '.join(assignments)}."]
    if lost:
        sentences.append(f"Not checked, because a row of the claim has several variants: {'; '.join(lost)}.")
    return replace(plan, claims=kept, differs=" ".join(sentence for sentence in sentences if sentence))


def _rows_of(claim: Claim) -> set[str]:
    return {claim.better, *claim.than}
