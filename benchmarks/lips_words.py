"""Lip reading of GRID's words: frozen features with a TC-5 probe, and end-to-end training.

    python benchmarks/lips_words.py [--model sync-small] [--shared ../shared] [--corpus FOLDER] [--seeds 3]
                                    [--against untrained pixels finetuned scratch] [--readout tc5]

51 words of one speaker, cut out by their times. The probe gets the word boundaries, which reading of whole sentences
would have to find. The test sentences are those held out from the model's training (every eighth by name), so neither
the encoder nor the probe has seen them. Without --corpus the 800 clips are prepared first, which takes two minutes. On
one idle core, frozen features take a minute per seed, and end-to-end training about five; the latter is run with one
seed. `scratch` is the same network from random weights; --epochs shortens both end-to-end trainings. Intervals are over
sentences of one speaker and do not apply to other people.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from seehear.data.prepare import prepare
from seehear.evaluation.lips import evaluate_lips
from seehear.evaluation.probes.heads import TC5Options

FROZEN, END_TO_END = ("untrained", "pixels"), ("finetuned", "scratch")


def corpus_of(shared: Path, folder: Path) -> Path:
    """Prepare the clips of GRID's speaker."""
    videos = [shared / "data" / "grid_s1" / "video"]
    prepare(videos, folder, dataset="grid")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sync-small")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--corpus", type=Path, help="prepared corpus of GRID's clips")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--against", nargs="*", default=[*FROZEN, *END_TO_END])
    parser.add_argument("--readout", choices=["tc5", "pooled"], default="tc5")
    parser.add_argument("--layer")
    parser.add_argument("--epochs", type=int, help="epochs of end-to-end training; by default 10")
    given = parser.parse_args()
    frozen = [name for name in given.against if name not in END_TO_END]
    trained = [name for name in given.against if name in END_TO_END]
    with tempfile.TemporaryDirectory() as folder:
        corpus = given.corpus or corpus_of(given.shared, Path(folder) / "grid")
        options = {"probe": given.readout, "layer": given.layer}
        print(evaluate_lips(given.model, [corpus], frozen, seeds=given.seeds, **options), flush=True)
        if trained:
            default = TC5Options(epochs=10, decay_every=4)
            end_to_end = default if given.epochs is None else replace(default, epochs=given.epochs)
            print(evaluate_lips(given.model, [corpus], trained, seeds=1, end_to_end=end_to_end, **options), flush=True)


if __name__ == "__main__":
    main()
