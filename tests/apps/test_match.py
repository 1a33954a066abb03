"""`match`: faces ranked for a voice and voices for a face, with a model that knows both by made-up rules."""

import json
import re
import wave
from pathlib import Path

import cv2
import numpy as np
import pytest

from pitch_model import PitchModel, hum
from seehear.apps import embeddings, rank_candidates
from seehear.apps.diarization.people import assign_names, parse_enrolments
from seehear.apps.match import Candidate, FailedCandidate, MatchRanking, match
from seehear.apps.rank_candidates import infer_query_kind, media_kind, sharpness
from seehear.cli import main
from seehear.clip import SAMPLE_RATE
from seehear.errors import SeehearError
from seehear.media.encode import write_video


class Bright:
    """Finds a face wherever a picture has a large square that is not black."""

    name = "bright"

    def __call__(self, image):
        from seehear.media.face_detector import Face

        count, _, stats, _ = cv2.connectedComponentsWithStats((image.max(-1) > 25).astype(np.uint8))
        found = []
        for left, top, width, height, area in stats[1:count]:
            if area > 300:
                points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
                landmarks = (points * [width, height] + [left, top]).astype(np.float32)
                found.append(Face(np.array([left, top, width, height], np.float32), landmarks, 0.9))
        return found


@pytest.fixture
def model(monkeypatch):
    """Loaded whatever the name; faces are found by their brightness."""
    model = PitchModel()
    monkeypatch.setattr(rank_candidates, "load_identity_model", lambda name: model)
    monkeypatch.setattr(embeddings, "load_detector", lambda kind, path: Bright())
    monkeypatch.setattr(rank_candidates, "load_detector", lambda kind, path: Bright())
    monkeypatch.setattr("seehear.media.clips.load_detector", lambda kind, path: Bright())
    return model


def picture(*shades, side=60):
    """A black picture with a square face of each shade."""
    rgb = np.zeros((120, 40 + 100 * len(shades), 3), np.uint8)
    for place, shade in enumerate(shades):
        rgb[30 : 30 + side, 40 + 100 * place : 40 + 100 * place + side] = shade
    return rgb


@pytest.fixture
def files(tmp_path):
    """Voices of 110 and 360 Hz, and a dark and a bright face."""
    for name, pitch in (("low", 110), ("high", 360)):
        samples = hum(pitch, 3.0, 0)
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    for name, shade in (("dark", 40), ("bright", 250)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture(shade))
    cv2.imwrite(str(tmp_path / "two.png"), picture(40, 250))
    cv2.imwrite(str(tmp_path / "none.png"), picture())
    return tmp_path


def names(found):
    return [candidate.path.name for candidate in found.candidates]


def test_faces_for_a_voice(model, files):
    for voice, order in (("low", ["dark.png", "bright.png"]), ("high", ["bright.png", "dark.png"])):
        found = match(files / f"{voice}.wav", [files / "bright.png", files / "dark.png"])
        assert (found.query, found.query_kind) == (files / f"{voice}.wav", "voice")
        assert names(found) == order
        assert found.best == files / order[0]
        assert (found.ok, found.failed, found.problems) == (True, (), ())
        first, second = found.candidates
        assert first.score > second.score
        assert first.probability + second.probability == pytest.approx(1, abs=1e-3)
        assert first.probability / second.probability == pytest.approx(np.exp(first.score - second.score), rel=1e-2)
        assert found.to_dict()["chance"] == 0.5


