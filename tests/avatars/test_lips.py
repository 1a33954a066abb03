"""The outline of the lips holds together for any shape of the mouth."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.avatars.lips import MouthShape, lip_outline
from seehear.avatars.person import sample_person

COLUMNS = np.linspace(-0.8, 0.8, 81, dtype=np.float32)
PEOPLE = [sample_person(11, number) for number in range(20)]
SHAPES = st.builds(
    MouthShape,
    jaw=st.floats(-0.2, 1.8),
    upper=st.floats(-0.5, 1.5),
    lower=st.floats(-0.5, 1.5),
    wide=st.floats(-1.5, 1.5),
    round=st.floats(0, 1.5),
    tongue=st.floats(0, 1.2),
    tip=st.floats(0, 1.6),
    press=st.floats(0, 1),
    tuck=st.floats(0, 1),
    smile=st.floats(-1, 1.2),
)


@settings(max_examples=200, deadline=None)
@given(shape=SHAPES, number=st.integers(0, len(PEOPLE) - 1))
def test_lines_keep_their_order_and_meet_outside_the_corners(shape: MouthShape, number: int) -> None:
    person = PEOPLE[number]
    lines = lip_outline(person.face, person.manner, shape, COLUMNS)
    assert (lines.outer_upper <= lines.inner_upper + 1e-6).all()
    assert (lines.inner_lower <= lines.outer_lower + 1e-6).all()
    assert (lines.inner_upper <= lines.inner_lower + 0.02).all()  # lips may overlap by a millimetre
    assert np.isfinite(lines.outer_lower).all()
    assert 0.15 < lines.half_width < 0.8


@given(number=st.integers(0, len(PEOPLE) - 1), jaw=st.floats(0, 1.5), lower=st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_pressed_lips_are_shut_whatever_the_jaw_does(number: int, jaw: float, lower: float) -> None:
    person = PEOPLE[number]
    rest = {"wide": 0.0, "round": 0.0, "tongue": 0.4, "tip": 0.0, "tuck": 0.0}
    shut = lip_outline(person.face, person.manner, MouthShape(jaw=jaw, upper=0, lower=lower, press=1, **rest), COLUMNS)
    assert shut.up + shut.down < 1e-6
    wider = lip_outline(
        person.face, person.manner, MouthShape(jaw=jaw + 0.3, upper=0, lower=lower, press=0, **rest), COLUMNS
    )
    assert wider.up + wider.down > 0.02
