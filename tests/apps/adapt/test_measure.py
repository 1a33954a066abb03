import re
from pathlib import Path

import numpy as np
import pytest

from seehear.apps.adapt.measure import MeasuredSource, judged
from seehear.apps.sync.drift import Drift
from seehear.apps.sync.offset import AgreementCurve
from seehear.apps.sync.result import SyncMeasurement, TrackDelay
from seehear.apps.sync.verdict import Verdict
from seehear.media.audio_streams import AudioStreamInfo

FILM = Path("film.mp4")


def outcome(**changes: object) -> SyncMeasurement:
    told = {"verdict": Verdict.IN_SYNC, "reason": "the audio is 12 ms late", "delay_ms": 12.3, "confidence": 0.9}
    return SyncMeasurement(FILM, **told | changes)  # type: ignore[arg-type]


def curve(peak: int) -> AgreementCurve:
    """±1 s, the peak so many points after delay 0."""
    total = np.full(201, -0.1)
    total[100 + peak - 3 : 100 + peak + 4] = 2.0
    return AgreementCurve(total, 10)


def test_a_sure_constant_delay_is_used() -> None:
    known = judged(outcome(faces_s=8.0), 0.7)
    assert known == MeasuredSource("", 12.3, 0.9, 8.0)
    assert MeasuredSource.from_json(known.to_json()) == known


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"delay_ms": None, "confidence": 0.0, "reason": "there is no audio in the file"}, "there is no audio"),
        ({"confidence": 0.6}, r"its delay is unsure \(confidence 0.60, at least 0.7 is needed\)$"),
        ({"confidence": 0.2, "reason": "no clear peak"}, r"unsure \(confidence 0.20, .*\): no clear peak"),
        ({"drift": Drift(60.0, 0.0, 60.0, 0.0, 60.0)}, r"its delay is not constant \(\+60.0 ms a minute"),
        ({"drift": Drift(0, 0, 60, 0, 90, ((30.0, 0.0, 90.0),))}, r"not constant \(changes at 0:30"),
    ],
)
def test_others_are_refused_with_the_reason(changes: dict[str, object], reason: str) -> None:
    assert re.search(reason, judged(outcome(**changes), 0.7).refused)


def test_a_steady_file_is_not_refused() -> None:
    assert judged(outcome(drift=Drift(0.0, 0.0, 60.0, 12.0, 12.0)), 0.7).refused == ""


def test_a_file_that_cannot_be_read_is_refused_with_its_sentence() -> None:
    assert judged(SyncMeasurement.failed(FILM, "film.mp4 is no film"), 0.7) == MeasuredSource(
        refused="film.mp4 is no film"
    )


def test_tracks_that_do_not_agree_with_the_file_are_listeners() -> None:
    tracks = (TrackDelay(4, 0, 5, 10.0, 0.9, curve(1)), TrackDelay(7, 5, 9, 700.0, 0.1, curve(70)))
    assert judged(outcome(tracks=tracks), 0.7).listeners == (7,)


def test_the_sound_that_was_measured_is_remembered_where_there_are_several() -> None:
    assert judged(outcome(sound=AudioStreamInfo(1, 1)), 0.7).sound is None
    assert judged(outcome(sound=AudioStreamInfo(2, 3)), 0.7).sound == "2"
