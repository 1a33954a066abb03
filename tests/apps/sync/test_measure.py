"""What is concluded from curves; the way from files to curves is in test_sync.py."""

from pathlib import Path

import numpy as np
import pytest

from seehear.apps.sync.measure_file import MeasureOptions, combine_agreements
from seehear.apps.sync.offset import AgreementCurve, ClipAgreement
from seehear.metrics.calibration import DelayCalibration

CALIBRATION = DelayCalibration(bias=-6.0, margin=2.0, evidence=0.9, examples=1000)
FILE = Path("talk.mp4")


def heard(delay_ms, start_s=0.0, *, track=0, seconds=10.0, height=0.4, seed=0, modulation_db=25.0):
    """A piece whose curve has its peak at ``delay_ms``: a bump of an encoder's width on smooth noise."""
    rng = np.random.default_rng([seed, track, round(start_s)])
    delays = np.arange(-1000, 1001, 10.0)
    noise = np.convolve(rng.normal(0, 0.06, len(delays) + 20), np.ones(8) / 8, "same")[10:-10]
    bump = height * np.exp(-0.5 * ((delays - delay_ms) / 40) ** 2)
    frames = seconds * 25
    return ClipAgreement(
        track, start_s, start_s + seconds, AgreementCurve((bump + noise) * frames, frames), -20.0, modulation_db
    )


def concluded(pieces):
    return combine_agreements(FILE, pieces, CALIBRATION, MeasureOptions())


@pytest.mark.parametrize(("delay", "verdict"), [(0, "in-sync"), (120, "out-of-sync"), (-480, "out-of-sync")])
def test_one_face(delay, verdict):
    found = concluded([heard(delay)])
    assert found.delay_ms == pytest.approx(delay, abs=8)
    assert found.verdict == verdict
    assert found.confidence > 0.9
    assert found.drift is None


@pytest.mark.parametrize("height", [0.0, 0.05, 0.08, 0.4])
def test_one_face_alone_is_as_sure_as_its_track(height):
    found = concluded([heard(120, 10.0 * place, height=height) for place in range(3)])
    (face,) = found.tracks
    assert found.confidence == pytest.approx(face.confidence)
    assert found.delay_ms == pytest.approx(face.delay_ms)


def test_drift_beyond_the_search_is_no_crash():
    found = concluded([heard(-900 + 60 * place, 10.0 * place) for place in range(30)] + [heard(0, 4000.0, height=0.0)])
    assert found.drift.changes


def test_noise_is_not_a_verdict():
    found = concluded([heard(0, height=0.0, seconds=2)])
    assert found.verdict == "cannot-tell"
    assert found.confidence < 0.5
    assert "no clear peak" in found.reason


def test_why_it_cannot_be_told_is_said_where_it_is_known():
    short = concluded([heard(0, height=0.0, seconds=0.52)])
    assert short.reason.startswith("too short: faces are seen for 0.52 s")
    steady = concluded([heard(0, height=0.0, modulation_db=1.0)])
    assert steady.reason.startswith("no speech")


def test_the_delay_is_the_speakers_not_the_listeners():
    found = concluded([heard(200, track=0, seconds=4), heard(0, track=1, height=0.0), heard(0, track=2, height=0.0)])
    assert found.delay_ms == pytest.approx(200, abs=6)
    assert found.verdict == "out-of-sync"
    speaker, *listeners = found.tracks
    assert speaker.confidence > 0.9
    assert all(listener.confidence < 0.5 for listener in listeners)


def test_weak_hints_of_many_pieces_add_up():
    one = concluded([heard(80, height=0.045)])
    many = concluded([heard(80, 10.0 * place, track=place, height=0.045) for place in range(40)])
    assert many.confidence > one.confidence
    assert many.delay_ms == pytest.approx(80, abs=25)


def test_drift_is_taken_out_and_told():
    found = concluded([heard(-100 + 10 * place, 10.0 * place) for place in range(30)])
    assert found.drift.ms_per_minute == pytest.approx(60, abs=2)
    assert found.delay_ms == pytest.approx(-100 + 145, abs=10)  # in the middle of the file
    assert found.confidence > 0.9
    assert found.verdict == "out-of-sync"  # though its middle is not
    assert "ms a minute" in found.reason


def test_an_edit_is_told_with_its_time():
    found = concluded([heard(0 if place < 12 else 280, 10.0 * place) for place in range(20)])
    assert "changes at 2:00" in found.reason
    assert found.verdict == "out-of-sync"


def test_json_has_the_promised_keys():
    entry = concluded([heard(120), heard(120, 10.0)]).to_dict()
    assert {"file", "delay_ms", "confidence", "verdict", "reason", "tracks"} <= set(entry)
    assert entry["file"] == "talk.mp4"
    assert entry["verdict"] == "out-of-sync"
    assert {"start_s", "end_s", "delay_ms", "confidence"} <= set(entry["tracks"][0])
    assert entry["tracks"][0]["end_s"] == 20
