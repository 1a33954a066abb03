"""Many files: outcomes in their order, errors recorded, bugs told."""

from pathlib import Path

import pytest

from file_work import work, work_in_halves
from seehear.errors import SeehearError
from seehear.parallel_files import map_files, parallel_map, try_file

PATHS = [Path(name) for name in ("slow", "bad", "odd", "good", "gone")]


@pytest.mark.parametrize("workers", [0, 2])
def test_outcomes_come_in_the_order_of_the_files(workers):
    done = (
        [try_file(path, work, among_others=True) for path in PATHS]
        if not workers
        else [*parallel_map(PATHS, work_in_halves, workers)]
    )
    assert [one.path for one in done] == PATHS
    assert [one.value for one in done] == ["SLOW", None, None, "GOOD", None]
    assert done[1].error == "bad is no film"
    assert "unexpected ValueError: odd size" in done[2].error
    assert "gone does not exist" in done[4].error


def test_alone_a_bug_keeps_its_traceback():
    with pytest.raises(ValueError, match="odd"):
        try_file(Path("odd"), work, among_others=False)
    assert try_file(Path("bad"), work, among_others=False).error == "bad is no film"


@pytest.mark.parametrize("workers", [1, 2])
def test_files_are_mapped_in_their_order_in_processes_or_here(workers):
    told = []
    done = list(map_files(PATHS, work_in_halves, workers, lambda share, what: told.append((share, what))))
    assert [one.path for one in done] == PATHS
    assert [one.value for one in done] == ["SLOW", None, None, "GOOD", None]
    assert [one.code for one in done] == [None, "media", "bug", None, "input"]
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert {what for _, what in told} == {str(path) for path in PATHS}
    assert 0.5 / len(PATHS) in shares


def test_one_file_is_done_here_with_its_traceback():
    (done,) = map_files([Path("good")], work_in_halves)
    assert done.value == "GOOD"
    with pytest.raises(ValueError, match="odd"):
        list(map_files([Path("odd")], work_in_halves))
    assert list(map_files([], work_in_halves)) == []
    with pytest.raises(SeehearError, match="1 or more"):
        list(map_files(PATHS, work_in_halves, 0))
