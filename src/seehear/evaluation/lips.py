"""Lip reading of isolated words, with a frozen front end, as Chung et al. 2020 do, or end to end.<"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from seehear.data.corpus import Corpus, Split
from seehear.data.manifest import DetectorProvenance
from seehear.errors import CorpusError
from seehear.evaluation.baselines import DEFAULT_LIP_BASELINES, PIXELS, compared_lip_encoders
from seehear.evaluation.cross_validation import Protocol, TrainedHead
from seehear.evaluation.lip_clips import WindowOptions, visible_words
from seehear.evaluation.lip_training import LipCrossValidation
from seehear.evaluation.probes.heads import PooledHead, TC5Head, TC5Options
from seehear.evaluation.probes.interface import ClassObjective, Probe
from seehear.evaluation.probes.linear import PooledClassifier
from seehear.evaluation.probes.training import FrameProbe
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.result import EvaluationResult, Row
from seehear.evaluation.runner import ScoreSpec, run_comparison
from seehear.evaluation.task import Mode
from seehear.evaluation.words import LABEL
from seehear.metrics.scores import accuracy, confusion, f1, recall
from seehear.progress import Progress

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


GIVEN = (
    "Words are cut out by their known times (of a clip of one word, all of it is read), and with 'word boundaries "
    "given' the probe knows which frames belong to the word, which is easier than reading a sentence."
)
"""Remark on every table."""


@dataclass(frozen=True)
class LipsResult(EvaluationResult):
    """Results of lip reading.

    Attributes:
        kinds: kind of words -> its words, such as letter -> a, b, c ...; empty where that is not known of all
    """

    kinds: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, result: EvaluationResult, kinds: Mapping[str, Sequence[str]]) -> Self:
        """Add the kinds of words to a result."""
        return cls(**{field.name: getattr(result, field.name) for field in fields(EvaluationResult)}, kinds=kinds)

    def remarks(self) -> list[str]:
        """Return remarks on the table, above all that the boundaries of words are given."""
        return [*super().remarks(), GIVEN]

    def by_kind(self, row: Row) -> dict[str, float]:
        """Return the accuracy for the words of each kind, classified among all words; over all seeds."""
        counts = row.confusion or []
        right, there = dict.fromkeys(self.kinds, 0), dict.fromkeys(self.kinds, 0)
        for kind, words in self.kinds.items():
            for place in (self.classes.index(word) for word in words):
                right[kind] += counts[place][place]
                there[kind] += sum(counts[place])
        return {kind: right[kind] / there[kind] for kind in self.kinds if there[kind]}

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with the accuracy for each kind of words in each row."""
        plain_values = super().to_dict()
        for row, plain in zip(self.rows, plain_values["rows"], strict=True):
            plain["by_kind"] = self.by_kind(row)
        return plain_values

    def __rich__(self) -> RenderableType:
        from rich.console import Group

        return Group(super().__rich__(), self.kind_table()) if self.kinds else super().__rich__()

    def kind_table(self) -> Table:
        """Return a table with a row for each encoder and a column for each kind of words."""
        from rich.table import Table

        columns = (f"{kind} ({len(words)})" for kind, words in self.kinds.items())
        table = Table("encoder", *columns, title="accuracy among all words, by kind of word (number of words)")
        for row in self.rows:
            by_kind = self.by_kind(row)
            table.add_row(row.encoder, *(f"{by_kind[kind]:.1%}" if kind in by_kind else "-" for kind in self.kinds))
        return table


def kinds_of(words: Recordings) -> dict[str, list[str]]:
    """Return the kind of each word if every sentence has it: the label, such as letter, whose value the word is.

    Returns:
        Kind -> its words, sorted; empty if a word is of no kind or of two, or all are of one.
    """
    found: dict[str, set[str]] = {}
    for word in words:
        text = word.labels[LABEL]
        of_text = [kind for kind, value in word.labels.items() if kind != LABEL and value.lower() == text]
        if len(of_text) != 1:
            return {}
        found.setdefault(of_text[0], set()).add(text)
    several = len(found) > 1 and sum(map(len, found.values())) == len(set().union(*found.values()))
    return {kind: sorted(texts) for kind, texts in found.items()} if several else {}


SplitName = Literal["source", "speakers", "leave-one-speaker-out", "official"]


