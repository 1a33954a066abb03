import re
from dataclasses import replace

import numpy as np
import pytest

from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.page_figures import _axis_limits, confusion_figure, det_curves, label_curves, means, noise_curves
from seehear.benchmark.table import Column, TableEntry, TaskTable

CLEAN = Column("accuracy", 1.0, None, higher_is_better=True, chance=0.25)


def entry(*values):
    mean = float(np.mean(values)) if values else None
    ends = (min(values), max(values)) if len(values) > 1 else (None, None)
    return TableEntry(dict(enumerate(values)), mean, *ends, best=False, failed={}, reproduce=())


def table(columns, rows):
    entries = {(row, place): one for row, numbers in rows.items() for place, one in enumerate(numbers)}
    return TaskTable("t", "Title", "emotion", "people", tuple(columns), tuple(rows), entries, 3, "speakers", 40, ())


def labels(figure):
    """All that is written in a figure."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", figure.svg)


def test_means_name_every_row_in_its_unit():
    told = labels(means(table([CLEAN], {"animate": [entry(0.6, 0.7)], "nothing yet": [entry()]})))
    assert {"animate", "nothing yet", "accuracy (%) ↑"} <= set(told)
    assert "60" in told  # percent, as in the table


def test_a_wide_interval_does_not_hide_the_rest():
    wild = replace(entry(0.5, 0.6), low=-3.0, high=4.0)
    low, high = _axis_limits(CLEAN, [wild, entry(0.6, 0.7)])
    assert -60 < low < 25
    assert 70 < high < 160


def test_all_of_a_narrow_interval_is_seen():
    low, high = _axis_limits(CLEAN, [replace(entry(0.5, 0.6), low=0.4, high=0.7)])
    assert low < 25 < 70 < high


def test_a_single_value_has_room():
    low, high = _axis_limits(replace(CLEAN, chance=None), [entry(0.0)])
    assert low < 0 < high


def test_figures_of_nothing_are_none():
    noisy = [CLEAN, replace(CLEAN, snr_db=5.0), replace(CLEAN, labels=0.1)]
    empty = table(noisy, {"animate": [entry(), entry(), entry()]})
    assert means(empty) is None
    assert noise_curves(empty) is None
    assert label_curves(empty) is None
    assert det_curves({"animate": []}) is None


def test_curves_only_where_columns_vary():
    plain = table([CLEAN], {"animate": [entry(0.6, 0.7)]})
    assert noise_curves(plain) is None
    assert label_curves(plain) is None


def test_noise_runs_from_loud_to_clean():
    columns = [CLEAN, replace(CLEAN, snr_db=10.0), replace(CLEAN, snr_db=-5.0)]
    told = labels(noise_curves(table(columns, {"animate": [entry(0.6, 0.7), entry(0.5, 0.6), entry(0.3, 0.4)]})))
    assert [one for one in told if one in ("-5", "10", "clean")] == ["-5", "10", "clean"]
    assert "animate" in told


def test_shares_of_the_labels_are_told_in_percent():
    columns = [replace(CLEAN, labels=0.01), CLEAN]
    told = labels(label_curves(table(columns, {"animate": [entry(0.3, 0.4), entry(0.6, 0.7)]})))
    assert {"1 %", "100 %", "accuracy (%) ↑"} <= set(told)


def test_detection_curves_name_a_row_once_for_all_its_seeds():
    curve = [(0.01 * n, 0.5 - 0.004 * n) for n in range(1, 100)]
    told = labels(det_curves({"animate": [curve, curve], "mfcc": [curve], "failed": []}))
    assert told.count("animate") == 1
    assert told.count("mfcc") == 1
    assert "failed" not in told


def test_a_detection_without_an_error_is_drawn_too():
    assert "animate" in labels(det_curves({"animate": [[(0.0, 0.0)]]}))


def outcome(counts, classes=("a", "b")):
    return CellOutcome("key", 1.0, confusion=tuple(map(tuple, counts)), classes=classes)


def test_confusions_are_summed_over_seeds():
    figure = confusion_figure("animate", [outcome([[3, 1], [0, 4]]), outcome([[1, 3], [2, 2]])])
    told = labels(figure)
    assert [one for one in told if one.isdigit()] == ["50", "50", "25", "75"]  # 4 and 4 of 8, 2 and 6 of 8
    assert "16 predictions of 2 seeds" in figure.caption


def test_seeds_with_other_classes_are_not_summed():
    assert (
        "8 predictions of 1 seed;" in confusion_figure("x", [outcome([[3, 1], [0, 4]]), outcome([[1]], ("a",))]).caption
    )


@pytest.mark.parametrize("outcomes", [[], [CellOutcome("key", 1.0)]])
def test_no_classes_no_confusion(outcomes):
    assert confusion_figure("x", outcomes) is None


def test_a_class_that_nobody_said_is_no_division_by_nothing():
    assert "0" in labels(confusion_figure("x", [outcome([[0, 0], [1, 1]])]))


def test_many_classes_are_counted_not_named():
    names = tuple(f"word{n}" for n in range(40))
    told = labels(confusion_figure("x", [outcome(np.eye(40, dtype=int).tolist(), names)]))
    assert "40 classes" in told
    assert "word3" not in told
