"""Emotion recognition: accuracy, F1 and confusion matrix (arXiv 2001.04316, 4; 2005.01400, table II)."""

from __future__ import annotations

from pathlib import Path

from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.runner import ProbeName, classify
from seehear.evaluation.speech import CLASSIFICATION, SpeechProtocol
from seehear.progress import Progress


def evaluate_emotion(
    model: str,
    data: list[Path],
    label: str = "emotion",
    probe: ProbeName = "pooled",
    protocol: SpeechProtocol = CLASSIFICATION,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Evaluate how well a probe recognises emotions, or the values of another label, from an encoder's features.

    Args:
        model: folder of a run, name of a model, mfcc or logmel; python:MODULE:CALLABLE@RATE or transformers:NAME.
        data: corpora that "seehear prepare" has made, or folders and files of a data set.
        label: label of the recordings whose values are the classes, such as emotion or sex.
        probe: pooled (mean and deviation in four segments of time, logistic regression: seconds) or bgru (two
            recurrent layers, as in the papers: minutes).
        protocol: the options that all tasks on speech share.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ModelError: there is no such model or layer.
        CorpusError: no such data, no such label, only one class, too few speakers.
    """
    encoders = protocol.encoders(model)
    recordings = protocol.recordings(data).labelled(label).with_readable_sound(progress)
    return classify(label, recordings, label, encoders, probe, protocol, progress)
