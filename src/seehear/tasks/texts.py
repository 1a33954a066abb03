"""What was said, in writing: made alike before it is compared, and how far apart two texts are."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from seehear.tasks.recordings import Recording


def plain(text: str) -> str:
    """Lower case, letters, digits and apostrophes only, single spaces between words."""
    kept = ("'" if c in "'’" else c if unicodedata.category(c)[0] in "LMN" else " " for c in text.lower())
    return " ".join("".join(kept).split())


def text_of(recording: Recording) -> str:
    """Its label ``text``, or the words whose times are known, made `plain`; empty where there is neither."""
    if text := recording.labels.get("text"):
        return plain(text)
    return plain(" ".join(span.text for span in recording.spans.get("words", ())))


@lru_cache(maxsize=100_000)
def word_errors(truth: str, said: str) -> tuple[int, int]:
    """Substitutions, deletions and insertions of words, and words in truth."""
    import jiwer

    measured = jiwer.process_words(truth, said)
    return measured.substitutions + measured.deletions + measured.insertions, len(truth.split())


@lru_cache(maxsize=100_000)
def character_errors(truth: str, said: str) -> tuple[int, int]:
    """Substitutions, deletions and insertions of characters, spaces included, and characters in truth."""
    import jiwer

    measured = jiwer.process_characters(truth, said)
    return measured.substitutions + measured.deletions + measured.insertions, len(truth)
