"""Speech recognition by characters: word and character error rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seehear.errors import CorpusError
from seehear.evaluation.cross_validation import CrossValidation, TrainedHead, on_features
from seehear.evaluation.probes.ctc import CharacterObjective
from seehear.evaluation.probes.heads import BGRUOptions, RecurrentHead
from seehear.evaluation.recordings import Recording, Recordings
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.runner import ScoreSpec, run_comparison
from seehear.evaluation.speech import SpeechProtocol
from seehear.metrics.scores import Numbers, character_errors, error_rate, normalise_text, word_errors
from seehear.progress import Progress


def text_of(recording: Recording) -> str:
    """Return the normalised label ``text``, or the words whose times are known; empty if there are neither."""
    if text := recording.labels.get("text"):
        return normalise_text(text)
    return normalise_text(" ".join(span.text for span in recording.spans.get("words", ())))


RECURRENT = SpeechProtocol(seeds=1, bgru=BGRUOptions(rate=50))
"""25 steps a second are too few for the letters of fast speech: one each, and a blank between double ones."""


def evaluate_transcription(
    model: str,
    data: list[Path],
    beam: int = 8,
    protocol: SpeechProtocol = RECURRENT,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Evaluate how well sentences can be transcribed from an encoder's features.

    The probe has two bidirectional recurrent layers and is trained by CTC on characters; there is no language model.

    Args:
        model: folder of a run, name of a model, mfcc or logmel; python:MODULE:CALLABLE@RATE or transformers:NAME.
        data: corpora that "seehear prepare" has made, or folders and files of a data set, with the label text or the
            times of words.
        beam: number of hypotheses of the beam search; 1 takes the most likely character of each step.
        protocol: the options that all tasks on speech share.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ModelError: there is no such model or layer.
        CorpusError: no such data, no texts, too few speakers.
    """
    if beam < 1:
        raise CorpusError(f"--beam must be 1 or more, not {beam}")
    encoders = protocol.encoders(model)
    recordings = _with_text(protocol.recordings(data)).with_readable_sound(progress)
    texts = [text_of(recording) for recording in recordings]
    course = CrossValidation(recordings, texts, protocol, [""] * len(texts))
    goal = CharacterObjective(sorted({character for text in texts for character in text}), beam)
    training = TrainedHead(goal, lambda width: RecurrentHead(width, goal.outputs, protocol.bgru, every_step=True))
    what = ScoreSpec(
        sums=_errors,
        scores={"WER": lambda sums: error_rate(sums[..., :2]), "CER": lambda sums: error_rate(sums[..., 2:])},
        chance={},
        bounds=(0, math.inf),
    )
    setting = {**protocol.settings(), "beam": beam}
    frozen = on_features(training, protocol)
    return run_comparison("transcription", course, encoders, frozen, training, what, setting, progress)


def _with_text(recordings: Recordings) -> Recordings:
    """Return those with a text; the others are left out."""
    said = [bool(text_of(recording)) for recording in recordings]
    if not any(said):
        raise CorpusError(
            f"{recordings.name} does not know what is said (no label 'text', no words); "
            "add it, or name the --dataset of the data set"
        )
    silent = {r.name: "it is not known what is said" for r, known in zip(recordings, said, strict=True) if not known}
    return Recordings(recordings.subset(np.array(said)), recordings.name, recordings.left_out | silent)


def _errors(truths: Sequence[str], said: Sequence[str]) -> Numbers:
    """Return word errors, words, character errors and characters of each, (N, 4)."""
    pairs = zip(truths, said, strict=True)
    return np.array([(*word_errors(*pair), *character_errors(*pair)) for pair in pairs], dtype=float)
