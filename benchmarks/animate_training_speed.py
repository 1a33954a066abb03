"""Training speed of animate-small: video frames per second, and utilisation of the machine.

    python benchmarks/animate_training_speed.py [--preset animate-small] [--threads 2] [--seconds 10]

Complete training steps (augmentation, log-mel, encoder, generator, loss, backward, AdamW) on random frames and noise in
memory. All frames of a clip are used by the audio encoder, and some are generated. Multiply-accumulates are counted
exactly, forward and backward. The references, a matrix product and a convolution of 128 by 128 channels (the main
operation of the generator), are timed in float32 before, between and after the steps, as other work on the machine
slows all of them; utilisation is relative to the best reference.
"""

import argparse
import time

import torch
from machine import figure
from matmul import matmul_rate
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from seehear.clip import SAMPLES_PER_FRAME
from seehear.models.animate import AnimateModel
from seehear.training.optim import make_optimizer
from seehear.training.settings import read_settings

CHANNELS, SIDE, PICTURES = 128, 16, 128


class Step:
    """One training step, as in `seehear.training.loop`."""

    def __init__(self, preset: str, precision: str) -> None:
        torch.manual_seed(0)
        chosen = read_settings(preset)
        self.model = AnimateModel(chosen.model)
        clips, frames, side = chosen.data.batch, chosen.data.frames, chosen.model.size
        shape = (clips, frames, side, side, 3) if chosen.model.colour else (clips, frames, side, side)
        self.batch = {
            "video": torch.randint(0, 256, shape, dtype=torch.uint8),
            "audio": 0.1 * torch.randn(clips, frames * SAMPLES_PER_FRAME),
        }
        self.frames, self.drawn = clips * frames, clips * (chosen.model.frames or frames)
        self.optimizer = make_optimizer(self.model, chosen.optim)
        self.clip = chosen.optim.clip
        self.rng = torch.Generator().manual_seed(0)
        self.half = precision == "bf16-mixed"

    def __call__(self) -> None:
        self._forward_and_backward(self.half)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def macs(self) -> int:
        """Return the multiply-accumulates of a step, forward and backward, which do not depend on the precision."""
        with FlopCounterMode(display=False) as counter:
            self._forward_and_backward(half=False)
        self.optimizer.zero_grad()
        return counter.get_total_flops() // 2

    def _forward_and_backward(self, half: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = self.model(self.batch, self.rng)["loss"]
        loss.backward()


def convolution_rate(seconds: float = 1.0) -> float:
    """Return the multiply-accumulates per second of a 3 x 3 convolution, the best of several runs."""
    pictures = torch.randn(PICTURES, CHANNELS, SIDE, SIDE)
    kernel = torch.randn(CHANNELS, CHANNELS, 3, 3)
    times: list[float] = []
    while len(times) < 4 or sum(times) < seconds:
        begun = time.perf_counter()
        F.conv2d(pictures, kernel, padding=1)
        times.append(time.perf_counter() - begun)
    return PICTURES * SIDE * SIDE * CHANNELS * CHANNELS * 9 / min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="animate-small")
    parser.add_argument("--model", help="ignored: weights are random")
    parser.add_argument("--shared", help="ignored")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--precision", nargs="+", default=["32-true"])
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    print(f"animate training, preset {given.preset}, {torch.get_num_threads()} threads")
    products, convolutions = [matmul_rate()], [convolution_rate()]
    for precision in given.precision:
        step = Step(given.preset, precision)
        macs = step.macs()
        times: list[float] = []
        while len(times) < 3 or sum(times) < given.seconds:
            begun = time.perf_counter()
            step()
            times.append(time.perf_counter() - begun)
        products.append(matmul_rate())
        convolutions.append(convolution_rate())
        best = min(times)
        print(
            f"{precision}: {step.frames / best:.0f} audio and {step.drawn / best:.0f} generated frames/s at best, "
            f"{1e3 * best:.0f} ms per step ({1e3 * sum(times) / len(times):.0f} on average of {len(times)})"
        )
        used = macs / best
        print(f"    {macs / 1e9:.1f} GMAC per step; {used / 1e9:.1f} GMAC/s")
        for what, rates in (("float32 matrix products", products), ("float32 convolutions", convolutions)):
            print(f"    {used / max(rates):.0%} of the {max(rates) / 1e9:.1f} GMAC/s of {what}")
        reached = f"{used / max(products):.0%} of products, {used / max(convolutions):.0%} of convolutions"
        speed = f"{step.frames / best:.0f} audio frames/s, {step.drawn / best:.0f} generated"
        value = f"{speed}; {used / 1e9:.0f} GMAC/s, {reached}"
        figure(f"pretrain, {given.preset}", value, "bf16" if precision == "bf16-mixed" else "float32")


if __name__ == "__main__":
    main()
