"""Classification of isolated words, also cut out of sentences.

Accuracy and F1, with all of the labels or a tenth of them (arXiv 2005.01400, V).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from seehear.errors import CorpusError
from seehear.evaluation.recordings import Recording, Recordings
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.runner import ProbeName, classify
from seehear.evaluation.speech import CLASSIFICATION, SpeechProtocol
from seehear.progress import Progress

LABEL, SPANS = "word", "words"


MIN_S = 0.08  # two video frames


def isolated_words(
    recordings: Recordings, vocabulary: int | None = None, min_count: int = 10, min_speakers: int = 1
) -> Recordings:
    """Return recordings of one word each, with the label ``word``.

    Those with that label are taken as they are; out of the others, the spans ``words`` are cut, in lower case. Those
    under 80 ms, two video frames, and those that begin before their recording does are left out and listed.

    Args:
        recordings: of words, or of sentences with word times
        vocabulary: only this many words, the most frequent ones
        min_count: only words with at least this many examples
        min_speakers: only words of at least this many speakers, where speakers are known

    Raises:
        CorpusError: neither labels nor times are known, or fewer than two words remain.
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
    probe: ProbeName = "pooled",
    vocabulary: int | None = None,
    min_count: int = 10,
    min_speakers: int = 1,
    protocol: SpeechProtocol = CLASSIFICATION,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Evaluate how well a probe recognises isolated words from an encoder's features.

    The recordings are of one word each (the label word), or sentences with word times, out of which the words are cut.

    Args:
        model: folder of a run, name of a model, mfcc or logmel; python:MODULE:CALLABLE@RATE or transformers:NAME.
        data: corpora that "seehear prepare" has made, or folders and files of a data set.
        probe: pooled (mean and deviation in four segments of time, logistic regression: seconds) or bgru (two
            recurrent layers, as in the papers: minutes).
        vocabulary: only this many words, the most frequent ones.
        min_count: only words with at least this many examples.
        min_speakers: only words of at least this many speakers.
        protocol: the options that all tasks on speech share.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ModelError: there is no such model or layer.
        CorpusError: no such data, neither words nor their times, too few words or speakers.
    """
    encoders = protocol.encoders(model)
    words = isolated_words(protocol.recordings(data), vocabulary, min_count, min_speakers)
    words = words.with_readable_sound(progress)
    return classify("words", words, LABEL, encoders, probe, protocol, progress)
