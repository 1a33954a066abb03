"""Affect: a continuous number such as valence or arousal, moment by moment or once a recording (arXiv 2005.01400)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.data.datasets import Span
from seehear.errors import CorpusError
from seehear.evaluation.baselines import AUTO, DEFAULT_BASELINES, Mode
from seehear.evaluation.cross_validation import CrossValidation, Protocol, TrainedHead, on_features
from seehear.evaluation.features import SNR_DB, NoiseName, whole_frames
from seehear.evaluation.probes.heads import BGRUOptions, PooledHead, RecurrentHead
from seehear.evaluation.probes.interface import ConcordanceObjective, concordance_sums_of_known
from seehear.evaluation.probes.linear import PooledRegressor
from seehear.evaluation.recordings import Recording, Recordings
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.runner import ProbeName, ScoreSpec, compared_encoders, run_comparison
from seehear.evaluation.splits import SplitName
from seehear.metrics.scores import concordance
from seehear.progress import Progress


def evaluate_affect(
    model: str,
    data: list[Path],
    label: str = "valence",
    baselines: Sequence[str] = DEFAULT_BASELINES,
    dataset: str | None = None,
    probe: ProbeName = "bgru",
    mode: Mode = "frozen",
    split: SplitName = "speakers",
    label_fraction: float = 1.0,
    seeds: int = 3,
    first_seed: int = 0,
    noise: NoiseName = "none",
    snr_db: Sequence[float] = SNR_DB,
    layer: str = AUTO,
    where: Sequence[str] = (),
    shared_speakers: bool = False,
    bgru: BGRUOptions = BGRUOptions(),  # noqa: B008  frozen
    device: str = "cpu",
    progress: Progress | None = None,
) -> EvaluationResult:
    """Say how well valence, arousal or another number can be told from what a sound encoder hears.

    Its concordance (CCC) with the truth, over all steps or recordings of the test part; the loss is 1 - (CCC + 1) / 2.
    Each label is a model of its own, without compensation for the delay of those who annotated.

    Args:
        model: folder of a run, name of a model, mfcc or logmel; python:MODULE:CALLABLE@RATE or transformers:NAME.
        data: corpora that seehear prepare has made, or folders and files of a data set.
        label: what is told: spans of that name, [value, start, end] in seconds, followed step by step; or, where there
            are none, the label of that name, once a recording.
        baselines: encoders to compare with: mfcc, logmel, other models, untrained (its own shape with random weights),
            finetuned or scratch (its own shape, all weights trained with the labels).
        dataset: layout of files that are no corpus: folder and so on.
        probe: bgru (two recurrent layers, as in the paper) or pooled (ridge regression over mean and deviation in
            four segments of time; for numbers once a recording).
        mode: frozen, or finetuned or scratch, which train the encoder with the labels.
        split: speakers (a fifth of them is tested), leave-one-speaker-out, official (the label part), or random, where
            a speaker may be on both sides.
        label_fraction: share of the training recordings that is used.
        seeds: repetitions, each with its own split, labels and weights.
        first_seed: number of the first of them; the others follow it.
        noise: that test recordings are mixed with; training is always clean.
        snr_db: ratios of sound to noise.
        layer: auto (of every encoder alike, the layer that is best on the development part, people who are neither
            trained on nor tested, chosen in each fold anew), last (of every encoder alike), or the name of one, for the
            model and those of its shape. Encoders that are trained with the labels are read at the last by default.
        where: only recordings with these labels, each label=value or label=value|other.
        shared_speakers: let an official split have a speaker on both sides.
        bgru: the recurrent read-out, and all training with labels.
        device: where networks run, as torch names it.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ModelError: there is no such model or layer.
        CorpusError: no such data, no such numbers, too few speakers, or pooled for numbers that change with time.
    """
    protocol = Protocol(mode, split, shared_speakers, label_fraction, seeds, noise, snr_db, bgru, device, first_seed)
    named = compared_encoders(model, baselines, mode, layer)
    found = Recordings.of(data, dataset).where(where)
    followed = any(recording.spans.get(label) for recording in found)
    if followed and probe == "pooled":
        raise CorpusError(f"{label} of {found.name} changes with time, which needs --probe bgru")
    recordings = (_with_spans(found, label) if followed else found.labelled(label)).with_readable_sound(progress)
    truths: list[Any] = [
        steps_of(r.spans[label], r, label, bgru.rate) if followed else _number(r.labels[label], r, label)
        for r in recordings
    ]
    known = np.concatenate([np.atleast_1d(truth) for truth in truths])
    known = known[np.isfinite(known)]
    if not np.ptp(known):
        raise CorpusError(f"{label} of {found.name} is the same for all ({known[0]:g}); give recordings that differ")
    course = CrossValidation(recordings, truths, protocol, [""] * len(truths))
    goal = ConcordanceObjective(every_step=followed)

    def make_head(width: int) -> RecurrentHead | PooledHead:
        return PooledHead(width, 1) if probe == "pooled" else RecurrentHead(width, 1, bgru, every_step=followed)

    training = TrainedHead(goal, make_head)
    frozen = PooledRegressor(goal) if probe == "pooled" else on_features(training, protocol)
    what = ScoreSpec(
        sums=concordance_sums_of_known,
        scores={"CCC": concordance},
        higher_is_better=True,
        chance={"CCC": 0.0},
        bounds=(-1, 1),
    )
    setting = {"read-out": probe, **protocol.settings()}
    return run_comparison(label, course, named, frozen, training, what, setting, progress)


def steps_of(spans: Sequence[Span], recording: Recording, target: str, rate: int) -> NDArray[np.float64]:
    """The number at each step of a recording, so many a second; not a number where no span is.

    Raises:
        CorpusError: a span whose text is no number.
    """
    steps = np.full(whole_frames(recording.samples) * rate // FPS, np.nan)
    moments = (np.arange(len(steps)) + 0.5) / rate
    for span in spans:
        steps[(moments >= span.start_s) & (moments < span.end_s)] = _number(span.text, recording, target)
    return steps


def _number(text: str, recording: Recording, target: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise CorpusError(f"the {target} of {recording.name} is {text!r}, which is no number; correct or remove it")
    return number


def _with_spans(recordings: Recordings, target: str) -> Recordings:
    """Those with some; the others are left out."""
    there = np.array([bool(recording.spans.get(target)) for recording in recordings], dtype=bool)
    rest = {recordings[row].name: f"it has no {target}" for row in np.flatnonzero(~there).tolist()}
    return Recordings(recordings.subset(there), recordings.name, recordings.left_out | rest)
