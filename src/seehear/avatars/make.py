"""Make folders of avatar videos, with one person or several.

What renders is imported when the functions are called, so that the help of the command line needs no OpenCV.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from seehear.errors import SeehearError
from seehear.progress import Progress
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, repr=False)
class AvatarSet(Result, Sequence[Path]):
    """A folder of synthetic talking people; a sequence of its video files, in the order of labels.csv.

    Attributes:
        out: the folder.
        files: the videos.
    """

    out: Path
    files: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, index: int) -> Path: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Path]: ...

    def __getitem__(self, index: int | slice) -> Path | Sequence[Path]:
        return self.files[index]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"out": str(self.out), "files": [str(file) for file in self.files]}

    def __rich__(self) -> RenderableType:
        return f"{len(self.files)} files written"


def check_arguments(clips: int, speakers: int, seconds: float, seed: int, neutral: float) -> None:
    """Check the arguments.

    Raises:
        SeehearError: a number is out of range.
    """
    if clips < 1 or speakers < 1:
        raise SeehearError(f"avatars need at least one clip and one speaker, not {clips} and {speakers}")
    if not 0.2 <= seconds <= 600:
        raise SeehearError(f"A clip of {seconds:g} seconds is out of range; choose 0.2 to 600.")
    if seed < 0:
        raise SeehearError(f"A seed must be 0 or more, not {seed}.")
    if not 0 <= neutral <= 1:
        raise SeehearError(f"The share of neutral clips must lie between 0 and 1, not {neutral:g}.")


MAX_PEOPLE = 6
"""Maximum number of people in a frame; more would be too wide for video codecs."""


def synthesize_dialogues(
    out: Path | str,
    *,
    clips: int = 20,
    speakers: int = 20,
    seed: int = 0,
    seconds: float = 12.0,
    people: int = 2,
    neutral: float = 0.5,
    workers: int | None = None,
    progress: Progress | None = None,
) -> AvatarSet:
    """Make a folder of videos in which people side by side take turns speaking, and a table of who speaks when.

    People who do not speak blink, look around, move the head a little, swallow or smile, unrelated to the audio, which
    is one track for all. The files are MP4s like those of `synthesize_avatars`. ``labels.csv`` has a row for each:
    ``file``; ``speakers``, ``sexes`` and ``ages`` as JSON lists, from left to right; ``turns``, a JSON list of
    ``[place, start_s, stop_s]``, where place 0 is the person at the left; ``words`` as JSON lists of
    ``[place, text, start_s, stop_s]``; and attributes of the room. No two people speak at the same time. Pauses of more
    than 0.3 s split a turn, shorter ones are part of it.

    The seed determines everything; video ``i`` depends only on the arguments and ``i``.

    Args:
        out: folder to create; it must not contain anything else.
        clips: number of videos.
        speakers: number of people from which those of each video are sampled.
        seed: determines everything.
        seconds: length of each video.
        people: number of people in each frame, 2 to 6.
        neutral: fraction of them without emotion.
        workers: number of processes; by default one per core.
        progress: called with the share of the clips that are done, 0 to 1, and a text.

    Returns:
        The folder and its files, in the order of the table.

    Raises:
        SeehearError: as for `synthesize_avatars`, or there are fewer speakers than people in a frame.
    """
    from seehear.avatars.rendering import render_all, render_dialogue

    check_arguments(clips, speakers, seconds, seed, neutral)
    if not 2 <= people <= MAX_PEOPLE:
        raise SeehearError(
            f"Side by side there can be 2 to {MAX_PEOPLE} people, not {people}; 1 makes videos of one person each."
        )
    if speakers < people:
        raise SeehearError(f"For {people} people side by side there must be as many speakers, not {speakers}.")
    asked = {"clips": clips, "speakers": speakers, "seed": seed, "seconds": seconds, "neutral": neutral}
    jobs = [(Path(out), seed, number, speakers, seconds, people, neutral) for number in range(clips)]
    return render_all(Path(out), asked | {"side by side": people}, jobs, render_dialogue, workers, progress)


def synthesize_avatars(
    out: Path | str,
    *,
    clips: int = 100,
    speakers: int = 20,
    seed: int = 0,
    seconds: float = 3.0,
    neutral: float = 0.5,
    people_per_video: int = 1,
    recordings: Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> AvatarSet:
    """Make a folder of video files with synthetic talking people, and a table of labels.

    The files are MP4s (H.264, 25 frames per second; AAC, 16 kHz) named ``s<speaker>_<clip>.mp4``. ``labels.csv`` has a
    row for each: ``file``, ``text`` (the words inside the clip), ``speaker``, ``part`` (train, dev or test: three
    people in five, one, and one), ``emotion``, ``language``, attributes of face, voice, room and camera, and ``words``
    and ``phonemes`` (IPA) as JSON lists of ``[text, start_s, stop_s]``.

    The seed determines everything: the same seed gives the same bytes, whatever the number of workers. Another seed
    gives other people, texts, rooms and cameras. Clip ``i`` of a seed depends only on the seed, ``i``, ``speakers``,
    ``seconds`` and ``neutral``, so that a larger run starts with the clips of a smaller one.

    A folder with the same avatars is left unchanged. After an interruption or failure finished clips are kept, and the
    same command resumes from there.

    Args:
        out: folder to create; it must not contain anything else.
        clips: number of files.
        speakers: number of people; they take turns.
        seed: determines everything.
        seconds: length of each clip, a whole number of frames.
        neutral: fraction of the clips without emotion, 0 to 1; the others have six emotions, equally often. One in
            seven balances all classes.
        people_per_video: number of people in each video; two or more take turns speaking, and labels.csv says who
            speaks when (see `synthesize_dialogues`).
        recordings: folder of English recordings, each of one voice, to use instead of a synthesiser. Each person has
            the voice of one recording; face and emotion are independent of it.
        workers: number of processes; by default one per core.
        progress: called with the share of the clips that are done, 0 to 1, and a text.

    Returns:
        The folder and its files, in the order of the table.

    Raises:
        SeehearError: eSpeak NG is not installed, the folder is not writable or contains something else, the disk is
            full, or a number is out of range.
    """
    from seehear.avatars.rendering import render_all, render_clip
    from seehear.avatars.script import find_recordings, recording_ids

    if people_per_video != 1 and recordings:
        raise SeehearError("--recordings lets one person speak in each video; leave out --people-per-video")
    if people_per_video != 1:
        return synthesize_dialogues(
            out,
            clips=clips,
            speakers=speakers,
            seed=seed,
            seconds=seconds,
            neutral=neutral,
            people=people_per_video,
            workers=workers,
            progress=progress,
        )
    check_arguments(clips, speakers, seconds, seed, neutral)
    asked: dict[str, Any] = {"clips": clips, "speakers": speakers, "seed": seed, "seconds": seconds, "neutral": neutral}
    speech = find_recordings(recordings, seconds) if recordings else []
    if speech:
        asked["speech"] = hashlib.sha256(json.dumps(list(recording_ids(speech))).encode()).hexdigest()
    jobs = [(Path(out), seed, number, speakers, seconds, neutral, speech) for number in range(clips)]
    return render_all(Path(out), asked, jobs, render_clip, workers, progress)
