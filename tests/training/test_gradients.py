"""Every part of every preset gets a gradient, and a training in which one does not is refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric

from random_batches import random_batch
from seehear.errors import ModelError
from seehear.losses import LOSSES
from seehear.models import build_model
from seehear.models.animate import AnimateOptions
from seehear.models.interface import PretextModel
from seehear.models.joint import JointOptions
from seehear.models.match import MatchModel
from seehear.training import pretrain as module
from seehear.training.optim import MIN_STEPS, STEPS, GradientWatch
from seehear.training.pretrain import pretrain
from seehear.training.settings import preset_names, read_settings
from talkers import DATA, ENGINE, MATCH, OPTIM, People

FABRIC = Fabric(accelerator="cpu", devices=1)
ANIMATE = AnimateOptions(
    sound={"bands": 8, "channels": [4, 4, 4, 4], "width": 4, "dim": 4},
    region="mouth", size=8, colour=False, widths=(4, 4), identity=2, noise=2, frames=2,
)  # fmt: skip


def silent_after(
    model: PretextModel, steps: int, clips: int = 2, frames: int = 16, seen: int | None = None
) -> set[str]:
    """What has had no gradient, as soon as that is nothing or so many updates are done."""
    torch.set_num_threads(1)
    model.train()
    silent = {name for name, weight in model.named_parameters() if weight.requires_grad}
    rng = torch.Generator().manual_seed(0)
    for step in range(steps):
        batch = random_batch(model, clips, frames, seed=step)
        batch["seen"] = torch.arange(clips) < (clips if seen is None else seen)
        model(batch, rng)["loss"].backward()
        heard = {name for name, weight in model.named_parameters() if weight.grad is not None and weight.grad.any()}
        silent -= heard
        if not silent:
            break
        with (
            torch.no_grad()
        ):  # a last layer that begins at zero has to move before anything behind it hears of the loss
            for weight in model.parameters():
                if weight.grad is not None:
                    weight -= 0.01 * weight.grad
        model.zero_grad()
    return silent


@pytest.mark.parametrize("name", preset_names())
def test_a_gradient_reaches_every_parameter_of_a_preset(name: str) -> None:
    options: Any = read_settings(name).model
    torch.manual_seed(0)
    if options.pretext == "animate":
        options = replace(options, frames=min(2, options.frames or 2))
    if options.pretext == "sync":
        options = replace(options, candidates=None, spacing=1)  # 40 moments apart want clips of 9 s
    few = {"joint": 25, "animate": 12}.get(options.pretext, 16)
    frames = 8 if getattr(options, "encoder", "") == "paper" else few  # VGG-M over 224 pixels costs a second a frame
    assert silent_after(build_model(options), MIN_STEPS, frames=frames) == set()


@pytest.mark.parametrize(
    "options",
    [
        replace(ANIMATE, audio_task="odd", alpha=0.0),
        replace(ANIMATE, audio_task="odd", alpha=1.0),
        replace(ANIMATE, audio_task="reconstruct", alpha=0.5),
        JointOptions(sync_weight=0.0, animate_weight=0.0),
        JointOptions(match_weight=0.0, animate_weight=0.0),
        *(replace(MATCH, loss=name) for name in LOSSES.names()),
        replace(MATCH, loss="separate", shared=2),
        replace(MATCH, loss="multiway", shared=2, freeze_voice=True),
        replace(MATCH, loss="multiway", similarity="inverse-euclidean"),
    ],
)
def test_a_gradient_reaches_what_options_leave(options: Any) -> None:
    torch.manual_seed(0)
    assert silent_after(build_model(options), MIN_STEPS, clips=4, frames=25) == set()


def watched(model: PretextModel, updates: int, seen: int = 4, last: bool = False) -> None:
    """So many updates without any movement, under watch."""
    watch = GradientWatch(model, FABRIC)
    for step in range(updates):
        batch = random_batch(model, 4, 25, seed=step)
        batch["seen"] = torch.arange(4) < seen
        model(batch, torch.Generator().manual_seed(0))["loss"].backward()
        watch.check(batch, last=last and step + 1 == updates)
        model.zero_grad()


def test_a_voice_encoder_that_nothing_trains_is_refused_by_name() -> None:
    """The baseline of "does separation pay for speakers": four numbers in common and plain multi-way matching."""
    model = MatchModel(replace(MATCH, loss="multiway", shared=2))
    with pytest.raises(ModelError, match=r"in 10 updates .*encoder\.spectrum\.0\.0\.weight.*model\.shared"):
        watched(model, STEPS)
    watched(model, STEPS - 1)  # not yet
    with pytest.raises(ModelError, match=f"in {MIN_STEPS} updates"):
        watched(model, MIN_STEPS, last=True)
    watched(model, MIN_STEPS - 1, last=True)  # a last layer that begins at zero needs some
    model.encoder.requires_grad_(False)
    model.voice_head.requires_grad_(False)
    watched(model, STEPS)


def test_sound_alone_need_not_teach_the_face_tower() -> None:
    torch.manual_seed(0)
    watched(MatchModel(replace(MATCH, shared=2)), 2 * STEPS, seen=0)
    cut = MatchModel(MATCH)
    cut.face_head.register_forward_hook(lambda _module, _given, made: made.detach())
    watched(cut, 2 * STEPS, seen=1)  # one face has nothing to be told apart from
    with pytest.raises(ModelError, match=r"reached \d+ of .*: face\."):
        watched(cut, STEPS)
    with pytest.raises(ModelError, match="encoder"):  # but what hears is to learn from sound
        watched(MatchModel(replace(MATCH, loss="multiway")), STEPS, seen=0)


@pytest.mark.trains
def test_a_training_stops_before_it_writes_weights_that_are_random(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(module, "_views", lambda corpus, model, data, part, progress: People())
    options, data = replace(MATCH, loss="multiway", shared=2), replace(DATA, batch=8, probe_clips=0)
    with pytest.raises(ModelError, match="no gradient has reached"):
        pretrain(
            [Path("people")], tmp_path / "run", "match-small", options, data, OPTIM, replace(ENGINE, save_every=50)
        )
    assert not (tmp_path / "run" / "model.safetensors").exists()
