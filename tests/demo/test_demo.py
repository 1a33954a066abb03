"""The demo from end to end at its smallest; what it reaches at full size is a benchmark's business."""

import av
import pytest

from seehear.cli import main


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    words = ["demo", "--out", str(out), "--clips", "24", "--speakers", "4", "--steps", "2", "--workers", "1"]
    with pytest.MonkeyPatch.context() as smaller:  # most of the time would go into measuring one delay after the other
        smaller.setattr("seehear.demo.sync.CALIBRATION_EXAMPLES", 150)
        smaller.setattr("seehear.demo.sync.TRIALS", 8)
        smaller.setattr("seehear.demo.sync.SECONDS", 4.0)
        smaller.setattr("seehear.demo.match.HELD_OUT", 2)  # else there would be one person only
        assert main(words) == 0
        yield out, words


@pytest.mark.trains
def test_report_tells_the_story_and_holds_everything(made):
    out, _ = made
    page = (out / "report.html").read_text()
    of_sync = ("Training", "Accuracy", "Measuring a delay", "Fixing a video", "Who speaks?")
    of_animate = ("Animating a still face", "Animating an unseen person", "What its audio encoder learned")
    of_match = ("Faces and voices", "Unseen people")
    for heading in ("Synthetic people", *of_sync, *of_animate, *of_match):
        assert f"<h2>{heading}</h2>" in page
    assert page.count("<video") == 5
    assert page.count("<svg") >= 6
    assert "9.7%" in page  # chance, beside every accuracy
    assert 'src="http' not in page


def test_films_that_it_made_are_there(made):
    out, _ = made
    assert (out / "late.mp4").stat().st_size < 1_000_000
    assert (out / "fixed.mp4").stat().st_size < 1_000_000
    assert (out / "who-speaks.mp4").stat().st_size < 2_000_000
    assert (out / "run" / "model.safetensors").exists()


def test_somebody_speaks_for_as_long_as_the_film_that_was_heard(made):
    out, _ = made
    with av.open(str(out / "spoken.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) in (75, 76)  # AAC's last block may begin another frame
        assert container.streams.audio


def test_emotions_are_read_out_of_every_encoder_on_people_that_are_new_to_it(made):
    out, _ = made
    page = (out / "report.html").read_text()
    for encoder in ("animate", "the same encoder, untrained", "log-mel (80)", "MFCC with deltas (39)"):
        assert f"<td>{encoder}</td>" in page
    assert "Emotions: animate" in page  # what the table says, in words


def test_voices_and_faces_of_people_never_met_are_told_with_what_guessing_gets(made):
    out, _ = made
    page = (out / "report.html").read_text()
    assert "EER (chance 50 %)" in page
    assert "AUC (chance 50 %)" in page
    assert page.count("<td>match</td>") == 2
    assert "Voices: match" in page
    assert "Faces: match" in page


def test_a_second_run_does_nothing_twice(made, capsys):
    out, words = made
    kept = [out / run / "model.safetensors" for run in ("run", "animate", "match")] + [
        next((out / "people").glob("*.mp4"))
    ]
    before = [path.stat().st_mtime_ns for path in kept]
    assert main(words) == 0
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert str(out / "report.html") in capsys.readouterr().out


def test_other_people_in_the_same_folder_are_refused(made, capsys):
    _, words = made
    assert main([*words, "--seed", "2"]) == 2
    assert "people holds avatars already, made with seed 1 instead of 2" in capsys.readouterr().err


def test_a_folder_that_it_has_not_made_is_left_alone(tmp_path, capsys):
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "family.mp4").touch()
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert "people is not empty; avatars go into a new folder" in capsys.readouterr().err
    assert (tmp_path / "people" / "family.mp4").exists()


@pytest.mark.parametrize("workers", ["0", "-1"])
def test_fewer_than_one_worker_is_refused(workers, tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "new"), f"--workers={workers}"]) == 2
    assert "--workers must be 1 or more" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
