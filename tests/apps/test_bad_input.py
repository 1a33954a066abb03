"""What a user sees of every kind of bad file: one sentence, an exit code, never a traceback, never half a file."""

import errno
import json
import os

import av
import numpy as np
import pytest

from seehear.cli import main
from seehear.media.encode import write_video


@pytest.fixture
def sync(lamp_model, capsys):
    """Run ``seehear sync`` and give its exit code, its JSON objects and its error stream."""

    def run(*words, faces="whole-frame"):
        code = main(["sync", *map(str, words), "--json", "--faces", faces, "--workers", "1"])
        captured = capsys.readouterr()
        return code, [json.loads(line) for line in captured.out.splitlines()], captured.err

    return run


@pytest.fixture(scope="session")
def detector(shared):
    return shared / "models" / "yunet_n_640_640.onnx"


def refused(outcome, *, naming):
    """A file that cannot be measured at all: exit code 2 and one sentence that names it."""
    code, (entry,), err = outcome
    assert code == 2
    assert err.startswith("seehear: ")
    assert err.count("\n") == 1
    assert naming in err
    assert entry["error"] in err
    assert entry["delay_ms"] is None
    assert entry["verdict"] == "cannot-tell"


def unanswerable(outcome, *, because):
    """A file that is read well and says nothing: exit code 0, "cannot tell" and why."""
    code, (entry,), err = outcome
    assert (code, err) == (0, "")
    assert entry["verdict"] == "cannot-tell"
    assert because in entry["reason"]
    assert "error" not in entry


def test_missing_file(sync, tmp_path):
    refused(sync(tmp_path / "absent.mp4"), naming="absent.mp4")


def test_directory(sync, tmp_path):
    refused(sync(tmp_path), naming=tmp_path.name)


@pytest.mark.parametrize("content", [b"", b"Dear Sir,\n\nthis is no film.\n" * 50, bytes(5000)])
def test_what_is_no_film(sync, tmp_path, content):
    (tmp_path / "film.mp4").write_bytes(content)
    refused(sync(tmp_path / "film.mp4"), naming="film.mp4")


