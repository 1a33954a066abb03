"""`curate`: cut videos into clips of one speaking, in-sync face.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from seehear.errors import CorpusError, SeehearError
from seehear.parallel import worker_count
from seehear.progress import Progress
from seehear.registry import OneOf
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from seehear.apps.segments import CuratedFile

MAX_DELAY_MS = 1000.0
"""Maximum delay of the audio that is measured."""


@dataclass(frozen=True)
class CurationRules:
    """Which segments are kept.

    Attributes:
        min_seconds: shorter segments are left out
        max_seconds: longer ones are cut; at least twice ``min_seconds``
        confidence: minimum probability that the measured delay of a segment is right
        tolerance_ms: how early or late the audio may be
        fix: the delay of the whole file is undone first
    """

    min_seconds: float = 1.0
    max_seconds: float = 20.0
    confidence: float = 0.5
    tolerance_ms: float = 60.0
    fix: bool = False

    def __post_init__(self) -> None:
        if not 0.4 <= self.min_seconds <= self.max_seconds / 2 <= 300:
            raise SeehearError(
                f"--min-seconds must be 0.4 or more and --max-seconds from twice that to 600, "
                f"not {self.min_seconds:g} and {self.max_seconds:g}"
            )
        if not 0 <= self.confidence < 1:
            raise SeehearError(f"--confidence is a probability from 0 to 1, not {self.confidence:g}")
        if not 0 < self.tolerance_ms <= MAX_DELAY_MS:
            raise SeehearError(f"--tolerance-ms must be from 1 to {MAX_DELAY_MS:.0f}, not {self.tolerance_ms:g}")


def curate(
    videos: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    model: str = "sync-small",
    dataset: Annotated[str, OneOf("dataset")] = "folder",
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
    from seehear.apps.curation import CurateJob, finished_result, run_curation
    from seehear.apps.diarization.active_speaker import DiarizationOptions
    from seehear.data.datasets import find_sources
    from seehear.data.packing import FaceClipReaders, with_audio_stream
    from seehear.data.staging import SourcePlan, corpus_os_errors, remove_staging
    from seehear.media.audio_streams import AudioStreamChoice
    from seehear.media.clips import ClipOptions
    from seehear.models.store import model_version

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
        look = DiarizationOptions(faces=faces, detector=detector, sound=sound)
        job = CurateJob(model, rules, look, str(out), model_version(model))
        return run_curation(plan, out, job, worker_count(workers), progress)


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
        """Add up the outcomes of all videos."""
        from seehear.apps.segments import seconds_by_reason

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

        from seehear.data.report import REPORT_FILE, format_duration

        share = f" ({self.kept_s / self.seconds:.0%})" if self.seconds else ""
        kept = f"kept {format_duration(self.kept_s)} of {format_duration(self.seconds)}{share}"
        text = f"{kept} as {self.files} files in {self.out}"
        if self.left_out:
            reasons = ", ".join(f"{reason} {format_duration(seconds)}" for reason, seconds in self.left_out.items())
            text += f"; left out: {reasons}"
        if self.failed:
            text += f"; {self.failed} of {self.sources} videos cannot be used: see {Path(self.out) / REPORT_FILE}"
        return Text(text)
