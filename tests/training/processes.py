"""Trains tiny models in several processes: `python processes.py WORLD RUNS KILL_AT PRETEXT...`, for test_processes.py.

The losses and weights of a pretext are saved as RUNS/PRETEXT.pt. All processes die after step KILL_AT, if it is not 0.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seehear.models import build_model
from seehear.models.animate import AnimateOptions, GenerationOptions
from seehear.models.audio_only import APCOptions, CPCOptions
from seehear.models.disentangle import DisentangleOptions
from seehear.models.joint import JointOptions
from seehear.models.match import MatchObjectiveOptions
from seehear.models.sync import SyncObjectiveOptions
from seehear.training import loop
from seehear.training import pretrain as pretraining
from seehear.training.checkpoint import read_metrics
from seehear.training.settings import DataOptions, OptimOptions
from talkers import ENGINE, MATCH, MODEL, OPTIM, People

BATCH = 8
SPEECH = {"bands": 20, "channels": [4, 8, 8, 8], "temporal": [3], "dilations": [1], "width": 16, "dim": 12}
FACE_LIPS = {"size": 16, "stem_channels": 4, "channels": [8], "strides": [2], "temporal": []}
WHOLE_FACES = {**FACE_LIPS, "region": "face", "colour": True, "dim": 8}

OPTIONS: dict[str, Any] = {
    "sync": replace(MODEL, lips={**MODEL.lips, "region": "face"}),
    "match": replace(MATCH, loss="separate", face_dropout=0.0),
    "animate": AnimateOptions(sound=SPEECH, region="face", size=16, widths=(8, 16), frames=4),
    "joint": JointOptions(
        sound=SPEECH,
        size=16,
        dim=8,
        sync=SyncObjectiveOptions(lips={**FACE_LIPS, "region": "face"}),
        match=MatchObjectiveOptions(still={"size": 16, "channels": [4, 8], "strides": [2, 2]}, seconds=0.3),
        animate=GenerationOptions(region="face", size=16, widths=(8, 8), frames=3),
    ),
    "disentangle": DisentangleOptions(lips=WHOLE_FACES, sound={"bands": 8, "channels": [4, 8, 8, 8], "dim": 8}),
    "apc": APCOptions(sound={"bands": 8, "hidden": 6, "depth": 2}),
    "cpc": CPCOptions(channels=4, hidden=6, steps=3, anchors=5),
}


def quiet_model(options: Any) -> Any:
    """Without augmentation and random choices, which every process makes for itself."""
    model = build_model(options)
    forward = model.forward
    model.forward = lambda batch, rng=None: forward(batch, None)
    return model


def gradient_descent(model: nn.Module, options: OptimOptions) -> torch.optim.Optimizer:
    """Plain descent: AdamW would turn the rounding errors of gradients that are zero into steps of full size."""
    return torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=options.lr)


def train(pretext: str, world: int, out: Path) -> dict[str, Tensor]:
    """Return the losses of all steps, and the weights after the last."""
    pretraining.pretrain(
        [Path("people")],
        out,
        f"{pretext}-small",
        OPTIONS[pretext],
        DataOptions(batch=BATCH // world, frames=25, min_frames=25, probe_clips=0),
        replace(OPTIM, steps=6, lr=0.001, clip=0.0),
        replace(ENGINE, devices=world, strategy="ddp" if world > 1 else "auto", log_every=1, probe_every=100),
    )
    weights = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)["model"]
    losses = torch.tensor([row["loss"] for row in read_metrics(out / "metrics.csv")])
    return {"losses": losses, "weights": torch.cat([value.flatten().float() for value in weights.values()])}


def die_after(step: int) -> None:
    """Kill every process that has done this many steps."""
    advance = loop.Trainer._advance

    def advance_or_die(trainer: loop.Trainer, *arguments: Any) -> None:
        advance(trainer, *arguments)
        if trainer.step == step:
            os._exit(9)

    loop.Trainer._advance = advance_or_die  # type: ignore[method-assign]


def main(world: int, runs: Path, kill_at: int, pretexts: list[str]) -> None:
    """Train all pretexts."""
    torch.set_num_threads(1)
    pretraining._views = lambda corpus, model, data, part, progress: People()  # type: ignore[assignment]
    pretraining.build_model = quiet_model
    loop.make_optimizer = gradient_descent  # type: ignore[assignment]
    if kill_at:
        die_after(kill_at)
    for name in pretexts:
        result = train(name, world, runs / name)
        if int(os.environ.get("LOCAL_RANK", 0)) == 0:
            torch.save(result, runs / f"{name}.pt")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
