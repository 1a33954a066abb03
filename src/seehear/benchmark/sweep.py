"""--option: options set or varied from the command line."""

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

if TYPE_CHECKING:
    from seehear.training.settings import TrainingSettings


def pretext_settings(name: str, pretext: PretextSpec) -> TrainingSettings:
    """All sections of what a pretext is trained with, checked against their types.

    Args:
        name: of the pretext, for errors.
        pretext: without variants.

    Raises:
        OptionsError: an option that its preset does not have, or a value that the option cannot have.
    """
    from seehear.training.settings import build_settings, read_preset

    values = deepcopy(read_preset(pretext.preset))
    for option, value in pretext.set.items():
        _put(values, option, value)
    try:
        settings = build_settings(values, pretext.preset)
    except ModelError as error:
        raise OptionsError(f"the pretext {name!r} cannot be set so: {error}") from error
    for option in pretext.set:
        if not has_option(settings, option):
            raise OptionsError(f"the pretext {name!r} sets {option}, which the preset {pretext.preset} does not have")
    return settings


def has_option(settings: TrainingSettings, option: str) -> bool:
    """Whether it is one of those settings', by the name of its flag; or is inside of one that is a mapping."""
    flags = settings.flags()
    return option in flags or any(option.startswith(f"{flag}.") for flag in flags if isinstance(flags[flag], Mapping))


def _put(values: dict[str, Any], option: str, value: Any) -> None:
    """Sets ``a.b.c`` in mappings of mappings."""
    *above, last = option.split(".")
    for key in above:
        if not isinstance(values.get(key), dict):
            values[key] = {}
        values = values[key]
    values[last] = value


ALIAS = "loss.separation"
"""Another name of ``model.loss``, whose values are those of `Loss.separates`: ``none``, ``merged``, ..."""


LOSS = "model.loss"


_COMMA = re.compile(r",(?![^\[{]*[\]}])")
"""Between values: not those inside of a list or mapping."""


_EQUALS = re.compile(r"((?:[^=\[]|\[[^\]]*\])*)=(.*)", re.DOTALL)
"""Between option and values: not those inside of the name of a variant."""


def apply_set(plan: BenchmarkPlan, told: Sequence[str]) -> BenchmarkPlan:
    """The plan with options as they are told, its variants in full.

    Options are those of presets (``model.``, ``data.``, ``optim.``, ``engine.``), set in every pretext that has them,
    or in one alone after its name: ``sync.optim.steps``. ``NAME.corpora`` is what a pretext learns from, several joined
    by ``+``. ``loss.separation`` is ``model.loss`` where the pretext matches by angles, one against many; ``none`` is
    its multi-way loss alone. ``seeds`` is the plan's. One value sets, several vary; of what is told twice the latter
    counts. Several options vary together, in every combination. What is not trained at all varies only with options of
    the model. Claims about a row that has become several are left out; ``differs`` says so, and what was told.

    Args:
        plan: as it was read.
        told: each ``OPTION=VALUE`` or ``OPTION=VALUE,VALUE``.

    Raises:
        OptionsError: not of that form, an option that no pretext has, or one that the plan itself varies.
    """
    if not told:
        return plan
    pretexts = dict(plan.pretexts)
    for words in told:
        option, values = _parted(words)
        if option == "seeds":
            plan = replace(plan, seeds=_number_of_seeds(values, words))
            continue
        for name, inner in _meant(option, pretexts, words):
            if _named_by(name, pretexts[name], inner):
                raise OptionsError(
                    f"--option {words}: {name} is called by its {inner} already; change what the plan varies"
                )
            pretexts[name] = _changed(pretexts[name], inner, values)
    full = expand_variants(replace(plan, pretexts=pretexts))
    changed = _without_lost_claims(full, told)
    check_plan(changed, f"the plan {plan.name} with --option")
    return changed


