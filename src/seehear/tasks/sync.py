"""Sync accuracy, the protocol of the sync papers.

Perfect Match (Chung, Chung & Kang 2019, arXiv 1809.08001, section 4.2), as SyncNet and its successors report it: lips
and sound are compared at 31 offsets, -15 to +15 frames; distances are averaged over K consecutive frames; the offset of
the least distance counts as right within one frame of the truth, which is 0. Guessing is right 3 times in 31.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.corpus.detectors import FacesFrom
from seehear.errors import SeehearError
from seehear.losses.similarity import Distance
from seehear.tasks.result import how_sure_of_one, percent_range
from seehear.tasks.scores import error_rate
from seehear.tasks.significance import as_plain, figure, unit_sums
from seehear.tasks.units import Units, each_alone, units_of_metas

if TYPE_CHECKING:
    from rich.table import Table

    from seehear.clip import Clip
    from seehear.pretext.lipsync import LipSync

REACH = 15
"""Offsets go this many frames to either side: 0.6 s."""

OFFSETS = 2 * REACH + 1

TOLERANCE = 1
"""Frames by which a predicted offset may be wrong."""

CHANCE = (2 * TOLERANCE + 1) / OFFSETS  # 9.7 %

LENGTHS = (5, 7, 9, 11, 13, 15)
"""K: consecutive embeddings that are averaged."""


@dataclass(frozen=True)
class Accuracy:
    """Of one K.

    Attributes:
        frames: K.
        accuracy: share of the windows whose offset was found, 0 to 1.
        low, high: 95 % interval over people, or sources where these are not known, as `significance.interval` has it;
            not a number where there is only one.
        windows: how many there were.
        clips: how many clips they came from.
        units: how many people, or sources, they came from.
        draws: the accuracy in each draw of those with replacement, (R,); the same draws for every model. Not told.
    """

    frames: int
    accuracy: float
    low: float
    high: float
    windows: int
    clips: int
    units: int = 0
    draws: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), compare=False, repr=False)


@dataclass(frozen=True)
class SyncAccuracy:
    """The whole table.

    Attributes:
        by_length: one entry a K, in their order. A K for which all clips were too short is not there.
        chance: share that guessing reaches.
        clips: clips seen.
        too_short: how many of them gave no window even for the smallest K.
        units: what intervals are over: speakers, sources, or clips of which neither is known.
        faces: which detector found them.
    """

    by_length: tuple[Accuracy, ...]
    chance: float
    clips: int
    too_short: int
    units: str = "clips"
    faces: FacesFrom = field(default_factory=FacesFrom)

    def at(self, frames: int) -> float:
        """Accuracy for that K, 0 to 1.

        Raises:
            SeehearError: no clip was long enough.
        """
        for entry in self.by_length:
            if entry.frames == frames:
                return entry.accuracy
        raise SeehearError(f"no clip is long enough to measure sync over {frames} frames; use longer clips")

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return as_plain(self) | {"by_length": [as_plain(entry) for entry in self.by_length]}

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(width=100, file=io.StringIO())
        console.print(self.table())
        for line in self.remarks():
            console.print(line, markup=False, highlight=False)
        assert isinstance(console.file, io.StringIO)
        return "\n".join([console.file.getvalue().rstrip(), *self.faces.lines()])

    def table(self) -> Table:
        """For the terminal."""
        from rich.table import Table

        title = f"Sync accuracy, offset within ±{TOLERANCE} frame of the truth (chance {self.chance:.1%})"
        table = Table("K (frames)", "accuracy", "95 % interval", "windows", "clips", title=title)
        for entry in self.by_length:
            interval = percent_range(entry.low, entry.high)
            row = (str(entry.frames), f"{entry.accuracy:.1%}", interval, str(entry.windows), str(entry.clips))
            table.add_row(*row)
        return table

    def remarks(self) -> list[str]:
        """What has to be known to believe the table."""
        return [how_sure_of_one(self.by_length[0].units, self.units)] if self.by_length else []


def distances_by_offset(lips: Tensor, sound: Tensor, distance: Distance, reach: int = REACH) -> Tensor:
    """Distance of each moment of the lips to the sound around it.

    Args:
        lips: (T, D).
        sound: (T, D), moment t of either was recorded at the same time.
        distance: how to compare.
        reach: offsets to either side.

    Returns:
        (T - 2 reach, 2 reach + 1): row r is lip moment reach + r, column o is sound moment r + o, that is, the offset
        o - reach. A positive offset means that the sound comes late.
    """
    moments = len(lips) - 2 * reach
    if moments < 1:
        return lips.new_zeros(0, 2 * reach + 1)
    around = sound.unfold(0, 2 * reach + 1, 1)  # (moments, D, offsets)
    middle = lips[reach : reach + moments].unsqueeze(-1)
    if distance == "cosine":
        return 1 - torch.cosine_similarity(middle, around, dim=1)
    return (middle - around).square().sum(1).sqrt()


def found(distances: Tensor, length: int, truth: int = 0) -> Tensor:
    """Which windows of ``length`` moments find the offset.

    Args:
        distances: (moments, offsets), offset 0 in the middle.
        length: K.
        truth: the true offset, frames; positive: the sound is late.

    Returns:
        (moments - K + 1,) bool. Windows of K consecutive moments, one moment apart, all of whose offsets exist.
    """
    if len(distances) < length:
        return torch.zeros(0, dtype=torch.bool)
    averaged = distances.unfold(0, length, 1).mean(-1)  # (windows, offsets)
    offset = averaged.argmin(1) - distances.shape[1] // 2
    return (offset - truth).abs() <= TOLERANCE


def sync_accuracy(
    clips: Iterable[tuple[Tensor, Tensor]],
    distance: Distance = "cosine",
    lengths: Sequence[int] = LENGTHS,
    seed: int = 0,
    units: Callable[[], Units] | None = None,
) -> SyncAccuracy:
    """Accuracy over clips whose lips and sound are in sync.

    Only windows for which all 31 offsets lie inside the clip count, so that chance is the same for all of them. A clip
    of T embeddings gives T - 29 - K windows: a clip of 3 s (75 frames) gives 33 for K = 5 and 23 for K = 15 where the
    model's context is 4 frames. Clips with fewer than 31 + K - 1 embeddings give none; ``too_short`` counts them.

    Args:
        clips: (lips (T, D), sound (T, D)) of each.
        distance: how the model's embeddings are compared.
        lengths: the Ks.
        seed: of the bootstrap.
        units: asked when all clips were seen: which person or source each is of. By default each is taken for
            independent of all others.
    """
    right: list[list[tuple[int, int]]] = [[] for _ in lengths]  # for each K: (found, windows) of each clip
    seen = too_short = 0
    for lips, sound in clips:
        apart = distances_by_offset(lips.float(), sound.float(), distance)
        seen += 1
        too_short += len(apart) < min(lengths)
        for length, counts in zip(lengths, right, strict=True):
            hits = found(apart, length)
            counts.append((int(hits.sum()), len(hits)))
    of = units() if units else each_alone(seen)
    told = (_with_interval(length, np.array(counts), of, seed) for length, counts in zip(lengths, right, strict=True))
    return SyncAccuracy(tuple(entry for entry in told if entry), CHANCE, seen, too_short, of.kind)


def _with_interval(length: int, counts: NDArray[np.int64], units: Units, seed: int) -> Accuracy | None:
    """Ratio of sums over units, of (found, windows) of each clip, (clips, 2); None where there was no window."""
    if not len(counts) or not counts[:, 1].any():
        return None
    sums = unit_sums(counts.astype(np.float64), units.of, len(units))
    told = figure(sums[None], error_rate, seed)
    clips = int((counts[:, 1] > 0).sum())
    return Accuracy(length, told.value, told.low, told.high, int(counts[:, 1].sum()), clips, told.units, told.draws)


def evaluate_sync(
    model: LipSync,
    clips: Iterable[Clip],
    lengths: Sequence[int] = LENGTHS,
    units: Callable[[Sequence[Mapping[str, Any]]], Units] = units_of_metas,
) -> SyncAccuracy:
    """Sync accuracy of a model on clips that are in sync.

    Args:
        model: in evaluation mode, on any device.
        clips: each is embedded as a whole; those that the model's context uses up count as too short.
        lengths: the Ks.
        units: which unit each clip is of, from what the clips know of themselves.
    """
    device = next(model.parameters()).device
    metas: list[Mapping[str, Any]] = []

    def embedded() -> Iterator[tuple[Tensor, Tensor]]:
        for clip in clips:
            metas.append(clip.meta)
            if clip.frames <= 2 * model.context:
                yield torch.zeros(0, model.dim), torch.zeros(0, model.dim)
                continue
            with torch.inference_mode():
                lips = model.embed_lips(torch.from_numpy(clip.video).unsqueeze(0).to(device))
                sound = model.embed_sound(torch.from_numpy(clip.audio).unsqueeze(0).to(device))
            yield lips[0].cpu(), sound[0].cpu()

    return sync_accuracy(embedded(), model.distance, lengths, units=lambda: units(metas))
