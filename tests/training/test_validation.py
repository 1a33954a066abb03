"""Probes: what a pretext without one of its own shows, and what is too little to be measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from seehear.models.audio_only import CPCModel, CPCOptions
from seehear.models.sync import SyncModel
from seehear.models.validation import LossValidation, SyncValidation, ValidationResult, describe_metrics
from seehear.training.validation import make_validation, spread_clips, stack_clips
from talkers import DATA, MODEL, Talkers


def test_a_pretext_without_a_probe_shows_its_loss() -> None:
    model = CPCModel(CPCOptions(channels=4, hidden=4, steps=2, anchors=3)).eval()
    probe = make_validation(Talkers(), model, DATA)
    assert isinstance(probe, LossValidation)
    assert tuple(probe.formats) == ("dev_loss", "dev_matched")
    with torch.no_grad():
        once, again = (probe(model, Fabric(accelerator="cpu", devices=1)) for _ in range(2))
    assert once == again  # nothing is drawn
    assert once.numbers["dev_loss"] == pytest.approx(np.log(9), abs=0.5)  # 3 clips of 3 anchors, and nothing learned


def test_sync_has_its_own() -> None:
    model = SyncModel(MODEL)
    probe = make_validation(Talkers(), model, DATA)
    assert isinstance(probe, SyncValidation)
    assert probe.reference == "chance 9.7%"
    assert make_validation(Talkers(frames=20), model, DATA) is None
    assert make_validation(Talkers(), model, replace(DATA, probe_clips=0)) is None


def test_losses_are_averaged_over_batches() -> None:
    class Counts(nn.Module):
        losses: Iterator[float] = iter((1.0, 4.0))

        def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
            return {"loss": torch.tensor(next(self.losses))}

    batches = [stack_clips(Talkers(), [clip], 5) for clip in (0, 1)]  # type: ignore[arg-type]
    assert LossValidation(batches)(Counts(), Fabric(accelerator="cpu", devices=1)) == ValidationResult(
        {"dev_loss": 2.5}
    )


def test_clips_are_spread_over_those_that_are_long_enough() -> None:
    views = Talkers(clips=9)
    views.frames[[0, 8]] = 10
    assert spread_clips(views, 3, 20) == [1, 4, 7]  # type: ignore[arg-type]
    assert spread_clips(views, 99, 20) == list(range(1, 8))  # type: ignore[arg-type]
    assert spread_clips(views, 3, 99) == spread_clips(views, 0, 1) == []  # type: ignore[arg-type]


def test_numbers_in_words() -> None:
    probe = SyncValidation([], "cosine", {"hits": ".1%", "l1": ".3f"})
    assert describe_metrics(probe, {"l1": 0.12345, "loss": 1.0, "hits": 0.5}) == "hits 50.0%, l1 0.123"