def test_truncated_anywhere(sync, late_lamp, tmp_path):
    whole = late_lamp.read_bytes()
    for tenth in range(1, 10):
        part = tmp_path / f"{tenth}.mp4"
        part.write_bytes(whole[: len(whole) * tenth // 10])
        code, (entry,), err = sync(part)
        assert code in (0, 2)
        assert (code == 2) == ("error" in entry) == bool(err)
        assert err.count("\n") == (code == 2)


def test_truncated_stream_is_measured_as_far_as_it_goes(sync, late_lamp, tmp_path):
    stream = tmp_path / "late.ts"
    with av.open(str(late_lamp)) as source, av.open(str(stream), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    whole = stream.read_bytes()
    for tenth in range(1, 10):
        (tmp_path / "part.ts").write_bytes(whole[: len(whole) * tenth // 10])
        code, (entry,), _ = sync(tmp_path / "part.ts")
        assert code in (0, 2)
        if tenth > 5:
            assert entry["delay_ms"] == pytest.approx(200, abs=10)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{secret}\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{secret}\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile '{secret}'\n"),
        ("list.txt", "file '{secret}'\n"),
        ("talk.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
    ],
)
def test_a_list_of_files_is_not_followed(sync, late_lamp, tmp_path, name, content):
    (tmp_path / name).write_text(content.format(secret=late_lamp))
    refused(sync(tmp_path / name), naming=name)


@pytest.mark.parametrize("name", ["http://localhost:9/film.mp4", "film%03d.png", "concat:a.mp4|b.mp4", "pipe:0"])
def test_a_name_that_is_an_address_is_only_a_file_name(sync, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    refused(sync(name), naming=name.rpartition("/")[2])


def test_no_sound(sync, lamp, tmp_path):
    unanswerable(sync(lamp(tmp_path / "film.mp4", sound=False)), because="no audio")


def test_silent_sound(sync, lamp, tmp_path):
    unanswerable(sync(lamp(tmp_path / "film.mp4", level=0.0)), because="silent")


def test_steady_sound_is_no_speech(sync, tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (100, 64, 64, 3), dtype=np.uint8)
    write_video(tmp_path / "film.mp4", frames, 25, rng.normal(0, 0.1, 64000).astype(np.float32))
    unanswerable(sync(tmp_path / "film.mp4"), because="no speech")


def test_half_a_second_is_too_short(sync, tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (12, 64, 64, 3), dtype=np.uint8)
    write_video(tmp_path / "film.mp4", frames, 25, rng.normal(0, 0.1, 7680).astype(np.float32))
    unanswerable(sync(tmp_path / "film.mp4"), because="too short: faces are seen for 0.48 s")


def test_no_picture(sync, tmp_path):
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    unanswerable(sync(path), because="no video")


def test_no_face(sync, late_lamp, detector):
    unanswerable(sync(late_lamp, "--detector", detector, faces="yunet"), because="no face")


def test_a_face_in_one_picture(sync, shared, detector, tmp_path):
    clip = sorted((shared / "data" / "grid_s1" / "video").glob("*.mp4"))[0]
    with av.open(str(clip)) as container:
        face = next(container.decode(video=0)).to_ndarray(format="rgb24")
    frames = [face if number == 30 else np.full_like(face, 90) for number in range(75)]
    noise = np.random.default_rng(0).normal(0, 0.1, 48000).astype(np.float32)
    write_video(tmp_path / "film.mp4", frames, 25, noise)
    outcome = sync(tmp_path / "film.mp4", "--detector", detector, faces="yunet")
    unanswerable(outcome, because="a face was detected in only 1 of 75 frames")


def test_three_pictures(sync, lamp, tmp_path):
    unanswerable(sync(lamp(tmp_path / "film.mp4", seconds=0.12)), because="short")


def test_one_picture_a_second_is_answered(sync, lamp, tmp_path):
    code, (entry,), err = sync(lamp(tmp_path / "film.mp4", fps=1))
    assert (code, err) == (0, "")
    assert entry["verdict"] in ("in-sync", "out-of-sync", "cannot-tell")


def test_many_pictures_a_second(sync, lamp, tmp_path):
    code, (entry,), _ = sync(lamp(tmp_path / "film.mp4", seconds=4, fps=120, delay_ms=90))
    assert code == 0
    assert entry["delay_ms"] == pytest.approx(90, abs=10)


def test_tiny_pictures(sync, lamp, tmp_path):
    code, (entry,), err = sync(lamp(tmp_path / "film.mp4", size=16, delay_ms=90))
    assert (code, err) == (0, "")
    assert entry["delay_ms"] == pytest.approx(90, abs=10)


def test_huge_pictures(sync, tmp_path):
    path = tmp_path / "8k.mkv"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 7680, 4320, "yuv420p"
        audio = out.add_stream("pcm_s16le", rate=16000, layout="mono")
        for number in range(12):
            frame = av.VideoFrame.from_ndarray(np.full((4320 * 3 // 2, 7680), 90 + 5 * number, np.uint8), "yuv420p")
            out.mux(video.encode(frame))
        noise = np.random.default_rng(0).integers(-9000, 9000, (1, 7680), dtype=np.int16)
        sound = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
        sound.sample_rate = 16000
        out.mux(audio.encode(sound))
        out.mux([*video.encode(None), *audio.encode(None)])
    code, (entry,), err = sync(path)
    assert (code, err) == (0, "")
    assert entry["faces_s"] == pytest.approx(0.48)


@pytest.mark.parametrize("sound_s", [3.5, 9.0])
def test_sound_shorter_or_longer_than_the_picture(sync, lamp, tmp_path, sound_s):
    code, (entry,), _ = sync(lamp(tmp_path / "film.mp4", delay_ms=-130, sound_s=min(sound_s, 7.9)))
    assert code == 0
    assert entry["delay_ms"] == pytest.approx(-130, abs=10)


@pytest.mark.parametrize("place", ["absent/fixed.mp4", "late.txt/fixed.mp4", "fixed.txt"])
def test_output_that_cannot_be_written(sync, late_lamp, tmp_path, place):
    (tmp_path / "late.txt").write_text("a file, not a folder")
    code, _, err = sync(late_lamp, "--fix", "-o", tmp_path / place)
    assert code == 2
    assert err.startswith("seehear: ")
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["late.txt"]


@pytest.mark.parametrize("flag", ["--csv", "--plot"])
def test_table_or_plot_that_cannot_be_written(sync, late_lamp, tmp_path, flag):
    code, _, err = sync(late_lamp, flag, tmp_path / "absent" / "file")
    assert code == 2
    assert "absent" in err


def test_full_disk(sync, late_lamp, tmp_path, monkeypatch):
    def full(src, dst, earlier_s):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(dst))

    monkeypatch.setattr("seehear.apps.sync.fix_file.shift_sound", full)
    code, (entry,), err = sync(late_lamp, "--fix", "-o", tmp_path / "fixed.mp4")
    assert code == 2
    assert "disk is full" in err
    assert entry["verdict"] == "out-of-sync"  # what was measured is still said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("flag", "value"), [("--search-s", "0"), ("--search-s", "100"), ("--plot", "x.png")])
def test_flags_out_of_range(sync, late_lamp, flag, value, capsys):
    code, entries, err = sync(late_lamp, late_lamp, flag, value)
    assert (code, entries) == (2, [])
    assert flag in err


@pytest.fixture
def run(tmp_path):
    """The folder of a model with random weights."""
    from seehear.models.store import save
    from seehear.models.sync import SyncModel

    save(SyncModel(), tmp_path / "run")
    return tmp_path / "run"


def wider(config):
    config["model"]["lips"] = {"dim": 64}
    config["model"]["sound"] = {"dim": 64}


def later(config):
    config["format"] = 99


def miscalibrated(config):
    config["sync_calibration"] = {"slope": 1}


@pytest.mark.parametrize("change", [wider, later, miscalibrated])
def test_a_model_that_does_not_fit(run, late_lamp, capsys, change):
    config = json.loads((run / "config.json").read_text())
    change(config)
    (run / "config.json").write_text(json.dumps(config))
    assert main(["sync", str(late_lamp), "--model", str(run), "--faces", "whole-frame"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("seehear: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["sync-huge", "/absent/run", "."])
def test_a_model_that_is_not_there(late_lamp, capsys, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert main(["sync", str(late_lamp), "--model", name]) == 2
    err = capsys.readouterr().err
    assert err.startswith("seehear: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("verb", [["info"], ["evaluate", "sync", "RUN"], ["pretrain"]])
@pytest.mark.parametrize("told", [None, "no json", '{"format_version": 99, "seehear": "9.0"}'])
def test_a_corpus_that_is_none_or_of_another_version(run, tmp_path, capsys, verb, told):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    if told:
        (corpus / "corpus.json").write_text(told)
    words = [str(run) if word == "RUN" else word for word in verb]
    out = ["-o", str(tmp_path / "out")] if verb == ["pretrain"] else []
    assert main([*words, str(corpus), *out]) == 2
    err = capsys.readouterr().err
    assert err.startswith("seehear: ")
    assert "corpus" in err
    assert err.count("\n") == 1


def test_several_processes_give_what_one_gives(run, lamp, late_lamp, tmp_path, capsys):
    """Not bad input, but the only test that needs a model on disk: workers load their own."""
    other = lamp(tmp_path / "other.mp4", seconds=3, seed=1)
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"")
    said = []
    for workers in ("1", "2"):
        words = ["sync", str(late_lamp), str(bad), str(other), "--json", "--faces", "whole-frame"]
        assert main([*words, "--model", str(run), "--workers", workers]) == 2
        said.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    assert said[0] == said[1]
    assert [entry["file"] for entry in said[0]] == [str(late_lamp), str(bad), str(other)]
