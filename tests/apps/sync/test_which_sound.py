"""Files with several sounds: the one that belongs to the lips is found, in `sync`, `diarize` and `curate`."""

import csv
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import seehear
from films import write_film
from seehear.apps import curation
from seehear.apps.diarization import active_speaker, diarize_file
from seehear.cli import main
from seehear.errors import MediaError, SeehearError
from seehear.media.audio_streams import AudioStreamChoice
from seehear.media.sound import read_sound

SECONDS = 6.0
TAGS = [("mul", "music"), ("eng", ""), ("ita", "dub")]


@pytest.fixture
def film(lamp_parts, tmp_path):
    """Write a film of a lamp with sounds of these delays (ms); None is another lamp's, "silence" is silence."""
    pictures, sound = lamp_parts

    def write(name: str, *delays, tags=(), sides=False) -> Path:
        parts = []
        for number, delay in enumerate(delays):
            other = delay is None
            heard = sound(SECONDS, 0 if other or delay == "silence" else delay, 5 + number if other else 0)
            parts.append(0 * heard if delay == "silence" else heard)
        sounds = [np.stack(parts)] if sides else parts
        return write_film(tmp_path / name, sounds, pictures(SECONDS), tags)

    return write


measure = partial(seehear.measure_sync, faces="whole-frame", workers=1)
fix = partial(seehear.fix_sync, faces="whole-frame", workers=1)
diarized = partial(seehear.diarize, faces="whole-frame", workers=1, identity="none")


@pytest.mark.parametrize("name", ["music-first.mkv", "music-first.mov", "tracks.mxf"])
def test_the_stream_that_agrees_with_the_lips_is_measured(film, lamp_model, name):
    found = measure(film(name, None, 200, None))
    assert found.delay_ms == pytest.approx(200, abs=6)
    assert found.verdict == "out-of-sync"
    entry = found.to_dict()
    assert (entry["sound"]["stream"], entry["sound"]["of"]) == (2, 3)
    assert [other["stream"] for other in entry["other_sounds"]] == [1, 3]
    assert max(other.confidence for other in found.other_sounds) < 0.5 < found.confidence


