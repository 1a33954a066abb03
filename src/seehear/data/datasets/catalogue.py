"""Every data set: how its files are found, and where it is downloaded from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seehear.data.datasets import Medium, Source, prefer_medium
from seehear.data.datasets.cremad import find_cremad
from seehear.data.datasets.emodb import find_emodb
from seehear.data.datasets.folder import find_folder
from seehear.data.datasets.fsdd import find_fsdd
from seehear.data.datasets.grid import find_grid
from seehear.data.datasets.iemocap import find_iemocap
from seehear.data.datasets.librispeech import find_librispeech
from seehear.data.datasets.lrs2 import find_lrs2
from seehear.data.datasets.lrw import find_lrw
from seehear.data.datasets.ravdess import find_ravdess
from seehear.data.datasets.speechcommands import find_speechcommands
from seehear.data.datasets.tcdtimit import find_tcdtimit
from seehear.data.datasets.voxceleb import find_voxceleb
from seehear.data.hosts import FixedFiles, Host, LfsRepository, Terms, ZenodoRecord
from seehear.data.http import DownloadError
from seehear.data.transfer import Checksum, FolderChecksum, RemoteFile
from seehear.errors import CorpusError

FindRecordings = Callable[[Sequence[Path], Path | None], list[Source]]
"""Takes files and folders and perhaps a labels CSV; gives the sources, sorted, their names unique."""


DATASETS: dict[str, FindRecordings] = {
    "cremad": find_cremad,
    "emodb": find_emodb,
    "folder": find_folder,
    "fsdd": find_fsdd,
    "grid": find_grid,
    "iemocap": find_iemocap,
    "librispeech": find_librispeech,
    "lrs2": find_lrs2,
    "lrw": find_lrw,
    "ravdess": find_ravdess,
    "speechcommands": find_speechcommands,
    "tcdtimit": find_tcdtimit,
    "voxceleb": find_voxceleb,
}
"""A new data set is one file beside these and one line here."""


def find_sources(
    sources: Sequence[Path], format: str, labels: Path | None = None, prefer: Medium = "picture"
) -> list[Source]:
    """Finds the recordings of a data set; those with a ``problem`` are not to be used, only reported.

    Args:
        sources: files and folders.
        format: a name in `DATASETS`.
        labels: CSV with a column ``file``; without it a ``labels.csv`` in each folder is used where there is one.
        prefer: which file is given where a data set has a recording as video and as sound: "picture" for preparing,
            "sound" for reading sound only.

    Raises:
        CorpusError: unknown format, nothing there, nothing found, or labels that do not fit the files.
    """
    if format not in DATASETS:
        raise CorpusError(f"there is no format '{format}'; the formats are {', '.join(sorted(DATASETS))}")
    return prefer_medium(DATASETS[format]([Path(source) for source in sources], labels), prefer)


BY_4 = "Creative Commons Attribution 4.0 (CC BY 4.0)"


@dataclass(frozen=True)
class Download:
    """A data set that can be brought.

    Attributes:
        title: its name, written out.
        terms: on what terms it is given.
        place: where it is.
        unpacked: bytes of the files for each byte of their archives, roughly.
        sound_only: whether there is nothing in it that `seehear prepare` could use.
    """

    title: str
    terms: Terms
    place: Host
    unpacked: float = 1.1
    sound_only: bool = False


def _actor_of_ravdess(part: str) -> str:
    """An actor's number stands for the films of their speech."""
    return f"video_speech_actor_{int(part):02d}" if part.isdecimal() else part


def _actor_of_cremad(part: str) -> str:
    """An actor's number stands for their films, a folder for all that is in it."""
    if part.isdecimal():
        return f"videoflash/{part}_*"
    return part if "/" in part else f"{part}/*"


