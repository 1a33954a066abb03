"""Lip-sync: accuracy of the audio offset that a model finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.data.corpus import By, Corpus
from seehear.data.manifest import DetectorProvenance
from seehear.errors import CorpusError, SeehearError
from seehear.evaluation.result import Measurement, describe_interval, format_percent_range
from seehear.evaluation.splits import ClipPart, clips_of_part
from seehear.losses.base import Distance
from seehear.metrics.bootstrap import Units, estimate, singletons, to_plain_dict, unit_sums, units_of_metas
from seehear.metrics.scores import CHANCE, LENGTHS, TOLERANCE, count_hits, error_rate
from seehear.models.interface import LipSyncModel
from seehear.models.store import load_sync_model
from seehear.progress import Progress, Stage
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from seehear.clip import Clip


@dataclass(frozen=True)
class LengthAccuracy:
    """Accuracy for one K.

    Attributes:
        frames: K
        accuracy: share of the windows whose offset was found, 0 to 1
        low, high: 95 % interval over people, or sources where these are not known, see `seehear.metrics.bootstrap`; NaN
            if there is only one
        windows: number of windows
        clips: number of clips they came from
        units: number of people, or sources, they came from
        draws: the accuracy in each bootstrap draw of the units, (R,); the same draws for every model; not in JSON
    """

    frames: int
    accuracy: float
    low: float
    high: float
    windows: int
    clips: int
    units: int = 0
    draws: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), compare=False, repr=False)


@dataclass(frozen=True, repr=False)
class SyncEvaluation(Result):
    """The accuracy for several K.

    Attributes:
        by_length: one entry for each K, in their order, except those for which all clips were too short
        chance: accuracy at chance
        clips: number of clips
        too_short: number of clips that gave no window even for the smallest K
        units: what intervals are over: speakers, sources, or clips where neither is known
        faces: face detector of the corpus
    """

    by_length: tuple[LengthAccuracy, ...]
    chance: float
    clips: int
    too_short: int
    units: str = "clips"
    faces: DetectorProvenance = field(default_factory=DetectorProvenance)

    def at(self, frames: int) -> float:
        """Return the accuracy for a K, 0 to 1.

        Raises:
            SeehearError: no clip was long enough.
        """
        for entry in self.by_length:
            if entry.frames == frames:
                return entry.accuracy
        raise SeehearError(f"no clip is long enough to measure sync over {frames} frames; use longer clips")

    def measurement(self) -> Measurement:
        """Return the accuracy for each K.

        Raises:
            SeehearError: no clip was long enough.
        """
        if not self.by_length:
            raise SeehearError("no clip of the corpus is long enough to measure sync; use longer clips")
        first = self.by_length[0]
        scores = {f"K={entry.frames}": entry.accuracy for entry in self.by_length}
        return Measurement(
            scores=scores,
            recordings=self.clips,
            tested=first.clips,
            units=self.units,
            unit_count=first.units,
            draws=first.draws,
            chance=dict.fromkeys(scores, self.chance),
            setting={"windows": first.windows, "too short": self.too_short},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return to_plain_dict(self) | {"by_length": [to_plain_dict(entry) for entry in self.by_length]}

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        return Group(self.table(), *(Text(line) for line in [*self.remarks(), *self.faces.lines()]))

    def table(self) -> Table:
        """Return the table for the terminal."""
        from rich.table import Table

        title = f"Sync accuracy, offset within ±{TOLERANCE} frame of the truth (chance {self.chance:.1%})"
        table = Table("K (frames)", "accuracy", "95 % interval", "windows", "clips", title=title)
        for entry in self.by_length:
            interval = format_percent_range(entry.low, entry.high)
            row = (str(entry.frames), f"{entry.accuracy:.1%}", interval, str(entry.windows), str(entry.clips))
            table.add_row(*row)
        return table

    def remarks(self) -> list[str]:
        """Return what one has to know to interpret the table."""
        return [describe_interval(self.by_length[0].units, self.units)] if self.by_length else []


def sync_accuracy(
    clips: Iterable[tuple[Tensor, Tensor]],
    distance: Distance = "cosine",
    lengths: Sequence[int] = LENGTHS,
    seed: int = 0,
    units: Callable[[], Units] | None = None,
) -> SyncEvaluation:
    """Compute the accuracy over clips whose lips and audio are in sync.

    Only windows count for which all 31 offsets lie inside the clip, so that chance is the same for all of them. A clip
    of T embeddings gives T - 29 - K windows: a clip of 3 s (75 frames) gives 33 for K = 5 and 23 for K = 15 if the
    model's context is 4 frames. Clips with fewer than 31 + K - 1 embeddings give none; ``too_short`` counts them.

    Args:
        clips: (lips (T, D), audio (T, D)) of each
        distance: how the model's embeddings are compared
        lengths: the values of K
        seed: of the bootstrap
        units: called after the last clip; returns the person or source of each. By default clips are independent.
    """
    counts = count_hits(clips, distance, lengths)
    seen = len(counts[0])
    too_short = sum(windows == 0 for _, windows in counts[int(np.argmin(lengths))])
    of = units() if units else singletons(seen)
    entries = (_with_interval(length, np.array(found), of, seed) for length, found in zip(lengths, counts, strict=True))
    return SyncEvaluation(tuple(entry for entry in entries if entry), CHANCE, seen, too_short, of.kind)


def _with_interval(length: int, counts: NDArray[np.int64], units: Units, seed: int) -> LengthAccuracy | None:
    """Compute the ratio of sums over units of (hits, windows) of each clip, (clips, 2); None if there was no window."""
    if not len(counts) or not counts[:, 1].any():
        return None
    sums = unit_sums(counts.astype(np.float64), units.of, len(units))
    estimated = estimate(sums[None], error_rate, seed)
    clips = int((counts[:, 1] > 0).sum())
    return LengthAccuracy(
        length,
        estimated.value,
        estimated.low,
        estimated.high,
        int(counts[:, 1].sum()),
        clips,
        estimated.units,
        estimated.draws,
    )


def evaluate_sync_clips(
    model: LipSyncModel,
    clips: Iterable[Clip],
    lengths: Sequence[int] = LENGTHS,
    units: Callable[[Sequence[Mapping[str, Any]]], Units] = units_of_metas,
) -> SyncEvaluation:
    """Compute the sync accuracy of a model on clips that are in sync.

    Args:
        model: in evaluation mode, on any device
        clips: each is embedded as a whole; those that are not longer than the model's context count as too short
        lengths: the values of K
        units: returns the unit of each clip, from the metadata of the clips
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


