"""Many films of two people or more who take turns to speak, with a table of who speaks when."""

from __future__ import annotations

import json
from pathlib import Path

from seehear.avatars.duet import Duet, plan_duet
from seehear.avatars.filming import Row, check_asked, film_all
from seehear.avatars.reel import write_reel
from seehear.errors import SeehearError

MOST = 6
"""People in a picture: more would be too wide for what video is made of."""

Job = tuple[Path, int, int, int, float, int, float]


def make_duets(
    out: Path | str,
    *,
    clips: int = 20,
    speakers: int = 20,
    seed: int = 0,
    seconds: float = 12.0,
    people: int = 2,
    neutral: float = 0.5,
    workers: int | None = None,
    progress: bool = True,
) -> list[Path]:
    """Make a folder of films in which people side by side take turns to speak, and a table of who speaks when.

    Who does not speak blinks, looks, moves the head a little, swallows or smiles, and nothing of it follows the sound,
    which is one track for all. Every file is an MP4 as those of `seehear.avatars.make_avatars`. ``labels.csv`` has a
    row for each: ``file``; ``speakers``, ``sexes`` and ``ages`` as JSON lists, from left to right; ``turns``, a JSON
    list of ``[place, start_s, stop_s]``, place 0 being the person at the left; ``words`` as JSON lists of
    ``[place, text, start_s, stop_s]``; and attributes of the room. No two people speak at the same time. Pauses of more
    than 0.3 s part a turn, shorter ones belong to it.

    A seed decides everything; film ``i`` depends on nothing but the arguments and ``i``.

    Args:
        out: folder to make; it must not hold anything else.
        clips: how many films.
        speakers: how many people there are; those of a film are drawn from them.
        seed: decides everything.
        seconds: length of each film.
        people: in each picture, 2 to 6.
        neutral: share of them without emotion.
        workers: processes; by default one a core.
        progress: tell how far it is, on the error stream.

    Returns:
        The files, in the order of the table.

    Raises:
        SeehearError: as `seehear.avatars.make_avatars`, or there are fewer speakers than people in a picture.
    """
    check_asked(clips, speakers, seconds, seed, neutral)
    if not 2 <= people <= MOST:
        raise SeehearError(f"Side by side there can be 2 to {MOST} people, not {people}; 1 makes films of one each.")
    if speakers < people:
        raise SeehearError(f"For {people} people side by side there must be as many speakers, not {speakers}.")
    asked = {"clips": clips, "speakers": speakers, "seed": seed, "seconds": seconds, "neutral": neutral}
    jobs = [(Path(out), seed, number, speakers, seconds, people, neutral) for number in range(clips)]
    return film_all(Path(out), asked | {"side by side": people}, jobs, film_duet, workers, progress)


def film_duet(job: Job) -> Row:
    """One file, and its row of the table."""
    out, seed, number, speakers, seconds, people, neutral = job
    duet = plan_duet(seed, number, speakers, seconds, people, neutral)
    name = f"d{number:06d}.mp4"
    camera = duet.takes[0].camera
    write_reel(
        out / name, duet.pictures(), duet.sound, crf=camera.crf, preset=camera.preset, bit_rate=duet.room.bit_rate
    )
    return _row(name, duet)


def _row(name: str, duet: Duet) -> Row:
    """One row of the table, in the order of its columns."""
    cast, room, framing = [take.person for take in duet.takes], duet.room, duet.takes[0].framing
    words = [
        (place, mark.text, round(mark.start_s, 4), round(mark.stop_s, 4))
        for place, take in enumerate(duet.takes)
        for mark in take.words
    ]
    turns = [(turn.place, round(turn.start_s, 4), round(turn.stop_s, 4)) for turn in duet.turns]
    return {
        "file": name,
        "speakers": json.dumps([f"s{person.number:04d}" for person in cast]),
        "sexes": json.dumps([person.sex for person in cast]),
        "ages": json.dumps([person.age for person in cast]),
        "turns": json.dumps(turns),
        "words": json.dumps(sorted(words, key=lambda word: word[2]), ensure_ascii=False),
        "width": framing.width * len(cast),
        "height": framing.height,
        "crf": duet.takes[0].camera.crf,
        "noise": room.noise,
        **{key: round(getattr(room, key), 2) for key in ("snr_db", "reverberation_s", "level_db", "clip_db")},
    }
