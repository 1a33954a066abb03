"""VoxCeleb 1 and 2: thousands of celebrities in interviews (Nagrani, Chung & Zisserman 2017; Chung et al. 2018).

Layout: ``wav/id10001/1zcIwhmdeo4/00001.wav``, ``dev/aac/id00012/21Uxsk56VDQ/00001.m4a`` or ``mp4`` instead of ``aac``:
speaker, video on YouTube, utterance. Sex, nationality and part of the speakers are in ``vox1_meta.csv`` and
``vox2_meta.csv``, in the given folder or one above the speakers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from seehear.data.datasets import SEXES, Dataset, Source, find_by_name
from seehear.errors import CorpusError, read_text_checked

_EXAMPLE = "id10001/1zcIwhmdeo4/00001"


_TABLES = ("vox1_meta.csv", "vox2_meta.csv")


_PARTS = {"dev": "train", "test": "test"}
"""Models are trained on the part that VoxCeleb calls dev."""


_LEVELS = 4  # folders above the speaker's in which to look for the part and the tables


_SPEAKER = re.compile(r"id\d{5}", re.ASCII)


_PART = re.compile(r"(?:vox[12]_)?(dev|test)(?:_(?:wav|aac|mp4))?", re.ASCII)  # dev, vox1_test_wav


def find_voxceleb(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the utterances of VoxCeleb in files and folders.

    Raises:
        CorpusError: see `find_by_name`; or a table of speakers cannot be read
    """
    tables = cache(read_tables)  # read once per call

    def read(path: Path, name: str) -> Source | None:
        from_path = parse_place(path)
        if from_path is None:
            return None
        from_tables: dict[str, str] = {}
        for folder in path.absolute().parents[2 : 2 + _LEVELS]:
            from_tables = tables(folder).get(from_path["speaker"], {}) | from_tables
        recording = f"{from_path['speaker']}/{from_path['video']}/{path.stem}"
        return Source(path, name, from_tables | from_path, recording=recording)

    return find_by_name(sources, labels, read, VOXCELEB.title, _EXAMPLE)


def parse_place(path: Path) -> dict[str, str] | None:
    """Return speaker, video and, if in a folder name, part of ``.../id10001/1zcIwhmdeo4/00001.wav``; else None."""
    folders = [folder.name for folder in path.absolute().parents[: 2 + _LEVELS]]
    if len(folders) < 2 or not path.stem.isdecimal() or not _SPEAKER.fullmatch(folders[1]):
        return None
    labels = {"speaker": folders[1], "video": folders[0]}
    if part := next((match for name in folders[2:] if (match := _PART.fullmatch(name))), None):
        labels["part"] = _PARTS[part[1]]
    return labels


def read_tables(folder: Path) -> dict[str, dict[str, str]]:
    """Return the labels of the speakers from the tables in a folder; empty if there are none.

    Raises:
        CorpusError: a table cannot be read
    """
    known: dict[str, dict[str, str]] = {}
    for table in (folder / name for name in _TABLES):
        try:
            known |= parse_table(read_text_checked(table, "utf-8-sig"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise CorpusError(
                f"{table} is not VoxCeleb's table of speakers ({error}); download it again, or remove it"
            ) from error
    return known


def parse_table(text: str) -> dict[str, dict[str, str]]:
    """Return sex, nationality and part of each speaker; cells are separated by tabs or commas.

    Raises:
        ValueError: no columns ``VoxCeleb... ID`` and ``Gender``, or a row has another number of cells
    """
    lines = [[cell.strip() for cell in re.split(r"[\t,]", line)] for line in text.splitlines() if line.strip()]
    header = [column.lower() for column in lines[0]] if lines else []
    speaker = next((number for number, column in enumerate(header) if re.fullmatch(r"voxceleb\d id", column)), None)
    if speaker is None or "gender" not in header:
        raise ValueError("it has no columns 'VoxCeleb1 ID' (or 2) and 'Gender'")
    known = {}
    for number, cells in enumerate(lines[1:], 2):
        if len(cells) != len(header):
            raise ValueError(f"row {number} has {len(cells)} cells instead of {len(header)}")
        row = dict(zip(header, cells, strict=True))
        labels = {
            "sex": SEXES.get(row["gender"].lower()),
            "nationality": row.get("nationality"),
            "part": _PARTS.get(row.get("set", "")),
        }
        known[cells[speaker]] = {name: value for name, value in labels.items() if value}
    return known


VOXCELEB = Dataset(
    name="voxceleb",
    title="VoxCeleb",
    find=find_voxceleb,
    example=f"dev/aac/{_EXAMPLE}.m4a",
    labels=("speaker", "video", "part", "sex", "nationality"),
    ask_at="https://www.robots.ox.ac.uk/~vgg/data/voxceleb/",
    cite="Nagrani, Chung & Zisserman, Interspeech 2017; Chung, Nagrani & Zisserman, Interspeech 2018",
)
