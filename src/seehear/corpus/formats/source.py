"""A source: one media file of a data set with what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Span(NamedTuple):
    """A word, a phoneme or anything else with a beginning and an end in seconds."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Source:
    """One media file.

    Attributes:
        path: where it is.
        name: its name in the corpus: relative to the folder it was found in, with forward slashes; unique.
        labels: what is known of the whole file, as text: speaker, text, emotion, ...; `seehear.corpus.formats.labels`
            has the names and words that all data sets share.
        spans: what is known of parts of it, in seconds on the file's clock: words, phonemes, ...
        problem: why it is left out, if it is: a sentence for the report.
        remark: what else the report is to say of it, if it gives clips.
        recording: name of the recording, where a data set has it in several files (the video, and its sound as wav
            and mp3): they share it, and `find_sources` gives one of them. Empty where the file stands alone.
        camera: which one filmed it, where several did at once: each film is worth seeing, but they sound the same.
        delay_s: by how much its sound is late (s; negative: early). Its clips are cut with that undone.
    """

    path: Path
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    spans: dict[str, list[Span]] = field(default_factory=dict)
    problem: str = ""
    remark: str = ""
    recording: str = ""
    camera: str = ""
    delay_s: float = 0.0


def spans_within(spans: dict[str, list[Span]], start_s: float, seconds: float) -> dict[str, list[Span]]:
    """The spans that touch [start_s, start_s + seconds), with times counted from start_s (so they may be negative)."""
    return {
        kind: [
            Span(s.text, round(s.start_s - start_s, 4), round(s.end_s - start_s, 4))
            for s in every
            if s.end_s > start_s and s.start_s < start_s + seconds
        ]
        for kind, every in spans.items()
    }
