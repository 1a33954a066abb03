"""Sync accuracy of the packaged weights by the papers' protocol: one real speaker, and unseen synthetic people.

    python benchmarks/sync_protocol.py [--shared ../shared] [--model sync-small] [--people 300] [--work FOLDER]

GRID's held-out clips are every eighth by name. They are of one man whom the model has seen in other clips, so their
interval is over clips and does not apply to other people. The synthetic people are of a seed that no training uses, one
clip each: the strict test, with an interval over people. All are prepared in this run; the face detector is printed.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fresh_avatars import fresh_avatars

from seehear.data.corpus import Corpus
from seehear.data.prepare import prepare
from seehear.evaluation.sync import evaluate_sync_clips
from seehear.models.store import load_sync_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--model", default="sync-small")
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--work", type=Path, help="folder to make them in, kept")
    given = parser.parse_args()
    model = load_sync_model(given.model)
    for name, corpus in corpora(given):
        print(f"{name} (faces by {corpus.roots[0].detector})\n{evaluate_sync_clips(model, corpus)}\n", flush=True)


def corpora(given: argparse.Namespace) -> Iterator[tuple[str, Corpus]]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.work or Path(temporary)
        held_out = sorted((given.shared / "data" / "grid_s1" / "video").glob("*.mp4"))[::8]
        if held_out:
            prepare(held_out, folder / "grid", dataset="grid")
            yield "GRID speaker 1, held-out clips of a man seen in others", Corpus(folder / "grid")
        if given.people:
            yield "unseen synthetic people", Corpus(fresh_avatars(folder, given.people, given.people))


if __name__ == "__main__":
    main()
