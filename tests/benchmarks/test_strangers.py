"""The script on a folder of synthetic people that is laid out like that of the real ones."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import strangers
from real_people.films import find_films

from seehear.avatars.make import synthesize_avatars
from seehear.errors import SeehearError

NAMES = ("grid/s1_1", "grid/s2_1", "wild/weekly_1", "wild/weekly_2")


@pytest.fixture(scope="module")
def shared_like(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four films of three seconds, which stand for people that nobody trained on."""
    folder = tmp_path_factory.mktemp("people")
    made = synthesize_avatars(folder / "avatars", clips=4, speakers=4, seed=90_002, workers=1)
    for path, name in zip(made, NAMES, strict=True):
        place = folder / "data" / "strangers" / f"{name}.mp4"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["strangers.py", *map(str, words)])
    strangers.main()


def test_all_parts_of_faces_give_figures_with_their_chance_and_their_people(shared_like, tmp_path, monkeypatch, capsys):
    told = tmp_path / "told.json"
    run(
        monkeypatch, "--shared", shared_like, "--work", tmp_path / "work", "--workers", 1, "--json", told,
        "--parts", "sync", "files", "speaking", "facevoice",
    )  # fmt: skip
    rows = json.loads(told.read_text())
    assert {row["part"] for row in rows} == {"sync", "files", "speaking", "facevoice"}
    assert all(0 <= row["value"] <= 100 for row in rows)

    def only(*words):
        return [row for row in rows if all(word in f"{row['source']} {row['what']}" for word in words)]

    (in_sync,) = only("GRID", "K = 15", "in sync")  # synthetic people, from files in sync: easy for sync-small
    assert in_sync["value"] > 80
    assert in_sync["chance"] == pytest.approx(9.7, abs=0.05)
    assert in_sync["over"] == "2 people"
    (itself,) = only("all of these", "K = 5", "whole film")
    (strict,) = only("all of these", "K = 5", "other half")
    assert itself["chance"] > strict["chance"], "moments that judge themselves agree more often than others' do"
    assert set(only("weekly", "K = 15", "other films")[0]["each"]) == {"weekly_1", "weekly_2"}
    (moved,) = only("all of these", "moved", "of those answered")
    assert moved["value"] > 80
    (foreign,) = only("all of these", "another film's sound", "answered (")
    assert foreign["value"] < 50
    (likelier,) = only("two real people", "as recorded", "likelier face")
    assert likelier["chance"] == 50
    assert likelier["value"] > 70
    assert likelier["over"] == "1 composites"
    assert len(list((tmp_path / "work").glob("composites/as-recorded/*.mp4"))) == 1
    printed = capsys.readouterr().out
    assert "| part | people |" in printed
    assert printed.count("\n|") == len(rows) + 1


def test_emotion_leaves_each_actor_out(tmp_path, monkeypatch, capsys, write_wave):
    folder = tmp_path / "data" / "emodb_dev"
    folder.mkdir(parents=True)
    for speaker in ("03", "08", "09", "10", "11"):
        for sentence in ("a01", "a02", "b01"):
            for letter, pitch in (("W", 300), ("T", 120)):
                write_wave(folder / f"{speaker}{sentence}{letter}a.wav", pitch + 5 * int(speaker))
    run(
        monkeypatch,
        "--shared",
        tmp_path,
        "--parts",
        "emotion",
        "--against",
        "mfcc",
        "untrained",
        "--json",
        tmp_path / "told.json",
    )
    rows = json.loads((tmp_path / "told.json").read_text())
    assert [row["what"].split(",")[0] for row in rows[:3]] == ["animate-small", "mfcc", "untrained"]
    assert rows[1]["value"] == 100  # two pitches
    assert all("5 actors" in row["over"] and row["chance"] is not None for row in rows)
    assert "leave-one-speaker-out" in rows[0]["remark"]


def test_without_the_data_it_says_what_is_missing(tmp_path, monkeypatch):
    for parts, missing in ((["sync"], "strangers"), (["emotion"], "emodb_dev")):
        with pytest.raises(SystemExit) as refused:
            run(monkeypatch, "--shared", tmp_path, "--work", tmp_path / "work", "--parts", *parts)
        assert missing in str(refused.value)
        assert "--shared" in str(refused.value)
    assert not (tmp_path / "work").exists()


def test_files_are_known_by_their_names(shared_like, tmp_path):
    films = find_films(shared_like / "data" / "strangers")
    assert [(film.source, film.person, film.numbered) for film in films] == [
        ("grid", "grid-s1", True), ("grid", "grid-s2", True), ("weekly", "weekly", True), ("weekly", "weekly", True),
    ]  # fmt: skip
    odd = tmp_path / "wild" / "somebody.mp4"
    odd.parent.mkdir()
    shutil.copy(films[0].path, odd)
    with pytest.raises(SeehearError, match="somebody"):
        find_films(tmp_path)
    odd.rename(odd.with_stem("talk_07"))
    (tmp_path / "grid").mkdir()
    shutil.copy(films[0].path, tmp_path / "grid" / "x1_swiz.mp4")
    unnumbered, talk = find_films(tmp_path)
    assert (unnumbered.numbered, talk.numbered) == (False, True)
    assert talk.person == "talk_07"
