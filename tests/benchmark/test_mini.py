"""The data of the small standard benchmark has not moved: what benchmarks/mini.md expects was measured on it."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from seehear.avatars.make import synthesize_avatars
from seehear.benchmark.cells import cells_of_plan
from seehear.benchmark.job import checksum
from seehear.benchmark.reading import read_plan

pytest.importorskip("espeakng_loader")

PLAN = read_plan("mini")
EXPECTED: dict[str, Any] = json.loads(Path(__file__).with_name("mini_data.json").read_text(encoding="utf-8"))
"""What `begun` gave of each corpus when the table was measured."""

CLIPS = 2
GRID = 8  # squares across and down a picture
WINDOW = 4000  # samples
LEVELS, DECIBELS = 3.0, 1.0
"""By which processors and builds of FFmpeg may differ; another face, voice or room differs by far more."""


def begun(folder: Path, avatars: dict[str, Any]) -> dict[str, Any]:
    """The first films of a corpus: their rows, and in coarse outline how they look and sound."""
    films = synthesize_avatars(folder, **(avatars | {"clips": CLIPS}), workers=1, progress=False)
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {"rows": rows, "looks": [looks(film) for film in films], "loudness": [loudness(film) for film in films]}


def looks(film: Path) -> list[list[int]]:
    """Mean luma of the squares of the first and the last picture."""
    with av.open(str(film)) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return [[round(float(square.mean())) for square in squares(picture)] for picture in (pictures[0], pictures[-1])]


def squares(picture: np.ndarray) -> Iterator[np.ndarray]:
    for band in np.array_split(picture, GRID, axis=0):
        yield from np.array_split(band, GRID, axis=1)


def loudness(film: Path) -> list[float]:
    """Level of each quarter of a second, in dB below full scale."""
    with av.open(str(film)) as container:
        sound = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)]).astype(np.float64)
    pieces = sound[: len(sound) // WINDOW * WINDOW].reshape(-1, WINDOW)
    return [round(float(level), 1) for level in 10 * np.log10(np.square(pieces).mean(axis=1) + 1e-8)]


@pytest.fixture(scope="module", params=sorted(PLAN.corpora))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """What a corpus begins with, and what it is expected to."""
    folder = tmp_path_factory.mktemp("mini") / request.param
    return begun(folder, dict(PLAN.corpora[request.param].avatars)), EXPECTED[request.param]


def test_who_says_what_when_and_how_has_not_moved(pair: tuple[Any, Any]) -> None:
    made, expected = pair
    assert made["rows"] == expected["rows"]


def test_how_it_looks_has_not_moved(pair: tuple[Any, Any]) -> None:
    made, expected = pair
    np.testing.assert_allclose(made["looks"], expected["looks"], atol=LEVELS)


def test_how_it_sounds_has_not_moved(pair: tuple[Any, Any]) -> None:
    made, expected = pair
    np.testing.assert_allclose(made["loudness"], expected["loudness"], atol=DECIBELS)


def test_every_corpus_has_a_checksum_that_a_run_compares() -> None:
    assert all(len(corpus.checksum) == 12 for corpus in PLAN.corpora.values())


def test_a_checksum_is_of_the_whole_table(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("file,text\na.mp4,one\nb.mp4,two\n", encoding="utf-8")
    before = checksum(tmp_path)
    table.write_text("file,text\na.mp4,one\nb.mp4,three\n", encoding="utf-8")
    assert checksum(tmp_path) != before


def test_the_claims_that_are_to_be_checked_are_all_asked() -> None:
    asked = {(claim.task, claim.better, other) for claim in PLAN.claims for other in claim.than}
    for task in ("sync", "lips"):
        assert (task, "angular", "inverse-euclidean") in asked
        assert {(task, "inverse-euclidean", other) for other in ("avenet", "contrastive")} <= asked
    assert {("emotion", "animate", other) for other in ("logmel", "mfcc", "apc", "cpc")} <= asked
    assert {("emotion", "animate+odd", other) for other in ("animate", "odd")} <= asked
    assert {("lips", "angular+separate", "angular"), ("speaker", "match+separate", "match")} <= asked
    assert {("emotion", "joint", "animate"), ("sync", "joint", "angular")} <= asked
    assert ("speaker", "joint", "match+separate") in asked
    assert len({place.seed for place in cells_of_plan(PLAN).positions}) == 5
