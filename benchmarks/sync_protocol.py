"""Sync accuracy of the shipped weights by the papers' protocol, on the held-out clips of GRID speaker 1.

    python benchmarks/sync_protocol.py [--shared ../shared] [--model sync-small]

The held-out clips are every eighth by name. They are prepared from their files in this run.
"""

import argparse
import tempfile
from pathlib import Path

from seehear.corpus.prepare import prepare
from seehear.corpus.store import Corpus
from seehear.tasks.sync import evaluate_sync
from seehear.training.run import load_sync


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--model", default="sync-small")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        held_out = sorted((given.shared / "data" / "grid_s1" / "video").glob("*.mp4"))[::8]
        prepare(held_out, Path(folder) / "corpus", format="grid")
        print(evaluate_sync(load_sync(given.model), Corpus(Path(folder) / "corpus")))


if __name__ == "__main__":
    main()