def _parted(words: str) -> tuple[str, list[Any]]:
    match = _EQUALS.fullmatch(words)
    option, values = match.groups() if match else ("", "")
    parts = [part.strip() for part in _COMMA.split(values)]
    if not option.strip() or not all(parts):
        raise OptionsError(
            f"--option {words} should be OPTION=VALUE or OPTION=VALUE,VALUE, such as optim.steps=500,1000"
        )
    return option.strip(), [_value(part, words) for part in parts]


def _value(part: str, words: str) -> Any:
    """As YAML has it; 1e-3, which YAML takes for a text, is a number."""
    try:
        value = yaml.safe_load(part)
    except yaml.YAMLError as error:
        raise OptionsError(f"--option {words} has the value {part!r}, which is no YAML; put it in quotes") from error
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _number_of_seeds(values: list[Any], words: str) -> int:
    if len(values) != 1 or not isinstance(values[0], int) or isinstance(values[0], bool) or values[0] < 1:
        raise OptionsError(f"--option {words} should be one whole number: how many seeds there are, 1 or more")
    return values[0]


def _meant(option: str, pretexts: dict[str, PretextSpec], words: str) -> list[tuple[str, str]]:
    """Whose option it is: names of pretexts, and what it is called there."""
    named = [(name, option.removeprefix(start)) for name in pretexts if option.startswith(start := f"{name}.")]
    if not named:  # of a pretext that varies, every variant
        starts = {name: f"{base_name(name)}." for name in pretexts}
        named = [(name, option.removeprefix(start)) for name, start in starts.items() if option.startswith(start)]
    asked = named or [(name, option) for name in pretexts]
    found = [(name, inner) for name, inner in asked if _has(name, pretexts[name], inner, bool(named))]
    if not found:
        whose = ", ".join(name for name, _ in asked) or "none"
        raise OptionsError(
            f"--option {words}: no pretext has the option {asked[0][1] if asked else option}; asked: {whose}"
        )
    return [(name, LOSS if inner == ALIAS else inner) for name, inner in found]


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
    """Whether it is the variant of an option, which another value would make a liar of its name."""
    told = re.findall(r"(?:^|,)([\w.]+)=", name.partition("[")[2].removesuffix("]"))
    return (option == CORPORA or option in pretext.set) and (option in told or option.rpartition(".")[2] in told)


def _changed(pretext: PretextSpec, option: str, values: list[Any]) -> PretextSpec:
    if option == LOSS:
        values = [_loss_with_separation(value) for value in values]
    if option == CORPORA:
        listed = tuple(tuple(str(value).split("+")) for value in values)
        if len(listed) == 1:
            return replace(pretext, corpora=listed[0], vary=_without(pretext.vary, option))
        return replace(pretext, vary={**pretext.vary, option: listed})
    if len(values) == 1:
        return replace(pretext, set={**pretext.set, option: values[0]}, vary=_without(pretext.vary, option))
    return replace(pretext, vary={**pretext.vary, option: tuple(values)})


def _without(vary: Mapping[str, tuple[Any, ...]], option: str) -> dict[str, tuple[Any, ...]]:
    """What still varies when an option is set."""
    return {name: values for name, values in vary.items() if name != option}


def _without_lost_claims(plan: BenchmarkPlan, told: Sequence[str]) -> BenchmarkPlan:
    rows = {key: {row.name for row in task.rows} for key, task in plan.tasks.items()}
    kept = tuple(claim for claim in plan.claims if _rows_of(claim) <= rows[claim.task])
    lost = [f"“{claim.says}”" for claim in plan.claims if claim not in kept]
    said = [plan.differs, f"Set on the command line: {' '.join(told)}."]
    if lost:
        said.append(f"Not checked, because there are several of a row that is claimed about: {'; '.join(lost)}.")
    return replace(plan, claims=kept, differs=" ".join(sentence for sentence in said if sentence))


def _rows_of(claim: Claim) -> set[str]:
    return {claim.better, *claim.than}
