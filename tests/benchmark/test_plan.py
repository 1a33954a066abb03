from dataclasses import replace

import pytest

from benchmark_plans import small_plan
from seehear.benchmark.plan import PretextSpec, base_name, expand_variants
from seehear.config import OptionsError


def test_every_combination_is_a_pretext_and_a_row() -> None:
    plan = small_plan()
    sync = replace(plan.pretexts["sync"], vary={"model.loss": ("multiway", "avenet"), "optim.steps": (1, 3)})
    full = expand_variants(replace(plan, pretexts={**plan.pretexts, "sync": sync}))
    labels = [f"[loss={loss},steps={steps}]" for loss in ("multiway", "avenet") for steps in (1, 3)]
    assert [name for name in full.pretexts if base_name(name) == "sync"] == [f"sync{label}" for label in labels]
    assert full.pretexts["sync[loss=avenet,steps=3]"].set == {"optim.steps": 3, "model.loss": "avenet"}
    rows = [(row.name, row.of) for row in full.tasks["sync"].rows]
    assert rows[:4] == [(f"sync{label}", f"sync{label}") for label in labels]
    assert rows[-1] == ("untrained", "untrained")
    assert not any(pretext.vary for pretext in full.pretexts.values())


def test_what_begins_with_a_pretext_that_varies_varies_with_it() -> None:
    plan = small_plan()
    pretexts = {
        "more": replace(plan.pretexts["more"], vary={"optim.lr": (0.1,)}),  # before what it begins with
        "sync": replace(plan.pretexts["sync"], vary={"model.loss": ("multiway", "avenet")}),
        **{name: plan.pretexts[name] for name in ("untrained", "grids")},
    }
    full = expand_variants(replace(plan, pretexts=pretexts))
    assert full.pretexts["more[loss=avenet,lr=0.1]"].init == "pretext:sync[loss=avenet]"
    assert [row.of for row in full.tasks["sync"].rows][2:4] == [
        "more[loss=multiway,lr=0.1]",
        "more[loss=avenet,lr=0.1]",
    ]


def test_options_that_end_alike_are_told_in_full() -> None:
    vary = {"model.sync.weight": (1,), "model.match.weight": (2,)}
    plan = small_plan(pretexts={**small_plan().pretexts, "joint": PretextSpec("joint-small", ("people",), vary=vary)})
    assert "joint[model.sync.weight=1,model.match.weight=2]" in expand_variants(plan).pretexts


def test_corpora_vary() -> None:
    vary = {"corpora": (["people"], ["people", "grid"])}
    plan = small_plan(pretexts={**small_plan().pretexts, "sync": PretextSpec("sync-small", ("people",), vary=vary)})
    full = expand_variants(plan)
    assert full.pretexts["sync[corpora=people+grid]"].corpora == ("people", "grid")
    assert full.pretexts["sync[corpora=people]"].set == {}


def test_expanding_twice_is_expanding_once() -> None:
    vary = {"model.loss": ("multiway", "avenet")}
    once = expand_variants(
        small_plan(pretexts={**small_plan().pretexts, "sync": PretextSpec("sync-small", ("people",), vary=vary)})
    )
    assert expand_variants(once) == once


def test_two_of_a_name_are_refused() -> None:
    pretexts = {
        **small_plan().pretexts,
        "sync": PretextSpec("sync-small", ("people",), vary={"model.loss": ("avenet",)}),
        "sync[loss=avenet]": PretextSpec("sync-small", ("people",)),
    }
    with pytest.raises(OptionsError, match=r"sync\[loss=avenet\]"):
        expand_variants(small_plan(pretexts=pretexts))
