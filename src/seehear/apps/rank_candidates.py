"""Rank faces for a voice, or voices for a face."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.apps.embeddings import face_embedding, voice_embedding
from seehear.apps.match import Candidate, FailedCandidate, MatchRanking, QueryKind
from seehear.errors import SeehearError
from seehear.losses.base import Angular
from seehear.media.decode import open_media
from seehear.media.face_detector import load_detector
from seehear.media.still import read_picture_file
from seehear.models.interface import IdentityModel
from seehear.models.store import load_identity_model
from seehear.parallel_files import try_file

if TYPE_CHECKING:
    pass

Holds = Literal["sound", "pictures", "both"]


def cannot_tell_reason(model: IdentityModel, drawn: bool) -> str | None:
    """Why a model's order is not significant for real people; None if it may be.

    Args:
        model: whose config says which faces it was trained on (`seehear.data.manifest`), unless it is an old one.
        drawn: whether the people are drawn, too.
    """
    if drawn or (model.config.get("trained") or {}).get("faces") != "drawn":
        return None
    return "this model was trained on drawn faces only: on photographs it is at chance"


def media_kind(path: Path) -> Holds:
    """Find out what is in a file.

    Raises:
        MediaError: it has neither video nor audio.
    """
    if read_picture_file(path) is not None:
        return "pictures"
    with open_media(path) as media:
        if media.video is None:
            return "sound"
        return "both" if media.has_sound else "pictures"


def infer_query_kind(first: Holds, rest: Sequence[Holds]) -> QueryKind:
    """What the first file is taken for, given what is in it and in the others.

    A video among recordings is a face, among pictures a voice; among videos a voice, too.

    Raises:
        SeehearError: all of them have only sound, or only pictures.
    """
    query_kind: QueryKind = "voice" if first == "sound" or (first == "both" and "sound" not in rest) else "face"
    useless = "sound" if query_kind == "voice" else "pictures"
    if rest and all(kind == useless for kind in rest):
        needed = "pictures or videos of faces" if query_kind == "voice" else "recordings of voices"
        raise SeehearError(
            f"the first file is a {query_kind}, and all the others are only {useless}, too; give {needed}"
        )
    return query_kind


def _require_order(one: Path, query_kind: QueryKind, kinds: Mapping[Path, Holds]) -> None:
    """That the first file is not one of several of its kind, with the one that they should be ranked for behind.

    Raises:
        SeehearError: it is.
    """
    useless = "sound" if query_kind == "voice" else "pictures"
    others = [path for path, kind in kinds.items() if kind != useless]
    if len(others) != 1 or len(kinds) == 1:
        return
    command = shlex.join(["seehear", "match", *map(str, others), str(one), *(str(p) for p in kinds if p not in others)])
    other = "face" if query_kind == "voice" else "voice"
    raise SeehearError(
        f"the first file is a {query_kind}, and so are others, but there is only one {other}; "
        f"to rank the {query_kind}s for it, name it first: {command}"
    )


def sharpness(model: IdentityModel) -> float:
    """Logits per unit of similarity: what the model learned to choose among candidates with, or 1."""
    scales = [float(part.scale.detach()) for part in model.matching.modules() if isinstance(part, Angular)]
    return scales[0] if scales else 1.0


def _voice(path: Path, model: IdentityModel) -> NDArray[np.float32]:
    return voice_embedding(path, model).embedding


def rank_candidates(
    query: Path, paths: Sequence[Path], model: str | Path | IdentityModel, drawn_faces: bool, detector: Path | None
) -> MatchRanking:
    """Rank candidates for a query; see `match`."""
    loaded = load_identity_model(model)
    kinds = {path: kind for path in paths if (kind := try_file(path, media_kind, among_others=True).value)}
    kind_asked = infer_query_kind(media_kind(query), list(kinds.values()))
    _require_order(query, kind_asked, kinds)
    finder = load_detector("yunet", detector)
    voice: Callable[[Path], NDArray[np.float32]] = partial(_voice, model=loaded)
    face: Callable[[Path], NDArray[np.float32]] = partial(face_embedding, model=loaded, detector=detector)
    embed_query, embed_candidate = (voice, face) if kind_asked == "voice" else (face, voice)
    embedding = torch.from_numpy(embed_query(query))[None]
    embedded = [try_file(path, embed_candidate, among_others=len(paths) > 1) for path in paths]
    usable = [(entry.path, torch.from_numpy(entry.value)) for entry in embedded if entry.value is not None]
    failed = tuple(FailedCandidate(entry.path, entry.error) for entry in embedded if entry.error)
    cannot_tell = cannot_tell_reason(loaded, drawn_faces)
    ranked: list[Candidate] = []
    if usable:
        scores = loaded.cross_similarity(embedding, torch.stack([candidate for _, candidate in usable]))[0]
        likely = torch.softmax(sharpness(loaded) * scores, dim=0)
        ranked = [
            Candidate(path, float(score), None if cannot_tell else float(p))
            for (path, _), score, p in zip(usable, scores, likely, strict=True)
        ]
    ranked.sort(key=lambda candidate: -candidate.score)
    return MatchRanking(query, kind_asked, tuple(ranked), failed, cannot_tell, finder.name)
