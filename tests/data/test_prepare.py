"""Preparation: the same bytes however it is done, bad files told of, every refusal a sentence."""

import csv
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fake_reader import FakeReader, contents, run, write_source
from seehear.data.corpus import Corpus
from seehear.data.datasets import Source
from seehear.data.packing import FaceClipReaders
from seehear.data.preparation import order_of_work, run_plan
from seehear.data.prepare import prepare
from seehear.data.staging import SourcePlan
from seehear.errors import CorpusError, SeehearError
from seehear.media.clips import ClipOptions
from seehear.media.weights import find_weights


def report_of(out: Path) -> dict[str, dict[str, str]]:
    with (out / "report.csv").open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine sources, 16 clips; one cannot be read, one has no face."""
    folder = tmp_path_factory.mktemp("sources")
    for i in range(7):
        write_source(folder / f"v{i}.mp4", [12, 15, 12, 20][: 1 + i % 4], sleep=0.05)
    (folder / "bad.mp4").write_text("not a video")
    write_source(folder / "empty.mp4", [])
    return folder


@pytest.fixture(scope="module")
def done(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run leaves that nothing disturbed."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert run(sources, out, workers=2).clips == 16
    return out


@pytest.fixture(scope="module")
def undisturbed(done: Path) -> dict[str, bytes]:
    """Its bytes."""
    return contents(done)


def test_what_a_run_leaves(undisturbed: dict[str, bytes]) -> None:
    shards = [f"shard-{i:06d}.tar" for i in range(4)]
    assert sorted(undisturbed) == ["corpus.json", "manifest.parquet", "report.csv", *shards]


def test_number_of_workers_does_not_matter(sources: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    run(sources, tmp_path / "out", workers=1)
    assert contents(tmp_path / "out") == undisturbed


def parts(count: int) -> Callable[[Path], bool]:
    return lambda out: len(list(out.glob(".staging/0*.json"))) >= count


def shards(count: int) -> Callable[[Path], bool]:
    return lambda out: len(list(out.glob("shard-*.tar"))) >= count


MOMENTS = {
    "first source": parts(3),  # with the two that give nothing
    "third shard": shards(3),
    "manifest": lambda out: (out / "report.csv").exists(),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_resumed(moment: str, sources: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, str(Path(__file__).parents[1] / "fake_reader.py"), str(sources), str(out), "2"]
    process = subprocess.Popen(command)
    while not MOMENTS[moment](out) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert run(sources, out, workers=1).clips == 16
    assert contents(out) == undisturbed


@pytest.mark.parametrize(
    ("sizes", "workers", "order"),
    [
        ([1] * 20, 2, list(range(20))),
        ([1, 1, 1, 30, 1, 50, 1, 1], 2, [5, 3, 0, 1, 2, 4, 6, 7]),
        ([5, 9], 1, [1, 0]),
        ([], 3, []),
    ],
)
def test_long_files_come_first(sizes: list[int], workers: int, order: list[int]) -> None:
    assert order_of_work(sizes, range(len(sizes)), workers) == order


def test_killed_again_and_again(sources: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    """Whatever the moment, and a resumed run may be killed as well."""
    out = tmp_path / "out"
    command = [sys.executable, str(Path(__file__).parents[1] / "fake_reader.py"), str(sources), str(out), "2"]
    for seconds in (1.1, 1.5):
        process = subprocess.Popen(command)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    run(sources, out, workers=2)
    assert contents(out) == undisturbed


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    write_source(tmp_path / "src" / "slow.mp4", [10] * 600, sleep=0.1)
    command = [sys.executable, str(Path(__file__).parents[1] / "fake_reader.py")]
    process = subprocess.Popen([*command, str(tmp_path / "src"), str(tmp_path / "out"), "1"])
    children: list[int] = []
    while not list((tmp_path / "out").glob(".staging/.*.part.*.tmp")) and process.poll() is None:
        time.sleep(0.02)
    children = [int(p) for p in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    process.kill()
    process.wait()
    assert children
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_bad_sources_are_told_of_and_the_rest_is_done(tmp_path: Path) -> None:
    src, out = tmp_path / "src", tmp_path / "out"
    write_source(src / "good.mp4", [10, 12])
    write_source(src / "half.mp4", [10], fail="half.mp4 breaks off; give another file")
    write_source(src / "bug.mp4", [10], unforeseen="oh")
    write_source(src / "segv.mp4", [10], kill="SIGSEGV")
    write_source(src / "oom_once.mp4", [10], kill_once=True)
    write_source(src / "silent.mp4", [10], silent=True)
    write_source(src / "empty.mp4", [])
    report = run(src, out, workers=2)
    rows = report_of(out)
    assert {name: row["status"] for name, row in rows.items()} == {
        "good.mp4": "done",
        "half.mp4": "failed",
        "bug.mp4": "failed",
        "segv.mp4": "failed",
        "oom_once.mp4": "done",
        "silent.mp4": "done",
        "empty.mp4": "empty",
    }
    assert rows["half.mp4"]["reason"] == "half.mp4 breaks off; give another file"
    assert "ZeroDivisionError" in rows["bug.mp4"]["reason"]
    assert "SIGSEGV" in rows["segv.mp4"]["reason"]
    assert "no sound" in rows["silent.mp4"]["reason"]
    assert rows["good.mp4"]["clips"] == "2"
    assert rows["good.mp4"]["seconds"] == "4.00"
    assert (report.done, report.failed, report.empty, report.clips) == (3, 3, 1, 4)
    assert "4 clips" in str(report)
    assert "3 failed, 1 without a clip" in str(report)
    assert {row["source"] for row in Corpus(out).manifest.to_pylist()} == {"good.mp4", "oom_once.mp4", "silent.mp4"}
    assert len(Corpus(out).with_sound()) == 3


def test_full_disk_keeps_what_is_done(tmp_path: Path) -> None:
    src, out = tmp_path / "src", tmp_path / "out"
    write_source(src / "a.mp4", [10] * 8)  # the longer one, which is done first
    write_source(src / "b.mp4", [10], full=True)
    with pytest.raises(CorpusError, match="out") as refusal:
        run(src, out)
    assert refusal.value.code == "disk-full"
    assert (out / ".staging" / "0000000.json").exists()
    (src / "b.room").touch()
    assert run(src, out).clips == 9


def test_nothing_in_any_source(tmp_path: Path) -> None:
    src, out = tmp_path / "src", tmp_path / "out"
    (src).mkdir()
    (src / "x.mp4").write_text("text")
    with pytest.raises(CorpusError, match=r"x\.mp4 is not a video"):
        run(src, out)
    assert report_of(out)["x.mp4"]["status"] == "failed"
    write_source(src / "x.mp4", [10])
    assert run(src, out).clips == 1  # mended: the folder with the report may be used again


def test_done_already(sources: Path, done: Path, undisturbed: dict[str, bytes]) -> None:
    again = run(sources, done)
    assert (again.sources, again.clips, again.done, again.failed, again.empty) == (9, 16, 7, 1, 1)
    assert again.elapsed_s == 0
    assert contents(done) == undisturbed


def test_what_a_run_killed_at_its_very_end_leaves_goes(
    done: Path, sources: Path, undisturbed: dict[str, bytes]
) -> None:
    (done / ".staging").mkdir()
    (done / ".staging" / "0000000.part").touch()
    assert run(sources, done).clips == 16
    assert not (done / ".staging").exists()
    assert contents(done) == undisturbed


def test_remarks_on_a_source_come_into_the_report(tmp_path: Path) -> None:
    write_source(tmp_path / "src" / "a.mp4", [10], silent=1)
    source = Source(tmp_path / "src" / "a.mp4", "a.mp4", remark="its words have no times")
    run_plan(SourcePlan.from_sources([source], {"shard_clips": 4}), tmp_path / "out", FakeReader, 1)
    assert "its words have no times; there is no sound" in (tmp_path / "out" / "report.csv").read_text()


def test_detectors_are_known_by_their_weights(tmp_path: Path) -> None:
    """Another file under the same name is another detector; the published one is so under any name."""
    assert FaceClipReaders(ClipOptions()).options_dict()["detector"] == "yunet-2023mar"
    assert FaceClipReaders(ClipOptions(faces="whole-frame")).options_dict()["detector"] is None
    path, published = tmp_path / "detector.onnx", find_weights()
    assert published is not None
    path.write_bytes(published.read_bytes())
    assert FaceClipReaders(ClipOptions(detector=path)).options_dict()["detector"] == "yunet-2023mar"
    path.write_bytes(path.read_bytes() + b"\x7a\x01x")  # an unknown field: the same network, other bytes
    name = FaceClipReaders(ClipOptions(detector=path)).options_dict()["detector"]
    assert name == f"yunet-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"


@pytest.mark.parametrize("workers", [0, -1])
def test_fewer_than_one_worker(sources: Path, tmp_path: Path, workers: int) -> None:
    with pytest.raises(SeehearError, match=f"must be 1 or more, not {workers}"):
        prepare([sources], tmp_path / "out", workers=workers)


def test_done_with_other_options_or_sources(sources: Path, done: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="size 128 instead of 64"):
        run(sources, done, size=64)
    write_source(tmp_path / "c.mp4", [10])
    with pytest.raises(CorpusError, match="with 9 sources instead of 1"):
        run(tmp_path, done)


def test_stopped_with_other_options(tmp_path: Path) -> None:
    write_source(tmp_path / "src" / "a.mp4", [10], full=True)
    with pytest.raises(CorpusError) as refusal:
        run(tmp_path / "src", tmp_path / "out")
    assert refusal.value.code == "disk-full"
    with pytest.raises(CorpusError, match="shard_clips 4 instead of 7"):
        run(tmp_path / "src", tmp_path / "out", shard_clips=7)


def test_folder_with_other_things(tmp_path: Path) -> None:
    src, out = tmp_path / "src", tmp_path / "out"
    write_source(src / "a.mp4", [10])
    out.mkdir()
    (out / "thesis.tex").touch()
    with pytest.raises(CorpusError, match=r"thesis\.tex"):
        run(src, out)
    with pytest.raises(CorpusError, match="is a file; name a folder"):
        run(src, out / "thesis.tex")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder(tmp_path: Path) -> None:
    write_source(tmp_path / "src" / "a.mp4", [10])
    (tmp_path / "shut").mkdir(mode=0o500)
    with pytest.raises(CorpusError, match="permissions"):
        run(tmp_path / "src", tmp_path / "shut" / "out")


def test_output_below_a_file(tmp_path: Path) -> None:
    write_source(tmp_path / "src" / "a.mp4", [10])
    with pytest.raises(CorpusError, match="a part of its path is a file"):
        run(tmp_path / "src", tmp_path / "src" / "a.mp4" / "out")


def test_two_at_once(tmp_path: Path) -> None:
    src, out = tmp_path / "src", tmp_path / "out"
    write_source(src / "slow.mp4", [10] * 600, sleep=0.1)
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parents[1] / "fake_reader.py"), str(src), str(out), "1"]
    )
    try:
        while not (out / ".staging" / "plan.json").exists() and process.poll() is None:
            time.sleep(0.01)
        with pytest.raises(CorpusError, match=str(out)) as refusal:
            run(src, out)
        assert refusal.value.code == "in-use"
    finally:
        process.kill()
        process.wait()


def test_sources_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="nowhere does not exist"):
        prepare([tmp_path / "nowhere"], tmp_path / "out", faces="whole-frame")
    with pytest.raises(CorpusError, match="name a folder"):
        prepare([tmp_path], tmp_path / "out", faces="whole-frame")
    with pytest.raises(CorpusError, match=r"'cats'.* cremad, emodb, folder"):
        prepare([tmp_path], tmp_path / "out", dataset="cats", faces="whole-frame")
    assert not (tmp_path / "out").exists()


def test_real_recordings(shared: Path, tmp_path: Path) -> None:
    """Three GRID clips, one of them cut off: faces found, words timed, sound in place."""
    src = tmp_path / "s1"
    src.mkdir()
    for name in ("bbaf2n", "bbaf3s", "bbaf4p"):
        (src / f"{name}.mp4").write_bytes((shared / "data/grid_s1/video" / f"{name}.mp4").read_bytes())
        (src / f"{name}.align").write_bytes((shared / "data/grid_s1/align" / f"{name}.align").read_bytes())
    (src / "bbaf3s.mp4").write_bytes((src / "bbaf3s.mp4").read_bytes()[:3000])
    detector = shared / "models" / "yunet_n_640_640.onnx"
    report = prepare([src], tmp_path / "out", dataset="grid", detector=detector, workers=1)
    assert (report.done, report.failed) == (2, 1)
    clip = Corpus(tmp_path / "out")[0]
    assert clip.video.shape == (75, 128, 128, 3)
    assert clip.meta["labels"]["text"] == "bin blue at f two now"
    assert clip.meta["labels"]["speaker"] == "s1"
    assert [word.text for word in clip.meta["spans"]["words"]] == ["bin", "blue", "at", "f", "two", "now"]
    speaking, silent = clip.audio[int(0.95 * 16000) : 2 * 16000], clip.audio[: int(0.3 * 16000)]
    assert speaking.std() > 5 * silent.std()
    assert abs(clip.landmarks.mean(axis=0)[2] - (64, 68)).max() < 6  # the nose is where the template has it
