"""How well a still is animated by its sound: drawn mouths against real ones, with the clip's own sound and with others.

    python benchmarks/animate_l1.py [--model animate-small] [--shared ../shared] [--sync sync-small] [--clips 96]

Clips of fresh synthetic people, and the held-out clips of GRID speaker 1 (every eighth by name). The first picture of a
clip is the still; drawn is what the sound says. L1 is the mean difference from the real pictures in the mouth's square,
in shares of full scale, against that of the still left as it is. Part of what is gained over the still is not heard: so
every clip is drawn again with another clip's sound (another person's, where people are known) and with silence, and
what is claimed is the difference, paired. Intervals and p are over people; GRID's clips are of one man, and over clips.
The face detector is printed: by another one the crops, and so the figures, are others. A lip-sync model that knows
nothing of drawing is asked where the drawn lips belong, among 31 offsets.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fresh_avatars import fresh_avatars

from seehear.data.corpus import Corpus
from seehear.data.prepare import prepare
from seehear.evaluation.animate import measure_animation
from seehear.models.store import load_animate_model, load_sync_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="animate-small")
    parser.add_argument("--sync", default="sync-small")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--clips", type=int, default=96, help="at most so many of each kind")
    parser.add_argument("--avatars", type=Path, help="corpus of people that the model has not seen")
    parser.add_argument("--work", type=Path, help="folder to make them in, kept")
    given = parser.parse_args()
    model, lips = load_animate_model(given.model), load_sync_model(given.sync)
    for name, corpus in corpora(given):
        chosen = corpus.subset(range(min(given.clips, len(corpus))))
        print(f"{name} (faces by {corpus.roots[0].detector})\n{measure_animation(model, chosen, lips)}\n", flush=True)


def corpora(given: argparse.Namespace) -> Iterator[tuple[str, Corpus]]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.work or Path(temporary)
        yield "fresh avatars", Corpus(given.avatars or fresh_avatars(folder, given.clips, given.clips))
        videos = sorted((given.shared / "data" / "grid_s1" / "video").glob("*.mp4"))[::8]
        if videos:
            prepare(videos[: given.clips], folder / "grid", dataset="grid")
            yield "GRID speaker 1, held out", Corpus(folder / "grid")


if __name__ == "__main__":
    main()
