from dataclasses import replace

import pytest

from benchmark_plans import small_plan
from seehear.benchmark.cells import cells_of_plan
from seehear.benchmark.plan import PretextSpec, RowSpec, expand_variants
from seehear.benchmark.sweep import apply_set
from seehear.config import OptionsError


def test_one_value_sets_wherever_the_option_is() -> None:
    plan = small_plan(pretexts={**small_plan().pretexts, "apc": PretextSpec("apc-small", ("people",))})
    found = apply_set(plan, ["model.loss=avenet"])
    assert found.pretexts["sync"].set == {"optim.steps": 2, "model.loss": "avenet"}
    assert found.pretexts["more"].set == {"model.loss": "avenet"}
    assert found.pretexts["apc"].set == {}
    assert found.tasks == plan.tasks
    assert found.claims == plan.claims
    assert "model.loss=avenet" in found.differs


def test_several_values_vary_rows_with_them_and_lose_claims_with_a_note() -> None:
    found = apply_set(small_plan(), ["sync.loss.separation=merged,separate,none"])
    assert [row.name for row in found.tasks["sync"].rows] == [
        "sync[loss=merged]",
        "sync[loss=separate]",
        "sync[loss=multiway]",
        "more[loss=merged]",
        "more[loss=separate]",
        "more[loss=multiway]",
        "untrained",
    ]
    assert found.claims == ()
    assert "more is better" in found.differs


def test_what_is_told_last_counts() -> None:
    found = apply_set(small_plan(), ["grids.optim.steps=1,2", "grids.optim.steps=3", "grids.corpora=people"])
    assert found.pretexts["grids"].set["optim.steps"] == 3
    assert found.pretexts["grids"].vary == {}


def test_a_variant_keeps_what_it_is_called_by() -> None:
    varied = replace(
        small_plan().pretexts["sync"], vary={"model.loss": ("merged", "avenet"), "corpora": (("people",),)}
    )
    plan = expand_variants(small_plan(pretexts={**small_plan().pretexts, "sync": varied}))
    for told in ("model.loss=multiway", "loss.separation=separate", "sync.corpora=people+grid"):
        with pytest.raises(OptionsError, match=r"sync\[loss=\w+,corpora=people\] is named by its"):
            apply_set(plan, [told])
    longer = apply_set(plan, ["optim.steps=5"])
    assert longer.pretexts["sync[loss=merged,corpora=people]"].set == {"optim.steps": 5, "model.loss": "merged"}


def test_a_claim_whose_rows_are_still_there_stays() -> None:
    found = apply_set(small_plan(), ["grids.optim.steps=1,2"])
    assert found.claims == small_plan().claims
    assert "Not checked" not in found.differs


def test_what_is_not_trained_does_not_vary_with_training() -> None:
    found = apply_set(small_plan(), ["optim.steps=1,2"])
    assert {"untrained", "sync[steps=1]", "more[steps=1,steps=2]"} <= set(found.pretexts)


def test_options_vary_together() -> None:
    found = apply_set(small_plan(), ["grids.optim.steps=1,2", "grids.optim.lr=1e-3,0.01"])
    assert [name for name in found.pretexts if name.startswith("grids")] == [
        f"grids[steps={steps},lr={lr}]" for steps in (1, 2) for lr in (0.001, 0.01)
    ]


def test_seeds_corpora_and_what_is_inside_of_an_option() -> None:
    found = apply_set(small_plan(), ["seeds=3", "sync.corpora=people,people+grid", "model.lips.size=32"])
    assert found.seeds == 3
    assert found.pretexts["sync[corpora=people+grid]"].corpora == ("people", "grid")
    work = cells_of_plan(found)
    assert work.by_key()[work.pretexts["untrained", 0]].spec["settings"]["model"]["lips"] == {"size": 32}


def test_lists_are_one_value() -> None:
    found = apply_set(small_plan(), ["grids.model.sound.channels=[16,32],[8,16]"])
    assert found.pretexts["grids[channels=8+16]"].set == {"model.sound.channels": [8, 16]}


def test_a_variant_is_meant_by_the_name_of_its_pretext() -> None:
    once = apply_set(small_plan(), ["grids.model.loss=avenet,contrastive"])
    found = apply_set(once, ["grids.optim.steps=7"])
    assert {found.pretexts[f"grids[loss={loss}]"].set["optim.steps"] for loss in ("avenet", "contrastive")} == {7}
    both = apply_set(once, ["grids.optim.steps=7,8"])
    assert "grids[loss=avenet,steps=8]" in both.pretexts
    one = apply_set(once, ["grids[loss=avenet].optim.steps=7"])
    assert "optim.steps" not in one.pretexts["grids[loss=contrastive]"].set


def test_nothing_told_is_the_plan_itself() -> None:
    assert apply_set(small_plan(), []) == small_plan()


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ("optim.steps", "OPTION=VALUE"),
        ("optim.steps=1,,2", "OPTION=VALUE"),
        ("=3", "OPTION=VALUE"),
        ("optim.stepps=3", "no pretext has the option optim.stepps"),
        ("sync.optim.stepps=3", "no pretext has the option optim.stepps; searched: sync"),
        ("sink.optim.steps=3", "no pretext has the option sink.optim.steps"),
        ("model.alpha=0.5", "no pretext has the option model.alpha"),
        ("optim.seed=3", "no pretext has the option optim.seed"),
        ("corpora=people", "no pretext has the option corpora"),
        ("sync.corpora=peple", "'peple'"),
        ("seeds=1,2", "seeds="),
        ("seeds=0", "seeds="),
        ("optim.steps={", "YAML"),
    ],
)
def test_what_makes_no_sense_is_told(told: str, sentence: str) -> None:
    with pytest.raises(OptionsError) as raised:
        apply_set(small_plan(), [told])
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_row_of_an_encoder_from_elsewhere_stays_as_it_is() -> None:
    plan = small_plan()
    rows = (*plan.tasks["sync"].rows, RowSpec("theirs", "sync-small"))
    plan = replace(plan, tasks={"sync": replace(plan.tasks["sync"], rows=rows)})
    assert apply_set(plan, ["sync.optim.steps=1,2"]).tasks["sync"].rows[-1] == RowSpec("theirs", "sync-small")
