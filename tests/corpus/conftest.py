"""A small corpus that the tests of one session share, made of fake sources."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # worker processes are given this path and import the fakes

from fake_reader import run, write_source

SPEAKERS = ("anna", "ben", "cleo", "dan")


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten sources of four speakers, 25 clips of 10 to 40 frames, in shards of 4; one source is silent."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = ["file,speaker,text,words"]
    for i in range(10):
        write_source(
            folder / "src" / f"v{i}.mp4", [10 + 3 * i, 40, 25][: 2 + i % 2], **({"silent": 1} if i == 5 else {})
        )
        text = f"said {i}" if i != 7 else ""
        rows.append(f'v{i}.mp4,{SPEAKERS[i % 4]},{text},"[[""a"", 0.1, 0.5], [""b"", 2.2, 2.4]]"')
    (folder / "src" / "labels.csv").write_text("\n".join(rows) + "\n")
    report = run(folder / "src", folder / "out", workers=2)
    assert report.clips == 25
    return folder / "out"
