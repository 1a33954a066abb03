from dataclasses import replace
from pathlib import Path

import pytest
import torch

from random_batches import random_batch
from seehear.benchmark.cells import cells_of_plan
from seehear.benchmark.plan import expand_variants
from seehear.benchmark.reading import plan_from_yaml, plan_names, plan_to_yaml, read_plan
from seehear.benchmark.sweep import pretext_settings
from seehear.models.match import MatchModel

PAPERS = (
    "shukla2020-emotion",
    "shukla2020-speech",
    "shukla2020-noise",
    "shukla2020-labels",
    "chung2020-sync",
    "chung2020-lips",
    "chung2020-speaker",
    "chung2020-facevoice",
    "separation-ablation",
    "joint",
)
RECALLED = (75.9, 17.52, 87.0)
"""Figures that are remembered and were never read: they may not stand in a plan."""


def test_the_tables_of_the_papers_are_there() -> None:
    assert set(PAPERS) <= set(plan_names())


@pytest.mark.parametrize("name", plan_names())
def test_a_plan_can_be_worked_through_on_avatars_and_on_what_it_wants(name: str, tmp_path: Path) -> None:
    plan = read_plan(name)
    assert plan_from_yaml(plan_to_yaml(plan), "x", "x") == plan
    plan = replace(plan, seeds=1)
    wanted = {corpus: tmp_path for corpus, spec in plan.corpora.items() if not spec.avatars}
    alone, everything = cells_of_plan(plan), cells_of_plan(plan, wanted)
    assert alone.positions
    assert set(alone.corpora) == set(plan.corpora) - set(wanted)
    for corpus in wanted:
        assert any(plan.corpora[corpus].wants in note for note in alone.notes)
    rows = {(key, row.name) for key, task in plan.tasks.items() for row in task.rows}
    assert {(place.task, place.row) for place in everything.positions} == rows
    assert everything.notes == ()
    assert set(everything.corpora) == set(plan.corpora)  # none is asked for in vain
    read = {row.of for task in plan.tasks.values() for row in task.rows}
    assert set(plan.pretexts) <= read  # none is trained in vain


@pytest.mark.parametrize("name", plan_names())
def test_the_papers_figures_stand_beside_with_what_differs(name: str) -> None:
    plan = read_plan(name)
    figures = [value for table in plan.paper for row in table.rows.values() for value in row]
    assert not set(RECALLED) & set(figures)
    for table in plan.paper:
        assert table.differs
        assert "arXiv" in table.source
        ours = {row.name for row in plan.tasks[table.task].rows}
        assert ours & set(table.rows) or table.task == "facevoice"  # there is something to look across at
    assert all(claim.source for claim in plan.claims)
    assert plan.claims


def test_every_row_that_trains_match_trains_its_voice_encoder() -> None:
    """`match-small` once had four numbers in common, made of the detached voice: multiway trained no voice at all."""
    trained: dict[str, object] = {}
    for name in plan_names():
        for row, pretext in expand_variants(read_plan(name)).pretexts.items():
            options = pretext_settings(row, pretext).model
            if options.pretext == "match" and not pretext.untrained:
                trained[str(options)] = name, row, options
    assert len(trained) >= 8  # multiway, separate, merged, substitute, avenet, contrastive, and two similarities
    for plan, row, options in trained.values():  # type: ignore[misc]
        torch.manual_seed(0)
        model = MatchModel(options).train()
        model(random_batch(model), torch.Generator().manual_seed(0))["loss"].backward()
        silent = [
            part
            for part, weights in model.encoder.named_parameters()
            if weights.requires_grad and (weights.grad is None or not weights.grad.any())
        ]
        assert not silent, f"{row} of {plan} has no gradient in the voice encoder: {silent}"
