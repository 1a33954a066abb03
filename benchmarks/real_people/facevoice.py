"""Which face goes with a voice, among real people whom no model has met."""

from __future__ import annotations

import numpy as np
import torch

from real_people.faces import MainFaces
from real_people.films import Film
from real_people.rows import Row, percent
from seehear.evaluation.speaker.facevoice import ClipEmbeddings, embed_clips
from seehear.metrics.bootstrap import interval
from seehear.metrics.pairs import CrossModalTrials, bootstrap_people, score_cross_modal
from seehear.models.interface import SEGMENT_S, IdentityModel

PART = "facevoice"
AMONG = (2,)


def facevoice_rows(model: IdentityModel, name: str, faces: MainFaces) -> list[Row]:
    """Area under the curve, voice and face of one film and, where people have several, of different films.

    Those who may be somebody else under another name are left out: pairs of two people might be of one.

    Args:
        model: in evaluation mode, on the CPU.
        name: of the model.
        faces: of the films.
    """
    films = [film for film in faces.rows if film.numbered]
    rows = np.array([faces.longest(film) for film in films])
    seen = embed_clips(model, faces.corpus.subset(rows), 1, SEGMENT_S, name)
    first = {film.person: place for place, film in reversed(list(enumerate(films)))}
    several = [place for place, film in enumerate(films) if _films_of(film.person, films) > 1]
    told = [
        _row(model, name, "voice and face of one film", films, seen, sorted(first.values()), within=False),
        _row(model, name, "the same, among films of one source", films, seen, sorted(first.values()), within=True),
    ]
    if len({films[place].person for place in several}) > 1:
        told.append(_row(model, name, "voice and face of different films", films, seen, several, within=False))
    return [row for row in told if row is not None]


def _films_of(person: str, films: list[Film]) -> int:
    return sum(film.person == person for film in films)


def _row(
    model: IdentityModel, name: str, what: str, films: list[Film], seen: ClipEmbeddings, places: list[int], within: bool
) -> Row | None:
    """One figure over some of the films; None where nobody has a rival."""
    chosen = [films[place] for place in places]
    people = np.unique([film.person for film in chosen], return_inverse=True)[1]
    groups = np.unique([film.source if within else "" for film in chosen], return_inverse=True)[1]
    count = int(people.max()) + 1
    if count < 2 or not any(len(np.unique(people[groups == group])) > 1 for group in np.unique(groups)):
        return None
    with torch.inference_mode():
        similar = model.cross_similarity(seen.voices[places], seen.faces[places]).numpy()
    found = score_cross_modal(
        similar, CrossModalTrials(people, np.arange(len(chosen)), groups, bootstrap_people(count)), AMONG
    )
    low, high = interval(found.figures["AUC"], found.drawn["AUC"], count)
    remark = f"{found.pairs[0]} right pairs, {found.pairs[1]} wrong ones"
    return Row(
        PART, "real people, one still and one voice each", f"{name}, area under the curve, {what}",
        100 * found.figures["AUC"], percent(low), percent(high), f"{count} people", 50.0, remark,
    )  # fmt: skip
