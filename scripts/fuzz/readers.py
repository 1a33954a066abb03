"""Read each kind of file as a public function does."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

Reader = Callable[[Path], None]
"""Reads the file, or the folder."""


def read_media(path: Path) -> None:
    """Decode pictures and all sounds, as every verb does."""
    from seehear.errors import SeehearError
    from seehear.media.decode import open_media
    from seehear.media.sound import read_all_sounds

    problem: SeehearError | None = None
    try:
        with open_media(path, threads=1) as media:
            for _ in zip(media.pictures(), range(3000)):  # noqa: B905
                pass
    except SeehearError as error:
        problem = error
    for sound in read_all_sounds(path):
        sound.between(0.0, 1.0)
    if problem:
        raise problem


def read_picture(path: Path) -> None:
    """As match reads a face."""
    from seehear.media.still import read_still

    read_still(path)


def read_corpus(path: Path) -> None:
    """Open, take every clip, split, and describe."""
    from seehear import open_corpus
    from seehear.data.report import corpus_info
    from seehear.errors import SeehearError

    problem: SeehearError | None = None
    try:
        print(corpus_info(path).to_dict(), file=io.StringIO())
    except SeehearError as error:
        problem = error
    corpus = open_corpus(path)
    for step in (
        lambda: list(corpus),
        lambda: corpus.split("dev"),
        lambda: corpus.with_sound(),
        lambda: corpus.detectors,
    ):
        try:
            step()
        except SeehearError as error:
            problem = error
    if problem:
        raise problem


def read_model(path: Path) -> None:
    """As every verb loads its model."""
    from seehear import load

    load(path)


def read_checkpoint(path: Path) -> None:
    """As `seehear import` does."""
    from seehear.apps.import_syncnet import import_syncnet

    import_syncnet(path, path.parent / "imported")


def read_training_checkpoint(path: Path) -> None:
    """As resuming does."""
    from lightning_fabric import Fabric

    from seehear.training.checkpoint import load_checkpoint

    load_checkpoint(Fabric(accelerator="cpu", devices=1), path, {})


def read_calibration(path: Path) -> None:
    """Of scores."""
    from seehear.metrics.calibration import ScoreCalibration

    ScoreCalibration.read(path).probability(0.5)


def read_plan_file(path: Path) -> None:
    """Of a benchmark."""
    from seehear.benchmark.reading import read_plan

    read_plan(path)


def read_preset_file(path: Path) -> None:
    """As pretrain does, for the flags and for the settings."""
    from seehear.training.settings import pretext_on_command_line, read_settings

    words = ["--preset", str(path)]
    pretext_on_command_line(words)
    pretext_on_command_line(["--config", str(path)])
    read_settings(str(path))


def read_recipe_file(path: Path) -> None:
    """As `seehear recipe` does."""
    from seehear.recipes.recipe import read_recipe

    read_recipe(str(path))


def read_labelled_folder(path: Path) -> None:
    """As prepare finds files and their labels."""
    from seehear.data.datasets.folder import find_folder

    find_folder([path])


def read_delays(path: Path) -> None:
    """As prepare --delays does."""
    from seehear.data.datasets.folder import find_folder
    from seehear.data.preparation import undo_known_delays

    undo_known_delays(find_folder([path]), path / "delays.csv")


def read_pairs_file(path: Path) -> None:
    """As verify does."""
    from seehear.apps.verify import read_pairs

    read_pairs(path, path.parent)


def read_archive(path: Path) -> None:
    """As a download is unpacked."""
    from seehear.data.transfer import extract_archive

    out = path.parent / "out"
    out.mkdir()
    extract_archive(path, out)


def read_listing(path: Path) -> None:
    """As the answer of a server is read."""
    from seehear.data.hosts import parse_record, parse_recordings
    from seehear.errors import SeehearError

    data, problem = path.read_bytes(), None
    for parse in (parse_record, parse_recordings):
        try:
            parse(data, "https://example.org/x")
        except SeehearError as error:
            problem = error
    if problem:
        raise problem