def test_the_choice_is_told_in_words_and_in_the_table(film, lamp_model, capsys, tmp_path):
    path = film("film.mkv", None, 200, None, tags=TAGS)
    assert main(["sync", str(path), "--faces", "whole-frame", "--csv", str(tmp_path / "all.csv")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "sound stream 2 of 3 (eng) agrees best with the lips; confidence of the others: 1 (mul, music) 0." in said
    (row,) = csv.DictReader((tmp_path / "all.csv").open())
    assert row["audio_stream"] == "2"


def test_a_stream_that_is_asked_for_is_measured_and_the_others_named(film, lamp_model):
    path = film("film.mkv", None, 200, 40, tags=TAGS)
    dub = measure(path, audio_stream="3")
    assert dub.delay_ms == pytest.approx(40, abs=6)
    assert dub.other_sounds == ()
    music = measure(path, audio_stream="1")
    assert music.verdict == "cannot-tell"
    assert "sound stream 1 of 3 (mul, music) was used, and there are 2 (eng), 3 (ita, dub)" in music.reason
    says = r"has no audio stream 4; give --audio-stream one of 1 \(mul, music\), 2 \(eng\), 3 \(ita, dub\)"
    with pytest.raises(MediaError, match=says):
        measure(path, audio_stream="4")
    (absent,) = measure([path], audio_stream="4")
    assert (absent.sound, absent.code) == (None, "media")
    with pytest.raises(SeehearError, match="audio-stream"):
        measure(path, audio_stream="the second")


def test_a_silent_stream_is_passed_over_unless_it_is_asked_for(film, lamp_model):
    path = film("film.mkv", "silence", 200)
    assert measure(path).delay_ms == pytest.approx(200, abs=6)
    found = measure(path, audio_stream="1")
    assert found.reason.startswith("the audio is silent while a face is visible")
    assert "there are 2: see --audio-stream" in found.reason


def test_where_no_sound_agrees_all_are_named(film, lamp_model):
    found = measure(film("film.mkv", None, None))
    assert found.verdict == "cannot-tell"
    assert "none of the file's sounds agrees with the lips: 1, 2" in found.reason
    assert "agrees best" not in str(found)


def test_two_languages_left_and_right(film, lamp_parts, lamp_model, tmp_path):
    pictures, sound = lamp_parts
    left, right = sound(SECONDS, 0, 9, pitch=700), sound(SECONDS, 200)
    path = write_film(tmp_path / "two.mov", [np.stack([2 * left, right / 4])], pictures(SECONDS))
    found = measure(path)
    assert (found.delay_ms, found.to_dict()["sound"]["channel"]) == (pytest.approx(200, abs=6), "right")
    assert measure(path, audio_stream="1:left").verdict == "cannot-tell"


def test_fix_moves_every_stream_and_measures_the_same_one_again(film, lamp_model, tmp_path):
    path, out = film("film.mov", None, 200, 240, tags=TAGS), tmp_path / "fixed.mov"
    fixed = fix(path, out, audio_stream="2")
    assert fixed.after.delay_ms == pytest.approx(0, abs=6)
    for stream in (1, 2, 3):
        before, after = (read_sound(file, wanted=AudioStreamChoice(stream)).between(1, 4) for file in (path, out))
        assert np.corrcoef(before[3200:], after[: len(after) - 3200])[0, 1] > 0.99
    assert measure(out, audio_stream="3").delay_ms == pytest.approx(40, abs=6)


@pytest.fixture
def lamps(lamp_model, monkeypatch):
    monkeypatch.setattr(diarize_file, "load_sync_model", lambda name: lamp_model)
    monkeypatch.setattr(curation, "load_sync_model", lambda name: lamp_model)
    monkeypatch.setattr(active_speaker, "sound_voice_activity", lambda sound: np.full(150, 0 if sound.silent else 5.0))
    monkeypatch.setattr(
        "seehear.apps.diarization.lip_activity.mouth_motion", lambda video: np.ones(len(video), np.float32)
    )
    diarize_file._load.cache_clear()
    curation._model.cache_clear()
    yield
    diarize_file._load.cache_clear()
    curation._model.cache_clear()


def test_diarize_listens_to_the_sound_of_the_lips(film, lamps, tmp_path):
    found = diarized(film("film.mov", None, 80, tags=TAGS))
    entry = found.to_dict()
    assert (entry["sound"]["stream"], entry["delay_ms"]) == (2, 80)
    assert entry["people"][0]["speaking_s"] > 5
    assert "sound stream 2 of 2 (eng)." in " ".join(str(found).split())
    found.write_video(tmp_path / "who.mp4")
    heard, wanted = (
        read_sound(tmp_path / "who.mp4").between(1, 5),
        read_sound(tmp_path / "film.mov", wanted=AudioStreamChoice(2)).between(1, 5),
    )
    assert np.corrcoef(heard, wanted)[0, 1] > 0.95


def test_diarize_says_why_nobody_speaks(film, lamps):
    silent = diarized(film("silent.mov", "silence"))
    entry = silent.to_dict()
    assert (entry["reason"], entry["turns"], len(entry["tracks"])) == ("the audio is silent", [], 1)
    assert "the audio is silent" in " ".join(str(silent).split())
    entry = diarized(film("two.mov", None, "silence"), audio_stream="2").to_dict()
    assert entry["reason"].startswith("the audio is silent; sound stream 2 of 2 was used, and there are 1")
    assert "somebody speaks who is not seen" in diarized(film("other.mov", None)).to_dict()["reason"]


def test_curate_keeps_the_sound_of_the_lips(film, lamps, tmp_path):
    path = film("film.mov", None, 0, tags=TAGS)
    out = tmp_path / "clean"
    curated = partial(seehear.curate, [path], out, faces="whole-frame", workers=1)
    curated()
    rows = list(csv.DictReader((out / "labels.csv").open()))
    assert [row["sound"] for row in rows] == ["sound stream 2 of 2 (eng)"]
    start, end = float(rows[0]["start_s"]), float(rows[0]["end_s"])
    assert end - start > 4
    heard = read_sound(out / rows[0]["file"]).between(0, end - start)
    wanted = read_sound(path, wanted=AudioStreamChoice(2)).between(start, end)
    assert np.corrcoef(heard, wanted)[0, 1] > 0.95
    with pytest.raises(SeehearError, match="with audio_stream None instead of 1"):
        curated(audio_stream="1")
