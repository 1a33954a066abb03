"""Fit the speech activity that comes with the package again: five minutes on one core.

    python scripts/train_speech_activity.py [--shared ../shared] [--films 700]

Sounds of synthetic people who take turns, noise and tones alone, and, where they are, sentences of GRID's first speaker
(CC BY 4.0, Cooke et al. 2006). Whole sounds and short pieces of them, so that it works where little is heard before and
after. Held out: every tenth film, and other sentences.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.nn import functional as F

import seehear.audio
from seehear.audio.recording import synthesize_noise
from seehear.audio.voice_activity import WEIGHTS, band_levels, build_network, network_inputs
from seehear.avatars.dialogue import plan_dialogue
from seehear.cli.progress import ProgressDisplay
from seehear.clip import FPS, SAMPLE_RATE
from seehear.media.sound import read_sound
from seehear.progress import Stage

SECONDS = 12.0
FRAMES = round(SECONDS * FPS)
SEED, SPEAKERS = 41, 60
EPOCHS, BATCH, RATE = 40, 16, 8e-3
SHORTEST = FPS

Example = tuple[NDArray, NDArray, float]
"""Levels (T, bands), truth (T,), what it counts."""


def of_people(films: int) -> list[Example]:
    examples, middles = [], (np.arange(FRAMES) + 0.5) / FPS
    with ProgressDisplay("sounds") as display:
        stage = Stage(display, "sounds", films)
        for number in range(films):
            duet = plan_dialogue(SEED, number, SPEAKERS, SECONDS)
            sounds = [mark for take in duet.takes for mark in take.phonemes]
            spoken = np.any([(middles >= mark.start_s) & (middles < mark.stop_s) for mark in sounds], axis=0)
            examples.append((band_levels(duet.sound), spoken, 1.0))
            stage.update(number + 1, "")
    return examples


def of_nobody(rng: np.random.Generator) -> list[Example]:
    times = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    sounds = [synthesize_noise(rng, len(times), kind) for kind in ("white", "pink", "brown", "hum") for _ in range(12)]
    hiss = rng.standard_normal((24, len(times)))
    tones = np.sin(2 * np.pi * np.geomspace(50, 4000, 24)[:, None] * times)
    sounds += list(tones + 0.003 * hiss)
    levels = [band_levels(10 ** (rng.uniform(-40, -12) / 20) * sound) for sound in sounds]
    return [(level, np.zeros(len(level), bool), 0.3) for level in levels]


def of_grid(folder: Path, first: int) -> list[Example]:
    examples = []
    for path in sorted((folder / "video").glob("*.mp4"))[first::16]:
        level = band_levels(read_sound(path).between(0, 3.0))
        middles, spoken = (np.arange(len(level)) + 0.5) / FPS, np.zeros(len(level), bool)
        for line in (folder / "align" / f"{path.stem}.align").read_text().splitlines():
            start, stop, word = line.split()
            if word not in ("sil", "sp"):
                spoken |= (middles >= int(start) / 25_000) & (middles < int(stop) / 25_000)
        examples.append((level, spoken, 2.0))
    return examples


def batch_of(examples: list[Example], rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Whole or in part, with bands a little disturbed; what is missing to the full length counts nothing."""
    seen = np.zeros((len(examples), network_inputs(examples[0][0]).shape[0], FRAMES), np.float32)
    truth, weight = np.zeros((2, len(examples), FRAMES), np.float32)
    for row, (levels, spoken, counts) in enumerate(examples):
        length = len(levels) if rng.random() < 0.6 else int(rng.integers(SHORTEST, len(levels) + 1))
        start = int(rng.integers(len(levels) - length + 1))
        part = slice(start, start + length)
        seen[row, :, :length], truth[row, :length], weight[row, :length] = (
            network_inputs(levels[part]),
            spoken[part],
            counts,
        )
    louder = 1 + 0.1 * rng.standard_normal((len(examples), 1, 1))
    shifted = 0.1 * rng.standard_normal((*seen.shape[:2], 1)) * (seen > 0) + 0.05 * rng.standard_normal(seen.shape)
    return (
        torch.from_numpy((seen * louder + shifted).astype(np.float32)),
        torch.from_numpy(truth),
        torch.from_numpy(weight),
    )


def accuracy(model: torch.nn.Module, examples: list[Example]) -> float:
    with torch.inference_mode():
        told = [model(torch.from_numpy(network_inputs(levels))[None])[0, 0].numpy() > 0 for levels, _, _ in examples]
    return float(np.mean([(one == spoken).mean() for one, (_, spoken, _) in zip(told, examples, strict=True)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--films", type=int, default=700)
    parser.add_argument("--out", type=Path, default=Path(seehear.audio.__file__).parent / WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    people, grid = of_people(options.films), options.shared / "data" / "grid_s1"
    training = [one for number, one in enumerate(people) if number % 10] + of_nobody(rng)
    training += of_grid(grid, 1) if grid.is_dir() else []
    model = build_network()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=1e-2)
    steps = EPOCHS * (len(training) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    with ProgressDisplay("fitting") as display:
        stage = Stage(display, "fitting", steps)
        for step in range(steps):
            chosen = rng.choice(len(training), BATCH, replace=False)
            seen, truth, weight = batch_of([training[one] for one in chosen], rng)
            lost = F.binary_cross_entropy_with_logits(model(seen)[:, 0], truth, weight, reduction="sum") / weight.sum()
            optimiser.zero_grad()
            lost.backward()
            optimiser.step()
            schedule.step()
            stage.update(step + 1, f"loss {lost.item():.3f}")
    model.eval()
    print(f"pictures right: people {accuracy(model, people[::10]):.3f}, nobody {accuracy(model, of_nobody(rng)):.3f}")  # noqa: T201
    if grid.is_dir():
        print(f"  GRID {accuracy(model, of_grid(grid, 0)):.3f}")  # noqa: T201
    save_file({name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}, options.out)
    print(f"written to {options.out}")  # noqa: T201


if __name__ == "__main__":
    main()
