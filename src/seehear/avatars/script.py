"""Speech of the avatars: written texts for a synthesiser, or real recordings aligned by PocketSphinx.

Parts of English clauses, and sentences of each language, are in ``phrases.txt``.

A synthesiser has few voices and little variation; a speech encoder trained on nothing else misses much of what real
people say. So recordings can be used instead: the mouth follows the phonemes that a recogniser detects. The recogniser
(PocketSphinx, BSD licence; English; its models are part of the wheel) confuses words, but mostly with words that sound,
and look, similar.

This is the only file that uses PocketSphinx, an optional extra.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from seehear.avatars.voice import TimedLabel, Utterance
from seehear.clip import SAMPLE_RATE, SAMPLES_PER_FRAME
from seehear.data.datasets import find_sources
from seehear.errors import SeehearError
from seehear.media.sound import SILENCE_PEAK, read_sound

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
"""eSpeak's names of languages and accents, with their sampling weights."""


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
    """Sample a text of one or more sentences that takes about ``seconds``, or slightly more, to say."""
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


def _choose(rng: np.random.Generator, choices: list[str] | tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _command(rng: np.random.Generator, language: str) -> str:
    return " ".join(_choose(rng, slot) for slot in _COMMAND) + "."


def _digits(rng: np.random.Generator, language: str) -> str:
    """Digits, which eSpeak reads in the language of the voice."""
    return ", ".join(str(digit) for digit in rng.integers(0, 10, int(rng.integers(3, 7)))) + "."


def _number(rng: np.random.Generator, language: str) -> str:
    return f"{int(10 ** rng.uniform(1, 5))}."


def _clause(rng: np.random.Generator, language: str) -> str:
    return " ".join(_choose(rng, _phrases()[part]) for part in ("subjects", "verbs", "objects", "tails")) + "."


def _sentence(rng: np.random.Generator, language: str) -> str:
    return _choose(rng, _sentences(language))


def _mixed(rng: np.random.Generator, language: str) -> str:
    """Words of the language in random order, for more combinations of sounds than sentences have."""
    if language.startswith("en"):
        phrases = [phrase for part in ("subjects", "verbs", "objects", "tails") for phrase in _phrases()[part]]
    else:
        phrases = _sentences(language)
    words = sorted({word.strip(".?!,;¿¡।，。？") for phrase in phrases for word in phrase.split()} - {""})
    return " ".join(_choose(rng, words) for _ in range(int(rng.integers(3, 7)))) + "."


def _nonsense(rng: np.random.Generator, language: str) -> str:
    """Made-up words rich in sounds that are visible on the lips."""
    words = []
    for _ in range(int(rng.integers(3, 6))):
        syllables = int(rng.integers(1, 4))
        words.append(
            "".join(_choose(rng, _ONSETS) + _choose(rng, _NUCLEI) for _ in range(syllables)) + _choose(rng, _CODAS)
        )
    return " ".join(words) + "."


_ENGLISH_KINDS = (
    _command, _command, _clause, _clause, _clause, _sentence, _sentence, _digits, _number, _mixed, _nonsense,
)  # fmt: skip


_OTHER_KINDS = (_sentence, _sentence, _sentence, _digits, _number, _mixed)


MARGIN_S = 0.6
"""Audio before and after a clip that the recogniser also gets, so that words at its ends are complete."""


MIN_SPEECH, PAUSE_DB = 0.6, -35.0
"""Minimum fraction of an excerpt above this level, relative to the maximum of the recording; else others are tried."""


TRIES = 8


LOUDNESS_NEIGHBOURS = 5
"""Number of consecutive recordings to try if no English speech is detected."""


FRAME_S = 0.01


HALF_WINDOW_S = 0.0128
"""PocketSphinx analyses 25.6 ms every 10 ms; its times are the starts of these windows."""


IPA = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "B": "b", "CH": "tʃ", "D": "d", "DH": "ð",
    "EH": "ɛ", "ER": "ɝ", "EY": "eɪ", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "dʒ", "K": "k",
    "L": "l", "M": "m", "N": "n", "NG": "ŋ", "OW": "oʊ", "OY": "ɔɪ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ",
    "T": "t", "TH": "θ", "UH": "ʊ", "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
"""IPA of the recogniser's phonemes (those of the CMU dictionary); all others are pauses or noise."""


def require_pocketsphinx() -> None:
    """Raise SeehearError with installation instructions if PocketSphinx is not installed."""
    if importlib.util.find_spec("pocketsphinx") is None:
        raise SeehearError(
            "Phonemes of recordings are found by PocketSphinx, which is not installed: pip install 'seehear[avatars]'."
        )


def find_recordings(folder: Path, seconds: float) -> list[Path]:
    """Find the recordings of a folder of at least ``seconds`` plus margins, in natural order of their names.

    Raises:
        SeehearError: PocketSphinx is not installed, or there is no such recording.
    """
    require_pocketsphinx()
    paths = [source.path for source in find_sources([folder], "folder", prefer="sound") if not source.problem]
    long_enough = [path for path in paths if read_sound(path).duration_s >= seconds + 2 * MARGIN_S]
    if not long_enough:
        raise SeehearError(
            f"none of the {len(paths)} recordings in {folder} lasts {seconds + 2 * MARGIN_S:g} s; give longer ones, or "
            "ask for shorter clips"
        )
    return long_enough


def recorded_speech(path: Path, rng: np.random.Generator, seconds: float) -> tuple[Utterance, float]:
    """Sample an excerpt of a recording and detect its phonemes.

    Args:
        path: a recording of one English voice.
        rng: random source of the excerpt.
        seconds: length of the clip.

    Returns:
        The excerpt with its margins, and the start of the clip on its clock (s). Without English speech it has no
        phonemes, and the mouth stays closed.

    Raises:
        MediaError: the recording cannot be read.
    """
    sound = read_sound(path)
    loudest = _level(sound.between(0.0, sound.duration_s)).max(initial=0.0)
    best, maximum = np.zeros(0, np.float32), -1.0
    for _ in range(TRIES):
        start_s = float(rng.uniform(0, sound.duration_s - seconds - 2 * MARGIN_S))
        samples = sound.between(start_s, start_s + seconds + 2 * MARGIN_S)
        loud = float(np.mean(_level(samples) > loudest * 10 ** (PAUSE_DB / 20)))
        if loud > maximum:
            best, maximum = samples, loud
        if maximum >= MIN_SPEECH:
            break
    return align(best), MARGIN_S


def someone_speaking(
    recordings: Sequence[Path], first: int, rng: np.random.Generator, seconds: float
) -> tuple[Path, Utterance, float]:
    """Use recording ``first``, or the next one with English speech; see `recorded_speech`.

    Raises:
        MediaError: a recording cannot be read.
        SeehearError: no speech is detected in any of `LOUDNESS_NEIGHBOURS` recordings.
    """
    for number in range(first, first + LOUDNESS_NEIGHBOURS):
        path = recordings[number % len(recordings)]
        utterance, start_s = recorded_speech(path, rng, seconds)
        if any(mark.text for mark in utterance.phonemes):
            return path, utterance, start_s
    raise SeehearError(f"no English speech was found in {path}, nor in those before it; leave them out")


def align(samples: np.ndarray[Any, np.dtype[np.float32]]) -> Utterance:
    """Detect words and phonemes of English speech, with their times. The result depends only on the samples.

    Args:
        samples: float32 (N,) in [-1, 1], 16 kHz.
    """
    if np.abs(samples).max(initial=0.0) < SILENCE_PEAK:
        return Utterance(samples, (), ())
    decoder = _decoder()
    pcm = np.rint(samples.clip(-1, 1) * 32767).astype("<i2").tobytes()
    try:
        decoder.activate_search("_default")
        _decode(decoder, pcm)
        hypothesis = decoder.hyp()
        if hypothesis is None or not hypothesis.hypstr.strip():
            return Utterance(samples, (), ())
        decoder.set_align_text(hypothesis.hypstr)  # words, then the phonemes within them
        _decode(decoder, pcm)
        if decoder.hyp() is None:
            return Utterance(samples, (), ())
        decoder.set_alignment()
        _decode(decoder, pcm)
    except RuntimeError:  # the detected words cannot be aligned: the beams are too narrow
        _decoder.cache_clear()
        return Utterance(samples, (), ())
    words: list[TimedLabel] = []
    phonemes: list[TimedLabel] = []
    for word in decoder.get_alignment():  # not as a list: each item is only valid until the next
        if not word.name.startswith(("<", "[", "+")):
            words.append(_timed_label(word.name.partition("(")[0], word))
        phonemes += [_timed_label(IPA.get(phoneme.name, ""), phoneme) for phoneme in word]
    return Utterance(samples, tuple(words), tuple(phonemes))


def _level(samples: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Root mean square of every 40 ms."""
    count = len(samples) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
    return np.asarray(np.sqrt(np.square(samples[:count]).reshape(-1, SAMPLES_PER_FRAME).mean(1)))


def _decode(decoder: Any, pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)  # normalise levels over these samples only
    decoder.end_utt()


def _timed_label(text: str, segment: Any) -> TimedLabel:
    start_s = segment.start * FRAME_S + HALF_WINDOW_S - FRAME_S / 2
    return TimedLabel(text, start_s, start_s + segment.duration * FRAME_S)


@cache
def _decoder() -> Any:
    """The process's recogniser, with narrow beams: confusions with similar words are harmless."""
    from pocketsphinx import Decoder

    return Decoder(samprate=SAMPLE_RATE, bestpath=False, fwdflat=False, maxhmmpf=4000, maxwpf=10, loglevel="FATAL")


def recording_ids(recordings: Sequence[Path]) -> Iterator[tuple[str, int]]:
    """Identify recordings by name and size."""
    return ((path.name, path.stat().st_size) for path in recordings)
