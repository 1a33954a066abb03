"""The evidence of each face: nothing is lost where pieces meet, and it is high where lips and sound agree."""

import numpy as np
import pytest

from seehear.apps.diarization.active_speaker import estimate_delay
from seehear.apps.diarization.lip_activity import REACH, join_pieces, mouth_motion, track_agreement, with_neighbours
from seehear.clip import FPS, SAMPLES_PER_FRAME, Clip
from seehear.media.clips import ClipOptions, ClipReader, TrackedClip


def sighting(track, start, frames, shot=0):
    """A piece whose pictures carry their own number."""
    numbers = (np.arange(frames) + start).astype(np.uint8)
    video = np.broadcast_to(numbers[:, None, None, None], (frames, 8, 8, 3)).copy()
    meta = {"source": "x", "start_s": start / FPS, "track": track}
    audio = np.zeros(frames * SAMPLES_PER_FRAME, np.float32)
    clip = Clip(video, np.zeros((frames, 5, 2), np.float32), audio, meta)
    return TrackedClip(clip, np.zeros((frames, 4), np.float32), shot)


def numbers(video):
    return video[:, 0, 0, 0].tolist()


def test_pieces_get_their_neighbours_and_ends_stand_still():
    pieces = [sighting(0, 10, 5), sighting(1, 12, 4), sighting(0, 15, 3), sighting(2, 40, 1)]
    given = {
        (piece.clip.meta["track"], piece.clip.meta["start_s"]): numbers(v) for piece, v in with_neighbours(pieces, 2)
    }
    assert given == {
        (0, 10 / FPS): [10, 10, 10, 11, 12, 13, 14, 15, 16],
        (0, 15 / FPS): [13, 14, 15, 16, 17, 17, 17],
        (1, 12 / FPS): [12, 12, 12, 13, 14, 15, 15, 15],
        (2, 40 / FPS): [40, 40, 40, 40, 40],
    }


def test_pieces_are_given_out_as_soon_as_their_track_has_ended():
    seen = []

    def pieces():
        for piece in [sighting(0, 0, 5), sighting(1, 20, 5), sighting(2, 40, 5)]:
            seen.append(piece)
            yield piece

    first = next(with_neighbours(pieces(), 2))[0]
    assert first.clip.meta["track"] == 0
    assert len(seen) == 2


@pytest.mark.parametrize("max_seconds", [1.0, 10.0])
def test_evidence_peaks_at_the_delay_at_every_picture_whatever_the_pieces(lamp, lamp_model, tmp_path, max_seconds):
    path = lamp(tmp_path / "lamp.mp4", seconds=4, delay_ms=200)
    with ClipReader(path, ClipOptions(faces="whole-frame", max_seconds=max_seconds)) as reader:
        (track,) = join_pieces(track_agreement(lamp_model, reader.tracked_clips(), reader.sound))
    assert (track.track, track.start, track.stop) == (0, 0, 100)
    assert len(track.boxes) == len(track.motion) == 100
    assert estimate_delay([track]) == 5
    inside = track.agreement[5:90]  # the last sound is cut off
    assert (np.abs(inside.argmax(1) - REACH - 5) <= 1).mean() > 0.8


def test_no_delay_is_read_into_what_agrees_at_none(lamp, lamp_model, tmp_path):
    path = lamp(tmp_path / "lamp.mp4", seconds=3, delay_ms=20_000)
    with ClipReader(path, ClipOptions(faces="whole-frame")) as reader:
        tracks = join_pieces(track_agreement(lamp_model, reader.tracked_clips(), reader.sound))
    assert estimate_delay(tracks) == 0


def test_a_mouth_moves_where_its_pixels_change():
    video = np.random.default_rng(0).integers(0, 255, (1, 64, 64, 3), np.uint8).repeat(6, axis=0)
    video[3:, 32:, :] = 255 - video[3:, 32:, :]
    moved = mouth_motion(video)
    assert moved.shape == (6,)
    assert set(np.flatnonzero(moved)) == {2, 3}
    assert mouth_motion(video[:1]).tolist() == [0.0]
