"""Which class a recording is of: what emotion and isolated words share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Literal

from seehear.errors import CorpusError
from seehear.tasks.contenders import Contender
from seehear.tasks.measuring import Measure, measure
from seehear.tasks.readouts.goals import Classes
from seehear.tasks.readouts.heads import PooledHead, RecurrentHead
from seehear.tasks.readouts.pooled import PooledClassifier
from seehear.tasks.recordings import Recordings
from seehear.tasks.result import Result
from seehear.tasks.scores import accuracy, confusion, f1, recall
from seehear.tasks.trials import Course, Protocol, Training, on_features

ReadOutName = Literal["pooled", "bgru"]


def classify(
    task: str,
    recordings: Recordings,
    label: str,
    contenders: Sequence[Contender],
    readout: ReadOutName,
    protocol: Protocol,
    progress: bool = True,
) -> Result:
    """How well a label can be told from the features of each contender.

    Args:
        task: what the result is called.
        recordings: all with the label, their sound read.
        label: whose values are the classes.
        contenders: the model first.
        readout: what is trained on top of them.
        protocol: split, seeds, noise and so on.
        progress: tell how far it is, on the error stream.

    Raises:
        CorpusError: one class, too few speakers, or a training part with a single class.
    """
    names = [str(value) for value in recordings.labels(label)]
    classes = sorted(set(names))
    if len(classes) < 2:
        raise CorpusError(
            f"{recordings.name} has only one {label} ({classes[0]}), and telling apart needs two; give others as well"
        )
    targets = [classes.index(name) for name in names]
    course = Course(recordings, targets, protocol, names)
    _refuse_single_class(course, label)
    goal = Classes(len(classes))
    if readout == "pooled":
        training = Training(goal, lambda width: PooledHead(width, len(classes)))
    else:
        training = Training(goal, lambda width: RecurrentHead(width, len(classes), protocol.bgru))
    frozen = PooledClassifier(goal) if readout == "pooled" else on_features(training, protocol)
    tested = Counter(names[row] for row in course.tested.tolist())
    what = Measure(
        sums=partial(confusion, classes=len(classes)),
        scores={"accuracy": accuracy, "F1": f1, "UAR": recall},
        higher_is_better=True,
        chance={"accuracy": max(tested.values()) / tested.total(), "UAR": 1 / len(classes)},
        classes=classes,
    )
    setting = {"read-out": readout, **protocol.told(), "classes": len(classes)}
    return measure(task, course, contenders, frozen, training, what, setting, progress)


def _refuse_single_class(course: Course, label: str) -> None:
    for fold in (fold for folds in course.folds for fold in folds):
        if len({course.targets[row] for row in fold.train.tolist()}) < 2:
            raise CorpusError(
                f"a training part of {course.recordings.name} has one {label} only; "
                "give more speakers, or ask for another --split"
            )
