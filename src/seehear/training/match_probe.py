"""Does match learn? Voices and faces of a few development clips, told apart while training goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from seehear.corpus.views import FULL_SCALE, ClipViews
from seehear.pretext.identity import IdentityModel
from seehear.tasks.verification.curve import Counts
from seehear.training.options import DataOptions
from seehear.training.probe import Probed, spread

BATCH = 32
MOMENTS = (0.25, 0.75)
"""Of a clip, at which its two stills are taken."""

VOICE = {"voice_eer": ".1%"}
FACES = {"face_voice_auc": ".1%", "face_of_2": ".1%"}


@dataclass
class MatchProbe:
    """Which face belongs to a voice, and whether two segments are of one voice; labels of people are not asked for.

    ``face_voice_auc``: how often a voice and its own face score above a voice and another face. ``face_of_2``: of two
    faces, the share of right choices for a voice; both mean over either still. ``voice_eer``: equal error rate of first
    and second segments, of one clip or of two.

    Others are clips of other sources. Where a person has several sources, some of the others are the same after all,
    and no model reaches 100 %.

    Attributes:
        batches: clips of one length each: audio float32 (B, 640 T), video uint8 (B, 2, ...), seen bool (B,).
        sources: of all clips, in the order of the batches.
        model: whose `similarity` scores.
        formats, beside: see `seehear.training.probe.Probe`.
    """

    batches: list[dict[str, Tensor]]
    sources: NDArray[np.int64]
    model: IdentityModel
    formats: Mapping[str, str] = field(default_factory=lambda: FACES | VOICE)
    beside: str = "chance 50.0%"

    def __post_init__(self) -> None:
        self.seen = torch.cat([batch["seen"] for batch in self.batches])
        if len(np.unique(self.sources[self.seen.numpy()])) < 2:
            self.formats = VOICE

    def __call__(self, model: nn.Module, fabric: Fabric) -> Probed:
        """Measure a model that is in evaluation mode. Every process measures all clips: they are few."""
        return self.score([model(fabric.to_device(batch)) for batch in self.batches])

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> Probed:
        """What the model made of the batches, measured."""
        found = {name: torch.cat([out[name].cpu() for out in outs]) for name in ("voice", "voice2", "face", "face2")}
        same = np.eye(len(self.sources), dtype=bool)
        asked = same | (self.sources[:, None] != self.sources)
        voices = self.model.similarity(found["voice"], found["voice2"]).float().numpy()
        numbers = {"voice_eer": float(Counts.of(voices[asked], same[asked]).eer)}
        if "face_of_2" in self.formats:
            faces = asked & (self.seen[:, None] & self.seen).numpy()
            scores = [self.model.across(found["voice"], found[face]).float().numpy() for face in ("face", "face2")]
            numbers["face_voice_auc"] = float(np.mean([Counts.of(s[faces], same[faces]).auc for s in scores]))
            numbers["face_of_2"] = float(np.mean([of_two(s, faces) for s in scores]))
        return Probed({name: numbers[name] for name in self.formats})


def of_two(scores: NDArray[np.float32], asked: NDArray[np.bool_]) -> float:
    """Share of right choices between the own one and another one, over all pairs of them; a tie is half a right one.

    Args:
        scores: (N, N), the own ones on the diagonal.
        asked: (N, N), which of them take part.
    """
    own = scores.diagonal()[:, None]
    right = (own > scores) + (own == scores) / 2
    others = asked & ~np.eye(len(scores), dtype=bool)
    return float(right[others].mean())


def match_probe(views: ClipViews, model: IdentityModel, data: DataOptions) -> MatchProbe | None:
    """A probe over clips spread evenly over a corpus.

    Returns:
        None where there are not two sources with a clip that is long enough.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip in spread(views, data.probe_clips, data.min_frames):
        by_length[min(data.frames, int(views.frames[clip]))].append(clip)
    clips = [clip for own in by_length.values() for clip in own]
    if len(np.unique(views.sources[clips])) < 2:
        return None
    batches = [
        _shown(views, own[start : start + BATCH], length)
        for length, own in by_length.items()
        for start in range(0, len(own), BATCH)
    ]
    return MatchProbe(batches, views.sources[clips], model)


def _shown(views: ClipViews, clips: list[int], frames: int) -> dict[str, Tensor]:
    """The first ``frames`` of clips as one batch, two pictures of each."""
    places = [int(moment * frames) for moment in MOMENTS]
    stills = [[views.window(clip, place, 1)[0][0] for place in places] for clip in clips]
    sound = np.stack([views.window(clip, 0, frames)[1] for clip in clips]).astype(np.float32) / FULL_SCALE
    video = torch.from_numpy(np.array(stills))
    return {"audio": torch.from_numpy(sound), "video": video, "seen": torch.from_numpy(views.seen[clips])}
