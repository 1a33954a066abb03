"""How many of GRID's words are read off the lips: frozen features and TC-5, and end to end beside it.

    python benchmarks/lips_words.py [--model sync-small] [--shared ../shared] [--corpus FOLDER] [--seeds 3]
                                    [--against untrained pixels finetuned scratch] [--readout tc5]

51 words of one speaker, cut out by their times, and the read-out is told which frames are the word's own: where a word
begins and ends is given, which reading a sentence would have to find out. Tested are the sentences that the model's
training has held out (every eighth by name), so neither the encoder nor the read-out has seen them. Without --corpus
the 800 clips are prepared first, which takes two minutes. On one idle core, features that stay as they are take a
minute a seed, training end to end about five: that is measured with one seed, the rest with all. `scratch` is the same
network from random weights; --epochs shortens the training end to end, of both alike. Of one speaker, intervals are
over his sentences and tell nothing of other people.
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
    """The clips of GRID's speaker, prepared."""
    videos = [shared / "data" / "grid_s1" / "video"]
    prepare(videos, folder, dataset="grid")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sync-small")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--corpus", type=Path, help="GRID's clips, prepared before")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--against", nargs="*", default=[*FROZEN, *END_TO_END])
    parser.add_argument("--readout", choices=["tc5", "pooled"], default="tc5")
    parser.add_argument("--layer")
    parser.add_argument("--epochs", type=int, help="of training end to end; by default as in the command")
    given = parser.parse_args()
    frozen = [name for name in given.against if name not in END_TO_END]
    learned = [name for name in given.against if name in END_TO_END]
    with tempfile.TemporaryDirectory() as folder:
        corpus = given.corpus or corpus_of(given.shared, Path(folder) / "grid")
        how = {"probe": given.readout, "layer": given.layer}
        print(evaluate_lips(given.model, [corpus], frozen, seeds=given.seeds, **how), flush=True)
        if learned:
            usual = TC5Options(epochs=10, decay_every=4)
            end_to_end = usual if given.epochs is None else replace(usual, epochs=given.epochs)
            print(evaluate_lips(given.model, [corpus], learned, seeds=1, end_to_end=end_to_end, **how), flush=True)


if __name__ == "__main__":
    main()
