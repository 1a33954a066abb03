"""`match`: which face goes with a voice, which voice with a face.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from seehear.models.interface import IdentityModel


QueryKind = Literal["voice", "face"]


@dataclass(frozen=True)
class Candidate:
    """A candidate.

    Attributes:
        path: of the file.
        score: similarity of face and voice; of most models the cosine, -1 to 1.
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
        query_kind: voice or face.
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

        wanted = "face" if self.query_kind == "voice" else "voice"
        parts: list[RenderableType] = [Text(f"Which {wanted} goes with the {self.query_kind} in {self.query}?")]
        if self.cannot_tell:
            parts.append(Text(f"cannot tell: {self.cannot_tell}", style="yellow"))
        titles = ["", "score", wanted] if self.cannot_tell else ["", "probability", "score", wanted]
        table = Table(box=None, padding=(0, 2), pad_edge=False)
        for title in titles:
            table.add_column(title, justify="left" if title == wanted else "right")
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

    The query decides: for a recording of a voice, faces are ranked; for a picture of a face, voices. A video serves as
    whichever the candidates need. The probabilities assume that exactly one candidate is right; by chance each has 1/N.
    Models learn mostly sex and age: two people who share both are hard to distinguish.

    match-small was trained on drawn faces only and is at chance on photographs: there the verdict is "cannot tell", and
    there are no probabilities. Train a model on videos of real people (seehear pretrain CORPUS -o
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
    from seehear.apps.rank_candidates import rank_candidates

    return rank_candidates(Path(query), [Path(path) for path in candidates], model, drawn_faces, detector)
