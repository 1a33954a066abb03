"""The demo from end to end at its smallest; what it reaches at full size is a benchmark's business."""

import pytest

from seehear.cli import main


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    words = ["demo", "--out", str(out), "--clips", "24", "--speakers", "4", "--steps", "2", "--workers", "1"]
    assert main(words) == 0
    return out, words


def test_report_tells_the_story_and_holds_everything(made):
    out, _ = made
    page = (out / "report.html").read_text()
    for heading in ("Synthetic people", "Learning", "What it is worth", "Measuring a delay", "Fixing a film"):
        assert f"<h2>{heading}</h2>" in page
    assert page.count("<video") == 2
    assert page.count("<svg") >= 3
    assert "9.7%" in page  # chance, beside every accuracy
    assert 'src="http' not in page


def test_films_that_it_made_are_there(made):
    out, _ = made
    assert (out / "late.mp4").stat().st_size < 1_000_000
    assert (out / "fixed.mp4").stat().st_size < 1_000_000
    assert (out / "run" / "model.safetensors").exists()


def test_a_second_run_does_nothing_twice(made, capsys):
    out, words = made
    weights, first = out / "run" / "model.safetensors", next((out / "people").glob("*.mp4"))
    before = [path.stat().st_mtime_ns for path in (weights, first)]
    assert main(words) == 0
    assert [path.stat().st_mtime_ns for path in (weights, first)] == before
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
