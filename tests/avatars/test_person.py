"""People: repeatable, varied, and of one piece."""

import numpy as np

from seehear.avatars.person import sample_person

PEOPLE = [sample_person(3, number) for number in range(300)]


def test_a_person_depends_on_seed_and_number_only() -> None:
    assert sample_person(3, 7) == PEOPLE[7]
    assert sample_person(4, 7) != PEOPLE[7]


def test_voice_and_face_go_together() -> None:
    grown = [p for p in PEOPLE if p.age >= 18]
    men, women = ([p for p in grown if p.sex == sex] for sex in ("man", "woman"))
    assert len(men) > 60 < len(women)
    assert np.mean([p.face.jaw for p in men]) > np.mean([p.face.jaw for p in women])
    assert all(p.face.beard == "none" for p in women)
    assert not {p.voice.variant for p in men} & {p.voice.variant for p in women} - {"aunty"}
    old, young = [p for p in PEOPLE if p.age > 60], [p for p in PEOPLE if p.age < 30]
    assert np.mean([p.face.wrinkles for p in old]) > np.mean([p.face.wrinkles for p in young]) + 0.3


def test_no_two_look_or_sound_alike() -> None:
    assert len({p.face.skin for p in PEOPLE}) == len(PEOPLE)
    assert len({(p.voice.language, p.voice.variant, p.voice.pitch, p.voice.tract) for p in PEOPLE}) == len(PEOPLE)
    brightness = [sum(p.face.skin) / 3 for p in PEOPLE]
    assert min(brightness) < 0.3
    assert max(brightness) > 0.7
