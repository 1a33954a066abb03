"""Only a file that measures in place is delivered as fixed; how sound is moved is in tests/media/test_shift.py."""

from dataclasses import replace

import pytest

from seehear.apps.sync import fix_file
from seehear.apps.sync.drift import Drift
from seehear.apps.sync.fix_file import fix_measured
from seehear.apps.sync.result import SyncMeasurement
from seehear.apps.sync.verdict import Verdict
from seehear.errors import MediaError
from seehear.media.shift import WriteReport


@pytest.fixture
def late(tmp_path, monkeypatch):
    """A measured file; the shifted one is only a name."""

    def write(src, dst, earlier_s):
        dst.write_text(f"shifted by {earlier_s}")
        return WriteReport(left_out=("subtitles (dvb)",))

    monkeypatch.setattr(fix_file, "shift_sound", write)
    return SyncMeasurement(tmp_path / "talk.mp4", Verdict.OUT_OF_SYNC, "", delay_ms=200.0, confidence=0.9)


def measuring(before, **found):
    return lambda path: replace(before, path=path, verdict=Verdict.IN_SYNC, **found)


def test_what_measures_in_place_is_delivered_with_what_it_could_not_keep(late, tmp_path):
    fixed = fix_measured(late, tmp_path / "out.mp4", measuring(late, delay_ms=2.0))
    assert fixed.path.read_text() == "shifted by 0.2"
    assert fixed.after.path == fixed.path
    assert "not kept: subtitles (dvb)" in fixed.describe()
    assert fixed.to_dict()["fixed"]["left_out"] == ["subtitles (dvb)"]


@pytest.mark.parametrize(
    "found",
    [
        {"delay_ms": 610.0, "confidence": 0.9},
        {"delay_ms": -90.0, "confidence": 0.9},
        {"delay_ms": None, "confidence": 0.0},
    ],
)
def test_what_measures_elsewhere_is_deleted_and_told(found, late, tmp_path):
    (tmp_path / "out.mp4").write_text("an older file")
    with pytest.raises(MediaError, match="not fixed"):
        fix_measured(late, tmp_path / "out.mp4", measuring(late, **found))
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_text() == "an older file"


def test_what_cannot_be_told_after_the_fix_is_deleted_unless_forced(late, tmp_path):
    def unsure(path):
        return replace(late, path=path, verdict=Verdict.CANNOT_TELL, delay_ms=3.0, confidence=0.1)

    with pytest.raises(MediaError, match=r"confidence 0\.10.*--force"):
        fix_measured(late, tmp_path / "out.mp4", unsure)
    assert not list(tmp_path.iterdir())
    fixed = fix_measured(late, tmp_path / "out.mp4", unsure, force=True)
    assert fixed.describe().startswith("not fixed for sure")
    assert fixed.path.exists()


def test_sound_at_the_wrong_speed_is_not_fixed_by_one_shift(late, tmp_path):
    fast = replace(late, drift=Drift(-2400.0, 0.5, 23.5, 30.0, -890.0))
    with pytest.raises(MediaError, match=r"890 ms early at 0:24, the end of what was measured.*4\.2 % too fast"):
        fix_measured(fast, tmp_path / "out.mp4", measuring(late, delay_ms=2.0))
    assert not list(tmp_path.iterdir())
