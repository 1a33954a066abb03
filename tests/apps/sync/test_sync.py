"""`measure_sync` and `fix_sync` from a file to an answer, and the verb `sync`, with a lamp for a face."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seehear
from seehear.apps.sync import fix_file
from seehear.apps.sync import measure_file as measuring
from seehear.apps.sync.drift import Drift
from seehear.apps.sync.result import FixResult, SyncMeasurement
from seehear.apps.sync.verdict import Verdict
from seehear.cli import main
from seehear.errors import MediaError, SeehearError

Lamp = Callable[..., Path]

measure: Callable[..., Any] = partial(seehear.measure_sync, faces="whole-frame", workers=1)
fix: Callable[..., Any] = partial(seehear.fix_sync, faces="whole-frame", workers=1)


def sync(*words: object) -> int:
    return main(["sync", *map(str, words), "--faces", "whole-frame", "--workers", "1"])


@pytest.mark.parametrize("delay", [-613, -120, 0, 45, 280])
def test_delay_is_measured_between_frames_with_its_sign(
    lamp: Lamp, lamp_model: Any, tmp_path: Path, delay: float
) -> None:
    path = lamp(tmp_path / "lamp.mp4", delay_ms=delay)
    found = measure(path)
    assert found.path == path
    assert found.delay_ms == pytest.approx(delay, abs=6)
    assert found.confidence > 0.9
    assert found.verdict == ("in-sync" if -40 <= delay <= 60 else "out-of-sync")
    (track,) = found.tracks
    assert (track.start_s, track.end_s) == (0, 6)


def test_drift_is_told(lamp: Lamp, lamp_model: Any, tmp_path: Path) -> None:
    found = measure(lamp(tmp_path / "lamp.mp4", seconds=60, delay_ms=-60, drift=3))
    assert found.drift.ms_per_minute == pytest.approx(180, abs=8)
    assert found.drift.at_start_ms == pytest.approx(-45, abs=10)
    assert found.delay_ms == pytest.approx(30, abs=10)
    assert found.verdict == "out-of-sync"
    assert found.to_dict()["drift"]["ms_per_minute"] == pytest.approx(180, abs=8)
    found.plot(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_longer_search_finds_a_longer_delay(lamp: Lamp, lamp_model: Any, tmp_path: Path) -> None:
    path = lamp(tmp_path / "lamp.mp4", seconds=12, delay_ms=2300)
    assert measure(path, search_s=3).delay_ms == pytest.approx(2300, abs=6)


@pytest.mark.parametrize("verb", [measure, partial(fix, out="fixed.mp4")])
@pytest.mark.parametrize("search_s", [0.05, 31])
def test_a_search_that_is_out_of_range_is_refused(verb: Callable[..., Any], search_s: float, late_lamp: Path) -> None:
    with pytest.raises(SeehearError, match=r"0\.1 to 30"):
        verb(late_lamp, search_s=search_s)


def test_one_path_gives_a_result_and_several_give_them_as_they_come(late_lamp: Path, lamp_model: Any) -> None:
    assert measure(str(late_lamp)).to_dict() == measure(late_lamp).to_dict()
    for files in ([late_lamp], (late_lamp, str(late_lamp))):
        found = measure(files)
        assert isinstance(found, Iterator)
        assert [one.path for one in found] == [late_lamp] * len(files)
    assert list(measure([])) == []


def test_progress_is_the_share_of_all_files(late_lamp: Path, lamp_model: Any) -> None:
    told: list[tuple[float, str]] = []
    measure(late_lamp, progress=lambda share, what: told.append((share, what)))
    assert told[-1] == (1.0, str(late_lamp))
    told.clear()
    list(measure([late_lamp, late_lamp], progress=lambda share, what: told.append((share, what))))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert 0.5 in shares
    assert shares[-1] == 1.0


@pytest.mark.parametrize(("fps", "rate"), [(25.0, 16_000), (30.0, 48_000)])
def test_frames_and_audio_in_memory_are_measured_as_their_file(
    lamp: Lamp, lamp_parts: Any, lamp_model: Any, tmp_path: Path, fps: float, rate: int
) -> None:
    pictures, sound = lamp_parts
    video, audio = np.stack(pictures(6.0, fps=fps)), sound(6.0, 120)
    if rate != 16_000:
        audio = np.repeat(audio, rate // 16_000)
    stereo = np.stack([audio, audio], axis=1)
    found = measure(video=video, audio=(stereo * 32767).astype(np.int16), fps=fps, sample_rate=rate)
    assert found.delay_ms == pytest.approx(120, abs=6)
    of_file = measure(lamp(tmp_path / "lamp.mp4", delay_ms=120, fps=fps))
    assert found.delay_ms == pytest.approx(of_file.delay_ms, abs=4)
    assert (found.verdict, found.tracks[0].end_s) == (of_file.verdict, of_file.tracks[0].end_s)


def test_one_file_is_a_block_of_words(late_lamp: Path, lamp_model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert sync(late_lamp) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "out of sync: the audio is 200 ms late" in said
    assert "probability from 0 to 1" in said
    assert "EBU R37" in said


def test_fix_shifts_the_whole_delay_and_measures_what_came_out(
    late_lamp: Path, lamp_model: Any, tmp_path: Path
) -> None:
    fixed = fix(late_lamp, tmp_path / "fixed.mp4")
    assert fixed.path == tmp_path / "fixed.mp4"
    assert fixed.shifted_ms == pytest.approx(200, abs=6)
    assert abs(fixed.after.delay_ms) < 6
    assert fixed.in_place
    entry = fixed.to_dict()
    assert (entry["verdict"], entry["fixed"]["verdict"]) == ("out-of-sync", "in-sync")
    assert entry["fixed"]["file"] == str(fixed.path)
    assert entry["fixed"]["shifted_ms"] == pytest.approx(200, abs=6)
    again = measure(fixed.path)
    assert again.verdict == "in-sync"
    assert again.delay_ms == fixed.after.delay_ms


def test_many_files_are_a_line_each_and_a_table(
    lamp: Lamp, late_lamp: Path, lamp_model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    early = lamp(tmp_path / "early.mp4", delay_ms=-150, seed=1)
    bad = tmp_path / "bad.mp4"
    bad.write_text("this is no film")
    table, out = tmp_path / "all.csv", tmp_path / "fixed"
    assert sync(late_lamp, bad, early, "--csv", table, "--fix", "-o", out) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["out of sync", "failed", "out of sync"]
    assert "200 ms late" in lines[0]
    assert "bad.mp4" in lines[1]
    assert "150 ms early" in lines[2]
    assert sorted(path.name for path in out.iterdir()) == ["early.mp4", "late.mp4"]
    rows = list(csv.DictReader(table.open()))
    assert [row["verdict"] for row in rows] == ["out-of-sync", "cannot-tell", "out-of-sync"]
    assert [row["fixed_file"] for row in rows] == [str(out / "late.mp4"), "", str(out / "early.mp4")]
    assert float(rows[2]["delay_ms"]) == pytest.approx(-150, abs=6)
    assert "bad.mp4" in rows[1]["reason"]


def test_a_bad_file_is_a_result_with_the_same_keys_and_alone_an_error(
    late_lamp: Path, lamp_model: Any, tmp_path: Path
) -> None:
    absent, good = measure([tmp_path / "absent.mp4", late_lamp])
    assert (absent.ok, good.ok) == (False, True)
    assert "absent.mp4" in absent.error
    assert (absent.code, good.code) == ("media", None)
    assert set(good.to_dict()) <= set(absent.to_dict())
    assert absent.to_dict()["error"] == absent.error
    assert absent.delay_ms is None
    assert good.verdict == "out-of-sync"
    for verb in (measure, partial(fix, out=tmp_path / "fixed.mp4")):
        with pytest.raises(MediaError, match=r"absent\.mp4"):
            verb(tmp_path / "absent.mp4")


def test_a_bad_file_on_the_command_line_is_an_object_and_exit_2(
    late_lamp: Path, lamp_model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sync(tmp_path / "absent.mp4", late_lamp, "--json") == 2
    captured = capsys.readouterr()
    absent, good = map(json.loads, captured.out.splitlines())
    assert "absent.mp4" in absent["error"]
    assert good["verdict"] == "out-of-sync"
    assert captured.err.count("\n") == 1


def test_an_unforeseen_error_costs_one_file_of_many(
    late_lamp: Path, lamp_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure_file = measuring.measure_file

    def trip(path: Path, *rest: Any, **options: Any) -> SyncMeasurement:
        if path.name == "odd.mp4":
            raise ValueError("odd\nsize")
        return measure_file(path, *rest, **options)

    for module in (measuring, fix_file):
        monkeypatch.setattr(module, "measure_file", trip)
    files = [tmp_path / "odd.mp4", late_lamp]
    odd, good = measure(files, search_s=0.6)
    assert "unexpected ValueError: odd size" in odd.error
    assert (odd.code, odd.search_s, odd.calibrated, odd.delay_ms) == ("bug", 0.6, False, None)
    assert good.verdict == "out-of-sync"
    odd, good = (result.measurement for result in fix(files, tmp_path / "fixed", search_s=0.6))
    assert (odd.code, odd.search_s) == ("bug", 0.6)
    assert good.verdict == "out-of-sync"
    for alone in (measure, sync, partial(fix, out=tmp_path / "odd-fixed.mp4")):  # a bug keeps its traceback
        with pytest.raises(ValueError, match="odd"):
            alone(tmp_path / "odd.mp4")


def test_an_uncertain_delay_is_fixed_only_by_force(
    lamp: Lamp, lamp_model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unrelated = lamp(tmp_path / "one.mp4", seconds=3, delay_ms=20_000)  # far outside: what is heard is something else
    fixed = tmp_path / "fixed.mp4"
    with pytest.raises(MediaError, match="not fixed"):
        fix(unrelated, fixed)
    (result,) = fix([unrelated], fixed)
    assert (result.ok, result.partial, result.path) == (False, True, None)
    assert result.measurement.verdict == "cannot-tell"
    assert result.code == "media"
    assert sync(unrelated, "--fix", "-o", fixed) == 2
    captured = capsys.readouterr()
    assert "cannot tell" in captured.out  # what was measured is shown all the same
    assert "not fixed" in captured.err
    assert not fixed.exists()
    assert fix(unrelated, fixed, force=True).path == fixed
    assert fixed.exists()


def test_the_original_is_never_written_over(late_lamp: Path, lamp_model: Any) -> None:
    before = late_lamp.read_bytes()
    for files, out in ((late_lamp, late_lamp), ([late_lamp], late_lamp.parent)):
        with pytest.raises(MediaError, match="--out another name"):
            fix(files, out)
    assert late_lamp.read_bytes() == before


@pytest.mark.parametrize(
    ("flags", "place"),
    [
        (["--fix", "-o"], "fixed.xyz"),
        (["--fix", "-o"], "fixed"),
        (["--fix", "-o"], "absent/x.mp4"),
        (["--csv"], "absent/x.csv"),
        (["--csv"], "."),
        (["--plot"], "absent/x.png"),
    ],
)
def test_an_impossible_output_is_told_before_anything_is_measured(
    late_lamp: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    place: str,
) -> None:
    for module in (measuring, fix_file):
        monkeypatch.setattr(module, "load_once", lambda *name: pytest.fail("loaded"))
    assert sync(late_lamp, *flags, tmp_path / place) == 2
    err = capsys.readouterr().err
    assert str(tmp_path / place) in err
    assert err.count("\n") == 1


def test_what_cannot_be_written_as_it_is_becomes_mkv_in_a_folder(
    late_lamp: Path, lamp_model: Any, tmp_path: Path
) -> None:
    odd = tmp_path / "talk.xyz"  # the name decides what is written, the content what is read
    odd.write_bytes(late_lamp.read_bytes())
    (tmp_path / "out").mkdir()
    fixed = fix(odd, tmp_path / "out")
    assert fixed.path == tmp_path / "out" / "talk.mkv"
    (caution,) = fixed.cautions
    assert "talk.mkv" in caution
    assert "talk.mkv" in str(fixed)
    assert fix(late_lamp, tmp_path / "out").cautions == ()


def test_fixed_in_words_says_what_drift_is_left(tmp_path: Path) -> None:
    def said(drift: Drift | None) -> str:
        before = SyncMeasurement(tmp_path, Verdict.OUT_OF_SYNC, "", delay_ms=120.0, confidence=0.9)
        after = SyncMeasurement(tmp_path, Verdict.IN_SYNC, "", delay_ms=1.0, confidence=0.9, drift=drift)
        return FixResult(before, tmp_path / "x.mp4", 120.0, after).describe()

    assert "+30.0 ms a minute" in said(Drift(30.0, 0, 240, -60, 60))
    assert said(None) == said(Drift(0.0, 0, 240, 1, 1))


def test_two_files_of_one_name_are_not_written_over_each_other(lamp_model: Any, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="would both be written"):
        fix([tmp_path / "a" / "x.mp4", tmp_path / "b" / "x.mp4"], tmp_path / "out")


def test_sync_from_a_yaml_file(
    late_lamp: Path, lamp_model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "sync.yaml"
    config.write_text("json: true\nsearch_s: 0.5\nfaces: whole-frame\n")
    assert main(["sync", str(late_lamp), "--config", str(config)]) == 0
    assert json.loads(capsys.readouterr().out)["search_s"] == 0.5
