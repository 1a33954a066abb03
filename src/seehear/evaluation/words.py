"""Task words: isolated words, also cut out of sentences.

Isolated words: which one is it? Accuracy and F1, with all of the labels or a tenth of them (arXiv 2005.01400, V).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from seehear.errors import CorpusError
from seehear.evaluation.baselines import ALL_BASELINES, AUTO, Mode
from seehear.evaluation.cross_validation import Protocol
from seehear.evaluation.features import SNR_DB, NoiseName
from seehear.evaluation.probes.heads import BGRUOptions
from seehear.evaluation.recordings import Recording, Recordings
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.runner import ProbeName, classify, compared_encoders
from seehear.evaluation.splits import SplitName
from seehear.progress import Progress

LABEL, SPANS = "word", "words"


MIN_S = 0.08  # two video frames


def isolated_words(
    recordings: Recordings, vocabulary: int | None = None, min_count: int = 10, min_speakers: int = 1
) -> Recordings:
    """Recordings of one word each, with the label ``word``.

    Those that have that label already are taken as they are; out of the others the spans ``words`` are cut, in lower
    case. Those under 80 ms, two video frames, and those that begin before their recording does are left out and named.

    Args:
        recordings: of words, or of sentences with times.
        vocabulary: only the so many most frequent words.
        min_count: only words with so many examples.
        min_speakers: only words that so many speakers say, where speakers are known.

    Raises:
        CorpusError: neither labels nor times are known, or fewer than two words are left.
    """
    whole = any(recordings.labels(LABEL))
    words = recordings.labelled(LABEL) if whole else _cut(recordings)
    counts = Counter(words.labels(LABEL))
    speakers: dict[str | None, set[str | None]] = defaultdict(set)
    for word in words:
        speakers[word.labels[LABEL]].add(word.speaker)
    enough = [word for word in counts if counts[word] >= min_count and len(speakers[word]) >= min_speakers]
    chosen = set(sorted(enough, key=lambda word: (-counts[word], str(word)))[:vocabulary])
    if len(chosen) < 2:
        raise CorpusError(
            f"{recordings.name} has {len(chosen)} words with {min_count} examples by {min_speakers} speakers or more, "
            "and one needs two; lower --min-count or --min-speakers, or give more recordings"
        )
    return words.subset([row for row, word in enumerate(words.labels(LABEL)) if word in chosen])


def _cut(recordings: Recordings) -> Recordings:
    pieces: list[Recording] = []
    left_out: dict[str, str] = {}
    for recording in recordings:
        for start, end, text in ((s.start_s, s.end_s, s.text.lower()) for s in recording.spans.get(SPANS, ())):
            name = f"{recording.name}@{start:.3f}"
            if start < 0:
                left_out[name] = f"the word {text!r} begins before its recording does"
            elif round(end - start, 4) < MIN_S:
                left_out[name] = f"the word {text!r} lasts {1000 * (end - start):.0f} ms, less than two video frames"
            else:
                pieces.append(recording.cut(name, start, end, {LABEL: text}))
    if not pieces:
        raise CorpusError(
            f"{recordings.name} has neither a label '{LABEL}' nor times of words; "
            "give recordings of single words, or name the --dataset of the data set"
        )
    return Recordings(pieces, recordings.name, recordings.left_out | left_out)


def evaluate_words(
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
    vocabulary: int | None = None,
    min_count: int = 10,
    min_speakers: int = 1,
    shared_speakers: bool = False,
    bgru: BGRUOptions = BGRUOptions(),  # noqa: B008  frozen
    device: str = "cpu",
    progress: Progress | None = None,
) -> EvaluationResult:
    """Say how well isolated words can be told from what a sound encoder hears.

    Recordings of one word each (the label word), or sentences whose words have times, which are then cut out.

    Args:
        model: folder of a run, name of a model, mfcc or logmel; python:MODULE:CALLABLE@RATE or transformers:NAME.
        data: corpora that seehear prepare has made, or folders and files of a data set.
        baselines: encoders to compare with: mfcc and logmel (with -nolevel behind: the recording's level removed; with
            -cmn: the mean of each band removed; with -4k: nothing above 4 kHz), egemaps (by default where openSMILE is
            installed), other models, untrained (its own shape with random weights), finetuned or scratch (its own
            shape, all weights trained with the labels). Of several handcrafted ones, the best by the development part
            of each fold is a row as well.
        dataset: layout of files that are no corpus: fsdd, speechcommands, grid, folder and so on.
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
        vocabulary: only the so many most frequent words.
        min_count: only words with so many examples.
        min_speakers: only words that so many speakers say.
        shared_speakers: let an official split have a speaker on both sides.
        bgru: the recurrent read-out, and all training with labels.
        device: where networks run, as torch names it.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ModelError: there is no such model or layer.
        CorpusError: no such data, neither words nor their times, too few words or speakers.
    """
    protocol = Protocol(mode, split, shared_speakers, label_fraction, seeds, noise, snr_db, bgru, device, first_seed)
    named = compared_encoders(model, baselines, mode, layer)
    words = isolated_words(
        Recordings.of(data, dataset).where(where), vocabulary, min_count, min_speakers
    ).with_readable_sound(progress)
    return classify("words", words, LABEL, named, probe, protocol, progress)
