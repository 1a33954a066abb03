"""`prepare`: make a corpus of face clips or of audio.

A run may be killed at any point. The same command goes on, and the bytes are those of a run without interruption,
however many processes took part in either.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seehear.errors import CorpusError
from seehear.parallel import worker_count

if TYPE_CHECKING:
    from seehear.data.report import PrepareResult


def prepare(
    sources: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    dataset: str = "folder",
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
    progress: bool = True,
) -> PrepareResult:
    """Make a corpus of face clips with their sound out of videos; or of sound alone, out of any recordings.

    A run that was stopped goes on where it was when it is given again. Files that cannot be read are named in
    report.csv with the reason, and the rest is done.

    Args:
        sources: videos, or sound files for ``--faces none``, and folders of them.
        out: folder of the corpus; new, empty, or one whose preparation was stopped.
        dataset: layout of the files: folder (videos, perhaps with a labels.csv), cremad, emodb, fsdd, grid,
            iemocap, librispeech, lrs2, lrw, ravdess, speechcommands, tcdtimit or voxceleb; docs/datasets has a page
            on each.
        labels: CSV with a column "file" and any others; by default labels.csv in each folder.
        workers: processes; by default one a core.
        size: width and height of the face crops in pixels.
        faces: yunet finds and follows faces; whole-frame takes each picture as one face, for clips already cropped;
            none makes clips of sound alone, of sound files and of videos.
        detector: weights of the face detector; by default the user's cache or a download.
        detect_every: pictures from one search for faces to the next.
        min_seconds: shorter tracks (with no faces: recordings) are dropped.
        max_seconds: longer ones are cut into clips of this length.
        shard_clips: clips in one tar file.
        audio_stream: which stream of sound, from 1, and perhaps which channel: 2 or 2:left; by default what a player
            would choose, or the first that is not silent.
        delays: CSV with the columns "file" and "delay_ms", as `seehear sync --csv` writes it: by how much the sound of
            each video is late, which is undone. Videos whose delay it does not tell are left out.
        progress: tell how far it is, on the error stream.

    Returns:
        What came of it.

    Raises:
        SeehearError: fewer than one worker.
        CorpusError: nothing to prepare, sound without pictures only, no clip in any source, the folder holds something
            else, or the disk is full.
        ModelError: there is no face detector.
    """
    from seehear.data.datasets import Medium, is_sound
    from seehear.data.datasets.catalogue import find_sources
    from seehear.data.packing import SOUND_ONLY, FaceClipReaders, SoundClipReaders
    from seehear.data.preparation import run_plan, undo_known_delays
    from seehear.data.staging import SourcePlan
    from seehear.media.audio_streams import AudioStreamChoice
    from seehear.media.clips import ClipOptions
    from seehear.media.sound import SoundOptions

    workers = worker_count(workers)
    if shard_clips < 1:
        raise CorpusError(f"shard_clips must be 1 or more, not {shard_clips}: it is the number of clips in a file")
    sound = AudioStreamChoice.parse(audio_stream)
    prefer: Medium = "sound" if faces == "none" else "picture"
    found = find_sources([Path(source) for source in sources], dataset, labels, prefer)
    found = undo_known_delays(found, delays) if delays else found
    if faces != "none" and all(is_sound(source.path) for source in found if not source.problem):
        raise CorpusError(f"there is no picture to prepare, {found[0].path} for one: {SOUND_ONLY}")
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
