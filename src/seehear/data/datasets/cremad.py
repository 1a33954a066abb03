"""CREMA-D: 91 actors say 12 sentences in six emotions (Cao et al., IEEE Trans. Affective Computing 5(4), 2014).

Layout: ``VideoFlash/1001_DFA_ANG_XX.flv``, the same in ``AudioWAV`` and ``AudioMP3``, or converted to mp4 anywhere. The
name is actor, sentence, emotion and level; sex, age and race of the actors are in ``VideoDemographics.csv``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from seehear.data.datasets import SEXES, Dataset, Source, find_by_name, spoken_words
from seehear.data.hosts import Download, LfsRepository, Terms
from seehear.errors import CorpusError, check_not_lfs_pointer

_EXAMPLE = "1001_DFA_ANG_XX"


_DEMOGRAPHICS = "VideoDemographics.csv"


SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}


EMOTIONS = {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}


LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "", "X": ""}  # one file is called 1040_ITH_SAD_X


_NAME = re.compile(r"(1\d{3})_([A-Z]{3})_([A-Z]{3})_([A-Z]{1,2})")


def find_cremad(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the recordings of CREMA-D in files and folders.

    Raises:
        CorpusError: see `find_by_name`; or ``VideoDemographics.csv`` cannot be read
    """
    actors = _find_demographics(sources)
    return find_by_name(sources, labels, partial(_source, actors=actors), CREMAD.title, _EXAMPLE)


def parse_name(stem: str) -> dict[str, str] | None:
    """Return the labels in a file name such as ``1001_DFA_ANG_XX``; None if it is not one of CREMA-D."""
    match = _NAME.fullmatch(stem)
    if not match or match[2] not in SENTENCES or match[3] not in EMOTIONS or match[4] not in LEVELS:
        return None
    labels = {"speaker": match[1], "text": spoken_words(SENTENCES[match[2]]), "emotion": EMOTIONS[match[3]]}
    return labels | ({"level": LEVELS[match[4]]} if LEVELS[match[4]] else {})


def _source(path: Path, name: str, actors: dict[str, dict[str, str]]) -> Source | None:
    labels = parse_name(path.stem)
    if labels is None:
        return None
    return Source(path, name, labels | actors.get(labels["speaker"], {}), recording=path.stem)


def _find_demographics(sources: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Return the labels of the actors, from tables in the given folders and one folder above."""
    folders = [source if source.is_dir() else source.parent for source in sources]
    tables = dict.fromkeys(place / _DEMOGRAPHICS for folder in folders for place in (folder.absolute().parent, folder))
    actors: dict[str, dict[str, str]] = {}
    for table in tables:
        if table.is_file():
            actors.update(read_demographics(table))
    return actors


def read_demographics(path: Path) -> dict[str, dict[str, str]]:
    """Return sex, age and race of each actor.

    Raises:
        CorpusError: the table does not have the columns ActorID, Age, Sex and Race
    """
    try:
        check_not_lfs_pointer(path)
        with path.open(newline="", encoding="utf-8-sig") as file:
            return {
                row["ActorID"]: {"sex": SEXES[row["Sex"].lower()], "age": row["Age"], "race": row["Race"].lower()}
                for row in csv.DictReader(file)
            }
    except (OSError, ValueError, KeyError, AttributeError, csv.Error) as error:
        raise CorpusError(
            f"{path} is not CREMA-D's table of actors ({type(error).__name__}: {error}); "
            "download it again from the data set's repository, or remove it"
        ) from error


def _expand_part(part: str) -> str:
    """Expand an actor's number to all videos of the actor, and a folder to all files in it."""
    if part.isdecimal():
        return f"videoflash/{part}_*"
    return part if "/" in part else f"{part}/*"


CREMAD = Dataset(
    name="cremad",
    title="CREMA-D",
    find=find_cremad,
    example=f"VideoFlash/{_EXAMPLE}.flv",
    labels=("speaker", "text", "emotion", "level", "sex", "age", "race"),
    cite="Cao, Cooper, Keutmann, Gur, Nenkova & Verma, IEEE Trans. Affective Computing 5(4), 2014",
    download=Download(
        Terms(
            "Open Database License 1.0, contents under the Database Contents License 1.0",
            "use, share and adapt it, name its makers, and share a database made from it on the same terms",
            "https://github.com/CheyneyComputerScience/CREMA-D",
        ),
        LfsRepository(
            "CheyneyComputerScience/CREMA-D/master",
            recordings="SentenceFilenames.csv",
            folders={"VideoFlash": (".flv", 280_000), "AudioWAV": (".wav", 82_000), "AudioMP3": (".mp3", 70_000)},
            default_parts=["VideoFlash"],
            extra_files=[_DEMOGRAPHICS],
            renamed={"1040_ITH_SAD_XX": "1040_ITH_SAD_X"},
            expand=_expand_part,
        ),
    ),
)
