"""Lines of RTTM, as scoring tools read them."""

from hypothesis import given
from hypothesis import strategies as st

from seehear.apps.diarization.result import rttm_line


def test_a_line_has_ten_fields_and_times_in_seconds():
    line = rttm_line("panel", 1.04, 3.2, "person 1")
    assert line == "SPEAKER panel 1 1.040 2.160 <NA> <NA> person_1 <NA> <NA>"


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_the_names_there_are_ten_fields(film, name):
    assert len(rttm_line(film, 0.0, 1.0, name).split()) == 10
