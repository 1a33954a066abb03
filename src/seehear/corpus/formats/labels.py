"""Names and words of labels that all data sets share, so that what is learned on one can be tried on another.

speaker   who speaks, unique within the data set
text      the words, lower case, without punctuation but apostrophes
word      the one word of a recording of an isolated word
emotion   one of `EMOTIONS`
sex       female or male
age       years
valence, arousal   numbers on the data set's own scale, which its card says
part      train, dev or test, only where the data set itself says which
"""

from __future__ import annotations

import re

EMOTIONS = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fear",
    "disgust",
    "surprise",
    "boredom",
    "excitement",
    "frustration",
    "other",
)
PARTS = ("train", "dev", "test")
SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}


def spoken(sentence: str) -> str:
    """The words of a sentence as they are spoken: lower case, punctuation gone, apostrophes within words kept."""
    words = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", sentence.lower())
    return " ".join(words).replace("’", "'")
