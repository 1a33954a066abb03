"""match: which face goes with a voice."""

from __future__ import annotations

import json as json_format
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seehear.apps.embeddings import face_embedding, voice_embedding
from seehear.errors import SeehearError
from seehear.losses.base import Angular
from seehear.media.decode import open_media
from seehear.media.face_detector import load_detector
from seehear.media.still import read_picture_file
from seehear.models.interface import IdentityModel
from seehear.parallel import FileResult, try_file

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
class MatchRanking:
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
    asked: QueryKind
    ranked: list[Candidate]
    failed: list[FileResult[NDArray[np.float32]]]
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


def cannot_tell_reason(model: IdentityModel, drawn: bool) -> str | None:
    """Why a model's order of real people would mean nothing; None where it may mean something.

    Args:
        model: whose config says what faces it has learned from (`seehear.data.manifest`), unless it is an old one.
        drawn: whether the people are drawn, too.
    """
    if drawn or (model.config.get("trained") or {}).get("faces") != "drawn":
        return None
    return "this model knows drawn faces only: no better than guessing on photographs"


def rank(
    one: Path, candidates: Sequence[Path], model: IdentityModel, detector: Path | None = None, *, drawn: bool = False
) -> MatchRanking:
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
    kinds = {path: kind for path in candidates if (kind := try_file(path, media_kind, among_others=True).value)}
    asked = infer_query_kind(media_kind(one), list(kinds.values()))
    _require_order(one, asked, kinds)
    finder = load_detector("yunet", detector)
    voice: Callable[[Path], NDArray[np.float32]] = partial(_voice, model=model)
    face: Callable[[Path], NDArray[np.float32]] = partial(face_embedding, model=model, detector=detector)
    asking, answering = (voice, face) if asked == "voice" else (face, voice)
    query = torch.from_numpy(asking(one))[None]
    embedded = [try_file(path, answering, among_others=len(candidates) > 1) for path in candidates]
    fit = [(entry.path, torch.from_numpy(entry.value)) for entry in embedded if entry.value is not None]
    ranked: list[Candidate] = []
    cannot_tell = cannot_tell_reason(model, drawn)
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
    return MatchRanking(one, asked, ranked, failed, cannot_tell, finder.name)


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
    one: Path,
    candidates: list[Path],
    *,
    model: str = DEFAULT_MODEL,
    drawn: bool = False,
    json: bool = False,
    detector: Path | None = None,
) -> int:
    """Which face goes with a voice, or which voice with a face.

    The first file decides: a recording is a voice, and faces are ranked for it; a picture is a face, and voices are
    ranked for it. A video is what the others need it to be. The probabilities take for granted that exactly one of the
    candidates is right; by chance each has 1/N. What is learned is mostly sex and age: two people who share them are
    hard to tell.

    match-small has learned from drawn people only and is no better than guessing on real ones: there the verdict is
    "cannot tell", and there are no probabilities. Train a model on films of real people (seehear pretrain CORPUS RUN
    --preset match-small) and give it with --model. The exit code is 0 when all files could be used (also when the
    verdict is "cannot tell"), 2 when a candidate could not.

    Args:
        one: A recording of a voice, or a picture or video of a face.
        candidates: Pictures or videos of one face each, or recordings of one voice each.
        model: Name or folder of a match model, or hf:owner/name on the Hugging Face hub.
        drawn: The people are drawn, such as those of "seehear avatars".
        json: Print one JSON object instead.
        detector: YuNet's .onnx file; by default the cached one, or fetched.

    Raises:
        SeehearError: the first file cannot be used, or no candidate can.
    """
    from seehear.models.store import load_identity_model

    ranking = rank(one, candidates, load_identity_model(model), detector, drawn=drawn)
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    if json:
        print(json_format.dumps(ranking.to_json(), ensure_ascii=False), flush=True)  # noqa: T201
    elif ranking.ranked:
        _show(out, ranking)
    for failed in ranking.failed:
        err.print(f"seehear: {failed.error}", markup=False, soft_wrap=True)
    return 2 if ranking.failed else 0


def _show(out: Console, ranking: MatchRanking) -> None:
    """The candidates, the best first."""
    asked = "face" if ranking.asked == "voice" else "voice"
    out.print(Text(f"Which {asked} goes with the {ranking.asked} in {ranking.one}?"), soft_wrap=True)
    if ranking.cannot_tell:
        out.print(Text(f"cannot tell: {ranking.cannot_tell}", style="yellow"), soft_wrap=True)
    titles = ["", "score", asked] if ranking.cannot_tell else ["", "probability", "score", asked]
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for title in titles:
        table.add_column(title, justify="left" if title == asked else "right")
    for place, candidate in enumerate(ranking.ranked, 1):
        likely = [] if candidate.probability is None else [f"{candidate.probability:.3f}"]
        table.add_row(f"{place}.", *likely, f"{candidate.score:+.3f}", Text(str(candidate.path), overflow="fold"))
    out.print(table)
    count = len(ranking.ranked)
    if ranking.cannot_tell:
        out.print(
            "The order is that of the scores and means nothing for real people. --drawn is for drawn ones.", style="dim"
        )
        return
    chance = f"by chance 1/{count} = {1 / count:.3f} each" if count > 1 else "there is no other to choose"
    out.print(f"Probability if exactly one of them is right; {chance}.", style="dim", soft_wrap=True)
