"""Many clips of synthetic talking people, with labels, as ordinary video files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seehear.avatars.duets import make_duets
from seehear.avatars.filming import check_asked, film_all, marks_json
from seehear.avatars.recorded import find_recordings, names
from seehear.avatars.reel import write_reel
from seehear.avatars.take import Take, plan_take
from seehear.errors import SeehearError

PARTS = ("train", "train", "train", "dev", "test")
"""Where the people of a seed belong, in turn: a split by people that is the same for everybody who makes them."""


VOICE = ("pitch", "pitch_range", "words_per_minute", "tract")
"""Columns of the table that tell of a synthesiser's voice; empty for a recorded one."""


def make_avatars(
    out: Path | str,
    *,
    clips: int = 100,
    speakers: int = 20,
    seed: int = 0,
    seconds: float = 3.0,
    neutral: float = 0.5,
    side_by_side: int = 1,
    speech: Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> list[Path]:
    """Make a folder of video files with synthetic talking people, and a table of labels.

    Every file is an MP4 (H.264, 25 pictures a second; AAC, 16 kHz) named ``s<speaker>_<clip>.mp4``. ``labels.csv`` has
    a row for each: ``file``, ``text`` (the words inside the clip), ``speaker``, ``part`` (train, dev or test: three
    people in five, one, and one), ``emotion``, ``language``, attributes of face, voice, room and camera, and ``words``
    and ``phonemes`` (IPA) as JSON lists of ``[text, start_s, stop_s]``.

    A seed decides everything: the same seed gives the same bytes, whatever the number of workers. Another seed gives
    other people, texts, rooms and cameras; clip ``i`` of a seed depends on nothing but the seed, ``i``, ``speakers``,
    ``seconds`` and ``neutral``, so that a larger run begins with the clips of a smaller one.

    A folder that holds the very same avatars is left as it is. Where the making was stopped, or failed, what was
    finished stays, and the same command goes on from there.

    Args:
        out: folder to make; it must not hold anything else.
        clips: how many files.
        speakers: how many people; they take turns.
        seed: decides everything.
        seconds: length of each clip, a whole number of pictures.
        neutral: share of the clips without emotion, 0 to 1; the others are of six emotions, equally often. One in
            seven makes all classes alike.
        side_by_side: people in each picture; two or more take turns to speak, and the table says who speaks when (see
            `seehear.avatars.duets.make_duets`).
        speech: folder of English recordings, each of one voice: the people say what these hold, instead of what a
            synthesiser reads. Each has the voice of one recording; face and feeling know nothing of it.
        workers: processes; by default one a core.
        progress: tell how far it is, on the error stream.

    Returns:
        The files, in the order of the table.

    Raises:
        SeehearError: eSpeak NG is not installed, the folder cannot be written or holds something else, the disk is
            full, or a number is absurd.
    """
    if side_by_side != 1 and speech:
        raise SeehearError("--speech lets one person speak in each picture; leave out --side-by-side")
    if side_by_side != 1:
        return make_duets(
            out,
            clips=clips,
            speakers=speakers,
            seed=seed,
            seconds=seconds,
            neutral=neutral,
            people=side_by_side,
            workers=workers,
            progress=progress,
        )
    check_asked(clips, speakers, seconds, seed, neutral)
    asked: dict[str, Any] = {"clips": clips, "speakers": speakers, "seed": seed, "seconds": seconds, "neutral": neutral}
    recordings = find_recordings(speech, seconds) if speech else []
    if recordings:
        asked["speech"] = hashlib.sha256(json.dumps(list(names(recordings))).encode()).hexdigest()
    jobs = [(Path(out), seed, number, speakers, seconds, neutral, recordings) for number in range(clips)]
    return film_all(Path(out), asked, jobs, make_clip, workers, progress)


Job = tuple[Path, int, int, int, float, float, Sequence[Path]]


def make_clip(job: Job) -> dict[str, Any]:
    """One file, and its row of the table."""
    out, seed, number, speakers, seconds, neutral, recordings = job
    take = plan_take(seed, number, speakers, seconds, neutral, recordings)
    name = f"s{take.person.number:04d}_{number:06d}.mp4"
    write_reel(
        out / name,
        take.pictures(),
        take.sound,
        crf=take.camera.crf,
        preset=take.camera.preset,
        bit_rate=take.room.bit_rate,
    )
    return _row(name, take)


def _row(name: str, take: Take) -> dict[str, Any]:
    """One row of the table, in the order of its columns."""
    person, voice, face = take.person, take.person.voice, take.person.face
    return {
        "file": name,
        "text": " ".join(word.text for word in take.words),
        "speaker": f"s{person.number:04d}",
        "part": PARTS[person.number % len(PARTS)],
        "emotion": take.emotion,
        "strength": round(take.strength, 3),
        "language": "en" if take.recording else voice.language,
        "sex": person.sex,
        "age": person.age,
        "voice": take.recording or voice.variant,
        **{name: "" if take.recording else round(getattr(voice, name), 3) for name in VOICE},
        **{name: _hex(getattr(face, name)) for name in ("skin", "lips", "hair")},
        **{name: getattr(face, name) for name in ("hair_style", "beard", "glasses")},
        "make_up": round(face.make_up, 3),
        "effort": round(person.manner.articulation.effort, 3),
        "yaw": round(float(take.motion.yaw.mean()), 3),
        "width": take.framing.width,
        "height": take.framing.height,
        "eye_distance": round(take.framing.scale, 1),
        "crf": take.camera.crf,
        "noise": take.room.noise,
        **{name: round(getattr(take.room, name), 2) for name in ("snr_db", "reverberation_s", "level_db", "clip_db")},
        "words": marks_json(take.words),
        "phonemes": marks_json(take.phonemes),
    }


def _hex(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in colour)
