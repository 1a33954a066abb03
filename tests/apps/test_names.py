"""Names of files as people have them: not UTF-8, very long, beginning with a dash, addresses, standard input."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.io import wavfile

from seehear.cli import main
from seehear.data.corpus import Corpus

LATIN1 = os.fsdecode(b"caf\xe9.mp4")


@pytest.fixture
def odd_lamp(late_lamp, tmp_path) -> Path:
    """A file whose name is not UTF-8."""
    (tmp_path / "in").mkdir()
    try:
        return Path(shutil.copy(late_lamp, tmp_path / "in" / LATIN1))
    except OSError:
        pytest.skip("this disk refuses names that are not UTF-8")


def sync(*words):
    return main(["sync", *map(str, words), "--faces", "whole-frame", "--workers", "1"])


def test_a_name_that_is_not_utf8_stops_nothing(odd_lamp, late_lamp, lamp_model, tmp_path, capfd):
    table, out = tmp_path / "all.csv", tmp_path / "out"
    words = [odd_lamp, late_lamp, odd_lamp.with_name(os.fsdecode(b"gone\xe9.mp4")), "--csv", table, "--fix", "-o", out]
    assert sync(*words, "--json") == 2
    captured = capfd.readouterr()
    odd, good, gone = [json.loads(line) for line in captured.out.splitlines()]
    assert odd["file"] == str(odd_lamp)  # JSON brings the very name back
    assert odd["delay_ms"] == good["delay_ms"] == pytest.approx(200, abs=6)
    assert "does not exist" in gone["error"]
    assert "gone\\udce9.mp4 does not exist" in captured.err
    assert (out / LATIN1).exists()
    assert next(row["file"].rpartition("/")[2] for row in csv.DictReader(table.open())) == "caf\\udce9.mp4"
    assert sync(*words) == 2
    lines = capfd.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["out of sync", "out of sync", "failed"]
    assert sync(odd_lamp) == 0
    assert "caf\\udce9.mp4" in "".join(capfd.readouterr().out.split())


def test_names_that_are_not_utf8_in_a_corpus_and_in_features(odd_lamp, tmp_path, capfd):
    words = ["--faces", "whole-frame", "--size", "64", "--workers", "1"]
    assert main(["prepare", str(odd_lamp.parent), "-o", str(tmp_path / "corpus"), *words]) == 0
    assert Corpus(tmp_path / "corpus").manifest["source"].to_pylist() == ["caf\\udce9.mp4"]
    assert main(["embed", "logmel", str(odd_lamp), "-o", str(tmp_path / "a.parquet")]) == 0
    assert set(pq.read_table(tmp_path / "a.parquet")["file"].to_pylist()) == {"caf\\udce9.mp4"}
    odd_place = tmp_path / os.fsdecode(b"out\xe9.parquet")
    assert main(["embed", "logmel", str(odd_lamp), "-o", str(odd_place)]) == 0
    assert odd_place.exists()
    assert "out\\udce9.parquet" in capfd.readouterr().out


def test_a_name_of_250_bytes_is_fixed_as_any_other(late_lamp, lamp_model, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    long = Path(shutil.copy(late_lamp, tmp_path / "in" / ("x" * 246 + ".mp4")))
    assert sync(long, "--fix", "-o", tmp_path / ("y" * 250 + ".mp4"), "--json") == 0
    assert abs(json.loads(capsys.readouterr().out)["fixed"]["delay_ms"]) < 6
    (tmp_path / "out").mkdir()
    assert sync(long, "--fix", "-o", tmp_path / "out", "--json") == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [long.name]


@pytest.mark.parametrize("flags", [["--fix", "-o"], ["--csv"], ["--plot"]])
def test_an_output_whose_name_is_too_long_is_told_before_anything_is_measured(
    late_lamp, tmp_path, capsys, monkeypatch, flags
):
    for place in ("fix_file", "measure_file"):
        monkeypatch.setattr(f"seehear.apps.sync.{place}.load_once", lambda *name: pytest.fail("loaded"))
    suffix = ".png" if flags == ["--plot"] else ".mp4"
    assert sync(late_lamp, *flags, tmp_path / ("y" * 252 + suffix)) == 2
    assert "too long a name" in capsys.readouterr().err


def test_a_name_that_leaves_no_room_for_npy_is_told_before_anything_is_embedded(tmp_path, capsys, monkeypatch):
    name = "x" * 250 + ".wav"
    wavfile.write(tmp_path / name, 16000, np.ones(16000, np.int16))
    monkeypatch.setattr("seehear.apps.feature_files.read_sound", lambda *given, **named: pytest.fail("read"))
    assert main(["embed", "logmel", str(tmp_path / name), "-o", str(tmp_path / "out")]) == 2
    assert "write a .parquet or a .npz instead" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("https://example.org/talk.mp4", "https://example.org/talk.mp4 is an address, and only files"),
        ("-", "- is standard input"),
    ],
)
def test_addresses_and_standard_input_are_told_as_such_and_the_rest_is_done(late_lamp, lamp_model, capsys, given, says):
    assert sync(given, late_lamp, "--json") == 2
    captured = capsys.readouterr()
    bad, good = [json.loads(line) for line in captured.out.splitlines()]
    assert says in bad["error"]
    assert good["verdict"] == "out-of-sync"
    for verb in (
        ["embed", "logmel", given, "-o", "x.npz"],
        ["prepare", given, "-o", "corpus"],
        ["animate", given, given],
    ):
        assert main(verb) == 2
        assert says in capsys.readouterr().err


def test_a_name_that_begins_with_a_dash(late_lamp, lamp_model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["-leading.mp4", "--my-talk.mp4"]
    for name in names:
        shutil.copy(late_lamp, name)
        with pytest.raises(SystemExit) as stop:
            sync(name)
        assert stop.value.code == 2
        err = capsys.readouterr().err
        assert f"the file {name} is given as ./{name}" in err
        assert err.count("\n") == 1
        assert sync(f"./{name}") == 0
    assert main(["sync", "--faces", "whole-frame", "--json", "--", *names]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [json.loads(line)["file"] for line in said] == names
