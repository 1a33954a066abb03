"""What becomes of one source: above all of its sound, when it has several or none."""

import csv

import numpy as np
import pytest

from films import speech, write_film
from seehear.cli import main
from seehear.data.corpus import Corpus


@pytest.fixture
def prepared(tmp_path, capsys):
    """Prepare films, and give the corpus, the reasons of the report by file, and what was said."""

    def prepare(*words):
        folder, out = tmp_path / "films", tmp_path / "corpus"
        flags = ["--faces", "whole-frame", "--size", "64", "--workers", "1"]
        code = main(["prepare", str(folder), "-o", str(out), *flags, *words])
        rows = {row["file"]: row for row in csv.DictReader((out / "report.csv").open())}
        return code, Corpus(out) if (out / "corpus.json").exists() else None, rows, capsys.readouterr()

    (tmp_path / "films").mkdir()
    return prepare


def heard_in(corpus, place=0):
    return corpus[place].audio[1600:-1600]


def alike(one, other):
    count = min(len(one), len(other))
    return abs(np.corrcoef(one[:count], other[:count])[0, 1])


def test_channels_of_opposite_polarity_are_heard(prepared, tmp_path):
    voice = speech(2)
    write_film(tmp_path / "films" / "a.mov", [np.stack([voice, -voice])])
    code, corpus, rows, said = prepared()
    assert code == 0
    assert alike(heard_in(corpus), voice[1600:-1600]) > 0.95
    assert np.abs(heard_in(corpus)).max() > 0.3
    assert "right was inverted" in rows["a.mov"]["reason"]
    assert corpus.manifest["has_sound"].to_pylist() == [True]
    assert "1 with a remark: the reasons are in" in said.out


def test_silence_is_told_and_counts_as_no_sound(prepared, tmp_path):
    write_film(tmp_path / "films" / "a.mov", [0 * speech(2)])
    write_film(tmp_path / "films" / "b.mov", [speech(2)])
    code, corpus, rows, said = prepared()
    assert code == 0
    assert corpus.manifest["has_sound"].to_pylist() == [False, True]
    assert "the audio is silence" in rows["a.mov"]["reason"]
    assert rows["b.mov"]["reason"] == ""
    assert "1 with a remark" in said.out


def test_the_stream_that_is_asked_for_is_heard_and_belongs_to_the_options(prepared, tmp_path, capsys):
    voices = [speech(2, 1), speech(2, 2)]
    write_film(tmp_path / "films" / "a.mov", voices)
    code, corpus, _, _ = prepared("--audio-stream", "2")
    assert code == 0
    assert alike(heard_in(corpus), voices[1][1600:-1600]) > 0.95
    code, *_, said = prepared()
    assert code == 2
    assert "audio_stream 2 instead of None" in said.err


def test_the_silence_of_a_recording_names_the_other_streams(prepared, tmp_path):
    write_film(tmp_path / "films" / "a.mov", [0 * speech(2), speech(2, 2)], tags=[("eng", ""), ("ita", "")])
    code, _, rows, said = prepared("--audio-stream", "1", "--faces", "none")
    assert code == 2
    assert "the audio is 2.00 s of silence" in rows["a.mov"]["reason"]
    assert "and there are 2 (ita): see --audio-stream" in said.err
