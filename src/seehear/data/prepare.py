"""`prepare`: make a corpus of face clips or of audio.

A run may be killed at any point. The same command goes on, and the bytes are those of a run without interruption,
however many processes took part in either.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from seehear.errors import CorpusError
from seehear.parallel import worker_count
from seehear.progress import Progress
from seehear.registry import OneOf

if TYPE_CHECKING:
    from seehear.data.report import PrepareResult


def prepare(
    sources: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    dataset: Annotated[str, OneOf("dataset")] = "folder",
    labels: Path | None = None,
    workers: int | None = None,
    size: int = 128,
    faces: Literal["yunet", "whole-frame", "none"] = "yunet",
    detector: Path | None = None,
    detect_every: int = 5,
    min_seconds: float = 0.4,
    max_seconds: float = 10.0,
    shard_clips: int = 256,
    audio_stream: str | None = None,
    delays: Path | None = None,
    progress: Progress | None = None,
) -> PrepareResult:
    """Make a corpus of face clips with their audio from videos; or of audio only, from any recordings.

    The same command resumes a run that was stopped. report.csv lists the files that cannot be read, with the reasons;
    all others are processed.

    Args:
        sources: videos, or sound files for ``--faces none``, and folders of them.
        out: folder of the corpus; new, empty, or one whose preparation was stopped.
        dataset: layout of the files; folder is any videos, perhaps with a labels.csv. docs/datasets has a page on each.
        labels: CSV with a column "file" and any others; by default labels.csv in each folder.
        workers: number of processes; by default one per core.
        size: width and height of the face crops in pixels.
        faces: yunet detects and tracks faces; whole-frame uses each frame as one face, for videos that are already
            cropped; none makes clips of audio only, from audio files and videos.
        detector: weights of the face detector; by default cached or downloaded.
        detect_every: frames from one face detection to the next.
        min_seconds: minimum length; shorter tracks (without faces: recordings) are dropped.
        max_seconds: maximum length; longer ones are cut into clips of this length.
        shard_clips: clips in a tar file.
        audio_stream: number of the audio stream, from 1, and channel: 2 or 2:left; by default the stream that a player
            would choose, or the first that is not silent.
        delays: CSV with the columns "file" and "delay_ms", as from `seehear sync --csv`: delay of each video's sound,
            which is corrected. Videos without a delay in the CSV are left out.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        SeehearError: fewer than one worker
        CorpusError: no sources, sound files only, no clip in any source, the folder has other files, or a full disk
        ModelError: no face detector
    """
    from seehear.data.datasets import Medium, find_sources, is_sound
    from seehear.data.packing import SOUND_ONLY, FaceClipReaders, SoundClipReaders
    from seehear.data.preparation import run_plan, undo_known_delays
    from seehear.data.staging import SourcePlan
    from seehear.media.audio_streams import AudioStreamChoice
    from seehear.media.clips import ClipOptions
    from seehear.media.sound import SoundOptions

    workers = worker_count(workers)
    if shard_clips < 1:
        raise CorpusError(f"shard_clips must be 1 or more, not {shard_clips}; it is the number of clips in a file")
    sound = AudioStreamChoice.parse(audio_stream)
    prefer: Medium = "sound" if faces == "none" else "picture"
    found = find_sources([Path(source) for source in sources], dataset, labels, prefer)
    found = undo_known_delays(found, delays) if delays else found
    if faces != "none" and all(is_sound(source.path) for source in found if not source.problem):
        raise CorpusError(
            f"there is no video to prepare, only audio such as {found[0].path}: {SOUND_ONLY}", code="no-video"
        )
    read_clips: FaceClipReaders | SoundClipReaders
    if faces == "none":
        read_clips = SoundClipReaders(SoundOptions(min_seconds=min_seconds, max_seconds=max_seconds, sound=sound))
    else:
        read_clips = FaceClipReaders(
            ClipOptions(
                faces=faces,
                detector=detector,
                size=size,
                detect_every=detect_every,
                min_seconds=min_seconds,
                max_seconds=max_seconds,
                sound=sound,
            )
        )
    plan = SourcePlan.from_sources(found, {"format": dataset, **read_clips.options_dict(), "shard_clips": shard_clips})
    return run_plan(plan, Path(out), read_clips, workers, progress)