def evaluate_lips(
    model: str,
    data: list[Path],
    baselines: Sequence[str] = DEFAULT_LIP_BASELINES,
    probe: Literal["tc5", "pooled"] = "tc5",
    mode: Mode = "frozen",
    split: SplitName = "source",
    label_fraction: float = 1.0,
    seeds: int = 3,
    first_seed: int = 0,
    layer: str | None = None,
    where: Sequence[str] = (),
    vocabulary: int | None = None,
    min_count: int = 10,
    min_speakers: int = 1,
    shared_speakers: bool = False,
    window: WindowOptions = WindowOptions(),  # noqa: B008  frozen
    tc5: TC5Options = TC5Options(),  # noqa: B008  frozen
    end_to_end: TC5Options = TC5Options(epochs=10, decay_every=4),  # noqa: B008  frozen
    device: str = "cpu",
    progress: Progress | None = None,
) -> EvaluationResult:
    """Evaluate how well a probe recognises isolated words from the features of a lip encoder.

    The clips are of one word each (the label word, as in LRW), or sentences with word times (GRID, avatars), out of
    which the words are cut. So this is the recognition of single words whose times are given, not of sentences, and by
    default the probe knows which frames are within the word (--window.boundaries).

    Features are computed once over a whole clip and cut afterwards, so those at the ends of a word depend on its
    neighbours, as far as the encoder's context goes. Clips need no audio.

    Args:
        model: folder of a run, name of a model, or pixels
        data: corpora that "seehear prepare" has made
        baselines: encoders to compare with: untrained (the model's architecture with random weights), pixels (the mouth
            in 16 x 16 pixels), other models, finetuned or scratch (the model's architecture trained end to end with the
            labels)
        probe: tc5 (two temporal convolutions, as in the papers) or pooled (mean and deviation in four segments of time,
            logistic regression: seconds)
        mode: frozen, or finetuned or scratch, which train the encoder with the labels
        split: source (what the model's own training has held out is tested), speakers (a fifth of them is tested),
            leave-one-speaker-out, or official (the label part)
        label_fraction: share of the training labels that is used, the same for each class
        seeds: repetitions, each with its own development part, labels and weights (and test part, by speakers)
        first_seed: number of the first seed; the others follow it
        layer: layer of the lip encoder: trunk, hidden1 and so on, or embedding; by default the encoder's default layer
        where: only clips with these labels, each label=value or label=value|other
        vocabulary: only this many words, the most frequent ones
        min_count: only words with at least this many examples
        min_speakers: only words of at least this many speakers
        shared_speakers: let an official split have a speaker on both sides
        window: the frames that a word is read from
        tc5: the probe on frozen features, and its training
        end_to_end: the same where the encoder is trained
        device: where networks run, as torch names it
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Raises:
        ModelError: there is no such model or layer, or it has no lip encoder.
        CorpusError: no such corpus, no faces in it, neither words nor their times, too few words, sources or speakers.
    """
    protocol = Protocol(mode, split, shared_speakers, label_fraction, seeds, device=device, first_seed=first_seed)
    named = compared_lip_encoders(model, baselines, mode, layer)
    corpus = Corpus(*data)
    words = visible_words(corpus, where, vocabulary, min_count, min_speakers)
    names = [word.labels[LABEL] for word in words]
    classes = sorted(set(names))
    targets = [classes.index(name) for name in names]
    course = LipCrossValidation(words, targets, protocol, corpus, window, end_to_end, _held_out(model), progress)
    _refuse_single_class(course)
    goal = ClassObjective(len(classes))
    frozen: Probe
    if probe == "pooled":
        frozen, training = PooledClassifier(goal), TrainedHead(goal, lambda width: PooledHead(width, len(classes)))
    else:
        frozen = FrameProbe(lambda width: TC5Head(width, len(classes), tc5), goal, tc5, course.device)
        training = TrainedHead(goal, lambda width: TC5Head(width, len(classes), end_to_end))
    tested = Counter(names[row] for row in course.tested.tolist())
    what = ScoreSpec(
        sums=partial(confusion, classes=len(classes)),
        scores={"accuracy": accuracy, "F1": f1, "UAR": recall},
        chance={"accuracy": max(tested.values()) / tested.total(), "UAR": 1 / len(classes)},
        classes=classes,
    )
    setting = {
        "read-out": probe,
        **protocol.settings(),
        "classes": len(classes),
        "frames of a word": window.description(),
    }
    setting |= DetectorProvenance.of(_config(model), corpus.detectors).setting()
    result = run_comparison("lips", course, named, frozen, training, what, setting, progress)
    return LipsResult.of(result, kinds_of(words))


def _held_out(model: str) -> Split:
    """Return the split of a model's training."""
    return Split() if model == PIXELS else Split.of_training(_config(model))


def _config(model: str) -> dict[str, Any]:
    from seehear.models.store import find_model, read_config

    return {} if model == PIXELS else read_config(find_model(model))


def _refuse_single_class(course: LipCrossValidation) -> None:
    for fold in (fold for folds in course.folds for fold in folds):
        if len({course.targets[row] for row in fold.train.tolist()}) < 2:
            raise CorpusError(
                f"a training part of {course.recordings.name} has one word only; "
                "give more clips, or ask for another --split"
            )
