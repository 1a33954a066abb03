"""Evaluation on unseen real people.

    python benchmarks/strangers.py [--shared ../shared] [--parts sync files emotion speaking facevoice]

Twelve GRID speakers, an official's weekly addresses, six legislators, sixteen talking heads in many languages
(data/strangers) and five German actors (data/emodb_dev). This is test data: it must not be used for training or model
selection. The original delay of most of these videos is unknown; see `real_people.consensus` for the reference.

- sync: the papers' protocol (31 offsets, correct within one frame), K = 5 and 15.
- files: `seehear sync` on whole files, their halves and short segments, with known shifts and wrong audio.
- emotion: leave-one-actor-out with a frozen encoder, compared with MFCC, log-mel and the untrained encoder.
- speaking: two people side by side, with the audio of one at a time.
- facevoice: matching faces and voices.

Face crops are cached in --work, so that further models are evaluated in a few minutes. Only the emotion probe is
trained.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from real_people.emotion import AGAINST, emotion_rows
from real_people.faces import MainFaces, main_faces
from real_people.facevoice import facevoice_rows
from real_people.files import file_rows
from real_people.films import find_films
from real_people.rows import Row, markdown
from real_people.speaking import speaking_rows
from real_people.sync import sync_rows

from seehear.atomic_io import write_text
from seehear.errors import SeehearError
from seehear.machine import use_single_thread
from seehear.models.store import load_identity_model, load_sync_model

PARTS = ("sync", "files", "emotion", "speaking", "facevoice")
OF_FACES = ("sync", "files", "speaking", "facevoice")


def main() -> None:
    """Run the evaluation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that contains data/strangers")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/strangers"), help="folder for face crops and composites"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--model", default="sync-small", help="model for sync, files and speaking")
    parser.add_argument("--speech", default="animate-small", help="speech encoder for emotion")
    parser.add_argument("--layer", help="layer of that encoder; by default chosen automatically")
    parser.add_argument("--against", nargs="+", default=AGAINST, help="baselines for emotion")
    parser.add_argument("--identity", default="match-small", help="model for facevoice")
    parser.add_argument("--detector", type=Path, help="file of the face detector; default: packaged")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--json", type=Path, help="also write all results to this file, including those of every person"
    )
    given = parser.parse_args()
    try:
        rows = measured(given)
    except SeehearError as error:
        sys.exit(f"strangers: {error}")
    print(markdown(rows))
    if given.json:
        write_text(given.json, json.dumps([row.to_dict() for row in rows], ensure_ascii=False, indent=1) + "\n")


def measured(given: argparse.Namespace) -> list[Row]:
    """Return the rows of the requested parts.

    Raises:
        SeehearError: the data or a model does not exist.
    """
    use_single_thread()
    data = given.shared / "data"
    actors = data / "emodb_dev"
    if "emotion" in given.parts and not actors.is_dir():
        raise SeehearError(f"{actors} does not exist; give --shared the folder that contains data/emodb_dev")
    faces: MainFaces | None = None
    if set(given.parts) & set(OF_FACES):
        films = find_films(data / "strangers")
        faces = main_faces(films, given.work, given.detector, given.workers)
        print(f"faces: {faces.detector}, {len(faces.rows)} of {len(films)} films", file=sys.stderr)

    def of_faces(measure: Callable[[MainFaces], list[Row]]) -> list[Row]:
        assert faces is not None
        return measure(faces)

    def emotion() -> list[Row]:
        options = {"layer": given.layer} if given.layer else {}
        return emotion_rows(given.speech, actors, given.against, **options)

    ways: dict[str, Callable[[], list[Row]]] = {
        "sync": lambda: of_faces(lambda cut: sync_rows(load_sync_model(given.model), given.model, cut)),
        "files": lambda: of_faces(
            lambda cut: file_rows(load_sync_model(given.model), given.model, cut, given.detector)
        ),
        "emotion": emotion,
        "speaking": lambda: of_faces(
            lambda cut: speaking_rows(load_sync_model(given.model), given.model, cut, given.work, given.detector)
        ),
        "facevoice": lambda: of_faces(
            lambda cut: facevoice_rows(load_identity_model(given.identity), given.identity, cut)
        ),
    }  # fmt: skip
    return [row for part in PARTS if part in given.parts for row in ways[part]()]


if __name__ == "__main__":
    main()
