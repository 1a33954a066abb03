"""Emotion: which one is heard? Accuracy, F1 and confusion matrix (arXiv 2001.04316, 4; 2005.01400, table II)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seehear.evaluation.baselines import ALL_BASELINES, AUTO, Mode
from seehear.evaluation.cross_validation import Protocol
from seehear.evaluation.features import SNR_DB, NoiseName
from seehear.evaluation.probes.heads import BGRUOptions
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.runner import ProbeName, classify, compared_encoders
from seehear.evaluation.splits import SplitName
from seehear.progress import Progress


def evaluate_emotion(
    model: str,
    data: list[Path],
    baselines: Sequence[str] = ALL_BASELINES,
    dataset: str | None = None,
    probe: ProbeName = "pooled",
    mode: Mode = "frozen",
    split: SplitName = "speakers",
    label_fraction: float = 1.0,
    seeds: int = 3,
    first_seed: int = 0,
    noise: NoiseName = "none",
    snr_db: Sequence[float] = SNR_DB,
    layer: str = AUTO,
    where: Sequence[str] = (),
    label: str = "emotion",
    shared_speakers: bool = False,
    bgru: BGRUOptions = BGRUOptions(),  # noqa: B008  frozen
    device: str = "cpu",
    progress: Progress | None = None,
) -> EvaluationResult:
    """Say how well emotions, or the values of another label, can be told from what a sound encoder hears.

    Args:
        model: folder of a run, name of a model, mfcc or logmel; python:MODULE:CALLABLE@RATE or transformers:NAME.
        data: corpora that seehear prepare has made, or folders and files of a data set.
        baselines: encoders to compare with: mfcc and logmel (with -nolevel behind: the recording's level removed; with
            -cmn: the mean of each band removed; with -4k: nothing above 4 kHz), egemaps (by default where openSMILE is
            installed), other models, untrained (its own shape with random weights), finetuned or scratch (its own
            shape, all weights trained with the labels). Of several handcrafted ones, the best by the development part
            of each fold is a row as well.
        dataset: layout of files that are no corpus: cremad, ravdess, iemocap, emodb, folder and so on.
        probe: pooled (mean and deviation in four segments of time, logistic regression: seconds) or bgru (two
            recurrent layers, as in the papers: minutes).
        mode: frozen, or finetuned or scratch, which train the encoder with the labels.
        split: speakers (a fifth of them is tested), leave-one-speaker-out, official (the label part), or random, where
            a speaker may be on both sides.
        label_fraction: share of the training labels that is used, of each class alike.
        seeds: repetitions, each with its own split, labels and weights.
        first_seed: number of the first of them; the others follow it.
        noise: that test recordings are mixed with; training is always clean.
        snr_db: ratios of sound to noise.
        layer: auto (of every encoder alike, the layer that is best on the development part, people who are neither
            trained on nor tested, chosen in each fold anew), last (of every encoder alike), or the name of one, for the
            model and those of its shape. Encoders that are trained with the labels are read at the last by default.
        where: only recordings with these labels, each label=value or label=value|other.
        label: whose values are told apart; any label of the recordings, such as emotion or sex.
        shared_speakers: let an official split have a speaker on both sides.
        bgru: the recurrent read-out, and all training with labels.
        device: where networks run, as torch names it.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ModelError: there is no such model or layer.
        CorpusError: no such data, no such label, only one class, too few speakers.
    """
    protocol = Protocol(mode, split, shared_speakers, label_fraction, seeds, noise, snr_db, bgru, device, first_seed)
    named = compared_encoders(model, baselines, mode, layer)
    recordings = Recordings.of(data, dataset).where(where).labelled(label).with_readable_sound(progress)
    return classify(label, recordings, label, named, probe, protocol, progress)
