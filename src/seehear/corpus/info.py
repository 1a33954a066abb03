"""What is in a corpus, in numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seehear.corpus.manifest import REPORT_FILE, label_columns
from seehear.corpus.report import read_report
from seehear.corpus.store import Corpus


@dataclass(frozen=True)
class CorpusInfo:
    """What is in a corpus.

    Attributes:
        path: as given.
        clips: how many.
        hours: length of all clips.
        mean_seconds: of a clip.
        shortest_seconds: of a clip.
        longest_seconds: of a clip.
        sources: files that gave clips.
        speakers: different values of the label ``speaker``; None without that label.
        labels: name of each label -> how many clips have it.
        silent_clips: clips whose source has no sound.
        size: width and height of the faces in pixels; 0 where there is sound alone.
        detector: of the faces, such as ``yunet-2023mar``; None for whole frames and for sound alone.
        shards: tar files.
        bytes: of the clips in them.
        failed: file -> reason, of the sources that could not be read.
        empty: file -> reason, of the sources without a clip.
        skipped: file -> reason, of the files that are not of the data set.
        format: layout of the data set it was made from.
        seehear: version that made it.
    """

    path: str
    clips: int
    hours: float
    mean_seconds: float
    shortest_seconds: float
    longest_seconds: float
    sources: int
    speakers: int | None
    labels: dict[str, int]
    silent_clips: int
    size: int
    detector: str | None
    shards: int
    bytes: int
    failed: dict[str, str]
    empty: dict[str, str]
    skipped: dict[str, str]
    format: str
    seehear: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


def describe(path: str | Path) -> CorpusInfo:
    """Says what is in a corpus; reads no clip.

    Raises:
        CorpusError: there is none, or it is unfinished, damaged or of another version.
    """
    corpus = Corpus(path)
    root, table = corpus.roots[0], corpus.manifest
    seconds = table["seconds"].to_numpy()
    labels = label_columns(table)
    report = read_report(root.text(REPORT_FILE) or "")
    lost = {
        status: {row["file"]: row["reason"] for row in report if row["status"] == status}
        for status in ("failed", "empty", "skipped")
    }
    return CorpusInfo(
        path=str(path),
        clips=len(corpus),
        hours=round(float(seconds.sum()) / 3600, 4),
        mean_seconds=round(float(seconds.mean()), 3),
        shortest_seconds=float(seconds.min()),
        longest_seconds=float(seconds.max()),
        sources=len(set(table["source"].to_pylist())),
        speakers=len({s for s in corpus.labels("speaker") if s}) if "speaker" in labels else None,
        labels={name: sum(value is not None for value in corpus.labels(name)) for name in labels},
        silent_clips=int((~table["has_sound"].to_numpy(zero_copy_only=False)).sum()),
        size=int(root.told["made"]["options"]["size"]),
        detector=root.detector,
        shards=int(root.told["shards"]),
        bytes=sum(int(table[f"{member}_size"].to_numpy().sum()) for member in ("video", "audio", "meta")),
        failed=lost["failed"],
        empty=lost["empty"],
        skipped=lost["skipped"],
        format=str(root.told["made"]["options"]["format"]),
        seehear=str(root.told["seehear"]),
    )
