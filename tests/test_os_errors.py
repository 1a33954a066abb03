"""Places that cannot be written and files that are not there, in sentences, before anything is done."""

import os

import pytest

from seehear.errors import SeehearError, check_writable, missing_file_message


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("https:/example.org/a.mp4", "https://example.org/a.mp4 is an address"),
        ("https://example.org/a.mp4", "https://example.org/a.mp4 is an address"),
        ("s3:/bucket/a.mp4", "s3://bucket/a.mp4 is an address"),
        ("file:/home/a.mp4", "give the file path: /home/a.mp4"),
        ("-", "standard input"),
        ("a.mp4", "a.mp4 does not exist; check the path"),
        ("a:b.mp4", "a:b.mp4 does not exist; check the path"),
    ],
)
def test_what_is_not_there_is_told_by_what_it_looks_like(given, says):
    assert says in missing_file_message(given, "check the path")


def test_a_place_is_checked_before_it_is_written(tmp_path):
    check_writable(None)
    check_writable(tmp_path / ("x" * 255))
    assert list(tmp_path.iterdir()) == []
    for place, says in (
        (tmp_path / ("x" * 256), "has too long a name"),
        (tmp_path / "absent" / "a.mp4", "the folder .*absent does not exist"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(SeehearError, match=says):
            check_writable(place, "--fix")


def test_a_folder_that_may_not_be_written_to_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere, so pretend
    with pytest.raises(SeehearError, match="may not be written to"):
        check_writable(tmp_path / "a.mp4")
