"""Who of two real people side by side is heard, as `seehear diarize` tells it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from real_people.composites import SIDE, Composite, head, pairs, write_composite
from real_people.faces import MainFaces
from real_people.files import hear
from real_people.films import SOURCES, Film
from real_people.rows import Row, share_of
from seehear.apps.diarization.active_speaker import ActiveSpeakers, DiarizationOptions, detect_active_speakers
from seehear.apps.embeddings import sound_voice_activity
from seehear.cli.progress import ProgressDisplay
from seehear.errors import SeehearError
from seehear.media.sound import read_sound
from seehear.models.interface import LipSyncModel
from seehear.progress import Stage

PART = "speaking"
NOBODY = -1


@dataclass(frozen=True)
class Told:
    """What was found of one composite, each a share of its pictures.

    Attributes:
        likelier: the truly heard face has the higher probability; of pictures in which both faces are followed.
        in_speech: the same, of those in which somebody is heard to speak.
        right: the one face said to speak is the true one; saying nobody, or the other, is wrong.
        nobody: neither is said to speak.
        followed: both faces are followed.
    """

    likelier: float
    in_speech: float
    right: float
    nobody: float
    followed: float


def speaking_rows(
    model: LipSyncModel, name: str, faces: MainFaces, work: Path, detector: Path | None = None
) -> list[Row]:
    """All composites, as recorded and with each film's own delay taken out.

    Args:
        model: in evaluation mode, on the CPU.
        name: of the model.
        faces: of the films.
        work: folder that keeps the composites.
        detector: file of the detector; None for the default one.

    Raises:
        SeehearError: there are no two people of one source.
    """
    chosen = pairs(list(faces.rows))
    if not chosen:
        raise SeehearError("there are no two people of one source, so nobody can be put beside another")
    rows: list[Row] = []
    told: dict[bool, dict[str, Told]] = {False: {}, True: {}}
    source: dict[str, str] = {}
    with ProgressDisplay("speaking") as display:
        stage = Stage(display, "speaking", 2 * len(chosen))
        for number, (left, right) in enumerate(chosen):
            called = f"{left.path.stem}+{right.path.stem}"
            source[called] = left.source
            heads = (list(head(left.path, detector)), list(head(right.path, detector)))
            voices = (read_sound(left.path), read_sound(right.path))
            own = (own_delay_s(model, left, faces), own_delay_s(model, right, faces))
            for undone, delays in ((False, (0.0, 0.0)), (True, own)):
                folder = work / "composites" / ("delays-undone" if undone else "as-recorded")
                folder.mkdir(parents=True, exist_ok=True)
                made = write_composite(folder / f"{called}.mp4", heads, voices, delays, number % 2)
                told[undone][called] = tell(model, made, detector)
                stage.update(2 * number + 1 + undone, called)
    for undone, by_name in told.items():
        how = "own delays taken out" if undone else "as recorded"
        rows += _rows(f"{name}, {how}", "two real people, alternating sound", by_name)
        for one in dict.fromkeys(source.values()):
            some = {called: value for called, value in by_name.items() if source[called] == one}
            rows += _rows(f"{name}, {how}", f"two of: {SOURCES[one]}", some)[:1]
    return rows


def own_delay_s(model: LipSyncModel, film: Film, faces: MainFaces) -> float:
    """By how much a film's sound is late, as far as the tool is sure of it; 0 where it is not."""
    said = hear(model, film, faces.corpus[faces.longest(film)])
    return said.delay_ms / 1000 if said.answered and said.delay_ms is not None else 0.0


def _rows(said: str, source: str, told: dict[str, Told]) -> list[Row]:
    words = {
        "likelier": ("the likelier face is the one heard, of pictures with both faces", 0.5),
        "in_speech": ("the same, where somebody is heard to speak", 0.5),
        "right": ("said to speak: the right one, of all pictures (nobody counts as wrong)", 0.5),
        "nobody": ("neither is said to speak, of all pictures", None),
        "followed": ("both faces are followed, of all pictures", None),
    }
    rows = []
    for key, (what, chance) in words.items():
        each = {called: float(getattr(one, key)) for called, one in told.items()}
        known = {called: (value, 1.0) for called, value in each.items() if not np.isnan(value)}
        if known:
            rows.append(share_of(PART, source, f"{said}: {what}", known, "composites", chance=chance))
    return rows


def tell(model: LipSyncModel, made: Composite, detector: Path | None = None) -> Told:
    """What the tool makes of a composite."""
    film = detect_active_speakers(made.path, model, DiarizationOptions(detector=detector), threads=1)
    speech = np.zeros(len(made.truth), bool)
    heard = sound_voice_activity(read_sound(made.path))[: len(speech)] > 0
    speech[: len(heard)] = heard
    return judged(*by_place(film, len(made.truth)), made.truth, speech)


def by_place(film: ActiveSpeakers, pictures: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Of the left and the right face: the probability that it speaks, not a number where it is not followed, (2, T);
    and whether it is said to speak, (2, T)."""
    likely, speaks = np.full((2, pictures), np.nan), np.zeros((2, pictures), bool)
    for track, probability, own in zip(film.tracks, film.probabilities, film.speaks, strict=True):
        middle = float((track.boxes[:, 0] + track.boxes[:, 2] / 2).mean())
        place = int(middle >= SIDE)
        part = slice(track.start, min(track.stop, pictures))
        length = part.stop - part.start
        likely[place, part] = np.fmax(likely[place, part], probability[:length])
        speaks[place, part] |= own[:length]
    return likely, speaks


def judged(
    likely: NDArray[np.float64],
    speaks: NDArray[np.bool_],
    truth: NDArray[np.int64],
    speech: NDArray[np.bool_],
) -> Told:
    """Compare what was said with the truth.

    Args:
        likely, speaks: as `by_place` gives them.
        truth: whose sound is heard at each picture, (T,).
        speech: whether somebody is heard to speak, (T,).
    """
    both = ~np.isnan(likely).any(0)
    lead = likely[1] - likely[0]
    # equal probabilities tell nothing: half a point
    better = np.where(lead == 0, 0.5, (lead > 0) == (truth == 1)).astype(np.float64)
    known = np.nan_to_num(likely, nan=-1.0) + 1e-6
    one = np.where(speaks, known, 0).argmax(0)
    said = np.where(speaks.any(0), one, NOBODY)
    return Told(
        likelier=float(better[both].mean()) if both.any() else np.nan,
        in_speech=float(better[both & speech].mean()) if (both & speech).any() else np.nan,
        right=float((said == truth).mean()),
        nobody=float((said == NOBODY).mean()),
        followed=float(both.mean()),
    )
