"""Evaluation of encoders and models: one file for each task; `evaluate` finds a task by name."""

from __future__ import annotations

from typing import Any

from seehear.errors import SeehearError
from seehear.evaluation.builtin_tasks import BUILTIN_TASKS
from seehear.evaluation.task import Score, Task
from seehear.registry import Registry
from seehear.results import Result

TASKS: Registry[Task] = Registry("task", SeehearError, {})
for _task in BUILTIN_TASKS:
    TASKS.add(_task, by="seehear")


def evaluate(task: str, model: str, data: Any, **options: Any) -> Result:
    """Evaluate a model on a task.

    Args:
        task: emotion, words, transcription, affect, speaker, identification, facevoice, lips, sync or animate, or a
            task of your own.
        model: folder of a run, or name of a model or an encoder.
        data: a corpus, or a list of corpora, or of files of a data set (see ``dataset``).
        options: of the task; "seehear evaluate TASK --help" lists them.

    Raises:
        SeehearError: there is no such task, or what its function raises.
    """
    declared = TASKS[task]
    corpora = [data] if declared.takes_several and not isinstance(data, (list, tuple)) else data
    result: Result = declared.call(model, corpora, options)
    return result


def find_score(name: str) -> Score:
    """Return the declaration of a score: the one with the longest name that covers it.

    A score that no task declares, as of a plug-in that is gone, is taken for a share of which more is better.
    """
    declared = (score for task in TASKS.values() for score in task.scores if score.covers(name))
    return max(declared, key=lambda score: len(score.name), default=Score(name))
