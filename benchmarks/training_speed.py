"""Training speed of sync-small: video frames per second, and utilisation relative to matrix products.

    python benchmarks/training_speed.py [--threads 2] [--precision 32-true bf16-mixed] [--seconds 10]

Complete training steps (augmentation, log-mel, both encoders, loss, backward, AdamW) on random frames and noise in
memory, without the cost of reading a corpus. Multiply-accumulates of encoders and loss are counted exactly, forward and
backward. Matrix products are timed in float32 before, between and after the steps, as other work on the machine slows
both; utilisation is relative to the best of them.
"""

import argparse
import time

import torch
from machine import figure
from matmul import matmul_rate
from torch.utils.flop_counter import FlopCounterMode

from seehear.clip import SAMPLES_PER_FRAME
from seehear.machine import supports_bf16
from seehear.models.sync import SyncModel
from seehear.training.optim import make_optimizer
from seehear.training.settings import OptimOptions, read_settings

SIDE = 64  # of mouth crops in the default corpus


def random_batch(clips: int, frames: int) -> dict[str, torch.Tensor]:
    video = torch.randint(0, 256, (clips, frames, SIDE, SIDE), dtype=torch.uint8)
    return {"video": video, "audio": 0.1 * torch.randn(clips, frames * SAMPLES_PER_FRAME)}


class Step:
    """One training step, as in `seehear.training.loop`."""

    def __init__(self, preset: str, precision: str) -> None:
        torch.manual_seed(0)
        chosen = read_settings(preset)
        self.model = SyncModel(chosen.model)
        self.batch = random_batch(chosen.data.batch, chosen.data.frames)
        self.frames = chosen.data.batch * chosen.data.frames
        self.optimizer = make_optimizer(self.model, OptimOptions())
        self.rng = torch.Generator().manual_seed(0)
        self.half = precision == "bf16-mixed"

    def __call__(self) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            loss = self.model(self.batch, self.rng)["loss"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def macs_per_frame(self) -> dict[str, float]:
        """Return the multiply-accumulates per video frame by part, without augmentation and log-mel."""
        with torch.no_grad():
            frames, mel = self.model._prepare(self.batch, self.rng)
        return {
            "lips": count(lambda: self.model.lips(frames).sum().backward()) / self.frames,
            "sound": count(lambda: self.model.sound(mel).sum().backward()) / self.frames,
            "loss": count(self._loss_alone) / self.frames,
        }

    def _loss_alone(self) -> None:
        clips, frames = self.batch["video"].shape[:2]
        lips, sound = torch.randn(2, clips, frames - 2 * self.model.context, self.model.dim, requires_grad=True)
        self.model.loss(sound, lips).backward()


def count(work) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() // 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="sync-small")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--precision", nargs="+", help="by default 32-true, and bf16-mixed where the CPU has it")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    print(f"sync training, preset {options.preset}, {torch.get_num_threads()} threads")
    rates = [matmul_rate()]
    for precision in options.precision or ["32-true", *(["bf16-mixed"] if supports_bf16() else [])]:
        step = Step(options.preset, precision)
        macs = step.macs_per_frame()
        step()
        times: list[float] = []
        while len(times) < 3 or sum(times) < options.seconds:
            begun = time.perf_counter()
            step()
            times.append(time.perf_counter() - begun)
        rates.append(matmul_rate())
        mean, best = (step.frames / seconds for seconds in (sum(times) / len(times), min(times)))
        parts = ", ".join(f"{name} {value / 1e6:.2f}" for name, value in macs.items())
        print(f"{precision}: {mean:.0f} frames/s on average, {best:.0f} at best ({len(times)} steps)")
        print(f"    {sum(macs.values()) / 1e6:.2f} MMAC per frame, forward and backward ({parts})")
        used = best * sum(macs.values())
        share = f"{used / max(rates):.0%} of the {max(rates) / 1e9:.1f} of float32 products"
        print(f"    {used / 1e9:.1f} GMAC/s, {share}")
        arithmetic = "bf16" if step.half else "float32"
        figure(f"pretrain, {options.preset}", f"{best:.0f} frames/s; {used / 1e9:.0f} GMAC/s, {share}", arithmetic)


if __name__ == "__main__":
    main()