def test_the_command_line_prints_the_ranking(model, files, capsys):
    words = [files / name for name in ("low.wav", "bright.png", "dark.png")]
    assert main(["match", *map(str, words), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == match(words[0], words[1:]).to_dict()


def test_voices_for_a_face(model, files):
    found = match(files / "bright.png", [files / "low.wav", files / "high.wav"])
    assert (found.query_kind, names(found)) == ("face", ["high.wav", "low.wav"])
    assert found.to_dict()["face"].endswith("bright.png")


def test_a_loaded_model_and_names_as_text(model, files):
    found = match(str(files / "low.wav"), [str(files / "bright.png"), str(files / "dark.png")], model=model)
    assert names(found) == ["dark.png", "bright.png"]


def test_a_video_is_what_the_others_need(model, files):
    film = files / "film.mp4"
    write_video(film, [picture(250)] * 50, 25, hum(110, 2.0, 0))
    assert media_kind(film) == "both"
    assert match(film, [files / "dark.png", files / "bright.png"]).best.name == "dark.png"  # its voice is low
    assert match(film, [files / "low.wav", files / "high.wav"]).best.name == "high.wav"  # its face is bright
    assert match(files / "high.wav", [film, files / "dark.png"]).best.name == "film.mp4"


def test_the_answer_for_people_says_what_chance_is(model, files):
    said = " ".join(str(match(files / "low.wav", [files / "dark.png", files / "bright.png"])).split())
    assert "Which face goes with the voice in" in said
    assert "by chance 1/2 = 0.500 each" in said


def test_a_model_of_drawn_faces_cannot_tell_real_ones(model, files, capsys):
    model.config = {"trained": {"faces": "drawn"}}
    voice, faces = files / "low.wav", [files / "bright.png", files / "dark.png"]
    found = match(voice, faces)
    assert (found.ok, found.verdict, names(found)) == (True, "cannot-tell", ["dark.png", "bright.png"])
    assert "drawn faces only" in found.cannot_tell
    assert found.to_dict()["reason"] == found.cannot_tell
    assert [candidate.probability for candidate in found.candidates] == [None, None]
    said = " ".join(str(found).split())
    assert "cannot tell: this model was trained on drawn faces only" in said
    assert "robability" not in said
    found = match(voice, faces, drawn_faces=True)
    assert (found.verdict, found.to_dict()["reason"]) == ("ranked", None)
    assert sum(candidate.probability for candidate in found.candidates) == pytest.approx(1, abs=1e-3)
    assert main(["match", str(voice), *map(str, faces), "--drawn-faces", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found.to_dict()


@pytest.mark.parametrize("faces", ["filmed", "drawn and filmed", None])
def test_a_model_of_real_faces_gives_probabilities(model, files, faces):
    model.config = {"trained": {"faces": faces}} if faces else {}  # an older model does not say it
    found = match(files / "low.wav", [files / "bright.png", files / "dark.png"])
    assert (found.verdict, found.detector) == ("ranked", "bright")
    assert sum(candidate.probability for candidate in found.candidates) == pytest.approx(1, abs=1e-3)


def test_two_faces_or_none_where_one_is_asked_for(model, files, capsys):
    faces = [files / name for name in ("two.png", "dark.png", "none.png")]
    found = match(files / "low.wav", faces)
    assert names(found) == ["dark.png"]
    assert [failed.path.name for failed in found.failed] == ["two.png", "none.png"]
    assert [entry["error"] for entry in found.to_dict()["failed"]] == list(found.problems)
    two, none = found.problems
    assert "two.png shows 2 faces where one is asked for" in two
    assert "none.png shows no detectable face" in none
    assert main(["match", str(files / "low.wav"), *map(str, faces), "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out) == found.to_dict()
    assert captured.err.splitlines() == [f"seehear: {problem}" for problem in found.problems]
    with pytest.raises(SeehearError, match=r"two\.png shows 2 faces"):
        match(files / "two.png", [files / "low.wav"])


def test_a_film_with_two_faces_is_refused(model, files):
    write_video(files / "panel.mp4", [picture(40, 250)] * 30, 25)
    found = match(files / "low.wav", [files / "panel.mp4"])
    assert (found.candidates, found.best, found.to_dict()["chance"]) == ((), None, None)
    (problem,) = found.problems
    assert "panel.mp4 shows 2 faces" in problem


def test_a_ranking_shows_itself_shortly_and_has_its_problems():
    failed = FailedCandidate(Path("b.png"), "b.png shows no face")
    found = MatchRanking(Path("v.wav"), "voice", (Candidate(Path("a.png"), 0.25, 1.0),), (failed,))
    assert found.problems == ("b.png shows no face",)
    assert found.best == Path("a.png")
    assert repr(found) == "MatchRanking(query='v.wav', query_kind='voice', verdict='ranked', best='a.png')"
    assert found.to_row()["voice"] == "v.wav"
    assert "candidates" not in found.to_row()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["low.wav", "high.wav"], "the first file is a voice, and all the others are only sound"),
        (["dark.png", "bright.png"], "the first file is a face, and all the others are only pictures"),
        (["absent.wav", "dark.png"], "absent.wav does not exist"),
        (["low.wav", "absent.png"], "absent.png does not exist"),
    ],
)
def test_what_cannot_be_matched_is_told(model, files, capsys, words, said):
    paths = [str(files / word) for word in words]
    assert main(["match", *paths]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (["dark.png", "bright.png", "low.wav"], "low.wav dark.png bright.png"),
        (["dark.png", "low.wav", "bright.png"], "low.wav dark.png bright.png"),
        (["low.wav", "high.wav", "dark.png"], "dark.png low.wav high.wav"),
    ],
)
def test_files_in_the_wrong_order_are_told_the_right_one(model, files, words, right):
    first, *rest = [files / word for word in words]
    with pytest.raises(SeehearError, match="name it first") as refusal:
        match(first, rest)
    (command,) = re.findall(r"seehear (match .*)", str(refusal.value))
    assert " ".join(Path(word).name for word in command.split()) == f"match {right}"
    assert main(command.split()) == 0


def test_one_of_the_wrong_kind_among_several_costs_only_itself(model, files):
    found = match(files / "low.wav", [files / word for word in ("dark.png", "bright.png", "high.wav")])
    assert (len(found.candidates), len(found.problems)) == (2, 1)


@pytest.mark.parametrize(
    ("first", "rest", "asked"),
    [
        ("sound", ["pictures", "both"], "voice"),
        ("pictures", ["sound"], "face"),
        ("both", ["pictures", "pictures"], "voice"),
        ("both", ["sound", "both"], "face"),
        ("both", ["both"], "voice"),
        ("sound", ["sound", "both"], "voice"),
    ],
)
def test_what_the_first_file_is_taken_for(first, rest, asked):
    assert infer_query_kind(first, rest) == asked


def test_a_models_own_sharpness_is_used():
    from seehear.losses.base import Angular

    model = PitchModel()
    assert sharpness(model) == 1
    model.loss = Angular(scale=7.0)
    assert sharpness(model) == 7


def test_known_people_are_given_by_name_and_file():
    assert [(name, str(path)) for name, path in parse_enrolments(["Anna=a.jpg", "Dr. B = x=y.wav"])] == [
        ("Anna", "a.jpg"),
        ("Dr. B", " x=y.wav"),
    ]
    for given in (["Anna"], ["=a.jpg"], ["Anna="], ["Anna=a.jpg", "Anna=b.jpg"]):
        with pytest.raises(SeehearError, match="--enroll"):
            parse_enrolments(given)


def test_names_go_to_the_most_alike_first_and_to_nobody_twice():
    alike = np.array([[0.9, 0.8], [0.95, 0.1], [0.2, 0.7]])
    assert assign_names(alike, [0.5, 0.5]) == [1, 0, None]
    assert assign_names(alike, [0.5, 0.85]) == [None, 0, None]
    assert assign_names(np.zeros((0, 2)), [0.5, 0.5]) == []
    assert assign_names(np.zeros((2, 0)), []) == [None, None]
