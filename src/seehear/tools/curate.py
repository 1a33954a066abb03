"""The verb ``seehear curate``: keep of many videos what a data set wants, as files of one face that speaks in sync."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from seehear.corpus.formats import find_sources
from seehear.corpus.outfolder import refusals_as_sentences
from seehear.corpus.plan import Plan
from seehear.corpus.reading import ReadClips, with_sound
from seehear.corpus.staging import remove_staging
from seehear.crew import worker_count
from seehear.errors import CorpusError
from seehear.media.clips import ClipOptions
from seehear.media.sound_part import Wanted
from seehear.tools.conversation import WatchOptions
from seehear.tools.curation import Summary, Work, carry_out, done_before
from seehear.tools.stretches import Rules


def curate(
    videos: list[Path],
    out: Path,
    *,
    model: str = "sync-small",
    format: str = "folder",
    labels: Path | None = None,
    min_seconds: float = Rules.min_seconds,
    max_seconds: float = Rules.max_seconds,
    confidence: float = Rules.confidence,
    tolerance_ms: float = Rules.tolerance_ms,
    fix: bool = False,
    faces: Literal["yunet", "whole-frame"] = "yunet",
    detector: Path | None = None,
    audio_stream: str | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Summary:
    """Keep of videos what a data set wants: stretches in which one face is seen, speaks, and is in step with the sound.

    Each such stretch becomes an mp4 file of 25 whole pictures a second and sound of 16 kHz, cut to the sample; with
    labels.csv, which says where it comes from, OUT is what `seehear prepare` takes. report.csv tells of every second of
    every video whether it was kept or why not. A run that was stopped goes on where it was when it is given again;
    a file that cannot be used is recorded, and the rest is done.

    Args:
        videos: Videos and folders of videos.
        out: Folder for what is kept; new, empty, or one whose curation was stopped.
        model: Name or folder of a trained sync model, or hf:owner/name on the Hugging Face hub.
        format: Layout of the data set, as `seehear prepare` knows it: what it tells of a video is said of its parts.
        labels: CSV with a column "file" and any others; by default labels.csv in each folder.
        min_seconds: Leave out shorter stretches.
        max_seconds: Cut longer ones.
        confidence: Least probability that the measured delay is right, from 0 to 1.
        tolerance_ms: By how much the sound may be early or late.
        fix: Shift the sound of a video whose delay is the same all along; what is left of it must be tolerable.
        faces: Find faces with YuNet, or take the whole frame to be a face crop already.
        detector: YuNet's .onnx file; by default the cached one, or fetched.
        audio_stream: Which stream of sound, from 1, and perhaps which channel: 2 or 2:left; by default the one that
            agrees best with the lips.
        workers: Processes; by default one per core.
        progress: Tell how far it is, on the error stream.

    Raises:
        SeehearError: options that contradict each other, nothing to curate, the folder holds something else, not one
            video can be used, or the disk is full.
        ModelError: there is no such model, or no face detector.
    """
    rules = Rules(min_seconds, max_seconds, confidence, tolerance_ms, fix)
    inside = out.absolute()
    found = [s for s in find_sources([Path(video) for video in videos], format, labels) if inside not in s.path.parents]
    if not found:
        raise CorpusError(f"there is nothing to curate but what is in {out} itself; name other videos")
    finder = ReadClips(ClipOptions(faces=faces, detector=detector)).told()["detector"]
    options = {"format": format, "model": model, "faces": faces, "detector": finder, **asdict(rules)}
    sound = Wanted.parse(audio_stream)
    plan = Plan.of(found, with_sound(options, sound))
    with refusals_as_sentences(out):
        if done := done_before(out, plan.fingerprint()):
            remove_staging(out)
            return done
        return carry_out(
            plan,
            out,
            Work(model, rules, WatchOptions(faces=faces, detector=detector, sound=sound), str(out)),
            worker_count(workers),
            progress,
        )
