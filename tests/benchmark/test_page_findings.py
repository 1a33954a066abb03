import numpy as np
import pytest

from seehear.benchmark.page_findings import PageData, largest_label_share, main_column
from seehear.benchmark.table import Column, TableEntry, TaskTable


def table(means, higher=True, columns=None):
    columns = columns or (Column("score", 1.0, None, higher, None),)
    entries = {
        (row, place): TableEntry({0: mean}, mean, None, None, False, {}, ()) if mean is not None else
        TableEntry({}, None, None, None, False, {0: "no"}, ())
        for row, mean in means.items() for place in range(len(columns))
    }  # fmt: skip
    return TaskTable("t", "Title", "emotion", "people", tuple(columns), tuple(means), entries, 3, "speakers", 40, ())


def telling(shown):
    return PageData(None, None, None, None, {}).rows_to_show(shown)


@pytest.mark.parametrize(("higher", "expected"), [(True, ["d", "b", "c"]), (False, ["c", "a", "d"])])
def test_rows_to_look_at_are_the_two_best_and_the_other_end(higher, expected):
    assert telling(table({"a": 0.2, "b": 0.3, "c": 0.1, "d": 0.4, "failed": None}, higher)) == expected


def test_few_rows_are_all_looked_at_the_best_first():
    assert telling(table({"a": 0.2, "b": 0.3})) == ["b", "a"]
    assert telling(table({"failed": None})) == []


def test_a_task_is_about_its_first_score_clean_with_the_most_labels():
    columns = [
        Column("accuracy", labels, snr, True, None) for labels in (0.1, 1.0) for snr in (None, 5.0)
    ]  # fmt: skip
    shown = table({"a": 0.1}, columns=(Column("F1", 0.1, None, True, None), *columns))
    assert largest_label_share(shown) == 1.0
    assert main_column(table({"a": 0.1}, columns=tuple(columns))) == 2


def test_without_such_a_column_it_is_the_first():
    noisy = tuple(Column("accuracy", 1.0, float(snr), True, None) for snr in np.arange(3))
    assert main_column(table({"a": 0.1}, columns=noisy)) == 0
