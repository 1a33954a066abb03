"""The whole road: files, labels, repeatability, and faces that a detector finds."""

import csv
import errno
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from seehear.avatars import rendering
from seehear.avatars.make import synthesize_avatars
from seehear.avatars.performance import plan_performance
from seehear.avatars.rendering import PARTS
from seehear.errors import MediaError, SeehearError
from seehear.media.face_detector import load_detector
from seehear.media.sound import read_sound

pytest.importorskip("espeakng_loader")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("avatars") / "made"
    synthesize_avatars(out, clips=6, speakers=3, seed=1, seconds=1.6, workers=2)
    return out


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_files_are_ordinary_videos_of_the_asked_length(folder: Path) -> None:
    for row in rows(folder):
        with av.open(str(folder / row["file"])) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            assert video.codec_context.name == "h264"
            assert audio.codec_context.name == "aac"
            assert video.average_rate == 25
            assert sum(1 for _ in container.decode(video)) == 40
            assert float(audio.duration * audio.time_base) == pytest.approx(1.6, abs=0.07)


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(folder: Path, tmp_path: Path) -> None:
    synthesize_avatars(tmp_path / "again", clips=6, speakers=3, seed=1, seconds=1.6, workers=1)
    assert digests(tmp_path / "again") == digests(folder)


def test_another_seed_gives_other_people_and_a_larger_run_begins_alike(folder: Path, tmp_path: Path) -> None:
    synthesize_avatars(tmp_path / "other", clips=2, speakers=3, seed=2, seconds=1.6, workers=1)
    synthesize_avatars(tmp_path / "fewer", clips=2, speakers=3, seed=1, seconds=1.6, workers=1)
    first = digests(folder)
    assert {name: digest for name, digest in digests(tmp_path / "fewer").items() if name.endswith(".mp4")}.items() <= (
        first.items()
    )
    assert not set(digests(tmp_path / "other").values()) & set(first.values())


def test_labels_say_what_is_in_the_clip(folder: Path) -> None:
    table = rows(folder)
    assert next(iter(table[0])) == "file"
    for row in table:
        words, phonemes = json.loads(row["words"]), json.loads(row["phonemes"])
        assert row["text"] == " ".join(word for word, _, _ in words)
        for _, start, stop in words + phonemes:
            assert 0 <= start < stop <= 1.6


def test_a_speaker_is_the_same_person_in_every_clip(folder: Path) -> None:
    own = (
        "language",
        "sex",
        "age",
        "voice",
        "pitch",
        "tract",
        "skin",
        "lips",
        "hair",
        "hair_style",
        "beard",
        "glasses",
    )
    people: dict[str, set[tuple[str, ...]]] = {}
    for row in rows(folder):
        people.setdefault(row["speaker"], set()).add(tuple(row[name] for name in own))
    assert len(people) == 3
    assert all(len(looks) == 1 for looks in people.values())


def test_nobody_is_in_two_parts_and_three_people_in_five_are_for_training() -> None:
    parts = [PARTS[number % len(PARTS)] for number in range(10)]
    assert parts.count("train") == 6
    assert parts.count("dev") == parts.count("test") == 2


def test_a_persons_part_is_that_of_its_number(folder: Path) -> None:
    for row in rows(folder):
        assert row["part"] == PARTS[int(row["speaker"][1:]) % len(PARTS)]


