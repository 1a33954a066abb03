"""A person: face, voice and style.

Sex and age determine, with wide and overlapping distributions, the pitch and the length of the vocal tract as well as
the face's size and proportions, jaw, brows, hair, beard and wrinkles, as in people: a face is informative about the
voice. Age is audible as well as visible: children's voices are high; old voices tremble, become rough and dull, and
slow down (Linville 2001, "Vocal aging"; Lee, Potamianos & Narayanan 1999 for children).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from seehear.avatars.script import LANGUAGES
from seehear.avatars.visemes import Articulation
from seehear.avatars.voice import PITCH_STEP, SyntheticVoice

Colour = tuple[float, float, float]
"""Reflectance of red, green and blue, 0..1."""


_MALE_VARIANTS = (
    *("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "klatt", "klatt2", "klatt4", "Andy", "Denis", "Gene", "Lee"),
    *("Mike", "adam", "david", "ed", "ian", "john", "max", "paul", "rob"),
)


_FEMALE_VARIANTS = (
    *("f1", "f2", "f3", "f4", "f5", "Annie", "Alicia", "Andrea", "anika", "belinda", "linda", "steph", "steph2"),
    *("shelby", "aunty"),
)


_OLD_VARIANTS = {"man": ("grandpa", "croak"), "woman": ("grandma", "aunty")}


HAIR_STYLES = ("short", "cropped", "parted", "fringe", "long", "bun", "bald", "receding", "curly", "scarf", "cap")


BEARDS = ("none", "stubble", "moustache", "goatee", "full")


@dataclass(frozen=True, slots=True)
class FaceAppearance:
    """Appearance of a face. Lengths are in eye distances, others are relative to the average (1)."""

    skin: Colour
    lips: Colour
    lip_gloss: float
    iris: Colour
    hair: Colour
    hair_style: str
    beard: str
    beard_density: float
    glasses: str
    make_up: float
    width: float
    length: float
    jaw: float
    chin: float
    nose_width: float
    nose_length: float
    nose_height: float
    eye_size: float
    eye_tilt: float
    brow_weight: float
    brow_height: float
    mouth_width: float
    mouth_height: float
    upper_lip: float
    lower_lip: float
    cupid: float
    lip_border: float
    cheeks: float
    wrinkles: float
    blotches: float
    freckles: float
    asymmetry: float
    teeth: Colour
    tooth_size: float
    tooth_show: float
    lower_show: float
    tooth_gap: float
    crooked: float
    texture_seed: int


@dataclass(frozen=True, slots=True)
class SpeakingStyle:
    """How a person moves.

    Attributes:
        articulation: articulation of the mouth.
        jaw_drop: opening of the jaw at its widest vowel, in eye distances.
        rest_gap: opening of the lips at rest, in eye distances.
        skew: which side of the mouth opens more, -1..1.
        blinks: blinks per minute.
        head: relative head movement, 1 is average.
        brows: relative brow movement with speech, 1 is average.
        yaw, pitch, roll: usual pose in radians.
    """

    articulation: Articulation
    jaw_drop: float
    rest_gap: float
    skew: float
    blinks: float
    head: float
    brows: float
    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True)
class Person:
    """One speaker, the same in all of his or her clips."""

    number: int
    sex: str
    age: int
    voice: SyntheticVoice
    face: FaceAppearance
    manner: SpeakingStyle


def sample_person(seed: int, number: int) -> Person:
    """Sample the ``number``-th person of a seed; each depends only on these two."""
    rng = np.random.default_rng([seed, 1, number])
    sex = "woman" if rng.random() < 0.5 else "man"
    age = int(np.clip(rng.gamma(5.0, 7.5) + 6, 8, 85))
    size = _size(rng, sex, age)
    voice = _aged(np.random.default_rng([seed, 4, number]), _voice(rng, sex, age, size), sex, age)
    return Person(number, sex, age, voice, _face(rng, sex, age, size), _manner(rng, age))


def _size(rng: np.random.Generator, sex: str, age: int) -> float:
    """Relative size of head and vocal tract; 1 is the mean of adult men and women."""
    growth = np.clip((age - 4) / 14, 0.3, 1.0)
    adult = 1.06 if sex == "man" else 0.94
    return float((0.84 + (adult - 0.84) * growth) * np.exp(rng.normal(0, 0.03)))


def _voice(rng: np.random.Generator, sex: str, age: int, size: float) -> SyntheticVoice:
    names, weights = list(LANGUAGES), np.array(list(LANGUAGES.values()))
    language = str(rng.choice(names, p=weights / weights.sum()))
    variants: tuple[str, ...] = _MALE_VARIANTS if sex == "man" and age >= 14 else _FEMALE_VARIANTS
    if age > 68 and rng.random() < 0.4:
        variants = _OLD_VARIANTS[sex]
    usual = 1.06 if sex == "man" else 0.94  # the variant already has the average formants of its sex
    tract = float(np.clip((usual / size) ** 1.4 * np.exp(rng.normal(0, 0.04)), 0.85, 1.3))
    pitch = 50 + 40 * (usual / size - 1) / 0.12 * 0.5 + rng.normal(0, 12) - (6 if 50 < age < 70 else 0)
    return SyntheticVoice(
        language=language,
        variant=str(rng.choice(variants)),
        pitch=float(np.clip(pitch, 8, 92)),
        pitch_range=float(np.clip(rng.normal(50, 18), 10, 95)),
        words_per_minute=float(np.clip(rng.normal(168, 26) - 0.4 * max(age - 55, 0), 110, 250)),
        tract=tract,
    )


def _aged(rng: np.random.Generator, voice: SyntheticVoice, sex: str, age: int) -> SyntheticVoice:
    """Apply ageing to a voice, with random variation between people of the same age."""
    old = float(np.clip((age - 35) / 45 + rng.normal(0, 0.15), 0.0, 1.2))
    child = float(np.clip((14 - age) / 6, 0.0, 1.0))
    octaves = 0.25 * child + (0.1 if sex == "man" else -0.15) * old
    return replace(
        voice,
        pitch=float(np.clip(voice.pitch + octaves / PITCH_STEP, 8, 95)),
        words_per_minute=voice.words_per_minute * (1.1 - 0.3 * old),
        tract=voice.tract * (1 - 0.06 * old),
        tilt=-4.0 * old,
        tremor=min(1.0, old),
        rough=min(1.0, 0.9 * old),
        breath=14.0 * old,
    )


def _face(rng: np.random.Generator, sex: str, age: int, size: float) -> FaceAppearance:
    man = sex == "man"
    melanin = float(rng.beta(1.0, 1.1))
    skin = _skin(rng, melanin)
    make_up = float(rng.random()) if not man and age > 14 and rng.random() < 0.7 else 0.0
    full = rng.normal(1.0 + 0.35 * melanin - 0.12 * man - 0.1 * max(age - 55, 0) / 25, 0.22)
    hair_style = _hair_style(rng, man, age)
    beard = str(rng.choice(BEARDS, p=(0.46, 0.22, 0.07, 0.09, 0.16))) if man and age > 17 else "none"

    def around(usual: float, spread: float) -> float:
        return float(usual * np.exp(rng.normal(0, spread)))

    return FaceAppearance(
        skin=skin,
        lips=_lips(rng, skin, make_up),
        lip_gloss=float(rng.uniform(0.0, 0.45) + 0.4 * make_up * (rng.random() < 0.5)),
        iris=_IRISES[int(rng.integers(len(_IRISES)))] if melanin < 0.45 else (0.12, 0.07, 0.04),
        hair=_hair(rng, melanin, age),
        hair_style=hair_style,
        beard=beard,
        beard_density=float(rng.uniform(0.25, 1.0)),
        glasses=str(rng.choice(("none", "thin", "thick", "rimless"), p=(0.72, 0.11, 0.1, 0.07))),
        make_up=make_up,
        width=around(1.0 + 0.02 * man, 0.05),
        length=around(1.0 + 0.02 * man - 0.08 * (age < 13), 0.045),
        jaw=around(1.09 if man else 0.93, 0.055),
        chin=around(1.12 if man else 0.9, 0.08),
        nose_width=around((1.02 if man else 0.94) + 0.18 * melanin, 0.11),
        nose_length=around(1.0 + 0.02 * man - 0.12 * (age < 13) + 0.0015 * max(age - 40, 0), 0.06),
        nose_height=around(1.05 - 0.2 * melanin, 0.2),
        eye_size=around((0.96 if man else 1.05) + 0.12 * (age < 13), 0.07),
        eye_tilt=float(rng.normal(0.05, 0.07)),
        brow_weight=around(1.35 if man else 0.7, 0.2),
        brow_height=around(0.92 if man else 1.1, 0.07),
        mouth_width=around(1.0 - 0.07 * (age < 13), 0.085),
        mouth_height=float(rng.normal(0.0, 0.035)),
        upper_lip=float(np.clip(full * around(1.0, 0.2), 0.4, 1.8)),
        lower_lip=float(np.clip(full * around(1.0, 0.15), 0.5, 1.7)),
        cupid=float(rng.uniform(0.0, 1.0)),
        lip_border=float(rng.uniform(0.35, 1.4)),
        cheeks=around(1.0, 0.3),
        wrinkles=float(np.clip((age - 28) / 45 + rng.normal(0, 0.12), 0.0, 1.3)),
        blotches=float(rng.uniform(0.2, 1.3)),
        freckles=float(rng.random() ** 3 if melanin < 0.6 else 0.3 * rng.random() ** 3),
        asymmetry=float(rng.normal(0, 1.0)),
        teeth=_teeth(rng, age),
        tooth_size=around(1.0 - 0.08 * (age < 13), 0.08),
        tooth_show=float(rng.normal(0.012, 0.022)),
        lower_show=float(rng.normal(0.01, 0.03)),
        tooth_gap=float(rng.random() ** 4),
        crooked=float(rng.random() ** 2),
        texture_seed=int(rng.integers(1 << 31)),
    )


_SKINS = np.array(
    # light, by melanin from minimum to maximum, close to measured skin reflectances
    [
        (0.87, 0.72, 0.64),
        (0.82, 0.65, 0.54),
        (0.72, 0.54, 0.42),
        (0.58, 0.41, 0.31),
        (0.42, 0.29, 0.22),
        (0.27, 0.19, 0.15),
    ]
)


_IRISES: tuple[Colour, ...] = (
    (0.30, 0.42, 0.55),
    (0.38, 0.46, 0.48),
    (0.30, 0.38, 0.25),
    (0.35, 0.24, 0.12),
    (0.22, 0.13, 0.07),
    (0.12, 0.07, 0.04),
)


_HAIRS = np.array(
    [
        (0.05, 0.04, 0.035),
        (0.12, 0.07, 0.045),
        (0.24, 0.14, 0.08),
        (0.42, 0.28, 0.15),
        (0.62, 0.46, 0.27),
        (0.38, 0.15, 0.07),
    ]
)


_LIPSTICKS = np.array(
    [
        (0.62, 0.08, 0.10),
        (0.70, 0.22, 0.28),
        (0.45, 0.05, 0.14),
        (0.75, 0.36, 0.33),
        (0.55, 0.28, 0.24),
        (0.78, 0.25, 0.45),
    ]
)


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = np.clip(values, 0.0, 1.0)
    return float(red), float(green), float(blue)


def _skin(rng: np.random.Generator, melanin: float) -> Colour:
    position = melanin * (len(_SKINS) - 1)
    usual = np.array([np.interp(position, range(len(_SKINS)), channel) for channel in _SKINS.T])
    return _colour(usual * np.exp(rng.normal(0, (0.04, 0.04, 0.05))) * np.exp(rng.normal(0, 0.06)))


def _lips(rng: np.random.Generator, skin: Colour, make_up: float) -> Colour:
    """From nearly the colour of the skin to lipstick."""
    bare = np.array(skin) * np.array((0.94, 0.70, 0.72)) + np.array((0.04, 0.0, 0.01))
    distinct = rng.uniform(0.3, 1.6)
    lips = np.array(skin) + distinct * (bare - np.array(skin))
    if make_up > 0.25:
        stick = _LIPSTICKS[int(rng.integers(len(_LIPSTICKS)))] * np.exp(rng.normal(0, 0.15, 3))
        lips = lips + min(1.0, 0.2 + make_up) * rng.uniform(0.4, 1.0) * (stick - lips)
    return _colour(lips)


def _hair(rng: np.random.Generator, melanin: float, age: int) -> Colour:
    choice = int(rng.choice(len(_HAIRS), p=(0.2, 0.25, 0.22, 0.15, 0.12, 0.06))) if melanin < 0.4 else 0
    natural = _HAIRS[choice] * np.exp(rng.normal(0, 0.2))
    grey = np.clip((age - 35) / 35 + rng.normal(0, 0.25), 0.0, 1.0) if rng.random() < 0.85 else 0.0
    dyed = rng.random() < 0.04
    if dyed:
        natural = rng.uniform(0.1, 0.7, 3)
    return _colour(natural + grey * (np.array((0.62, 0.61, 0.60)) * rng.uniform(0.6, 1.2) - natural))


def _hair_style(rng: np.random.Generator, man: bool, age: int) -> str:
    if man:
        bald = 0.02 + 0.004 * max(age - 20, 0)
        weights = np.array((0.36, 0.2, 0.14, 0.06, 0.04, 0.01, bald, bald, 0.07, 0.02, 0.06))
    else:
        weights = np.array((0.1, 0.03, 0.2, 0.14, 0.28, 0.13, 0.003, 0.0, 0.1, 0.06, 0.02))
    return str(rng.choice(HAIR_STYLES, p=weights / weights.sum()))


def _teeth(rng: np.random.Generator, age: int) -> Colour:
    yellow = rng.beta(2, 3) * 0.7 + 0.003 * age
    return _colour(np.array((0.88, 0.85, 0.79)) * (1 - np.array((0.12, 0.22, 0.48)) * yellow))


def _manner(rng: np.random.Generator, age: int) -> SpeakingStyle:
    articulation = Articulation(
        effort=float(np.clip(rng.normal(0.92, 0.2), 0.45, 1.4)),
        coarticulation=float(np.exp(rng.normal(0.0, 0.2))),
        lip_share=float(np.exp(rng.normal(0.0, 0.35))),
        closure_s=float(rng.uniform(0.035, 0.065)),
        exposure_s=float(rng.uniform(0.004, 0.036)),
    )
    return SpeakingStyle(
        articulation=articulation,
        jaw_drop=float(np.clip(rng.normal(0.25, 0.055), 0.12, 0.38)),
        rest_gap=float(max(0.0, rng.normal(0.0, 0.02))),
        skew=float(rng.normal(0, 0.35)),
        blinks=float(rng.uniform(6, 30)),
        head=float(np.exp(rng.normal(0.0, 0.5))),
        brows=float(np.exp(rng.normal(0.0, 0.4))),
        yaw=float(np.clip(rng.normal(0, 0.15), -0.36, 0.36)),
        pitch=float(np.clip(rng.normal(0, 0.07), -0.2, 0.2)),
        roll=float(rng.normal(0, 0.045)),
    )
