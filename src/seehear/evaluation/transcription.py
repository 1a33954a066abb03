"""Task transcription."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seehear.errors import CorpusError
from seehear.evaluation.baselines import AUTO, DEFAULT_BASELINES, Mode
from seehear.evaluation.cross_validation import CrossValidation, Protocol, TrainedHead, on_features
from seehear.evaluation.features import SNR_DB, NoiseName
from seehear.evaluation.probes.ctc import CharacterObjective
from seehear.evaluation.probes.heads import BGRUOptions, RecurrentHead
from seehear.evaluation.recordings import Recording, Recordings
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.runner import ScoreSpec, compared_encoders, run_comparison
from seehear.evaluation.splits import SplitName
from seehear.metrics.scores import Numbers, character_errors, error_rate, normalise_text, word_errors
from seehear.progress import Progress


def text_of(recording: Recording) -> str:
    """Its label ``text``, or the words whose times are known, made `normalise_text`; empty where there is neither."""
    if text := recording.labels.get("text"):
        return normalise_text(text)
    return normalise_text(" ".join(span.text for span in recording.spans.get("words", ())))


CTC_STEPS = BGRUOptions(rate=50)
"""25 steps a second are too few for the letters of fast speech: one each, and a blank between double ones."""


def evaluate_transcription(
    model: str,
    data: list[Path],
    baselines: Sequence[str] = DEFAULT_BASELINES,
    dataset: str | None = None,
    mode: Mode = "frozen",
    split: SplitName = "speakers",
    label_fraction: float = 1.0,
    seeds: int = 1,
    first_seed: int = 0,
    noise: NoiseName = "none",
    snr_db: Sequence[float] = SNR_DB,
    layer: str = AUTO,
    where: Sequence[str] = (),
    beam: int = 8,
    shared_speakers: bool = False,
    bgru: BGRUOptions = CTC_STEPS,
    device: str = "cpu",
    progress: Progress | None = None,
) -> EvaluationResult:
    """Say how well sentences can be written down from what a sound encoder hears.

    Two bidirectional recurrent layers over the features, trained by CTC on characters; no language model.

    Args:
        model: folder of a run, name of a model, mfcc or logmel; python:MODULE:CALLABLE@RATE or transformers:NAME.
        data: corpora that seehear prepare has made, or folders and files of a data set, with the label text or the
            times of words.
        baselines: encoders to compare with: mfcc, logmel, other models, untrained (its own shape with random weights),
            finetuned or scratch (its own shape, all weights trained with the labels).
        dataset: layout of files that are no corpus: grid, tcd-timit, folder and so on.
        mode: frozen, or finetuned or scratch, which train the encoder with the labels.
        split: speakers (a fifth of them is tested), leave-one-speaker-out, official (the label part), or random, where
            a speaker may be on both sides.
        label_fraction: share of the training sentences that is used.
        seeds: repetitions, each with its own split, labels and weights.
        first_seed: number of the first of them; the others follow it.
        noise: that test recordings are mixed with; training is always clean.
        snr_db: ratios of sound to noise.
        layer: auto (of every encoder alike, the layer that is best on the development part, people who are neither
            trained on nor tested, chosen in each fold anew), last (of every encoder alike), or the name of one, for the
            model and those of its shape. Encoders that are trained with the labels are read at the last by default.
        where: only recordings with these labels, each label=value or label=value|other.
        beam: texts that are followed at a time; 1 takes the likeliest character of each step.
        shared_speakers: let an official split have a speaker on both sides.
        bgru: the recurrent layers, and how they are trained.
        device: where networks run, as torch names it.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ModelError: there is no such model or layer.
        CorpusError: no such data, no texts, too few speakers.
    """
    if beam < 1:
        raise CorpusError(f"--beam must be 1 or more, not {beam}")
    protocol = Protocol(mode, split, shared_speakers, label_fraction, seeds, noise, snr_db, bgru, device, first_seed)
    named = compared_encoders(model, baselines, mode, layer)
    recordings = _with_text(Recordings.of(data, dataset).where(where)).with_readable_sound(progress)
    texts = [text_of(recording) for recording in recordings]
    course = CrossValidation(recordings, texts, protocol, [""] * len(texts))
    goal = CharacterObjective(sorted({character for text in texts for character in text}), beam)
    training = TrainedHead(goal, lambda width: RecurrentHead(width, goal.outputs, bgru, every_step=True))
    what = ScoreSpec(
        sums=_errors,
        scores={"WER": lambda sums: error_rate(sums[..., :2]), "CER": lambda sums: error_rate(sums[..., 2:])},
        higher_is_better=False,
        chance={},
        bounds=(0, math.inf),
    )
    setting = {**protocol.settings(), "beam": beam}
    frozen = on_features(training, protocol)
    return run_comparison("transcription", course, named, frozen, training, what, setting, progress)


def _with_text(recordings: Recordings) -> Recordings:
    """Those of which it is known what is said; the others are left out."""
    said = [bool(text_of(recording)) for recording in recordings]
    if not any(said):
        raise CorpusError(
            f"{recordings.name} does not know what is said (no label 'text', no words); "
            "add it, or name the --dataset of the data set"
        )
    silent = {r.name: "it is not known what is said" for r, known in zip(recordings, said, strict=True) if not known}
    return Recordings(recordings.subset(np.array(said)), recordings.name, recordings.left_out | silent)


def _errors(truths: Sequence[str], said: Sequence[str]) -> Numbers:
    """Word errors, words, character errors, characters of each, (N, 4)."""
    pairs = zip(truths, said, strict=True)
    return np.array([(*word_errors(*pair), *character_errors(*pair)) for pair in pairs], dtype=float)
