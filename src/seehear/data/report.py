"""`PrepareResult` and `CorpusInfo`: results of `prepare` and `corpus_info`.

What reads corpora is imported when it is called, so that the help of the command line needs no numpy and no pyarrow.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from seehear.atomic_io import write_csv
from seehear.errors import CorpusError
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from seehear.data.datasets import Source
    from seehear.data.packing import SourceOutcome, Status

REPORT_FILE = "report.csv"

LOST_SHOWN = 10


COLUMNS = ("file", "status", "reason", "clips", "clip_seconds", "seconds")


@dataclass(frozen=True, repr=False)
class PrepareResult(Result):
    """Result of a preparation.

    Attributes:
        out: folder of the corpus
        sources: number of sources: sum of ``done``, ``empty`` (without clips), ``failed`` and ``skipped``
        clips: number of clips
        clip_seconds: total length of the clips
        seconds: total length of the sources, if known
        elapsed_s: run time; 0 if there was nothing left to do
        ran: seconds of sources that this run processed (less than ``seconds`` if it resumed)
        remarks: number of sources with clips and a remark in the report, such as a missing audio track
    """

    out: Path
    sources: int
    done: int
    empty: int
    failed: int
    skipped: int
    clips: int
    clip_seconds: float
    seconds: float
    elapsed_s: float
    ran: float
    remarks: int = 0

    @classmethod
    def of(cls, out: Path, outcomes: Sequence[SourceOutcome], elapsed_s: float, ran: float) -> PrepareResult:
        """Sum up the outcomes."""
        count = dict.fromkeys(("done", "empty", "failed", "skipped"), 0)
        for outcome in outcomes:
            count[outcome.status] += 1
        return cls(
            out,
            len(outcomes),
            **count,
            clips=sum(o.clip_count for o in outcomes),
            clip_seconds=round(sum(o.clip_seconds for o in outcomes), 2),
            seconds=round(sum(o.seconds for o in outcomes), 2),
            elapsed_s=elapsed_s,
            ran=ran,
            remarks=sum(o.status == "done" and bool(o.reason) for o in outcomes),
        )

    @classmethod
    def read(cls, out: Path) -> PrepareResult:
        """Read the result of a finished corpus."""
        from seehear.data.packing import SourceOutcome

        rows = read_report((out / REPORT_FILE).read_text(encoding="utf-8"))
        outcomes = [
            SourceOutcome(
                cast("Status", row["status"]),
                row["reason"],
                float(row["seconds"]),
                int(row["clips"]),
                float(row["clip_seconds"]),
            )
            for row in rows
        ]
        return cls.of(out, outcomes, elapsed_s=0.0, ran=0.0)

    @property
    def speed(self) -> float:
        """Seconds of source processed per second of this run."""
        return self.ran / self.elapsed_s if self.elapsed_s else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"out": str(self.out)}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        length = format_duration(self.clip_seconds)
        summary = f"{self.clips} clips ({length}) from {self.done} of {self.sources} sources in {self.out}"
        lost = [f"{n} {what}" for what, n in self._lost().items() if n]
        lost += [f"{self.remarks} with a remark"] * bool(self.remarks)
        if lost:
            summary += f"; {', '.join(lost)}: the reasons are in {self.out / REPORT_FILE}"
        if self.elapsed_s:
            summary += f"; took {format_duration(self.elapsed_s)}, {self.speed:.0f} times as fast as real time"
        return Text(summary)

    def _lost(self) -> dict[str, int]:
        return {"failed": self.failed, "without a clip": self.empty, "skipped": self.skipped}


def format_duration(seconds: float) -> str:
    """Format a duration in seconds, minutes or hours."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def write_source_report(folder: Path, sources: Sequence[Source], outcomes: Sequence[SourceOutcome]) -> None:
    """Write report.csv, one row for each source in order."""
    rows = [
        (source.name, o.status, o.reason, o.clip_count, f"{o.clip_seconds:.2f}", f"{o.seconds:.2f}")
        for source, o in zip(sources, outcomes, strict=True)
    ]
    write_csv(folder / REPORT_FILE, [dict(zip(COLUMNS, row, strict=True)) for row in rows], COLUMNS)


def read_report(text: str) -> list[dict[str, str]]:
    """Return the rows of a report.csv.

    Raises:
        CorpusError: it is damaged
    """
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        if text and not set(COLUMNS[:3]) <= set(rows.fieldnames or ()):
            raise csv.Error(f"it needs the columns {', '.join(COLUMNS[:3])}")
        return list(rows)
    except csv.Error as error:
        raise CorpusError(f"{REPORT_FILE} is damaged ({error}); prepare the corpus again") from error


