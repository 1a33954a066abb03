"""Curation: what is in sync is cut out to the sample, the rest is told of; nothing that stops it is lost."""

import csv
import json
import pickle
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seehear.apps import curation
from seehear.apps.curate import CurateResult, CurationRules
from seehear.apps.curate import curate as curate_verb
from seehear.apps.curation import CurateJob
from seehear.apps.diarization import active_speaker
from seehear.apps.diarization.active_speaker import DiarizationOptions
from seehear.apps.segments import CuratedFile, FileSegment, Reason
from seehear.cli import main
from seehear.data.datasets import find_sources
from seehear.errors import CorpusError
from seehear.media.decode import open_media
from seehear.media.sound import read_sound


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def curate(lamp_model: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CurateResult]:
    monkeypatch.setattr(curation, "load_sync_model", lambda name: lamp_model)
    monkeypatch.setattr(
        active_speaker, "sound_voice_activity", lambda sound: np.full(200, 5.0)
    )  # a lamp does not speak
    curation._model.cache_clear()

    def run(videos: Path, out: Path, **options: Any) -> CurateResult:
        return curate_verb([videos], out, faces="whole-frame", workers=1, **options)

    return run


@pytest.fixture
def raw(lamp: Callable[..., Path], tmp_path: Path) -> Path:
    """One file in sync, one that is 200 ms late, one without sound, one that is none; and what is known of them."""
    folder = tmp_path / "raw"
    folder.mkdir()
    lamp(folder / "good.mp4")
    lamp(folder / "late.mp4", delay_ms=200, seed=1)
    lamp(folder / "mute.mp4", seconds=2, sound=False)
    (folder / "bad.mp4").write_text("not a video")
    words = '"[[""on"", 2.0, 2.5], [""off"", 9.0, 9.5]]"'
    (folder / "labels.csv").write_text(f"file,speaker,words\ngood.mp4,lamp,{words}\n")
    return folder


