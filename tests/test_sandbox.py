"""What takes too much is stopped, said in one sentence, and the other files are done."""

from pathlib import Path

import pytest

from file_work import one_gigantic_allocation, work_in_halves, work_of_a_stranger
from seehear.errors import SeehearError
from seehear.parallel_files import map_files, run_apart, run_files
from seehear.sandbox import Limits

LIMITS = Limits(memory=256 << 20, base_s=3.0)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_greedy_the_endless_and_the_broken_among_good_files(workers):
    paths = [Path(name) for name in ("one", "greedy", "two", "endless", "three", "broken", "four")]
    done = list(map_files(paths, work_of_a_stranger, workers, apart=True, limits=LIMITS))
    assert [one.path for one in done] == paths
    assert [one.value for one in done] == ["ONE", None, "TWO", None, "THREE", None, "FOUR"]
    assert [one.code for one in done] == [None, "too-much-memory", None, "too-slow", None, "died", None]
    for one in done:
        assert one.value or (str(one.path) in one.error and "\n" not in one.error)


def test_a_gigantic_allocation_is_this_files_error():
    done = list(map_files([Path("gigantic"), Path("good")], one_gigantic_allocation, 1, apart=True, limits=LIMITS))
    assert [(one.value, one.code) for one in done] == [(None, "too-much-memory"), ("good", None)]


def test_one_file_in_a_sandbox():
    assert run_files("good", work_in_halves, None, sandbox=True) == "GOOD"
    with pytest.raises(SeehearError) as error:
        run_apart(Path("broken"), work_of_a_stranger)
    assert error.value.code == "died"
    (only,) = run_files(["broken"], work_of_a_stranger, lambda file: file.code, sandbox=True)
    assert only == "died"
    with pytest.raises(SeehearError, match="by name"):
        run_files("good", work_in_halves, None, here=True, sandbox=True)


def test_time_is_for_bytes_on_the_disk(tmp_path):
    real, hollow = tmp_path / "real", tmp_path / "hollow"
    real.write_bytes(b"x" * 2_000_000)
    with hollow.open("wb") as file:
        file.truncate(1 << 33)
    limits = Limits()
    assert limits.seconds(real) == pytest.approx(limits.base_s + 2 * limits.seconds_per_mb, rel=0.01)
    assert limits.seconds(hollow) < limits.base_s + limits.seconds_per_mb
    assert limits.seconds(tmp_path / "gone") == limits.base_s