@dataclass(frozen=True, repr=False)
class CorpusInfo(Result):
    """Description of a corpus.

    Attributes:
        path: folder or URL, as given
        clips: number of clips
        hours: total length
        mean_seconds: mean length of a clip
        shortest_seconds: length of the shortest clip
        longest_seconds: length of the longest clip
        sources: number of files with clips
        speakers: number of values of the label ``speaker``; None without that label
        labels: name of each label -> number of clips with it
        silent_clips: number of clips whose source has no sound
        size: width and height of the faces in pixels; 0 if the clips are audio only
        detector: face detector, such as ``yunet-2023mar``; None for whole frames and audio only
        shards: number of tar files
        bytes: total size of the clips in them
        failed: file -> reason, of unreadable sources
        empty: file -> reason, of sources without a clip
        skipped: file -> reason, of files that are not of the data set
        format: name of the data set's layout
        seehear: version that prepared it
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

    SHOWN = ("path", "clips", "hours", "sources", "speakers")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def __rich__(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        table.add_row("corpus", Text(self.path))
        table.add_row("clips", f"{self.clips}, {self.hours:.2f} hours, from {self.sources} sources ({self.format})")
        shortest, longest = f"{self.shortest_seconds:.2f}", f"{self.longest_seconds:.2f}"
        table.add_row("length", f"{self.mean_seconds:.2f} s on average, from {shortest} to {longest} s")
        found = f"found by {self.detector}" if self.detector else "whole frames"
        faces = f"{self.size} x {self.size} pixels, 25 a second, {found}" if self.size else "none: audio alone"
        table.add_row("faces", faces)
        table.add_row("speakers", "not labelled" if self.speakers is None else str(self.speakers))
        table.add_row("labels", ", ".join(f"{name} ({count})" for name, count in self.labels.items()) or "none")
        table.add_row("on disk", f"{self.bytes / 1e6:.1f} MB in {self.shards} shards, by seehear {self.seehear}")
        if self.silent_clips:
            table.add_row("without sound", f"{self.silent_clips} clips")
        for name, lost in (("failed", self.failed), ("no clip in", self.empty), ("skipped", self.skipped)):
            for row, (file, reason) in enumerate(list(lost.items())[:LOST_SHOWN]):
                table.add_row(f"{name} ({len(lost)})" if row == 0 else "", Text(f"{file}: {reason}"))
        return table


def corpus_info(corpus: str | Path) -> CorpusInfo:
    """Describe a corpus: clips, hours, speakers, labels, and unreadable sources. No clip is decoded.

    Args:
        corpus: folder or URL of a corpus from "seehear prepare".

    Raises:
        CorpusError: no corpus, or it is unfinished, damaged or of another version
    """
    from seehear.data.corpus import Corpus
    from seehear.data.manifest import label_columns

    clips = Corpus(corpus)
    if not len(clips):
        raise CorpusError(f"{corpus} has no clip in it; prepare it again")
    root, table = clips.roots[0], clips.manifest
    seconds = table["seconds"].to_numpy()
    labels = label_columns(table)
    report = read_report(root.text(REPORT_FILE) or "")
    lost = {
        status: {row["file"]: row["reason"] for row in report if row["status"] == status}
        for status in ("failed", "empty", "skipped")
    }
    return CorpusInfo(
        path=str(corpus),
        clips=len(clips),
        hours=round(float(seconds.sum()) / 3600, 4),
        mean_seconds=round(float(seconds.mean()), 3),
        shortest_seconds=float(seconds.min()),
        longest_seconds=float(seconds.max()),
        sources=len(set(table["source"].to_pylist())),
        speakers=len({s for s in clips.labels("speaker") if s}) if "speaker" in labels else None,
        labels={name: sum(value is not None for value in clips.labels(name)) for name in labels},
        silent_clips=int((~table["has_sound"].to_numpy(zero_copy_only=False)).sum()),
        size=int(root.info["made"]["options"].get("size", 0)),
        detector=root.detector,
        shards=int(root.info["shards"]),
        bytes=sum(int(table[f"{member}_size"].to_numpy().sum()) for member in ("video", "audio", "meta")),
        failed=lost["failed"],
        empty=lost["empty"],
        skipped=lost["skipped"],
        format=str(root.info["made"]["options"]["format"]),
        seehear=str(root.info["seehear"]),
    )
