"""Affect: continuous numbers such as valence and arousal, for each time step or recording (arXiv 2005.01400)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.data.datasets import Span
from seehear.errors import CorpusError
from seehear.evaluation.cross_validation import CrossValidation, TrainedHead, on_features
from seehear.evaluation.features import whole_frames
from seehear.evaluation.probes.heads import PooledHead, RecurrentHead
from seehear.evaluation.probes.interface import ConcordanceObjective, concordance_sums_of_known
from seehear.evaluation.probes.linear import PooledRegressor
from seehear.evaluation.recordings import Recording, Recordings
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.runner import ProbeName, ScoreSpec, run_comparison
from seehear.evaluation.speech import SpeechProtocol
from seehear.metrics.scores import concordance
from seehear.progress import Progress


def evaluate_affect(
    model: str,
    data: list[Path],
    label: str = "valence",
    probe: ProbeName = "bgru",
    protocol: SpeechProtocol = SpeechProtocol(),  # noqa: B008  frozen
    progress: Progress | None = None,
) -> EvaluationResult:
    """Evaluate how well valence, arousal or another number can be predicted from an encoder's features.

    The score is the concordance correlation coefficient (CCC) with the truth, over all time steps or recordings of the
    test part; the loss is 1 - (CCC + 1) / 2. Each label has a probe of its own. The delay of the annotators is not
    compensated.

    Args:
        model: folder of a run, name of a model, mfcc or logmel; python:MODULE:CALLABLE@RATE or transformers:NAME.
        data: corpora that "seehear prepare" has made, or folders and files of a data set.
        label: what is predicted: spans of that name, [value, start, end] in seconds, step by step; or, where there are
            none, the label of that name, once a recording.
        probe: bgru (two recurrent layers, as in the paper) or pooled (ridge regression over mean and deviation in
            four segments of time; for numbers once a recording).
        protocol: the options that all tasks on speech share.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ModelError: there is no such model or layer.
        CorpusError: no such data, no such numbers, too few speakers, or pooled for numbers that change with time.
    """
    encoders = protocol.encoders(model)
    available = protocol.recordings(data)
    bgru = protocol.bgru
    followed = any(recording.spans.get(label) for recording in available)
    if followed and probe == "pooled":
        raise CorpusError(f"{label} of {available.name} changes with time, which needs --probe bgru")
    labelled = _with_spans(available, label) if followed else available.labelled(label)
    recordings = labelled.with_readable_sound(progress)
    truths: list[Any] = [
        steps_of(r.spans[label], r, label, bgru.rate) if followed else _number(r.labels[label], r, label)
        for r in recordings
    ]
    known = np.concatenate([np.atleast_1d(truth) for truth in truths])
    known = known[np.isfinite(known)]
    if not np.ptp(known):
        raise CorpusError(
            f"{label} of {available.name} is the same for all ({known[0]:g}); give recordings that differ"
        )
    course = CrossValidation(recordings, truths, protocol, [""] * len(truths))
    goal = ConcordanceObjective(every_step=followed)

    def make_head(width: int) -> RecurrentHead | PooledHead:
        return PooledHead(width, 1) if probe == "pooled" else RecurrentHead(width, 1, bgru, every_step=followed)

    training = TrainedHead(goal, make_head)
    frozen = PooledRegressor(goal) if probe == "pooled" else on_features(training, protocol)
    what = ScoreSpec(
        sums=concordance_sums_of_known,
        scores={"CCC": concordance},
        chance={"CCC": 0.0},
        bounds=(-1, 1),
    )
    setting = {"read-out": probe, **protocol.settings()}
    return run_comparison(label, course, encoders, frozen, training, what, setting, progress)


def steps_of(spans: Sequence[Span], recording: Recording, target: str, rate: int) -> NDArray[np.float64]:
    """Return the number at each step of a recording, at this rate; NaN outside of spans.

    Raises:
        CorpusError: the text of a span is not a number.
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
    """Return those with spans; the others are left out."""
    there = np.array([bool(recording.spans.get(target)) for recording in recordings], dtype=bool)
    rest = {recordings[row].name: f"it has no {target}" for row in np.flatnonzero(~there).tolist()}
    return Recordings(recordings.subset(there), recordings.name, recordings.left_out | rest)
