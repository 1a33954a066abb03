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

from seehear.data.datasets import SEXES, Source, find_by_name, unrecognised_name
from seehear.errors import CorpusError, read_text_checked

EXAMPLE = "id10001/1zcIwhmdeo4/00001"


TABLES = ("vox1_meta.csv", "vox2_meta.csv")


PARTS = {"dev": "train", "test": "test"}
"""What VoxCeleb calls dev, for development, is what models are trained on."""


HEIGHT = 4  # folders above a speaker's that may tell the part or hold the tables


_SPEAKER = re.compile(r"id\d{5}", re.ASCII)


_PART = re.compile(r"(?:vox[12]_)?(dev|test)(?:_(?:wav|aac|mp4))?", re.ASCII)  # dev, vox1_test_wav


def find_voxceleb(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Every utterance of VoxCeleb in files and folders, with its speaker, video and what is known of the speaker.

    Raises:
        CorpusError: as `find_by_name`, or a table of speakers that is not one.
    """
    tables = cache(read_tables)  # one reading for this call

    def read(path: Path, name: str) -> Source:
        found = parse_place(path)
        if found is None:
            return unrecognised_name(path, name, "VoxCeleb", EXAMPLE)
        told: dict[str, str] = {}
        for folder in path.absolute().parents[2 : 2 + HEIGHT]:
            told = tables(folder).get(found["speaker"], {}) | told
        recording = f"{found['speaker']}/{found['video']}/{path.stem}"
        return Source(path, name, told | found, recording=recording)

    return find_by_name(sources, labels, read, "VoxCeleb")


def parse_place(path: Path) -> dict[str, str] | None:
    """Speaker, video and, where a folder above says it, part of ``.../id10001/1zcIwhmdeo4/00001.wav``; else None."""
    folders = [folder.name for folder in path.absolute().parents[: 2 + HEIGHT]]
    if len(folders) < 2 or not path.stem.isdecimal() or not _SPEAKER.fullmatch(folders[1]):
        return None
    labels = {"speaker": folders[1], "video": folders[0]}
    if part := next((match for name in folders[2:] if (match := _PART.fullmatch(name))), None):
        labels["part"] = PARTS[part[1]]
    return labels


def read_tables(folder: Path) -> dict[str, dict[str, str]]:
    """What the tables in a folder say of each speaker; empty where there are none.

    Raises:
        CorpusError: one of them cannot be read.
    """
    known: dict[str, dict[str, str]] = {}
    for table in (folder / name for name in TABLES):
        try:
            known |= parse_table(read_text_checked(table, "utf-8-sig"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise CorpusError(
                f"{table} is not VoxCeleb's table of speakers ({error}); bring it again, or remove it"
            ) from error
    return known


def parse_table(text: str) -> dict[str, dict[str, str]]:
    """Sex, nationality and part by speaker; the cells are parted by tabs or by commas.

    Raises:
        ValueError: no columns ``VoxCeleb... ID`` and ``Gender``, or a row with another number of cells.
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
        told = {
            "sex": SEXES.get(row["gender"].lower()),
            "nationality": row.get("nationality"),
            "part": PARTS.get(row.get("set", "")),
        }
        known[cells[speaker]] = {name: value for name, value in told.items() if value}
    return known
