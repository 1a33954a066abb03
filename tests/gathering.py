"""What the processes of a test do together: they import this."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from seehear.losses.base import gather_processes
from seehear.models.match import MatchModel, MatchOptions

TINY = MatchOptions(
    sound={"bands": 8, "channels": [4, 4, 4, 6], "temporal": [], "dilations": []},
    still={"size": 16, "channels": [4, 6], "strides": [2, 2]},
    face_dropout=0.0,
    dim=6,
    seconds=0.4,
)
WORLD = 2


def tiny(options: MatchOptions = TINY) -> MatchModel:
    """Batch norms that have seen something and see no more: with them the loss of a batch is that of its parts."""
    torch.manual_seed(0)
    model = MatchModel(options)
    with torch.no_grad():
        model(batch(8, seed=9))
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.eval()
    return model


def batch(count: int, seed: int = 0, frames: int = 20) -> dict[str, Tensor]:
    """Noise to hear and to see; every third is only heard."""
    rng = torch.Generator().manual_seed(seed)
    video = torch.randint(256, (count, 2, 16, 16, 3), generator=rng, dtype=torch.uint8)
    seen = torch.arange(count) % 3 != 1
    audio = 0.1 * torch.randn(count, 640 * frames, generator=rng)
    return {"audio": audio, "video": video * seen[:, None, None, None, None], "seen": seen}


def share(rank: int, port: int, folder: Path, losses: tuple[str, ...]) -> None:
    """One process: gathers, and learns from its half of a batch; what came of it is left in the folder."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=WORLD)
    mine = (torch.arange(6.0).view(3, 2) + 100 * rank).requires_grad_()
    everyone = gather_processes(mine)
    (everyone * torch.arange(12.0).view(6, 2) * (rank + 1)).sum().backward()
    left: dict[str, object] = {"everyone": everyone.detach(), "gradient": mine.grad}
    whole = batch(6)
    for loss in losses:
        model = DistributedDataParallel(tiny(MatchOptions(**{**vars(TINY), "loss": loss})))
        out = model({name: x.chunk(WORLD)[rank] for name, x in whole.items()})
        out["loss"].backward()
        gradients = {name: weight.grad for name, weight in model.module.named_parameters() if weight.requires_grad}
        left[loss] = {name: out[name].detach() for name in ("loss", "matched", "same_voice", "voice")} | gradients
    torch.save(left, folder / f"{rank}.pt")
    distributed.destroy_process_group()
