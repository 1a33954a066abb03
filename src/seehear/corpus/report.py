"""What came of a preparation: a row a source in report.csv, and a sentence for the user."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from seehear.beside import NOT_UTF8, written_beside
from seehear.corpus.formats.source import Source
from seehear.corpus.manifest import REPORT_FILE
from seehear.corpus.outcome import Outcome, Status

COLUMNS = ("file", "status", "reason", "clips", "clip_seconds", "seconds")


@dataclass(frozen=True)
class PrepareReport:
    """What came of a preparation.

    Attributes:
        out: folder of the corpus.
        sources: how many there were: ``done``, ``empty`` (no clip in them), ``failed`` and ``skipped`` together.
        clips: how many they gave.
        clip_seconds: how long those are together.
        seconds: how long the sources are together, as far as they say.
        elapsed_s: how long this run took; 0 if there was nothing left to do.
        ran: how many seconds of sources this run went through (less than ``seconds`` if it went on from a kill).
        remarks: how many sources gave clips and have something said about them in the report: no sound, for one.
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
    def of(cls, out: Path, outcomes: Sequence[Outcome], elapsed_s: float, ran: float) -> PrepareReport:
        """Adds up the outcomes."""
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
    def read(cls, out: Path) -> PrepareReport:
        """Of a corpus that is there already."""
        rows = read_report((out / REPORT_FILE).read_text(encoding="utf-8"))
        outcomes = [
            Outcome(
                cast(Status, row["status"]),
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
        """Seconds of source gone through in one second of this run."""
        return self.ran / self.elapsed_s if self.elapsed_s else 0.0

    def sentence(self) -> str:
        """What the user is told."""
        told = f"{self.clips} clips ({duration(self.clip_seconds)}) from {self.done} of {self.sources} sources"
        told += f" in {self.out}"
        lost = [f"{n} {what}" for what, n in self._lost().items() if n]
        lost += [f"{self.remarks} with a remark"] * bool(self.remarks)
        if lost:
            told += f"; {', '.join(lost)}: the reasons are in {self.out / REPORT_FILE}"
        if self.elapsed_s:
            told += f"; took {duration(self.elapsed_s)}, {self.speed:.0f} times as fast as real time"
        return told

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {**asdict(self), "out": str(self.out)}

    def _lost(self) -> dict[str, int]:
        return {"failed": self.failed, "without a clip": self.empty, "skipped": self.skipped}


def duration(seconds: float) -> str:
    """A length of time in the unit that fits it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def write_report(folder: Path, sources: Sequence[Source], outcomes: Sequence[Outcome]) -> None:
    """Writes report.csv, a row a source in their order."""
    with (
        written_beside(folder / REPORT_FILE) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors=NOT_UTF8) as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for source, o in zip(sources, outcomes, strict=True):
            row = (source.name, o.status, o.reason, o.clip_count, f"{o.clip_seconds:.2f}", f"{o.seconds:.2f}")
            table.writerow(row)


def read_report(text: str) -> list[dict[str, str]]:
    """The rows of a report.csv."""
    return list(csv.DictReader(io.StringIO(text, newline="")))
