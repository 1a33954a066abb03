"""Candidates for a voice or a face, the likeliest first."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.errors import SeehearError
from seehear.losses.similarity import Angular
from seehear.media.decode import open_media
from seehear.media.faces import load_detector
from seehear.media.still import picture_file
from seehear.pretext.identity import IdentityModel
from seehear.tools.faceprint import face_in
from seehear.tools.in_order import Tried, tried
from seehear.tools.voiceprint import voice_in

Holds = Literal["sound", "pictures", "both"]
Asked = Literal["voice", "face"]


@dataclass(frozen=True)
class Candidate:
    """One that could be asked for.

    Attributes:
        path: of the file.
        score: how alike face and voice are; of most models the cosine, -1 to 1.
        probability: that this is the right one, if exactly one of the candidates is; None where the model cannot tell.
    """

    path: Path
    score: float
    probability: float | None


@dataclass(frozen=True)
class Ranking:
    """The candidates for a voice or a face.

    Attributes:
        one: the file that they are candidates for.
        asked: what it was taken to hold.
        ranked: the best score first.
        failed: candidates that could not be used, with the sentence that says why.
        cannot_tell: why the order means nothing, in a sentence; None where it means something.
        detector: name of the face detector.
    """

    one: Path
    asked: Asked
    ranked: list[Candidate]
    failed: list[Tried[NDArray[np.float32]]]
    cannot_tell: str | None = None
    detector: str | None = None

    @property
    def verdict(self) -> str:
        """``ranked`` or ``cannot-tell``."""
        return "cannot-tell" if self.cannot_tell else "ranked"

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            self.asked: str(self.one),
            "verdict": self.verdict,
            "reason": self.cannot_tell,
            "candidates": [
                {
                    "file": str(candidate.path),
                    "score": round(candidate.score, 4),
                    "probability": None if candidate.probability is None else round(candidate.probability, 4),
                }
                for candidate in self.ranked
            ],
            "chance": round(1 / len(self.ranked), 4) if self.ranked else None,
            "detector": self.detector,
            "failed": [{"file": str(failed.path), "error": failed.error} for failed in self.failed],
        }


def why_it_cannot_tell(model: IdentityModel, drawn: bool) -> str | None:
    """Why a model's order of real people would mean nothing; None where it may mean something.

    Args:
        model: whose config says what faces it has learned from (`seehear.corpus.drawn`), unless it is an old one.
        drawn: whether the people are drawn, too.
    """
    if drawn or (model.config.get("trained") or {}).get("faces") != "drawn":
        return None
    return "this model knows drawn faces only: no better than guessing on photographs"


def rank(
    one: Path, candidates: Sequence[Path], model: IdentityModel, detector: Path | None = None, *, drawn: bool = False
) -> Ranking:
    """Rank faces for a voice, or voices for a face. A candidate that cannot be used is recorded, the rest go on.

    A model that has learned from drawn faces only is no better than guessing on photographs: then the ranking says so,
    and its candidates have no probabilities.

    Args:
        one: a recording or a picture, or a video, which is what the candidates need it to be.
        candidates: of the other kind.
        model: whose embeddings are compared.
        detector: YuNet's file.
        drawn: whether the people are drawn, such as those of `seehear avatars`.

    Raises:
        SeehearError: the first file cannot be used, or another should be the first.
    """
    kinds = {path: kind for path in candidates if (kind := tried(path, holds, among_others=True).found)}
    asked = taken_for(holds(one), list(kinds.values()))
    _require_order(one, asked, kinds)
    finder = load_detector("yunet", detector)
    voice: Callable[[Path], NDArray[np.float32]] = partial(_voice, model=model)
    face: Callable[[Path], NDArray[np.float32]] = partial(face_in, model=model, detector=detector)
    asking, answering = (voice, face) if asked == "voice" else (face, voice)
    query = torch.from_numpy(asking(one))[None]
    embedded = [tried(path, answering, among_others=len(candidates) > 1) for path in candidates]
    fit = [(entry.path, torch.from_numpy(entry.found)) for entry in embedded if entry.found is not None]
    ranked: list[Candidate] = []
    cannot_tell = why_it_cannot_tell(model, drawn)
    if fit:
        found = torch.stack([embedding for _, embedding in fit])
        scores = model.across(query, found)[0]
        likely = torch.softmax(sharpness(model) * scores, dim=0)
        ranked = [
            Candidate(path, float(score), None if cannot_tell else float(p))
            for (path, _), score, p in zip(fit, scores, likely, strict=True)
        ]
    ranked.sort(key=lambda candidate: -candidate.score)
    failed = [entry for entry in embedded if entry.error]
    return Ranking(one, asked, ranked, failed, cannot_tell, finder.name)


def holds(path: Path) -> Holds:
    """What is in a file.

    Raises:
        MediaError: nothing that is seen or heard.
    """
    if picture_file(path) is not None:
        return "pictures"
    with open_media(path) as media:
        if media.video is None:
            return "sound"
        return "both" if media.has_sound else "pictures"


def taken_for(first: Holds, rest: Sequence[Holds]) -> Asked:
    """What the first file is taken for, given what is in it and in the others.

    A video among recordings is a face, among pictures a voice; among videos a voice, too.

    Raises:
        SeehearError: all of them have only sound, or only pictures.
    """
    asked: Asked = "voice" if first == "sound" or (first == "both" and "sound" not in rest) else "face"
    useless = "sound" if asked == "voice" else "pictures"
    if rest and all(kind == useless for kind in rest):
        wanted = "pictures or videos of faces" if asked == "voice" else "recordings of voices"
        raise SeehearError(f"the first file is a {asked}, and all the others are only {useless}, too; give {wanted}")
    return asked


def _require_order(one: Path, asked: Asked, kinds: Mapping[Path, Holds]) -> None:
    """That the first file is not one of several of its kind, with the one that they should be ranked for behind.

    Raises:
        SeehearError: it is.
    """
    useless = "sound" if asked == "voice" else "pictures"
    others = [path for path, kind in kinds.items() if kind != useless]
    if len(others) != 1 or len(kinds) == 1:
        return
    command = shlex.join(["seehear", "match", *map(str, others), str(one), *(str(p) for p in kinds if p not in others)])
    other = "face" if asked == "voice" else "voice"
    raise SeehearError(
        f"the first file is a {asked}, and so are others, but there is only one {other}; to rank the {asked}s for it, "
        f"name it first: {command}"
    )


def sharpness(model: IdentityModel) -> float:
    """Logits per unit of similarity: what the model learned to choose among candidates with, or 1."""
    scales = [float(part.scale.detach()) for part in model.matching.modules() if isinstance(part, Angular)]
    return scales[0] if scales else 1.0


def _voice(path: Path, model: IdentityModel) -> NDArray[np.float32]:
    return voice_in(path, model).embedding