def test_what_is_in_sync_is_kept(curate: Callable[..., CurateResult], raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = curate(raw, out)
    assert (summary.sources, summary.failed, summary.files) == (4, 1, 1)
    assert summary.seconds == 14
    assert summary.kept_s + sum(summary.left_out.values()) == pytest.approx(14)
    assert summary.kept_s > 4
    assert summary.left_out["out of sync"] > 4
    assert summary.left_out["no sound"] == 2
    said = str(summary)
    assert said.startswith(f"kept {summary.kept_s:.1f} s of 14.0 s (")
    assert f"1 of 4 videos cannot be used: see {out / 'report.csv'}" in said
    assert not (out / ".staging").exists()
    (label,) = rows_of(out / "labels.csv")
    assert (label["file"], label["source"], label["speaker"]) == ("good-00000.mp4", "good.mp4", "lamp")
    assert abs(float(label["delay_ms"])) < 10
    assert float(label["confidence"]) > 0.9
    ((word, start, end),) = json.loads(label["words"])
    assert word == "on"
    assert (start, end) == pytest.approx((2.0 - float(label["start_s"]), 2.5 - float(label["start_s"])))


def test_every_second_is_told_of(curate: Callable[..., CurateResult], raw: Path, tmp_path: Path) -> None:
    curate(raw, tmp_path / "out")
    report = rows_of(tmp_path / "out" / "report.csv")
    (bad,) = (row for row in report if row["source"] == "bad.mp4")
    assert "bad.mp4 is not a video" in bad["reason"]
    for name, seconds in (("good.mp4", 6), ("late.mp4", 6), ("mute.mp4", 2)):
        rows = [row for row in report if row["source"] == name]
        assert [rows[0]["start_s"], rows[-1]["end_s"]] == ["0.0", f"{seconds:.1f}"]
        assert all(before["end_s"] == after["start_s"] for before, after in pairwise(rows))
        assert all(bool(row["file"]) != bool(row["reason"]) for row in rows)
    late = next(row for row in report if row["reason"] == "out of sync")
    assert float(late["delay_ms"]) == pytest.approx(200, abs=10)


def test_cut_to_the_sample(curate: Callable[..., CurateResult], raw: Path, tmp_path: Path) -> None:
    curate(raw, tmp_path / "out", max_seconds=2.5)
    labels = rows_of(tmp_path / "out" / "labels.csv")
    assert len(labels) > 1
    with open_media(raw / "good.mp4") as media:
        seen = np.array([picture.luma().mean() for picture in media.pictures()])
    heard = read_sound(raw / "good.mp4")
    for row in labels:
        start_s, end_s = float(row["start_s"]), float(row["end_s"])
        with open_media(tmp_path / "out" / row["file"]) as media:
            again = np.array([picture.luma().mean() for picture in media.pictures()])
        assert len(again) == round(25 * (end_s - start_s))
        np.testing.assert_allclose(again, seen[round(25 * start_s) :][: len(again)], atol=1.5)
        wanted = heard.between(start_s, end_s)
        found = read_sound(tmp_path / "out" / row["file"]).between(0, end_s - start_s)
        lags = range(-40, 41)
        best = max(lags, key=lambda lag: float(np.dot(wanted[1000:-1000], np.roll(found, lag)[1000:-1000])))
        assert best == 0


def test_fix_takes_off_the_delay_of_a_file(curate: Callable[..., CurateResult], raw: Path, tmp_path: Path) -> None:
    summary = curate(raw, tmp_path / "out", fix=True)
    assert (summary.files, summary.left_out.get("out of sync")) == (2, None)
    _, late = rows_of(tmp_path / "out" / "labels.csv")
    assert float(late["shifted_ms"]) == pytest.approx(200, abs=10)
    start_s, shift_s = float(late["start_s"]), float(late["shifted_ms"]) / 1000
    wanted = read_sound(raw / "late.mp4").between(start_s + shift_s, start_s + shift_s + 2)
    found = read_sound(tmp_path / "out" / late["file"]).between(0, 2)
    assert np.corrcoef(wanted, found)[0, 1] > 0.99
    curate(tmp_path / "out", tmp_path / "again")
    assert all(abs(float(row["delay_ms"])) < 15 for row in rows_of(tmp_path / "again" / "labels.csv"))


def test_prepare_takes_what_is_kept(curate: Callable[..., CurateResult], raw: Path, tmp_path: Path) -> None:
    curate(raw, tmp_path / "out")
    (source,) = find_sources([tmp_path / "out"], "folder")
    assert source.labels["speaker"] == "lamp"
    assert [span.text for span in source.spans["words"]] == ["on"]


def test_stopped_it_goes_on(
    curate: Callable[..., CurateResult], raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    original = curation.curate_file

    def stopped(path: Path, *rest: Any) -> CuratedFile:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(path.name)
        return original(path, *rest)

    def go_on(path: Path, *rest: Any) -> CuratedFile:
        done.append(path.name)
        return original(path, *rest)

    monkeypatch.setattr(curation, "curate_file", stopped)
    with pytest.raises(KeyboardInterrupt):
        curate(raw, tmp_path / "out")
    assert not (tmp_path / "out" / "labels.csv").exists()
    with pytest.raises(CorpusError, match="fix False instead of True"):
        curate(raw, tmp_path / "out", fix=True)
    monkeypatch.setattr(curation, "curate_file", go_on)
    summary = curate(raw, tmp_path / "out")
    assert sorted(done) == ["bad.mp4", "good.mp4", "late.mp4", "mute.mp4"]
    assert curate(raw, tmp_path / "out") == summary
    assert len(done) == 4
    with pytest.raises(CorpusError, match="has been curated already, with tolerance_ms 60"):
        curate(raw, tmp_path / "out", tolerance_ms=80)


def test_a_surprise_costs_one_file(
    curate: Callable[..., CurateResult], raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = curation.curate_file

    def surprising(path: Path, *rest: Any) -> CuratedFile:
        if path.name == "late.mp4":
            raise ZeroDivisionError("oh")
        return original(path, *rest)

    monkeypatch.setattr(curation, "curate_file", surprising)
    assert curate(raw, tmp_path / "out").failed == 2
    (row,) = (row for row in rows_of(tmp_path / "out" / "report.csv") if row["source"] == "late.mp4")
    assert row["reason"] == "unforeseen ZeroDivisionError: oh"


def test_refusals(curate: Callable[..., CurateResult], raw: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(CorpusError, match=r"mine holds other things \(thesis\.txt\)"):
        curate(raw, tmp_path / "mine")
    with pytest.raises(CorpusError, match="is a file"):
        curate(raw, tmp_path / "mine" / "thesis.txt")
    with pytest.raises(CorpusError, match=r"none of the 1 videos can be used, .*bad\.mp4 for one: .* is not a video"):
        curate(raw / "bad.mp4", tmp_path / "out")
    with pytest.raises(CorpusError, match="nothing to curate but what is in"):
        curate(raw, raw)


def test_the_command_line(raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["-o", str(tmp_path / "out")]
    assert main(["curate", str(raw), *out, "--min-seconds", "0.1"]) == 2
    assert "--min-seconds must be 0.4 or more" in capsys.readouterr().err
    assert main(["curate", str(tmp_path / "nowhere"), *out]) == 2
    assert "nowhere does not exist" in capsys.readouterr().err


def test_what_travels_between_processes() -> None:
    work = CurateJob("sync-small", CurationRules(), DiarizationOptions(), "out")
    assert pickle.loads(pickle.dumps(work)) == work
    told = CuratedFile(2.0, (FileSegment(0, 25, None, 3.5, 0.9), FileSegment(25, 50, Reason.SEVERAL_FACES)), 40.0)
    assert CuratedFile.from_json(told.to_json()) == told
    assert [name for name, _ in told.files("talk")] == ["talk-00000.mp4"]