def test_the_detector_finds_the_faces(folder: Path, shared: Path) -> None:
    detector = load_detector(path=shared / "models" / "yunet_n_640_640.onnx")
    faces = []
    for path in sorted(folder.glob("*.mp4")):
        with av.open(str(path)) as container:
            faces += [len(detector(frame.to_ndarray(format="bgr24"))) for frame in container.decode(video=0)]
    assert np.mean(np.array(faces) == 1) >= 0.99


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(SeehearError, match="not empty"):
        synthesize_avatars(tmp_path, clips=1, speakers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_is_made_is_not_made_again_nor_taken_for_something_else(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    files = synthesize_avatars(folder, clips=6, speakers=3, seed=1, seconds=1.6, workers=2)
    assert [path.name for path in files] == [row["file"] for row in rows(folder)]
    with pytest.raises(SeehearError, match="made with clips 6 instead of 5, seed 1 instead of 2; name another folder"):
        synthesize_avatars(folder, clips=5, speakers=3, seed=2, seconds=1.6)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_workers_end_with_a_killed_parent_and_the_folder_is_made_anew(tmp_path: Path) -> None:
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "seehear", "avatars", "-o", str(out), "--clips", "500", "--speakers", "3"]
    process = subprocess.Popen([*command, "--seconds", "1.6", "--workers", "2"], stderr=subprocess.DEVNULL)
    while not list(out.glob("*.mp4")) and process.poll() is None:
        time.sleep(0.02)
    children = [int(p) for p in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    process.kill()
    process.wait()
    assert len(children) >= 2
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    (out / "mine.txt").write_text("keep")
    (made,) = synthesize_avatars(out, clips=1, speakers=1, seconds=0.4)
    assert sorted(path.name for path in out.iterdir()) == [".avatars.json", "labels.csv", "mine.txt", made.name]


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_and_nothing_unfinished_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seehear.avatars.rendering.write_video_file", full)
    with pytest.raises(SeehearError, match="disk is full"):
        synthesize_avatars(tmp_path / "new", clips=1, speakers=1, seconds=0.4)
    assert not (tmp_path / "new").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(SeehearError, match="disk is full"):
        synthesize_avatars(tmp_path / "empty", clips=1, speakers=1, seconds=0.4)
    assert not list((tmp_path / "empty").iterdir())


def test_what_is_finished_outlives_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command goes on: the first clip is not made again, and all ends as if nothing had happened."""
    asked = {"clips": 3, "speakers": 2, "seconds": 0.4, "workers": 1}
    synthesize_avatars(tmp_path / "undisturbed", **asked)  # type: ignore[arg-type]
    write, written = rendering.write_video_file, []

    def write_once(path: Path, *others: object, **options: object) -> None:
        if written:
            raise MediaError("the disk went away")
        written.append(path)
        write(path, *others, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(rendering, "write_video_file", write_once)
        with pytest.raises(SeehearError, match="went away"):
            synthesize_avatars(tmp_path / "out", **asked)  # type: ignore[arg-type]
    (first,) = (tmp_path / "out").glob("*.mp4")
    made = first.stat().st_mtime_ns
    with (tmp_path / "out" / ".rows.jsonl").open("a") as file:
        file.write("[1, {")  # torn by a kill
    synthesize_avatars(tmp_path / "out", **asked)  # type: ignore[arg-type]
    assert first.stat().st_mtime_ns == made
    assert digests(tmp_path / "out") == digests(tmp_path / "undisturbed")


def test_progress_is_reported_and_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports: list[tuple[float, str]] = []

    def progress(share: float, text: str) -> None:
        reports.append((share, text))

    synthesize_avatars(tmp_path / "new", clips=2, speakers=1, seconds=0.4, workers=1, progress=progress)
    assert reports == [(0, "avatars"), (0.5, "avatars: 1/2 clips"), (1, "avatars: 2/2 clips")]
    assert capsys.readouterr() == ("", "")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SeehearError, match="a part of its path is a file"):
        synthesize_avatars(tmp_path / "file" / "below", clips=1, speakers=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"clips": 0},
        {"speakers": 0},
        {"workers": 0},
        {"seconds": 0.0},
        {"seconds": float("nan")},
        {"neutral": 1.1},
        {"neutral": -0.1},
        {"neutral": float("nan")},
    ],
)
def test_absurd_numbers_are_refused(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(SeehearError):
        synthesize_avatars(tmp_path / "new", **wrong)  # type: ignore[arg-type]


def test_sound_and_pictures_come_back_on_one_clock(tmp_path: Path) -> None:
    """What a reader of the file hears is what was put in, sample for sample."""
    take = plan_performance(1, 0, 3, 1.6)
    (path,) = synthesize_avatars(tmp_path / "one", clips=1, speakers=3, seed=1, seconds=1.6)
    with av.open(str(path)) as container:
        assert float(container.streams.video[0].start_time * container.streams.video[0].time_base) == 0.0
    heard = read_sound(path).between(0.0, 1.6)
    similar = np.fft.irfft(np.fft.rfft(heard, 1 << 16) * np.fft.rfft(take.sound, 1 << 16).conj())
    assert np.argmax(similar) in (0, 1, len(similar) - 1)
    assert np.corrcoef(heard, take.sound)[0, 1] > 0.9
