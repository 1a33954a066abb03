from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.apps.adapt import learning
from seehear.apps.adapt.learning import (
    EARLY_STOPPING_PATIENCE,
    MAX_EPOCHS,
    MIN_STEPS,
    PROBES,
    Material,
    batch_size,
    learn,
    load_to_train,
    preset_of,
    steps_within,
)
from seehear.errors import ModelError, SeehearError
from seehear.models.store import load
from seehear.models.validation import SyncValidation, ValidationResult


def test_steps_fit_into_the_budget() -> None:
    assert steps_within(600, 3.0, 0.0, 900, 1e6) == 200
    assert steps_within(600, 3.0, 6.0, 900, 1e6) == (600 - PROBES * 6) // 3
    assert steps_within(0.1, 3.0, 0.0, 900, 1e6) == MIN_STEPS


def test_a_fast_machine_does_not_go_over_a_few_minutes_for_ever() -> None:
    assert steps_within(600, 0.001, 0.0, 900, 4500) == MAX_EPOCHS * 5


def test_little_video_makes_smaller_batches_and_too_little_is_a_sentence() -> None:
    assert batch_size(100, 16) == 16
    assert batch_size(20, 16) == 10
    assert batch_size(4, 16) == 2
    with pytest.raises(SeehearError, match="3 stretches of speech"):
        batch_size(3, 16)


def test_the_preset_is_the_model_s_own_where_the_package_has_it() -> None:
    assert preset_of({"trained": {"preset": "sync-base"}}) == "sync-base"
    assert preset_of({"trained": {"preset": "mine.yaml"}}) == preset_of({}) == "sync-small"


@pytest.mark.parametrize("name", ["animate-small", "match-small"])
def test_models_of_other_kinds_are_refused_with_the_way_out(name: str) -> None:
    with pytest.raises(ModelError, match=f"adapt works for sync models only; .*--init {name}"):
        load_to_train(name)


@pytest.mark.trains
def test_watched_clips_stop_a_training_that_does_harm(
    tiny_model: str, old_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    values = iter([0.5, 0.49, *[0.1] * EARLY_STOPPING_PATIENCE])  # as if it got worse from the second measurement on
    monkeypatch.setattr(
        SyncValidation, "score", lambda *_: ValidationResult({"sync_k5": next(values), "sync_k15": 0.5})
    )
    monkeypatch.setattr(learning, "_probe_time", lambda *_: 0.0)
    rows = np.arange(6)
    material = Material([(old_corpus, rows, 1)], np.array([6, 7]))
    learned = learn(tiny_model, material, tmp_path / "run", 0.001, {"corpus": ["own videos"]})
    assert (learned.steps, learned.planned, learned.kept) == (1 + EARLY_STOPPING_PATIENCE, MIN_STEPS, 1)
    assert load(tmp_path / "run").config["trained"]["corpus"] == ["own videos"]
    assert learn(tiny_model, material, tmp_path / "run", 0.001, {}) == learned
