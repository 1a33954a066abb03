"""Train the packaged voice activity detector: five minutes on one core.

    python scripts/train_speech_activity.py [--shared ../shared] [--films 700]

The data are dialogues of synthetic people, noise and tones without speech and, if available, sentences of GRID's first
speaker (CC BY 4.0, Cooke et al. 2006). Whole recordings and short segments are used, so that it also works with little
context. Every tenth dialogue and other sentences are held out.
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
MIN_FRAMES = FPS

Example = tuple[NDArray, NDArray, float]
"""Levels (T, bands), truth (T,), weight."""


def dialogue_examples(count: int) -> list[Example]:
    """Dialogues of synthetic people."""
    examples, middles = [], (np.arange(FRAMES) + 0.5) / FPS
    with ProgressDisplay("dialogues") as display:
        stage = Stage(display, "dialogues", count)
        for number in range(count):
            duet = plan_dialogue(SEED, number, SPEAKERS, SECONDS)
            sounds = [mark for take in duet.takes for mark in take.phonemes]
            spoken = np.any([(middles >= mark.start_s) & (middles < mark.stop_s) for mark in sounds], axis=0)
            examples.append((band_levels(duet.sound), spoken, 1.0))
            stage.update(number + 1, "")
    return examples


def noise_examples(rng: np.random.Generator) -> list[Example]:
    """Noise, hum and tones without speech."""
    times = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    sounds = [synthesize_noise(rng, len(times), kind) for kind in ("white", "pink", "brown", "hum") for _ in range(12)]
    hiss = rng.standard_normal((24, len(times)))
    tones = np.sin(2 * np.pi * np.geomspace(50, 4000, 24)[:, None] * times)
    sounds += list(tones + 0.003 * hiss)
    levels = [band_levels(10 ** (rng.uniform(-40, -12) / 20) * sound) for sound in sounds]
    return [(level, np.zeros(len(level), bool), 0.3) for level in levels]


def grid_examples(folder: Path, first: int) -> list[Example]:
    """Every 16th sentence of a GRID speaker, from index ``first`` on."""
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
    """Stack recordings or segments of them, with slightly augmented bands; padding has weight 0."""
    inputs = np.zeros((len(examples), network_inputs(examples[0][0]).shape[0], FRAMES), np.float32)
    truth, weight = np.zeros((2, len(examples), FRAMES), np.float32)
    for row, (levels, spoken, example_weight) in enumerate(examples):
        length = len(levels) if rng.random() < 0.6 else int(rng.integers(MIN_FRAMES, len(levels) + 1))
        start = int(rng.integers(len(levels) - length + 1))
        part = slice(start, start + length)
        inputs[row, :, :length], truth[row, :length], weight[row, :length] = (
            network_inputs(levels[part]),
            spoken[part],
            example_weight,
        )
    gain = 1 + 0.1 * rng.standard_normal((len(examples), 1, 1))
    offset = 0.1 * rng.standard_normal((*inputs.shape[:2], 1)) * (inputs > 0) + 0.05 * rng.standard_normal(inputs.shape)
    return (
        torch.from_numpy((inputs * gain + offset).astype(np.float32)),
        torch.from_numpy(truth),
        torch.from_numpy(weight),
    )


def accuracy(model: torch.nn.Module, examples: list[Example]) -> float:
    with torch.inference_mode():
        speech = [model(torch.from_numpy(network_inputs(levels))[None])[0, 0].numpy() > 0 for levels, _, _ in examples]
    return float(np.mean([(own == spoken).mean() for own, (_, spoken, _) in zip(speech, examples, strict=True)]))


def main() -> None:
    """Train the detector and write its weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--films", type=int, default=700)
    parser.add_argument("--out", type=Path, default=Path(seehear.audio.__file__).parent / WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    people, grid = dialogue_examples(options.films), options.shared / "data" / "grid_s1"
    training = [example for number, example in enumerate(people) if number % 10] + noise_examples(rng)
    training += grid_examples(grid, 1) if grid.is_dir() else []
    model = build_network()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=1e-2)
    steps = EPOCHS * (len(training) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    with ProgressDisplay("training") as display:
        stage = Stage(display, "training", steps)
        for step in range(steps):
            chosen = rng.choice(len(training), BATCH, replace=False)
            inputs, truth, weight = batch_of([training[index] for index in chosen], rng)
            loss = F.binary_cross_entropy_with_logits(model(inputs)[:, 0], truth, weight, reduction="sum")
            loss = loss / weight.sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            stage.update(step + 1, f"loss {loss.item():.3f}")
    model.eval()
    dialogues, noise = accuracy(model, people[::10]), accuracy(model, noise_examples(rng))
    print(f"frame accuracy: dialogues {dialogues:.3f}, noise {noise:.3f}")
    if grid.is_dir():
        print(f"  GRID {accuracy(model, grid_examples(grid, 0)):.3f}")
    save_file({name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}, options.out)
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
