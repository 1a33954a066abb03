"""The command ``curate``: cut many videos into usable segments; writes labels.csv and report.csv."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seehear.apps.diarization.active_speaker import DiarizationOptions
from seehear.apps.segments import CuratedFile, CurationRules, FileSegment, curate_file, seconds_by_reason
from seehear.atomic_io import ENCODING_ERRORS, atomic_write, write_text
from seehear.clip import FPS
from seehear.data.datasets import Source, printable, spans_within
from seehear.data.datasets.catalogue import find_sources
from seehear.data.datasets.folder import LABELS_FILE
from seehear.data.manifest import REPORT_FILE
from seehear.data.packing import FaceClipReaders, with_audio_stream
from seehear.data.report import format_duration
from seehear.data.staging import STAGING, SourcePlan, Staging, corpus_os_errors, describe_difference, remove_staging
from seehear.errors import CorpusError, SeehearError, disk_full_error
from seehear.machine import use_single_thread
from seehear.media.audio_streams import AudioStreamChoice
from seehear.media.clips import ClipOptions
from seehear.models.store import load_sync_model
from seehear.parallel import ReportProgress, TaskMessage, run_tasks, worker_count
from seehear.progress import Progress, Stage
from seehear.results import Result
from seehear.version import __version__

if TYPE_CHECKING:
    from rich.console import RenderableType


def curate(
    videos: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    model: str = "sync-small",
    dataset: str = "folder",
    labels: Path | None = None,
    min_seconds: float = CurationRules.min_seconds,
    max_seconds: float = CurationRules.max_seconds,
    confidence: float = CurationRules.confidence,
    tolerance_ms: float = CurationRules.tolerance_ms,
    fix: bool = False,
    faces: Literal["yunet", "whole-frame"] = "yunet",
    detector: Path | None = None,
    audio_stream: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> CurateResult:
    """Cut videos into segments that suit a data set: one visible face that speaks, in sync with the audio.

    Each segment becomes an MP4 file with 25 full frames per second and 16 kHz audio, cut to the sample. labels.csv says
    where each comes from, so that OUT can be given to `seehear prepare`. report.csv says for every second of every
    video whether it was kept, or why not. If a run was stopped, the same command resumes it. Files that cannot be used
    are recorded, and the others are processed.

    Args:
        videos: Videos and folders of videos.
        out: Output folder: new, empty, or one whose curation was stopped.
        model: Name or folder of a trained sync model, or hf:owner/name on the Hugging Face hub.
        dataset: Layout of the files, as in "seehear prepare"; all segments of a video get its labels.
        labels: CSV with a column "file" and any others; by default labels.csv in each folder.
        min_seconds: Leave out shorter segments.
        max_seconds: Cut longer ones.
        confidence: Minimum probability that the measured delay is right, 0 to 1.
        tolerance_ms: How early or late the audio may be.
        fix: Shift the audio of videos with a constant delay; the remaining delay must be within the tolerance.
        faces: Find faces with YuNet, or treat the whole frame as a face crop.
        detector: YuNet's .onnx file; by default the cached one, downloaded if necessary.
        audio_stream: Audio stream, counted from 1, optionally with a channel: 2 or 2:left; by default the one that
            agrees best with the lips.
        workers: Number of processes; by default one per core.
        progress: Called with the share of the work that is done, 0 to 1, and a text.

    Raises:
        SeehearError: contradictory options, nothing to curate, the folder holds something else, no video can be used,
            or the disk is full.
        ModelError: the model or the face detector does not exist.
    """
    rules = CurationRules(min_seconds, max_seconds, confidence, tolerance_ms, fix)
    out = Path(out)
    inside = out.absolute()
    found = [
        s for s in find_sources([Path(video) for video in videos], dataset, labels) if inside not in s.path.parents
    ]
    if not found:
        raise CorpusError(f"there is nothing to curate but what is in {out} itself; name other videos")
    finder = FaceClipReaders(ClipOptions(faces=faces, detector=detector)).options_dict()["detector"]
    options = {"format": dataset, "model": model, "faces": faces, "detector": finder, **asdict(rules)}
    sound = AudioStreamChoice.parse(audio_stream)
    plan = SourcePlan.from_sources(found, with_audio_stream(options, sound))
    with corpus_os_errors(out):
        if done := finished_result(out, plan.fingerprint()):
            remove_staging(out)
            return done
        return run_curation(
            plan,
            out,
            CurateJob(model, rules, DiarizationOptions(faces=faces, detector=detector, sound=sound), str(out)),
            worker_count(workers),
            progress,
        )


DONE_FILE = "curated.json"


MEASURED = ("source", "start_s", "end_s", "delay_ms", "confidence", "shifted_ms", "sound")
"""Columns of labels.csv, besides the file and the labels of its video."""


REPORT_COLUMNS = (*MEASURED[:3], "file", "reason", *MEASURED[3:])


Task = tuple[int, Source, str]
"""Number in the plan, video, prefix of the names of its segments."""


@dataclass(frozen=True, repr=False)
class CurateResult(Result):
    """Result of a curation.

    Attributes:
        out: output folder
        sources: number of videos
        failed: number of videos that cannot be used at all
        files: number of segments
        kept_s: total length of the segments
        seconds: total length of the videos
        left_out: reason -> seconds
    """

    out: str
    sources: int
    failed: int
    files: int
    kept_s: float
    seconds: float
    left_out: dict[str, float]

    @classmethod
    def of(cls, out: Path, outcomes: Sequence[CuratedFile]) -> CurateResult:
        """Sum up the outcomes of all videos."""
        every = [segment for outcome in outcomes for segment in outcome.stretches]
        kept = [segment for segment in every if segment.reason is None]
        return cls(
            str(out),
            len(outcomes),
            sum(bool(outcome.problem) for outcome in outcomes),
            len(kept),
            round(sum(segment.seconds for segment in kept), 2),
            round(sum(outcome.seconds for outcome in outcomes), 2),
            seconds_by_reason(every),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        share = f" ({self.kept_s / self.seconds:.0%})" if self.seconds else ""
        kept = f"kept {format_duration(self.kept_s)} of {format_duration(self.seconds)}{share}"
        told = f"{kept} as {self.files} files in {self.out}"
        if self.left_out:
            reasons = ", ".join(f"{reason} {format_duration(seconds)}" for reason, seconds in self.left_out.items())
            told += f"; left out: {reasons}"
        if self.failed:
            told += f"; {self.failed} of {self.sources} videos cannot be used: see {Path(self.out) / REPORT_FILE}"
        return Text(told)


@dataclass(frozen=True)
class CurateJob:
    """Settings shared by all videos; sent to worker processes.

    Attributes:
        model: name of the sync model
        rules: which segments are kept
        look: how faces are found
        out: output folder
    """

    model: str
    rules: CurationRules
    look: DiarizationOptions
    out: str

    def __call__(self, task: Task, tell: ReportProgress) -> CuratedFile:
        """Curate one video; an error is recorded as its problem.

        Raises:
            OSError: the disk is full
        """
        _, source, key = task
        if source.problem:
            return CuratedFile(problem=source.problem)
        try:
            return curate_file(source.path, key, Path(self.out), _model(self.model), self.rules, self.look, tell, 1)
        except Exception as error:
            if full := disk_full_error(error):
                raise full from error
            said = str(error) if isinstance(error, SeehearError) else f"unforeseen {type(error).__name__}: {error}"
            return CuratedFile(problem=printable(" ".join(said.split())))


@cache
def _model(name: str) -> Any:
    """Load the model once per process."""
    use_single_thread()
    return load_sync_model(name)


def run_curation(
    plan: SourcePlan, out: Path, work: CurateJob, workers: int, progress: Progress | None = None
) -> CurateResult:
    """Run a plan, or resume it.

    Raises:
        CorpusError: another process works on it, or no video can be used
        ModelError: the model does not exist
        OSError: the disk is full
    """
    _model(work.model)  # also where workers load it again: a wrong model is one error, not one per video
    with Staging(out, plan.fingerprint(), CuratedFile) as staging:
        outcomes = {n: kept for n in range(len(plan.sources)) if (kept := staging.outcome(n))}
        _do_the_rest(plan, outcomes, staging, work, workers, progress)
        every = [outcomes[number] for number in range(len(plan.sources))]
        _write_report(out, plan, every)
        if all(outcome.problem for outcome in every):
            first = plan.sources[0].path
            raise CorpusError(f"none of the {len(every)} videos can be used, {first} for one: {every[0].problem}")
        _write_labels(out, plan, every)
        summary = CurateResult.of(out, every)
        told = {"seehear": __version__, "summary": asdict(summary), "made": plan.fingerprint()}
        write_text(out / DONE_FILE, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        staging.remove()
    return summary


def _do_the_rest(
    plan: SourcePlan,
    outcomes: dict[int, CuratedFile],
    staging: Staging[CuratedFile],
    work: CurateJob,
    workers: int,
    progress: Progress | None,
) -> None:
    """Process the remaining videos, and add and record their outcomes."""
    tasks = [(n, plan.sources[n], plan.keys[n]) for n in range(len(plan.sources)) if n not in outcomes]
    sizes = [max(size, 1) for size in plan.sizes]
    shares: dict[int, float] = {}
    stage = Stage(progress, "curating", sum(sizes), sum(sizes[n] for n in outcomes))
    for message in _messages(tasks, work, workers):
        number = message.task[0]
        if message.kind == "told":
            shares[number] = message.value
        else:
            died = CuratedFile(problem=f"the process that watched it {message.value}")
            outcomes[number] = message.value if message.kind == "done" else died
            staging.record(number, outcomes[number])
            shares.pop(number, None)
        done = sum(sizes[n] for n in outcomes) + sum(sizes[n] * share for n, share in shares.items())
        stage.update(done, f"{len(outcomes)}/{len(sizes)} videos")


def _messages(tasks: list[Task], work: CurateJob, workers: int) -> Iterator[TaskMessage]:
    """Yield the messages of the tasks; with one worker they run in this process."""
    if min(workers, len(tasks)) > 1:
        yield from run_tasks(tasks, work, workers)
        return
    for task in tasks:
        yield TaskMessage(task, "done", work(task, lambda share: None))


def finished_result(out: Path, fingerprint: dict[str, Any]) -> CurateResult | None:
    """Return the result of an earlier, finished run with the same plan; None if there is none.

    Raises:
        CorpusError: the folder contains other files, or the result of another plan
    """
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out} is a file; name a folder for what is kept")
    if (out / DONE_FILE).is_file():
        try:
            told = json.loads((out / DONE_FILE).read_text(encoding="utf-8"))
            how = describe_difference(told["made"], fingerprint)
            summary = CurateResult(**told["summary"])
        except (ValueError, KeyError, TypeError):
            raise CorpusError(f"{out / DONE_FILE} is damaged; remove {out} and curate again") from None
        if how:
            raise CorpusError(f"{out} has been curated already, with {how}; name another folder or remove it")
        return summary
    if out.is_dir() and not (out / STAGING).exists() and (others := sorted(path.name for path in out.iterdir())):
        raise CorpusError(f"{out} holds other things ({others[0]}); name a new or empty folder for what is kept")
    return None


def _write_labels(out: Path, plan: SourcePlan, outcomes: Sequence[CuratedFile]) -> None:
    """Write labels.csv: one row per segment, with measurements and the labels of its video."""
    rows = []
    for source, key, outcome in zip(plan.sources, plan.keys, outcomes, strict=True):
        for name, segment in outcome.files(key):
            known = spans_within(source.spans, segment.start / FPS, segment.seconds)
            rows.append(
                {
                    **source.labels,
                    **{kind: json.dumps([list(span) for span in spans]) for kind, spans in known.items()},
                    **_measured(source, outcome, segment),
                    "file": name,
                }
            )
    columns = ["file", *MEASURED, *sorted({name for row in rows for name in row} - {"file", *MEASURED})]
    _write_csv(out / LABELS_FILE, columns, rows)


def _write_report(out: Path, plan: SourcePlan, outcomes: Sequence[CuratedFile]) -> None:
    """Write report.csv: one row per segment, kept or not, or per video that cannot be used."""
    rows = []
    for source, key, outcome in zip(plan.sources, plan.keys, outcomes, strict=True):
        names = {segment: name for name, segment in outcome.files(key)}
        if outcome.problem:
            rows.append({"source": source.name, "reason": outcome.problem})
        rows += [
            {**_measured(source, outcome, segment), "file": names.get(segment, ""), "reason": segment.reason or ""}
            for segment in outcome.stretches
        ]
    _write_csv(out / REPORT_FILE, REPORT_COLUMNS, rows)


def _measured(source: Source, outcome: CuratedFile, segment: FileSegment) -> dict[str, Any]:
    return {
        "source": source.name,
        "start_s": segment.start / FPS,
        "end_s": segment.stop / FPS,
        "delay_ms": segment.delay_ms,
        "confidence": segment.confidence,
        "shifted_ms": outcome.shifted_ms,
        "sound": outcome.sound,
    }


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    with (
        atomic_write(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors=ENCODING_ERRORS) as file,
    ):
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
