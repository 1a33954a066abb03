"""What `seehear sync` says of whole files, of their halves and of short pieces, and what its confidence is worth."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from real_people.faces import MainFaces, cut, spread
from real_people.films import EVERYBODY, IN_SYNC, ONE_DELAY, SOURCES, Film, another, by_source, unit_of, units
from real_people.rows import Row, added, share_of
from seehear.apps.sync.fit_calibration import DelayedSound
from seehear.apps.sync.measure_file import MeasureOptions, combine_agreements, measure_file
from seehear.apps.sync.offset import measure_agreement
from seehear.apps.sync.result import SyncMeasurement
from seehear.cli.progress import ProgressDisplay
from seehear.clip import FPS, Clip
from seehear.media.shift import shift_sound
from seehear.metrics.calibration import RIGHT_WITHIN_MS, DelayCalibration
from seehear.models.interface import LipSyncModel
from seehear.progress import Stage

PART = "files"
ANSWERED = 0.5
"""From this confidence on the tool gives an answer."""

SHIFT_S = 0.2
PIECE_S = 4.0
"""Films of six seconds and more are cut into pieces of about this length, which is three to five seconds."""


@dataclass(frozen=True)
class Said:
    """What the tool said once.

    Attributes:
        film: of which film or piece of one.
        delay_ms: best guess; None where there was nothing to measure.
        confidence: 0 to 1.
    """

    film: Film
    delay_ms: float | None
    confidence: float

    @property
    def answered(self) -> bool:
        """Whether the tool stands by it."""
        return self.delay_ms is not None and self.confidence >= ANSWERED

    def within(self, truth_ms: float) -> bool:
        """Whether it is right."""
        return self.delay_ms is not None and abs(self.delay_ms - truth_ms) <= RIGHT_WITHIN_MS

    @classmethod
    def of(cls, film: Film, found: SyncMeasurement) -> Said:
        """From the tool's answer."""
        return cls(film, found.delay_ms, found.confidence)


@dataclass(frozen=True)
class Judged:
    """What was said, and what is true.

    Attributes:
        said: by the tool.
        truth_ms: None where it is not known.
    """

    said: Said
    truth_ms: float | None


Answers = dict[str, list[Judged]]
"""What was measured, in words -> the answers of all films."""

WHOLE = "whole file"
MOVED = f"file with its sound moved by ±{1000 * SHIFT_S:.0f} ms, against the file as it is"
HALF = "half of a file, against the other half if that is answered"
PIECE = "piece of 3 to 5 s, against the median of the film's other pieces that are answered"
FOREIGN = "control: a file with another film's sound"


def file_rows(model: LipSyncModel, name: str, faces: MainFaces, detector: Path | None) -> list[Row]:
    """All that is measured of files, by source.

    Args:
        model: in evaluation mode, on the CPU.
        name: of the model.
        faces: of the films, for halves and pieces.
        detector: file of the detector; None for the default one.
    """
    films = list(faces.rows)
    answers: Answers = {what: [] for what in (WHOLE, MOVED, HALF, PIECE, FOREIGN)}
    whole: list[Said] = []
    with tempfile.TemporaryDirectory() as folder, ProgressDisplay("files") as display:
        stage = Stage(display, "files", len(films))
        for number, film in enumerate(films):
            shift_s = SHIFT_S if number % 2 else -SHIFT_S
            as_it_is, moved = measured(model, film, shift_s, Path(folder), detector)
            whole.append(as_it_is)
            if as_it_is.delay_ms is not None:
                answers[MOVED].append(Judged(moved, as_it_is.delay_ms + 1000 * shift_s))
            clip = faces.corpus[faces.longest(film)]
            answers[HALF] += judge_each_other([hear(model, film, cut(clip, *part)) for part in spread(2, clip.frames)])
            pieces = round(clip.seconds / PIECE_S)
            if pieces > 1:
                parts = [hear(model, film, cut(clip, *part)) for part in spread(pieces, clip.frames)]
                answers[PIECE] += judge_each_other(parts)
            other = another(film, [one for one in films if one.source == film.source])
            if other is not film:
                voice = faces.corpus[faces.longest(other)]
                answers[FOREIGN].append(Judged(hear(model, film, clip, voice), None))
            stage.update(number + 1, film.path.stem)
    answers[WHOLE] = [Judged(one, truth) for one, truth in zip(whole, known_delays(whole), strict=True)]
    rows: list[Row] = []
    for source, chosen in [*by_source(films).items(), (EVERYBODY, films)]:
        for what, judged in answers.items():
            some = [one for one in judged if one.said.film in chosen]
            rows += _rows(SOURCES.get(source, source), f"{name}, {what}", some)
    return rows


