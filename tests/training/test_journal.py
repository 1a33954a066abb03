"""metrics.csv: rows with holes, and rows of a future that never came to pass."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from seehear.training.checkpoint import MetricsLog, read_metrics


def test_rows_with_holes(tmp_path: Path) -> None:
    with MetricsLog(tmp_path, ["loss", "sync"]) as journal:
        journal.write(0, {"sync": 0.1})
        journal.write(5, {"loss": 2.5})
    assert (tmp_path / "metrics.csv").read_text() == "step,loss,sync\n0,,0.1\n5,2.5,\n"
    assert read_metrics(tmp_path / "metrics.csv") == [{"step": 0, "sync": 0.1}, {"step": 5, "loss": 2.5}]


def test_resuming_drops_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    with MetricsLog(tmp_path, ["loss"]) as journal:
        for step in (1, 2, 3):
            journal.write(step, {"loss": step})
    with MetricsLog(tmp_path, ["loss"], resumed_at=2) as journal:
        journal.write(3, {"loss": 30})
    assert [row["loss"] for row in read_metrics(tmp_path / "metrics.csv")] == [1, 2, 30]


def test_pictures_lie_beside_the_numbers(tmp_path: Path) -> None:
    red = np.zeros((2, 3, 3), np.uint8)
    red[..., 0] = 200
    with MetricsLog(tmp_path, []) as journal:
        for step in (0, 250):
            journal.log_picture(step, "strip", red)
    names = ["strip-000000.png", "strip-000250.png"]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == names
    assert (cv2.imread(str(tmp_path / "pictures" / names[1]))[..., ::-1] == red).all()
    MetricsLog(tmp_path, [], resumed_at=100).__exit__(None, None, None)
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == names[:1]
    MetricsLog(tmp_path, []).__exit__(None, None, None)
    assert list((tmp_path / "pictures").iterdir()) == []


def test_starting_anew_forgets(tmp_path: Path) -> None:
    with MetricsLog(tmp_path, ["loss"]) as journal:
        journal.write(1, {"loss": 1})
    MetricsLog(tmp_path, ["loss"]).__exit__(None, None, None)
    assert read_metrics(tmp_path / "metrics.csv") == []
    assert read_metrics(tmp_path / "none.csv") == []
