"""Speaker identification: top-1 and top-5 accuracy of a linear probe among known speakers (arXiv 1706.08612, 5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seehear.errors import CorpusError
from seehear.evaluation import find_score
from seehear.evaluation.baselines import DEFAULT_BASELINES
from seehear.evaluation.cross_validation import Protocol, describe_seeds
from seehear.evaluation.probes.linear import fit_probe
from seehear.evaluation.recordings import Recording, Recordings
from seehear.evaluation.result import EvaluationResult, Row
from seehear.evaluation.speaker.voices import (
    ComparedVoice,
    Pooling,
    Vectors,
    compared_voices,
    embed_voices,
    whole_segments,
)
from seehear.evaluation.splits import require_speakers
from seehear.metrics.bootstrap import Statistic, Sums, estimate, paired_comparison, unit_sums
from seehear.metrics.pairs import Rows
from seehear.metrics.scores import Numbers, error_rate
from seehear.progress import Progress
from seehear.registry import OneOf

HELD_OUT = 5  # one recording of a speaker in this many is tested


TOP = 5


SCORES: dict[str, Statistic] = {
    "top-1": lambda sums: error_rate(sums[..., [0, 2]]),
    "top-5": lambda sums: error_rate(sums[..., [1, 2]]),
}
"""Score -> function of the sums of hits, hits among the first five, and tested items."""


class _Pieces(NamedTuple):
    """Audio in segments.

    Attributes:
        pieces: all segments
        items: what is classified as one: recordings, or segments of the only recording of a speaker, (segments,)
        speakers: class of each item, (items,)
    """

    pieces: list[Recording]
    items: Rows
    speakers: Rows


def evaluate_identification(
    model: str,
    data: list[Path],
    baselines: Sequence[str] = DEFAULT_BASELINES,
    dataset: Annotated[str, OneOf("dataset")] | None = None,
    seconds: float = 2.0,
    pooling: Pooling = "mean+deviation",
    layer: str | None = None,
    seeds: int = 3,
    first_seed: int = 0,
    where: Sequence[str] = (),
    device: str = "cpu",
    progress: Progress | None = None,
) -> EvaluationResult:
    """Evaluate how well a linear probe on frozen voice embeddings identifies known speakers.

    A fifth of each speaker's recordings is held out and classified by the mean of the log probabilities of its
    segments. If a speaker has only one recording, a fifth of its segments is, each classified on its own.

    Args:
        model: folder of a run, name of a model, mfcc or logmel; python:MODULE:CALLABLE@RATE or transformers:NAME
        data: corpora that "seehear prepare" has made, or folders and files of a data set, with the label speaker
        baselines: encoders to compare with: mfcc, logmel, other models, or untrained (the model's architecture with
            random weights)
        dataset: name of the data set that the files are of, unless they are a corpus; by default a folder with labels
        seconds: length of a segment of audio
        pooling: of features that are not voice embeddings: their mean over time, or mean and deviation
        layer: layer of the encoder, pooled; by default a model's own voice embedding, else the encoder's default layer
        seeds: repetitions, each with other recordings held out and other random weights, if there are any
        first_seed: number of the first seed; the others follow it
        where: only recordings with these labels, each label=value or label=value|other
        device: where networks run, as torch names it
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Raises:
        ModelError: there is no such model or layer.
        CorpusError: no such data, speakers are not known, or there are fewer than two with enough audio.
    """
    numbers = Protocol(seeds=seeds, first_seed=first_seed, device=device).numbers
    if not seconds > 0:
        raise CorpusError(f"--seconds must be more than 0, not {seconds:g}")
    for name in ("finetuned", "scratch"):
        if name in baselines:
            raise CorpusError(f"the probe leaves encoders as they are; leave {name} out of --baselines")
    named = compared_voices(model, baselines, "frozen", layer, pooling)
    recordings = Recordings.of(data, dataset).where(where).labelled("speaker").with_readable_sound(progress)
    segments, names, left_out = _cut(recordings, seconds)
    held = [_held_out(segments.speakers, seed) for seed in numbers]
    tested = np.unique(np.concatenate(held))
    sums = [_sums(one, segments, dict(zip(numbers, held, strict=True)), len(names), device, progress) for one in named]
    top_1 = SCORES["top-1"]
    setting = {"probe": "linear", "pooling": pooling, "seconds": seconds, "held out": "a fifth"}
    return EvaluationResult(
        task="speaker identification",
        data=recordings.name,
        rows=tuple(
            Row(one.name, one.mode, {name: estimate(found, score) for name, score in SCORES.items()}, by_snr={})
            for one, found in zip(named, sums, strict=True)
        ),
        comparisons=tuple(
            paired_comparison(one.name, sums[0], found, top_1) for one, found in zip(named[1:], sums[1:], strict=True)
        ),
        higher_is_better=find_score("top-1").higher_is_better,
        chance={"top-1": 1 / len(names), "top-5": min(1.0, TOP / len(names))},
        classes=(),
        recordings=len(recordings),
        tested=len(tested),
        speakers=len(names),
        units="speakers",
        setting=setting | {"seeds": describe_seeds(numbers)},
        left_out=recordings.left_out | left_out,
    )


def _cut(recordings: Recordings, seconds: float) -> tuple[_Pieces, list[str], dict[str, str]]:
    """Return segments of all speakers with two recordings, or one of two segments; their names; and who is left out."""
    by_speaker: dict[str, list[Recording]] = defaultdict(list)
    for speaker, recording in zip(require_speakers(recordings), recordings, strict=True):
        by_speaker[speaker].append(recording)
    left_out: dict[str, str] = {}
    pieces: list[Recording] = []
    items: list[int] = []
    speakers: list[int] = []
    names: list[str] = []
    for speaker, own in sorted(by_speaker.items()):
        cut = [whole_segments(recording, seconds) or [recording] for recording in own]
        groups = cut if len(cut) > 1 else [[piece] for piece in cut[0]]
        if len(groups) < 2:
            left_out[own[0].name] = f"it is all there is of its speaker, and shorter than two pieces of {seconds:g} s"
            continue
        for item in groups:
            pieces += item
            items += [len(speakers)] * len(item)
            speakers.append(len(names))
        names.append(speaker)
    if len(names) < 2:
        raise CorpusError(
            f"{recordings.name} has {len(names)} speakers with two recordings or two pieces of {seconds:g} s, and one "
            "needs two; give more recordings, or lower --seconds"
        )
    return _Pieces(pieces, np.array(items), np.array(speakers)), names, left_out


def _held_out(speakers: Rows, seed: int) -> Rows:
    """Return the tested items: of each speaker one in five, at least one."""
    rng = np.random.default_rng([seed, 88])
    held = []
    for rows in np.split(np.arange(len(speakers)), np.flatnonzero(np.diff(speakers)) + 1):
        held.append(rng.permutation(rows)[: max(1, len(rows) // HELD_OUT)])
    return np.sort(np.concatenate(held))


def _sums(
    one: ComparedVoice,
    segments: _Pieces,
    held: Mapping[int, Rows],
    classes: int,
    device: str,
    progress: Progress | None,
) -> Sums:
    """Return sums (seeds, speakers, 3): hits, hits among the first five, and tested items."""
    vectors: Vectors | None = None
    sums = []
    for seed, tested in held.items():
        if vectors is None or one.drawn:
            vectors = embed_voices(one.voice(seed).to(device), segments.pieces, f"hearing by {one.name}", progress)
        test = np.isin(segments.items, tested)
        speakers = segments.speakers[segments.items]
        probe = fit_probe(vectors[~test], speakers[~test], classes, seed)
        hits = _hits(probe(vectors[test]), segments.items[test], segments.speakers)
        sums.append(unit_sums(hits, segments.speakers[np.unique(segments.items[test])], classes))
    return np.stack(sums)


def _hits(scores: NDArray[np.float64], items: Rows, speakers: Rows) -> Numbers:
    """Return whether each item's speaker is first, and among the first five, and 1: (items, 3).

    Args:
        scores: log probabilities, (segments, classes)
        items: of each segment
        speakers: of every item
    """
    there, which = np.unique(items, return_inverse=True)
    together = np.zeros((len(there), scores.shape[1]))
    np.add.at(together, which, scores)
    right = together[np.arange(len(there)), speakers[there]][:, None]
    before = (together > right).sum(1) + ((together == right).sum(1) - 1) / 2  # ties count half
    return np.stack([before < 1, before < TOP, np.ones(len(there))], axis=1).astype(np.float64)