def evaluate_sync(
    model: str | Path | LipSyncModel,
    corpus: str | Path,
    split: ClipPart = "dev",
    split_by: By | None = None,
    dev_every: int | None = None,
    lengths: Sequence[int] = (),
    progress: Progress | None = None,
) -> SyncEvaluation:
    """Evaluate lip-sync: does a model find the offset of the audio that belongs to the lips, among 31?

    Args:
        model: folder of a run, name of a model, hf:owner/name on the Hugging Face hub, or a loaded model.
        corpus: folder that "seehear prepare" has made.
        split: which of its clips: those that training holds out (dev), those it trains on, all, or official, those
            whose label part is test.
        split_by: what is on one side of the split only, sources or speakers; by default as in the model's training.
        dev_every: every n-th source (or speaker) is held out; by default as in the model's training.
        lengths: numbers of frames over which distances are averaged, K in the papers; by default 5, 7, 9, 11, 13, 15.
        progress: called with the share of the clips that are done, 0 to 1, and a text.

    Raises:
        ModelError: there is no such model, or it has not learned sync.
        CorpusError: there is no such corpus, it cannot be split, it is audio alone, or none of the clips has sound.
        SeehearError: a length of no frames.
    """
    if any(length < 1 for length in lengths):
        raise SeehearError(f"--lengths must be 1 or more, not {min(lengths)}")
    trained = load_sync_model(model)
    clips = clips_of_part(Corpus(corpus).with_faces(), split, trained.config, split_by, dev_every).with_sound()
    if not clips:
        raise CorpusError(f"{corpus} has no clips with audio in the split {split}; prepare videos that have audio")
    found = evaluate_sync_clips(trained, _reported(clips, progress), tuple(lengths) or LENGTHS)
    return replace(found, faces=DetectorProvenance.of(trained.config, clips.detectors))


def _reported(clips: Corpus, progress: Progress | None) -> Iterator[Clip]:
    """Yield the clips and report how many are done."""
    stage = Stage(progress, "sync", len(clips))
    for done, clip in enumerate(clips, 1):
        yield clip
        stage.update(done, f"{done} clips")
