"""One file curated: its faces are watched, its stretches judged, and those that are wanted written as files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.corpus.plan import clip_key
from seehear.media.decode import Picture, open_media
from seehear.media.mux import write_video
from seehear.media.sound import read_sound
from seehear.media.sound_part import Wanted
from seehear.tools.confidence import Calibration
from seehear.tools.conversation import Conversation, WatchOptions, follow
from seehear.tools.lip_activity import FaceTrack
from seehear.tools.listen import LipsAndSound
from seehear.tools.stretches import Reason, Rules, Stretch, delay_of_file, stretches
from seehear.tools.verdict import CANNOT_TELL_BELOW

WATCHING = 0.9
"""Share of the work: the rest is writing."""

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Curated:
    """What became of a file.

    Attributes:
        seconds: its length; 0 where it cannot be read.
        stretches: all of its time.
        shifted_ms: by how much its sound was made earlier in what was cut out of it (negative: later).
        problem: why it cannot be used at all; empty where it can.
        sound: which of its sounds was listened to, where it has several, and what there is to know of it.
    """

    seconds: float = 0.0
    stretches: tuple[Stretch, ...] = ()
    shifted_ms: float = 0.0
    problem: str = ""
    sound: str = ""

    def files(self, key: str) -> Iterator[tuple[str, Stretch]]:
        """The names of the files that are cut out of it, and what is in them."""
        wanted = (stretch for stretch in self.stretches if stretch.reason is None)
        for number, stretch in enumerate(wanted):
            yield f"{clip_key(key, number)}.mp4", stretch

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From `to_json`."""
        told: dict[str, Any] = json.loads(text)
        parts = (s | {"reason": Reason(s["reason"]) if s["reason"] else None} for s in told.pop("stretches"))
        return cls(stretches=tuple(Stretch(**part) for part in parts), **told)


def curate_file(
    path: Path,
    key: str,
    out: Path,
    model: LipsAndSound,
    rules: Rules,
    look: WatchOptions,
    progress: Progress | None = None,
    threads: int = 0,
) -> Curated:
    """Cut what is wanted out of one file.

    Args:
        path: any video file.
        key: what the names of its cuttings begin with.
        out: folder that they are written to.
        model: of lip-sync.
        rules: what is wanted.
        look: how faces are found.
        progress: called with the share that is done (0..1); watching takes most of it.
        threads: of the decoder; 0: one a core.

    Raises:
        SeehearError: the file cannot be read, or its cuttings cannot be written.
    """
    with open_media(path, threads=threads) as media:
        if media.video is None:
            return Curated(media.duration_s, problem="there is no picture")
        if not media.has_sound:
            clock = media.clock()
            return _silent(float(clock.end - clock.zero))
    film = follow(path, model, look, _of_the_whole(progress), threads)
    frames = max([round(film.duration_s * FPS), *(face.stop for face in film.tracks)])
    calibration = Calibration.from_config(model.config)
    shift_ms = _to_be_shifted(frames, film.tracks, film.speaks, calibration) if rules.fix else 0.0
    parts = stretches(frames, film.tracks, film.speaks, rules, calibration, shift_ms)
    found = Curated(frames / FPS, tuple(parts), round(shift_ms, 1), sound=_sound_in_words(film))
    wanted = film.sound.wanted if film.sound else None
    write_cuttings(path, found, key, out, threads, wanted=wanted, turns=film.turns)
    return found


def _sound_in_words(film: Conversation) -> str:
    told = [str(film.sound)] if film.sound and (film.sound.of > 1 or film.sound.channel) else []
    return "; ".join([*told, *film.cautions])


def _silent(duration_s: float) -> Curated:
    frames = round(duration_s * FPS)
    return Curated(frames / FPS, (Stretch(0, frames, Reason.NO_SOUND),) if frames else ())


def _of_the_whole(progress: Progress | None) -> Progress | None:
    """What is told of the share that has been watched."""
    return (lambda share: progress(WATCHING * share)) if progress else None


def _to_be_shifted(
    frames: int, faces: Sequence[FaceTrack], speaking: Sequence[NDArray[np.bool_]], calibration: Calibration
) -> float:
    """The delay of the file, where it is one that can be told; else 0."""
    measured = delay_of_file(frames, faces, speaking, calibration)
    return measured[0] if measured and measured[1] >= CANNOT_TELL_BELOW else 0.0


def write_cuttings(
    path: Path, found: Curated, key: str, out: Path, threads: int = 0, *, wanted: Wanted | None = None, turns: int = 0
) -> None:
    """Write every wanted stretch: 25 pictures a second of the file's own size, sound of 16 kHz, both from time 0 on.

    Args:
        path: of the file.
        found: what is wanted of it.
        key: what the names of its cuttings begin with.
        out: folder that they are written to.
        threads: of the decoder; 0: one a core.
        wanted: which of its sounds.
        turns: quarters by which its pictures are turned clockwise.

    Raises:
        MediaError: the file cannot be read again, or a cutting cannot be written.
    """
    cuttings = list(found.files(key))
    if not cuttings:
        return
    with open_media(path, threads=threads) as media:
        sound, pictures = read_sound(path, media.zero, wanted), (picture.turned(turns) for picture in media.pictures())
        for name, stretch in cuttings:
            from_s, to_s = (picture / FPS + found.shifted_ms / 1000 for picture in (stretch.start, stretch.stop))
            write_video(out / name, _shown(pictures, stretch), audio=sound.between(from_s, to_s))


def _shown(pictures: Iterator[Picture], stretch: Stretch) -> Iterator[NDArray[np.uint8]]:
    """The pictures of a stretch, RGB, out of a stream that has not come to its end yet."""
    for picture in pictures:
        if picture.index >= stretch.start:
            yield picture.crop(np.eye(2, 3), picture.shape)
        if picture.index >= stretch.stop - 1:
            return
