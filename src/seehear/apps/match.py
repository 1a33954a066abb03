"""`match`: which face goes with a voice, which voice with a face."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.apps.embeddings import face_embedding, voice_embedding
from seehear.errors import SeehearError
from seehear.losses.base import Angular
from seehear.media.decode import open_media
from seehear.media.face_detector import load_detector
from seehear.media.still import read_picture_file
from seehear.models.interface import IdentityModel
from seehear.models.store import load_identity_model
from seehear.parallel import try_file
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

Holds = Literal["sound", "pictures", "both"]


QueryKind = Literal["voice", "face"]


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
class FailedCandidate:
    """A candidate that could not be used, and the sentence that says why."""

    path: Path
    error: str


@dataclass(frozen=True, repr=False)
class MatchRanking(Result):
    """The candidates for a voice or a face.

    Attributes:
        query: the file that they are candidates for.
        query_kind: what it was taken to hold.
        candidates: the best score first.
        failed: candidates that could not be used.
        cannot_tell: why the order means nothing, one sentence; None where it means something.
        detector: name of the face detector.
    """

    SHOWN = ("query", "query_kind", "verdict", "best")

    query: Path
    query_kind: QueryKind
    candidates: tuple[Candidate, ...]
    failed: tuple[FailedCandidate, ...] = ()
    cannot_tell: str | None = None
    detector: str | None = None

    @property
    def verdict(self) -> str:
        """``ranked`` or ``cannot-tell``."""
        return "cannot-tell" if self.cannot_tell else "ranked"

    @property
    def best(self) -> Path | None:
        """The candidate with the highest score."""
        return self.candidates[0].path if self.candidates else None

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each candidate that could not be used."""
        return tuple(failed.error for failed in self.failed)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; scores and probabilities to four digits."""
        return {
            self.query_kind: str(self.query),
            "verdict": self.verdict,
            "reason": self.cannot_tell,
            "candidates": [
                {
                    "file": str(candidate.path),
                    "score": round(candidate.score, 4),
                    "probability": None if candidate.probability is None else round(candidate.probability, 4),
                }
                for candidate in self.candidates
            ],
            "chance": round(1 / len(self.candidates), 4) if self.candidates else None,
            "detector": self.detector,
            "failed": [{"file": str(failed.path), "error": failed.error} for failed in self.failed],
        }

    def __rich__(self) -> RenderableType:
        """The candidates, the best first."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        asked = "face" if self.query_kind == "voice" else "voice"
        parts: list[RenderableType] = [Text(f"Which {asked} goes with the {self.query_kind} in {self.query}?")]
        if self.cannot_tell:
            parts.append(Text(f"cannot tell: {self.cannot_tell}", style="yellow"))
        titles = ["", "score", asked] if self.cannot_tell else ["", "probability", "score", asked]
        table = Table(box=None, padding=(0, 2), pad_edge=False)
        for title in titles:
            table.add_column(title, justify="left" if title == asked else "right")
        for number, candidate in enumerate(self.candidates, 1):
            likely = [] if candidate.probability is None else [f"{candidate.probability:.3f}"]
            table.add_row(f"{number}.", *likely, f"{candidate.score:+.3f}", Text(str(candidate.path), overflow="fold"))
        parts.append(table)
        count = len(self.candidates)
        if self.cannot_tell:
            note = "The order is that of the scores and means nothing for real people. --drawn-faces is for drawn ones."
        else:
            chance = f"by chance 1/{count} = {1 / count:.3f} each" if count > 1 else "there is no other to choose"
            note = f"Probability if exactly one of them is right; {chance}."
        return Group(*parts, Text(note, style="dim"))


def cannot_tell_reason(model: IdentityModel, drawn: bool) -> str | None:
    """Why a model's order of real people would mean nothing; None where it may mean something.

    Args:
        model: whose config says what faces it has learned from (`seehear.data.manifest`), unless it is an old one.
        drawn: whether the people are drawn, too.
    """
    if drawn or (model.config.get("trained") or {}).get("faces") != "drawn":
        return None
    return "this model knows drawn faces only: no better than guessing on photographs"


def media_kind(path: Path) -> Holds:
    """What is in a file.

    Raises:
        MediaError: nothing that is seen or heard.
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
    asked: QueryKind = "voice" if first == "sound" or (first == "both" and "sound" not in rest) else "face"
    useless = "sound" if asked == "voice" else "pictures"
    if rest and all(kind == useless for kind in rest):
        wanted = "pictures or videos of faces" if asked == "voice" else "recordings of voices"
        raise SeehearError(f"the first file is a {asked}, and all the others are only {useless}, too; give {wanted}")
    return asked


def _require_order(one: Path, asked: QueryKind, kinds: Mapping[Path, Holds]) -> None:
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
    return voice_embedding(path, model).embedding


DEFAULT_MODEL = "match-small"


def match(
    query: str | os.PathLike[str],
    candidates: Sequence[str | os.PathLike[str]],
    *,
    model: str | Path | IdentityModel = DEFAULT_MODEL,
    drawn_faces: bool = False,
    detector: Path | None = None,
) -> MatchRanking:
    """Rank faces for a voice, or voices for a face. A candidate that cannot be used is recorded, the rest go on.

    The query decides: a recording is a voice, and faces are ranked for it; a picture is a face, and voices are ranked
    for it. A video is what the candidates need it to be. The probabilities assume that exactly one of the candidates is
    right; by chance each has 1/N. What is learned is mostly sex and age: two people who share them are hard to tell
    apart.

    match-small has learned from drawn faces only and is no better than guessing on photographs: there the verdict is
    "cannot tell", and there are no probabilities. Train a model on videos of real people (seehear pretrain CORPUS -o
    RUN --preset match-small) and give it with --model.

    Args:
        query: a recording of a voice, or a picture or video of a face.
        candidates: pictures or videos of one face each, or recordings of one voice each.
        model: name or folder of a match model, hf:owner/name on the Hugging Face hub, or a loaded model.
        drawn_faces: the faces are drawn, such as those of "seehear avatars".
        detector: YuNet's .onnx file; by default the cached one, or downloaded.

    Raises:
        SeehearError: the query cannot be used, or another file should be the query.
        ModelError: there is no such model, or it has not learned voices and faces.
    """
    loaded, one, paths = load_identity_model(model), Path(query), [Path(candidate) for candidate in candidates]
    kinds = {path: kind for path in paths if (kind := try_file(path, media_kind, among_others=True).value)}
    kind_asked = infer_query_kind(media_kind(one), list(kinds.values()))
    _require_order(one, kind_asked, kinds)
    finder = load_detector("yunet", detector)
    voice: Callable[[Path], NDArray[np.float32]] = partial(_voice, model=loaded)
    face: Callable[[Path], NDArray[np.float32]] = partial(face_embedding, model=loaded, detector=detector)
    embed_query, embed_candidate = (voice, face) if kind_asked == "voice" else (face, voice)
    embedding = torch.from_numpy(embed_query(one))[None]
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
    return MatchRanking(one, kind_asked, tuple(ranked), failed, cannot_tell, finder.name)
