"""Lip reading: which word is it? With a frozen front end, as Chung et al. 2020 do, or end to end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from seehear.corpus.detectors import FacesFrom
from seehear.corpus.split import Split
from seehear.corpus.store import Corpus
from seehear.errors import CorpusError
from seehear.os_errors import require_place
from seehear.tasks.contenders import Mode
from seehear.tasks.isolated import LABEL
from seehear.tasks.lipreading.course import LipsCourse
from seehear.tasks.lipreading.readers import PIXELS, USUAL, readers
from seehear.tasks.lipreading.result import LipsResult, kinds_of
from seehear.tasks.lipreading.sights import words_seen
from seehear.tasks.lipreading.window import WindowOptions
from seehear.tasks.measuring import Measure, measure
from seehear.tasks.readouts.goals import Classes
from seehear.tasks.readouts.heads import PooledHead
from seehear.tasks.readouts.interface import ReadOut
from seehear.tasks.readouts.pooled import PooledClassifier
from seehear.tasks.readouts.tc5 import OnFrames, TC5Head, TC5Options
from seehear.tasks.result import Result
from seehear.tasks.scores import accuracy, confusion, f1, recall
from seehear.tasks.telling import tell
from seehear.tasks.trials import Protocol, Training

SplitName = Literal["source", "speakers", "leave-one-speaker-out", "official"]


def evaluate_lips(
    model: str,
    data: list[Path],
    against: Sequence[str] = USUAL,
    readout: Literal["tc5", "pooled"] = "tc5",
    mode: Mode = "frozen",
    split: SplitName = "source",
    labels: float = 1.0,
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
    json: bool = False,
    out: Path | None = None,
) -> Result | str:
    """Say how well words can be read from what a lip encoder sees.

    Clips of one word each (the label word, as in LRW), or sentences whose words have times (GRID, avatars), which are
    then cut out: this is the recognition of single words whose times are given, not the reading of sentences, and by
    default the read-out is told which frames are the word's own (--window.boundaries).

    Features are computed once over a whole clip and cut afterwards, so those at the ends of a word know
    of its neighbours, as far as the encoder sees. Clips need no sound.

    Args:
        model: folder of a run, name of a model, or pixels.
        data: corpora that seehear prepare has made.
        against: what it is compared with: untrained (its own shape with random weights), pixels (the mouth in 16 x 16
            pixels), other models, finetuned or scratch (its own shape trained with the labels from pictures to words).
        readout: tc5 (two convolutions over time, as in the papers) or pooled (mean and deviation in four segments of
            time, logistic regression: seconds).
        mode: frozen, or finetuned or scratch, which train the encoder with the labels.
        split: source (what the model's own training has held out is tested), speakers (a fifth of them is tested),
            leave-one-speaker-out, or official (the label part).
        labels: share of the training labels that is used, of each class alike.
        seeds: repetitions, each with its own development part, labels and weights (and test part, by speakers).
        first_seed: number of the first of them; the others follow it.
        layer: of the lip encoder: trunk, hidden1 and so on, or embedding; by default the one that it says is read best.
        where: only clips with these labels, each label=value or label=value|other.
        vocabulary: only the so many most frequent words.
        min_count: only words with so many examples.
        min_speakers: only words that so many speakers say.
        shared_speakers: let an official split have a speaker on both sides.
        window: the frames that a word is read from.
        tc5: the read-out of features that stay as they are, and its training.
        end_to_end: the same where the encoder is trained along.
        device: where networks run, as torch names it.
        json: print one JSON object instead of tables.
        out: JSON file to write the result to as well.

    Raises:
        ModelError: there is no such model or layer, or it has no lip encoder.
        CorpusError: no such corpus, no faces in it, neither words nor their times, too few words, sources or speakers.
    """
    require_place(out)
    protocol = Protocol(mode, split, shared_speakers, labels, seeds, device=device, first_seed=first_seed)
    named = readers(model, against, mode, layer)
    corpus = Corpus(*data)
    words = words_seen(corpus, where, vocabulary, min_count, min_speakers)
    names = [word.labels[LABEL] for word in words]
    classes = sorted(set(names))
    targets = [classes.index(name) for name in names]
    course = LipsCourse(words, targets, protocol, corpus, window, end_to_end, _held_out(model))
    _refuse_single_class(course)
    goal = Classes(len(classes))
    frozen: ReadOut
    if readout == "pooled":
        frozen, training = PooledClassifier(goal), Training(goal, lambda width: PooledHead(width, len(classes)))
    else:
        frozen = OnFrames(lambda width: TC5Head(width, len(classes), tc5), goal, tc5, course.device)
        training = Training(goal, lambda width: TC5Head(width, len(classes), end_to_end))
    tested = Counter(names[row] for row in course.tested.tolist())
    what = Measure(
        sums=partial(confusion, classes=len(classes)),
        scores={"accuracy": accuracy, "F1": f1, "UAR": recall},
        higher_is_better=True,
        chance={"accuracy": max(tested.values()) / tested.total(), "UAR": 1 / len(classes)},
        classes=classes,
    )
    setting = {"read-out": readout, **protocol.told(), "classes": len(classes), "frames of a word": window.told()}
    setting |= FacesFrom.of(_config(model), corpus.detectors).setting()
    result = measure("lips", course, named, frozen, training, what, setting)
    return tell(LipsResult.of(result, kinds_of(words)), json, out)


def _held_out(model: str) -> Split:
    """What a model's training has kept for measuring."""
    return Split() if model == PIXELS else Split.of_training(_config(model))


def _config(model: str) -> dict[str, Any]:
    from seehear.training.run import find, read_config

    return {} if model == PIXELS else read_config(find(model))


def _refuse_single_class(course: LipsCourse) -> None:
    for fold in (fold for folds in course.folds for fold in folds):
        if len({course.targets[row] for row in fold.train.tolist()}) < 2:
            raise CorpusError(
                f"a training part of {course.recordings.name} has one word only; "
                "give more clips, or ask for another --split"
            )
