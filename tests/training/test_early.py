"""Training that ends when a number of the probe has fallen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from seehear.data.batches import WindowBatches
from seehear.models.sync import SyncModel
from seehear.models.validation import ValidationResult
from seehear.training.loop import Trainer
from seehear.training.optim import EarlyStopping
from talkers import DATA, ENGINE, MODEL, OPTIM, Talkers


class Script:
    """A probe that says what it was told to say."""

    formats = {"score": ".2f"}  # noqa: RUF012
    beside = ""

    def __init__(self, scores: list[float]) -> None:
        self.scores = iter(scores)

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        return ValidationResult({"score": next(self.scores)})


def training(folder: Path, scores: list[float], patience: int) -> Trainer:
    """Eight steps of a tiny model, measured at 0, 2, 4, 6 and 8; the step of what is exported is written down."""
    torch.manual_seed(0)
    batches = WindowBatches(Talkers(), DATA.batch, frames=DATA.frames, min_frames=DATA.min_frames)  # type: ignore[arg-type]
    engine = {**vars(ENGINE), "probe_every": 2, "save_every": 2}
    made = Trainer(
        fabric=Fabric(accelerator="cpu", devices=1),
        pretext=SyncModel(MODEL),
        batches=batches,
        validation=Script(scores),
        optim=OPTIM,
        engine=type(ENGINE)(**engine),
        folder=folder,
        export=lambda metrics: (folder / "exported").write_text(json.dumps([made.step, metrics["score"]])),
        early=EarlyStopping("score", patience),
    )
    return made


def test_values_within_the_tolerance_of_the_best_are_kept_and_waiting_ends_it() -> None:
    early = EarlyStopping("score", 2, tolerance=0.1)
    values = (0.1, 0.3, 0.25, 0.15, 0.1)
    assert [early.is_kept(step, {"score": value}) for step, value in enumerate(values)] == [True] * 3 + [False] * 2
    assert (early.best, early.kept_step, early.should_stop) == (0.3, 2, True)
    again = EarlyStopping("score", 2, tolerance=0.1)
    again.load_state_dict(early.state_dict())
    assert again == early


@pytest.mark.trains
def test_it_stops_and_the_weights_from_before_the_fall_are_exported(tmp_path: Path) -> None:
    made = training(tmp_path, [0.1, 0.5, 0.4, 0.3], patience=2)
    made.run()
    assert made.step == 6
    assert json.loads((tmp_path / "exported").read_text()) == [2, 0.5]


@pytest.mark.trains
def test_it_goes_to_the_end_while_it_recovers(tmp_path: Path) -> None:
    made = training(tmp_path, [0.1, 0.2, 0.1, 0.3, 0.2], patience=2)
    made.run()
    assert made.step == OPTIM.steps
    assert json.loads((tmp_path / "exported").read_text()) == [6, 0.3]


@pytest.mark.trains
def test_a_resumed_training_remembers_what_was_best(tmp_path: Path) -> None:
    first = training(tmp_path, [0.1, 0.5, 0.4], patience=2)
    with pytest.raises(StopIteration):  # as if killed at the fourth measurement, after the checkpoint of step 4
        first.run()
    resumed = training(tmp_path, [0.45], patience=2)
    resumed.run()
    assert resumed.step == 6
    assert json.loads((tmp_path / "exported").read_text()) == [2, 0.5]
