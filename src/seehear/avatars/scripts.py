"""What is said: GRID-like commands, numbers, everyday sentences and nonsense, in many languages.

Parts of English clauses, and sentences of each language, are in ``phrases.txt``.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np

LANGUAGES = {
    "en-us": 5.0,
    "en-gb-x-rp": 5.0,
    "en-gb-scotland": 1.0,
    "en-us-nyc": 1.0,
    "es-419": 1.5,
    "es": 1.0,
    "fr": 1.5,
    "de": 1.5,
    "it": 1.0,
    "pt-br": 1.0,
    "nl": 0.7,
    "pl": 0.7,
    "ru": 1.0,
    "tr": 0.7,
    "sv": 0.5,
    "el": 0.5,
    "hi": 0.8,
    "cmn": 0.8,
    "id": 0.7,
    "sw": 0.6,
}
"""eSpeak's name of each language and accent, with how often it is drawn."""

_COMMAND = (
    ("bin", "lay", "place", "set"),
    ("blue", "green", "red", "white"),
    ("at", "by", "in", "with"),
    tuple("abcdefghijklmnopqrstuvxyz"),
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("again", "now", "please", "soon"),
)
"""The grammar of GRID (Cooke et al. 2006)."""

_ONSETS = (*"bpmfvwbpmdtnszlrkghj", "th", "sh", "ch", "st", "bl", "pr", "fl")
_NUCLEI = ("a", "e", "i", "o", "u", "aa", "ee", "oo", "ai", "ou")
_CODAS = ("", "", "", "m", "p", "b", "n", "s", "f", "l", "t", "k")


def write_script(rng: np.random.Generator, language: str, *, seconds: float) -> str:
    """Text that takes roughly ``seconds`` to say, or a little more; one to several sentences."""
    kinds = _ENGLISH_KINDS if language.startswith("en") else _OTHER_KINDS
    sentences: list[str] = []
    while sum(map(_spoken_seconds, sentences)) < seconds:
        sentences.append(kinds[int(rng.integers(len(kinds)))](rng, language))
    return " ".join(sentences)


def _spoken_seconds(sentence: str) -> float:
    ideographs = sum("一" <= letter <= "鿿" for letter in sentence)
    return 0.3 + len(sentence) / 15 + ideographs / 6 + sum(map(str.isdigit, sentence)) * 0.3


@cache
def _phrases() -> dict[str, list[str]]:
    """Sections of ``phrases.txt`` by name."""
    sections: dict[str, list[str]] = {}
    text = resources.files("seehear.avatars").joinpath("phrases.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("["):
            lines = sections.setdefault(line.strip("[]"), [])
        elif line:
            lines.append(line)
    return sections


def _sentences(language: str) -> list[str]:
    return _phrases()[language.split("-")[0]]


def _pick(rng: np.random.Generator, choices: list[str] | tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _command(rng: np.random.Generator, language: str) -> str:
    return " ".join(_pick(rng, slot) for slot in _COMMAND) + "."


def _digits(rng: np.random.Generator, language: str) -> str:
    """eSpeak reads digits in the language of the voice."""
    return ", ".join(str(digit) for digit in rng.integers(0, 10, int(rng.integers(3, 7)))) + "."


def _number(rng: np.random.Generator, language: str) -> str:
    return f"{int(10 ** rng.uniform(1, 5))}."


def _clause(rng: np.random.Generator, language: str) -> str:
    return " ".join(_pick(rng, _phrases()[part]) for part in ("subjects", "verbs", "objects", "tails")) + "."


def _sentence(rng: np.random.Generator, language: str) -> str:
    return _pick(rng, _sentences(language))


def _mixed(rng: np.random.Generator, language: str) -> str:
    """Words of the language in any order: more neighbours of every sound than sentences have."""
    if language.startswith("en"):
        phrases = [phrase for part in ("subjects", "verbs", "objects", "tails") for phrase in _phrases()[part]]
    else:
        phrases = _sentences(language)
    words = sorted({word.strip(".?!,;¿¡।，。？") for phrase in phrases for word in phrase.split()} - {""})
    return " ".join(_pick(rng, words) for _ in range(int(rng.integers(3, 7)))) + "."


def _nonsense(rng: np.random.Generator, language: str) -> str:
    """Made-up words rich in sounds that the lips show."""
    words = []
    for _ in range(int(rng.integers(3, 6))):
        syllables = int(rng.integers(1, 4))
        words.append("".join(_pick(rng, _ONSETS) + _pick(rng, _NUCLEI) for _ in range(syllables)) + _pick(rng, _CODAS))
    return " ".join(words) + "."


_ENGLISH_KINDS = (
    _command, _command, _clause, _clause, _clause, _sentence, _sentence, _digits, _number, _mixed, _nonsense,
)  # fmt: skip
_OTHER_KINDS = (_sentence, _sentence, _sentence, _digits, _number, _mixed)
