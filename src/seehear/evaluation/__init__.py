"""Evaluation of encoders and models: one file a task; `evaluate` finds a task by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from inspect import signature
from typing import Any

from seehear.errors import SeehearError
from seehear.results import Result

TASKS = {
    "sync": "seehear.evaluation.sync:evaluate_sync",
    "animate": "seehear.evaluation.animate:evaluate_animate",
    "emotion": "seehear.evaluation.emotion:evaluate_emotion",
    "words": "seehear.evaluation.words:evaluate_words",
    "transcription": "seehear.evaluation.transcription:evaluate_transcription",
    "affect": "seehear.evaluation.affect:evaluate_affect",
    "speaker": "seehear.evaluation.speaker.verification:evaluate_speaker",
    "identification": "seehear.evaluation.speaker.identification:evaluate_identification",
    "facevoice": "seehear.evaluation.speaker.facevoice:evaluate_facevoice",
    "lips": "seehear.evaluation.lips:evaluate_lips",
}
"""Name of a task -> ``module:function``; the function's parameters are the options."""


def evaluation_of(task: str) -> Callable[..., Any]:
    """The function that evaluates a task.

    Raises:
        SeehearError: there is no such task.
    """
    if task not in TASKS:
        raise SeehearError(f"there is no task {task!r}; the tasks are {', '.join(TASKS)}", code="unknown-task")
    module, name = TASKS[task].split(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def evaluate(task: str, model: str, data: Any, **options: Any) -> Result:
    """Evaluate a model on a task.

    Args:
        task: emotion, words, transcription, affect, speaker, identification, facevoice, lips, sync or animate.
        model: folder of a run, or name of a model or an encoder.
        data: a corpus, or a list of corpora, or of files of a data set (see ``dataset``).
        options: of the task; "seehear evaluate TASK --help" lists them.

    Raises:
        SeehearError: there is no such task, or what its function raises.
    """
    function = evaluation_of(task)
    several = "data" in signature(function).parameters  # the others take one corpus
    found: Result = function(model, [data] if several and not isinstance(data, (list, tuple)) else data, **options)
    return found
