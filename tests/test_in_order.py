"""Many files: outcomes in their order, errors recorded, bugs told."""

from pathlib import Path

import pytest

from file_work import work
from seehear.parallel import parallel_map, try_file

PATHS = [Path(name) for name in ("slow", "bad", "odd", "good", "gone")]


@pytest.mark.parametrize("workers", [0, 2])
def test_outcomes_come_in_the_order_of_the_files(workers):
    done = (
        [try_file(path, work, among_others=True) for path in PATHS]
        if not workers
        else [*parallel_map(PATHS, work, workers)]
    )
    assert [one.path for one in done] == PATHS
    assert [one.value for one in done] == ["SLOW", None, None, "GOOD", None]
    assert done[1].error == "bad is no film"
    assert "unforeseen ValueError: odd size" in done[2].error
    assert "gone does not exist" in done[4].error


def test_alone_a_bug_keeps_its_traceback():
    with pytest.raises(ValueError, match="odd"):
        try_file(Path("odd"), work, among_others=False)
    assert try_file(Path("bad"), work, among_others=False).error == "bad is no film"