DATA_SETS: dict[str, Download] = {
    "cremad": Download(
        "CREMA-D",
        Terms(
            "Open Database License 1.0, contents under the Database Contents License 1.0",
            "use, share and adapt it, name its makers, and share a database made from it on the same terms",
            "https://github.com/CheyneyComputerScience/CREMA-D",
            "Cao, Cooper, Keutmann, Gur, Nenkova & Verma, IEEE Trans. Affective Computing 5(4), 2014",
        ),
        LfsRepository(
            "CREMA-D",
            "CheyneyComputerScience/CREMA-D/master",
            recordings="SentenceFilenames.csv",
            folders={"VideoFlash": (".flv", 280_000), "AudioWAV": (".wav", 82_000), "AudioMP3": (".mp3", 70_000)},
            default_parts=["VideoFlash"],
            extra_files=["VideoDemographics.csv"],
            renamed={"1040_ITH_SAD_XX": "1040_ITH_SAD_X"},
            read_as=_actor_of_cremad,
        ),
    ),
    "fsdd": Download(
        "the Free Spoken Digit Dataset 1.0.10",
        Terms(
            "Creative Commons Attribution-ShareAlike 4.0 (CC BY-SA 4.0)",
            "use, share and adapt it, name its makers, and share what is made from it on the same terms",
            "https://github.com/Jakobovski/free-spoken-digit-dataset",
            "Jackson et al., Free Spoken Digit Dataset, version 1.0.10",
        ),
        FixedFiles(
            "the Free Spoken Digit Dataset",
            [
                RemoteFile(
                    "free-spoken-digit-dataset-1.0.10.zip",
                    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip",
                    listing=FolderChecksum(".wav", "1801eae019c063377d98f831d3f93574f259475df7332bb0e3d1b080fb5e6959"),
                )  # GitHub packs it anew now and then: the digest is of the recordings under the tag v1.0.10
            ],
            about_bytes=16_000_000,
        ),
        unpacked=2.0,
        sound_only=True,
    ),
    "grid": Download(
        "the GRID corpus",
        Terms(
            BY_4,
            "use, share and adapt it, and name its makers",
            "https://zenodo.org/records/3625687",
            "Cooke, Barker, Cunningham & Shao, J. Acoust. Soc. Am. 120(5), 2006",
        ),
        ZenodoRecord("the GRID corpus", 3625687, default_parts=["s[0-9]*"], extra_files=["alignments"]),
    ),
    "ravdess": Download(
        "RAVDESS",
        Terms(
            "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 (CC BY-NC-SA 4.0)",
            "use, share and adapt it for no commercial purpose, name its makers, and share what is made from it on the "
            "same terms",
            "https://zenodo.org/records/1188976",
            "Livingstone & Russo, PLoS ONE 13(5): e0196391, 2018",
        ),
        ZenodoRecord("RAVDESS", 1188976, default_parts=["Video_Speech_Actor_*"], read_as=_actor_of_ravdess),
    ),
    "speechcommands": Download(
        "Speech Commands 0.02",
        Terms(
            BY_4,
            "use, share and adapt it, and name its makers",
            "https://arxiv.org/abs/1804.03209",
            "Warden, Speech Commands: a dataset for limited-vocabulary speech recognition, arXiv 1804.03209, 2018",
        ),
        FixedFiles(
            "Speech Commands",
            [
                RemoteFile(
                    "speech_commands_v0.02.tar.gz",
                    "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
                    2_428_923_189,  # size and digest as TensorFlow Datasets and torchaudio publish them
                    Checksum("sha256", "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"),
                )
            ],
        ),
        unpacked=1.6,
        sound_only=True,
    ),
}
"""A new data set is one entry here, and a format of the same name."""


ON_REQUEST = {
    "emodb": "http://emodb.bilderbar.info",
    "iemocap": "https://sail.usc.edu/iemocap/",
    "librispeech": "https://www.openslr.org/12",
    "lrs2": "https://www.robots.ox.ac.uk/~vgg/data/lip_reading/lrs2.html",
    "lrw": "https://www.robots.ox.ac.uk/~vgg/data/lip_reading/lrw1.html",
    "tcdtimit": "https://sigmedia.tcd.ie",
    "voxceleb": "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/",
}
"""Formats whose data its makers give out themselves, and where."""


def find_download(name: str) -> Download:
    """A data set by name.

    Raises:
        DownloadError: there is none, or its makers give it out themselves.
    """
    if name in DATA_SETS:
        return DATA_SETS[name]
    if name in ON_REQUEST:
        raise DownloadError(
            f"{name} is given out by its makers, see {ON_REQUEST[name]}; then `seehear prepare --dataset {name}` or "
            "`seehear evaluate` read it (docs/datasets has how)"
        )
    raise DownloadError(f"there is no data set {name!r} to bring; there are {', '.join(DATA_SETS)}")
