"""Isolated words: which one is it? Accuracy and F1, with all of the labels or a tenth of them (arXiv 2005.01400, V)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seehear.os_errors import require_place
from seehear.tasks.classification import ReadOutName, classify
from seehear.tasks.contenders import AUTO, WITH_BASELINES, Mode
from seehear.tasks.isolated import LABEL, isolated_words
from seehear.tasks.measuring import contenders
from seehear.tasks.noise import SNR_DB, NoiseName
from seehear.tasks.partition import SplitName
from seehear.tasks.readouts.heads import BGRUOptions
from seehear.tasks.recordings import Recordings
from seehear.tasks.result import Result
from seehear.tasks.telling import tell
from seehear.tasks.trials import Protocol


def evaluate_words(
    model: str,
    data: list[Path],
    against: Sequence[str] = WITH_BASELINES,
    format: str | None = None,
    readout: ReadOutName = "pooled",
    mode: Mode = "frozen",
    split: SplitName = "speakers",
    labels: float = 1.0,
    seeds: int = 3,
    first_seed: int = 0,
    noise: NoiseName = "none",
    snr_db: Sequence[float] = SNR_DB,
    layer: str = AUTO,
    where: Sequence[str] = (),
    vocabulary: int | None = None,
    min_count: int = 10,
    min_speakers: int = 1,
    shared_speakers: bool = False,
    bgru: BGRUOptions = BGRUOptions(),  # noqa: B008  frozen
    device: str = "cpu",
    json: bool = False,
    out: Path | None = None,
) -> Result | str:
    """Say how well isolated words can be told from what a sound encoder hears.

    Recordings of one word each (the label word), or sentences whose words have times, which are then cut out.

    Args:
        model: folder of a run, name of a model, mfcc or logmel; python:MODULE:CALLABLE@RATE or transformers:NAME.
        data: corpora that seehear prepare has made, or folders and files of a data set.
        against: what it is compared with: mfcc and logmel (with -nolevel behind: the recording's level removed; with
            -cmn: the mean of each band removed; with -4k: nothing above 4 kHz), egemaps (by default where openSMILE is
            installed), other models, untrained (its own shape with random weights), finetuned or scratch (its own
            shape, all weights trained with the labels). Of several handcrafted ones, the best by the development part
            of each fold is a row as well.
        format: of a data set that is no corpus: fsdd, speechcommands, grid, folder and so on.
        readout: pooled (mean and deviation in four segments of time, logistic regression: seconds) or bgru (two
            recurrent layers, as in the papers: minutes).
        mode: frozen, or finetuned or scratch, which train the encoder with the labels.
        split: speakers (a fifth of them is tested), leave-one-speaker-out, official (the label part), or random, where
            a speaker may be on both sides.
        labels: share of the training labels that is used, of each class alike.
        seeds: repetitions, each with its own split, labels and weights.
        first_seed: number of the first of them; the others follow it.
        noise: that test recordings are mixed with; training is always clean.
        snr_db: ratios of sound to noise.
        layer: auto (of every encoder alike, the layer that is best on the development part, people who are neither
            trained on nor tested, chosen in each fold anew), last (of every encoder alike), or the name of one, for the
            model and those of its shape. Encoders that are trained with the labels are read at the last by default.
        where: only recordings with these labels, each label=value or label=value|other.
        vocabulary: only the so many most frequent words.
        min_count: only words with so many examples.
        min_speakers: only words that so many speakers say.
        shared_speakers: let an official split have a speaker on both sides.
        bgru: the recurrent read-out, and all training with labels.
        device: where networks run, as torch names it.
        json: print one JSON object instead of tables.
        out: JSON file to write the result to as well.

    Raises:
        ModelError: there is no such model or layer.
        CorpusError: no such data, neither words nor their times, too few words or speakers.
    """
    require_place(out)
    protocol = Protocol(mode, split, shared_speakers, labels, seeds, noise, snr_db, bgru, device, first_seed)
    named = contenders(model, against, mode, layer)
    words = isolated_words(Recordings.of(data, format).where(where), vocabulary, min_count, min_speakers).audible()
    return tell(classify("words", words, LABEL, named, readout, protocol), json, out)
