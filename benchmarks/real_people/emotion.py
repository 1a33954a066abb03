"""Emotion of real actors whom no model has heard, each left out in turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from real_people.rows import Row, percent
from seehear.evaluation import evaluate
from seehear.evaluation.result import EvaluationResult

PART = "emotion"
AGAINST = ("mfcc", "logmel", "untrained")


def emotion_rows(model: str, folder: Path, against: Sequence[str] = AGAINST, **options: Any) -> list[Row]:
    """Accuracy of the frozen encoder and of its baselines, and what it is ahead of each.

    Args:
        model: name or run of an encoder of sound.
        folder: recordings named as the Berlin database names them.
        against: baselines.
        options: more options of the task emotion.
    """
    found = evaluate(
        "emotion", model, [folder], baselines=against, dataset="emodb", split="leave-one-speaker-out", **options
    )
    assert isinstance(found, EvaluationResult)
    score = next(iter(found.rows[0].figures))
    setting = ", ".join(f"{key} {value}" for key, value in found.setting.items())
    over = f"{found.speakers} actors, {found.tested} recordings"
    rows = [
        Row(
            PART, "Berlin database, actors", f"{row.encoder}, frozen: {score} of {len(found.classes)} emotions",
            100 * row.main.value, percent(row.main.low), percent(row.main.high), over,
            percent(found.chance.get(score)), setting,
        )
        for row in found.rows
    ]  # fmt: skip
    for other in found.comparisons:
        what = f"{model} less {other.against} (points; p = {other.p:.3f})"
        rows.append(
            Row(
                PART, "Berlin database, actors", what, 100 * other.difference, percent(other.low),
                percent(other.high), over, 0.0,
            )
        )  # fmt: skip
    return rows
