"""Films on their side or upside down: measured, cut and drawn as if they were upright, and told so."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from seehear.apps.animate import animate
from seehear.apps.diarization.active_speaker import ActiveSpeakers
from seehear.apps.diarization.result import Diarization
from seehear.apps.segments import CuratedFile, FileSegment, write_segments
from seehear.apps.sync.measure import measure_sync
from seehear.apps.sync.verdict import Verdict
from seehear.media.encode import write_video
from seehear.media.sound import read_sound

GRID = "data/grid_s1/video/bbaf2n.mp4"


def pictures_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture
def sideways(shared, tmp_path) -> Path:
    """A film of a person, turned counterclockwise."""
    sound = read_sound(shared / GRID).between(0, 3)
    path = tmp_path / "sideways.mp4"
    write_video(path, (np.ascontiguousarray(np.rot90(frame)) for frame in pictures_of(shared / GRID)), audio=sound)
    return path


def test_sync_measures_a_film_on_its_side(shared, sideways):
    upright, turned = measure_sync([shared / GRID, sideways], workers=1)
    assert turned.delay_ms == pytest.approx(upright.delay_ms, abs=10)
    assert turned.verdict == upright.verdict != Verdict.CANNOT_TELL
    assert not upright.cautions
    assert "rotated by 90 degrees clockwise" in turned.cautions[0]


@pytest.fixture
def corner(tmp_path) -> Path:
    """A film that is white in its left upper corner."""
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[:32, :32] = 255
    write_video(tmp_path / "corner.mp4", [frame] * 30, audio=np.zeros(19200, np.float32))
    return tmp_path / "corner.mp4"


def test_what_is_cut_out_and_what_is_drawn_on_is_turned(corner, tmp_path):
    write_segments(corner, CuratedFile(1.2, (FileSegment(0, 30),)), "a", tmp_path, turns=1)
    film = ActiveSpeakers(corner, 1.2, 0.0, unseen=np.zeros(30), turns=1)
    Diarization(film, [], [], []).write_video(tmp_path / "drawn.mp4")
    for path in (tmp_path / "a-00000.mp4", tmp_path / "drawn.mp4"):
        pictures = pictures_of(path)
        assert len(pictures) == 30
        assert pictures[0].shape == (96, 64, 3)
        assert pictures[0][:28, 36:].mean() > 240  # clockwise, it has gone to the right
        assert pictures[0][36:, :28].mean() < 15


def test_a_photograph_on_its_side_is_animated_upright(shared, sideways, tmp_path):
    photograph = tmp_path / "photograph.png"
    frame = pictures_of(sideways)[0]
    cv2.imwrite(str(photograph), frame[..., ::-1])
    out = tmp_path / "out.mp4"
    made = animate(photograph, shared / GRID, out=out)
    assert any("photograph.png: the image is stored on its side" in caution for caution in made.cautions)
    drawn = pictures_of(out)
    assert drawn[0].shape == (288, 360, 3)
    still = np.rot90(frame, -1)
    assert np.abs(drawn[0][:60].astype(int) - still[:60]).mean() < 4
