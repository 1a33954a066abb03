"""Known delays of videos: read from a CSV, undone in the clips, and what is not known is left out."""

from pathlib import Path

import numpy as np
import pytest

from films import RATE, speech, write_film
from seehear.data.corpus import Corpus
from seehear.data.datasets.folder import find_folder
from seehear.data.preparation import undo_known_delays
from seehear.data.prepare import prepare
from seehear.errors import CorpusError

DELAY_MS = 120


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films of the same sound; that of late.mp4 is 120 ms late."""
    folder = tmp_path_factory.mktemp("films")
    sound = speech(2.0)
    late = np.concatenate([np.zeros(RATE * DELAY_MS // 1000, np.float32), sound])[: len(sound)]
    write_film(folder / "on_time.mp4", [sound])
    write_film(folder / "late.mp4", [late])
    return folder


def table(folder: Path, *rows: str) -> Path:
    path = folder / "delays.csv"
    path.write_text("\n".join(["file,delay_ms,verdict", *rows]) + "\n")
    return path


def test_a_known_delay_is_undone(films: Path, tmp_path: Path) -> None:
    delays = table(films, f"late.mp4,{DELAY_MS},out-of-sync", "on_time.mp4,0,in-sync")
    prepare([films], tmp_path / "out", faces="whole-frame", size=64, delays=delays, workers=1)
    late, on_time = (clip.audio for clip in Corpus(tmp_path / "out"))
    kept = slice(RATE // 5, len(late) - RATE // 4)  # the late film ends before its sound does
    lags = range(-RATE // 100, RATE // 100)
    best = max(lags, key=lambda lag: float(np.dot(np.roll(late, lag)[kept], on_time[kept])))
    assert abs(best) <= RATE // 1000


def test_another_delay_is_another_corpus(films: Path, tmp_path: Path) -> None:
    def made(delay_ms: int) -> object:
        delays = table(films, f"late.mp4,{delay_ms},", "on_time.mp4,0,")
        return prepare([films], tmp_path / "out", faces="whole-frame", size=64, delays=delays, workers=1)

    made(120)
    with pytest.raises(CorpusError):
        made(80)


def test_a_video_of_unknown_delay_is_left_out(films: Path) -> None:
    told = undo_known_delays(find_folder([films]), table(films, "late.mp4,-40.5,", "on_time.mp4,,cannot-tell"))
    assert {source.name: (source.delay_s, bool(source.problem)) for source in told} == {
        "late.mp4": (-0.0405, False),
        "on_time.mp4": (0.0, True),
    }


def test_a_guess_is_no_delay(films: Path) -> None:
    told = undo_known_delays(
        find_folder([films]), table(films, "late.mp4,80,out-of-sync", "on_time.mp4,300,cannot-tell")
    )
    assert [source.name for source in told if not source.problem] == ["late.mp4"]


@pytest.mark.parametrize("row", ["late.mp4,soon,", "late.mp4,99999,", "late.mp4,nan,", "late.mp4,,", "other.mp4,5,"])
def test_a_table_that_does_not_help_is_refused(films: Path, row: str) -> None:
    path = table(films, row)
    with pytest.raises(CorpusError, match=r"delays\.csv"):
        undo_known_delays(find_folder([films]), path)
