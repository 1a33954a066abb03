"""Temporary names fit beside their place, whatever its name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seehear.atomic_io import lock_file, remove_leftovers, temporary_name, write_text
from seehear.media.encode import atomic_file

LONG = ["x" * 255, "é" * 127 + "x", "日" * 85]


def test_a_short_name_is_kept():
    assert temporary_name(Path("a/talk.mp4"), ".7.tmp") == Path("a/.talk.mp4.7.tmp")


@pytest.mark.parametrize("name", LONG)
def test_the_longest_names_can_be_written(tmp_path, name):
    assert len(os.fsencode(name)) == 255
    write_text(tmp_path / name, "whole")
    assert (tmp_path / name).read_text() == "whole"
    with atomic_file(tmp_path / name) as file:
        file.write(b"film")
        assert len(list(tmp_path.iterdir())) == 2
    assert (tmp_path / name).read_bytes() == b"film"
    assert len(list(tmp_path.iterdir())) == 1


def test_long_names_that_begin_alike_have_different_names_beside():
    one, other = (temporary_name(Path("x" * 250 + end), ".7.tmp") for end in "ab")
    assert one != other
    assert all(len(os.fsencode(path.name)) <= 255 and path.name.startswith(".xxx") for path in (one, other))


def test_what_a_killed_process_left_of_a_long_name_is_found(tmp_path):
    temporary_name(tmp_path / ("x" * 250), ".7.tmp").write_text("half")
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_not_utf8_are_written_out(tmp_path):
    write_text(tmp_path / "a.json", '"caf\udce9.mp4"')
    assert (tmp_path / "a.json").read_text() == '"caf\\udce9.mp4"'


HOLDER = """
import sys
from seehear.atomic_io import lock_file
file = open(sys.argv[1], "a")
lock_file(file, RuntimeError())
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_lock_ends_with_its_process_even_if_that_is_killed(tmp_path):
    place = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "locked\n"
        with place.open("a") as file:
            with pytest.raises(KeyError, match="taken"):
                lock_file(file, KeyError("taken"))
            assert file.closed
        holder.kill()
    with place.open("a") as file:
        lock_file(file, KeyError("taken"))
