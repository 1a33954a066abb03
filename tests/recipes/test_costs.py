"""Costs: arithmetic is counted anew, and hours are what their parts say."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from seehear.clip import SAMPLES_PER_FRAME
from seehear.data.views import PLACEHOLDER, CachedView, find_view
from seehear.evaluation.probes.heads import BGRUOptions
from seehear.models import MODELS
from seehear.recipes import recipe
from seehear.recipes.recipe import read_recipe
from seehear.training.settings import read_settings


@pytest.mark.parametrize(("preset", "frames"), [(name, 100 if name == "match-base" else 25) for name in recipe.COUNTS])
def test_the_arithmetic_of_a_preset_is_as_the_table_has_it(preset: str, frames: int) -> None:
    chosen = read_settings(preset)
    torch.manual_seed(0)
    model = MODELS[chosen.model.pretext](chosen.model).train()
    name = model.input_view
    view = name if isinstance(name, CachedView) else find_view(name)
    shape, counted = view.function(PLACEHOLDER).shape[1:], recipe.COUNTS[preset]
    assert (prod(shape), model.stills_per_window or 0) == (counted.view_bytes, counted.stills)
    video = torch.randint(0, 256, (2, model.stills_per_window or frames, *shape), dtype=torch.uint8)
    batch = {"video": video, "audio": 0.1 * torch.randn(2, frames * SAMPLES_PER_FRAME)}
    with FlopCounterMode(display=False) as counter:
        model(batch, torch.Generator().manual_seed(0))["loss"].backward()
    assert counter.get_total_flops() / 2 / 2 / 1e9 == pytest.approx(counted.gmac(frames), rel=0.02)


def test_hours_are_those_of_the_slowest_part() -> None:
    chosen = read_settings("sync-base")
    windows = chosen.optim.steps * chosen.data.batch
    cost = recipe.pretrain_cost("sync-base", chosen, 0.0001, cached=True)
    computing = windows * recipe.COUNTS["sync-base"].gmac(75) * 1e9 / (recipe.UTILISATION * recipe.H100_MAC_S)
    assert cost.hours[0] == pytest.approx(computing / 3600)
    assert cost.hours[1] == pytest.approx(cost.hours[0] / 8)
    twice = recipe.pretrain_cost(
        "sync-base", replace(chosen, optim=replace(chosen.optim, accumulate=2)), 0.0001, cached=True
    )
    assert twice.hours[0] == pytest.approx(2 * cost.hours[0])
    film = recipe.pretrain_cost("match-base", read_settings("match-base"), 1000, cached=False)
    assert film.disk_gb == pytest.approx(1000 * 90_000 * (112 * 112 * 3 + 1280) / 1e9)
    decoding = 1000 * 90_000 / recipe.VIEW_FRAMES_S / recipe.CORES / 3600
    assert decoding < film.hours[0] < decoding + 5


def test_what_was_not_counted_has_no_hours() -> None:
    cost = recipe.pretrain_cost("sync-small", read_settings("sync-small"), 1, cached=False)
    assert cost.hours == ()
    assert "not counted" in cost.hours_source
    assert recipe.evaluate_cost(3, 0).hours == ()


def test_reading_out_is_counted_where_it_was_timed() -> None:
    plan = read_recipe("open-data").plan
    told = recipe.probe_seconds(plan, {"grid": 27.5, "cremad": 5.0, "ravdess": 2.0})
    assert told == 5 * 4 * 100 * recipe.TRAINING_FRACTION * 7.0 * 3600  # seeds, rows, epochs, share, seconds
    usual = {
        key: replace(task, options={"readout": "bgru"}) for key, task in plan.tasks.items() if key == "emotion-lstm"
    }
    assert recipe.probe_seconds(replace(plan, tasks=usual), {"cremad": 5.0, "ravdess": 2.0}) == told
    assert BGRUOptions().epochs == recipe.EPOCHS
    cost = recipe.evaluate_cost(10, told)
    assert cost.at_least
    assert cost.hours[0] == pytest.approx(told * recipe.PROBE_S / recipe.CORES / 3600)