def measured(model: LipSyncModel, film: Film, shift_s: float, folder: Path, detector: Path | None) -> tuple[Said, Said]:
    """What the tool says of a file as it is, and of the file with its sound made later by ``shift_s``."""
    options = MeasureOptions(detector=detector)
    moved = folder / f"{film.path.stem}.mp4"
    shift_sound(film.path, moved, earlier_s=-shift_s)
    said = tuple(Said.of(film, measure_file(path, model, options, threads=1)) for path in (film.path, moved))
    moved.unlink()
    return said[0], said[1]


def known_delays(whole: Sequence[Said]) -> list[float | None]:
    """The delay of each film where it is known: 0, or the median of what the other films of one chain measure."""
    truths: list[float | None] = []
    for one in whole:
        others = [
            other.delay_ms
            for other in whole
            if other is not one and other.film.source == one.film.source and other.answered
        ]
        if one.film.source in IN_SYNC:
            truths.append(0.0)
        elif one.film.source in ONE_DELAY and others:
            truths.append(float(np.median([delay for delay in others if delay is not None])))
        else:
            truths.append(None)
    return truths


def judge_each_other(parts: Sequence[Said]) -> list[Judged]:
    """Each part of a film with the median of what its other parts say that are answered."""
    judged = []
    for one in parts:
        others = [other.delay_ms for other in parts if other is not one and other.answered]
        truth = float(np.median([delay for delay in others if delay is not None])) if others else None
        judged.append(Judged(one, truth))
    return judged


def _rows(source: str, said: str, judged: Sequence[Judged]) -> list[Row]:
    """How many are answered; of those whose truth is known, how many are right, and how sure the tool was."""
    kind = units(one.said.film for one in judged)

    def row(what: str, some: Sequence[tuple[Judged, float]], remark: str = "") -> list[Row]:
        counts = added((unit_of(one.said.film, kind), (value, 1.0)) for one, value in some)
        remark = f"{len(some)} measurements{remark}"
        return [share_of(PART, source, f"{said}: {what}", counts, kind, remark=remark)] if counts else []

    known = [(one, one.truth_ms) for one in judged if one.truth_ms is not None]
    answered = [(one, truth) for one, truth in known if one.said.answered]
    right = f"right within ±{RIGHT_WITHIN_MS:.0f} ms"
    return [
        *row(f"answered (confidence {ANSWERED:g} or more)", [(one, float(one.said.answered)) for one in judged]),
        *row(f"{right}, of those answered", [(one, one.said.within(truth)) for one, truth in answered], _off(answered)),
        *row(f"{right}, of all", [(one, one.said.within(truth)) for one, truth in known]),
        *row("mean stated confidence, of the same", [(one, one.said.confidence) for one, _ in known]),
    ]


def _off(answered: Sequence[tuple[Judged, float]]) -> str:
    """The median error, in words."""
    errors = [abs(one.said.delay_ms - truth) for one, truth in answered if one.said.delay_ms is not None]
    return f", median error {np.median(errors):.1f} ms" if errors else ""


def hear(model: LipSyncModel, film: Film, clip: Clip, voice: Clip | None = None) -> Said:
    """What the tool says of a file that is no longer than a clip, with the sound of another where one is given."""
    whole = cut(clip, 0, clip.frames)
    sound = DelayedSound((voice or clip).audio, 0.0)
    if whole.frames <= 2 * model.context:
        return Said(film, None, 0.0)
    options = MeasureOptions()
    calibration = DelayCalibration.from_config(model.config).for_search_range(options.search_s)
    heard = measure_agreement(model, whole, sound, round(options.search_s * FPS))
    return Said.of(film, combine_agreements(film.path, [heard], calibration, options))
