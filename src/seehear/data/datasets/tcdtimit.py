"""TCD-TIMIT: 62 people read sentences of TIMIT (Harte & Gillen, IEEE Trans. Multimedia 17(5), 2015).

Layout: ``volunteers/01M/Clips/straightcam/sa1.mp4`` (or ``30degcam``), ``lipspeakers/Lipspkr1/...``: 59 volunteers
and 3 lipspeakers. The sentence is in ``sa1.txt`` next to the clip; phonemes or words are in HTK master label files
(``.mlf``) in folders above it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from seehear.data.datasets import SEXES, Dataset, Source, Span, find_by_name, spoken_words
from seehear.errors import CorpusError, read_text_checked

_HEADER = "#!MLF!#"


_UNITS_PER_SECOND = 10_000_000  # times are in 100 ns


def read_mlf(path: Path) -> dict[str, list[Span]]:
    """Return the labels by their name in a master label file, such as ``*/01M/sa1.lab``; missing times are 0.

    Raises:
        CorpusError: unreadable, or not such a file
    """
    try:
        return parse_mlf(read_text_checked(path))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path} is not a master label file of HTK ({error}); restore or remove it") from error


def parse_mlf(text: str) -> dict[str, list[Span]]:
    """Parse ``#!MLF!#``, then for each recording ``"name"``, lines ``[start end] label [score]`` and a full stop.

    Raises:
        ValueError: another header, a line of another form, or a label outside of a recording
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != _HEADER:
        raise ValueError(f"it does not begin with {_HEADER}")
    recordings: dict[str, list[Span]] = {}
    current: list[Span] | None = None
    for number, line in enumerate(lines[1:], 2):
        stripped = line.strip()
        if stripped == ".":
            current = None
        elif len(stripped) > 1 and stripped[0] == stripped[-1] == '"':
            current = recordings.setdefault(stripped[1:-1].replace("\\", "/"), [])
        elif stripped:
            if current is None:
                raise ValueError(f"line {number} belongs to no recording")
            current.append(_label(stripped, number))
    return recordings


def _label(line: str, number: int) -> Span:
    parts = line.split()
    if len(parts) == 1:
        return Span(parts[0], 0.0, 0.0)
    try:
        start, end, text = parts[:3]
        return Span(text, _seconds(start), _seconds(end))
    except ValueError:
        raise ValueError(f"line {number} is not 'start end label'") from None


def _seconds(time: str) -> float:
    """Convert a time; whole numbers are in 100 ns, as written by HTK, others in seconds."""
    return int(time) / _UNITS_PER_SECOND if time.isdecimal() else float(time)


_EXAMPLE = "01M/Clips/straightcam/sa1"


_CAMERAS = {"straightcam": "straight", "30degcam": "30 degrees"}


_TEST = "08F 09F 15F 18M 25M 28M 33F 34M 36F 41M 44F 45F 49F 54M 55F 56M 58F"


TEST_SPEAKERS = frozenset(_TEST.split())
"""Test speakers of the speaker-independent split."""


_IN_NO_PART = frozenset({"27M", "35M", "53M"})  # volunteers with other accents


_PHONES = """aa ae ah ao aw ax ax-h axr ay b bcl ch cl d dcl dh dx eh el em en eng epi er ey f g gcl h# hh hv ih ix iy
jh k kcl l m n ng nx ow oy p pau pcl q r s sh sil sp t tcl th uh uw ux v vcl w y z zh"""


_PHONEMES = frozenset(_PHONES.split())


_SILENCES = frozenset({"sil", "sp", "pau", "h#", "epi"})


_SPEAKER = re.compile(r"(\d\d)([MF])|(Lipspkr\d)", re.IGNORECASE)


_STEM = re.compile(r"s[aix]\d+", re.IGNORECASE)


_SAMPLES = re.compile(r"\d+\s+\d+\s+")  # sentences of TIMIT begin with the number of the first and the last sample


_Labels = dict[tuple[str, str], list[Span]]


def find_tcdtimit(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the clips of TCD-TIMIT in files and folders.

    Raises:
        CorpusError: see `find_by_name`
    """
    read_spans = cache(_read_spans)

    def read(path: Path, name: str) -> Source | None:
        speaker = speaker_of(path)
        if speaker is None or not _STEM.fullmatch(path.stem):
            return None
        file_labels = _labels(path, speaker)
        spans: dict[str, list[Span]] = {}
        remarks = []
        for folder in path.absolute().parents[:6]:
            try:
                spans = {kind: known[speaker, path.stem.lower()] for kind, known in read_spans(folder).items()} | spans
            except KeyError:
                continue
            except CorpusError as error:
                remarks.append(str(error))
        if "text" not in file_labels and "words" in spans:
            file_labels["text"] = spoken_words(" ".join(span.text for span in spans["words"]))
        timed = {kind: every for kind, every in spans.items() if any(span.end_s for span in every)}
        recording = f"{speaker}/{path.stem}".lower()
        camera = file_labels.get("camera", "")
        return Source(path, name, file_labels, timed, remark="; ".join(remarks), recording=recording, camera=camera)

    return find_by_name(sources, labels, read, TCDTIMIT.title, _EXAMPLE)


def speaker_of(path: Path | PurePosixPath) -> str | None:
    """Return the speaker, such as ``01M`` or ``Lipspkr1``, from the nearest folder above with such a name."""
    for folder in path.parents:
        if match := _SPEAKER.fullmatch(folder.name):
            return match[0].capitalize() if match[3] else match[0].upper()
    return None


def _labels(path: Path, speaker: str) -> dict[str, str]:
    """Return the labels in the path and in the sentence file."""
    volunteer = not speaker.startswith("Lipspkr")
    labels = {"speaker": speaker, "sex": SEXES[speaker[-1].lower()] if volunteer else "female"}
    if camera := _CAMERAS.get(path.parent.name):
        labels["camera"] = camera
    if volunteer and speaker not in _IN_NO_PART:
        labels["part"] = "test" if speaker in TEST_SPEAKERS else "train"
    if text := read_sentence(path.with_suffix(".txt")):
        labels["text"] = text
    return labels


def read_sentence(path: Path) -> str:
    """Return the words of a sentence file; empty if there is none."""
    try:
        return spoken_words(_SAMPLES.sub("", read_text_checked(path, errors="replace").strip(), count=1))
    except OSError:
        return ""


def _read_spans(folder: Path) -> dict[str, _Labels]:
    """Return ``phonemes`` and ``words`` by speaker and sentence, from the label files in a folder, without silences.

    Raises:
        CorpusError: a label file is broken
    """
    spans_by_kind: dict[str, _Labels] = {}
    for file in sorted(folder.glob("*.mlf")):
        recordings = read_mlf(file)
        phonemes = all(span.text.lower() in _PHONEMES for spans in recordings.values() for span in spans)
        by_sentence = spans_by_kind.setdefault("phonemes" if phonemes else "words", {})
        for name, spans in recordings.items():
            place = PurePosixPath(name)
            if speaker := speaker_of(place):
                by_sentence[speaker, place.stem.lower()] = [
                    span for span in spans if span.text.lower() not in _SILENCES
                ]
    return spans_by_kind


TCDTIMIT = Dataset(
    name="tcdtimit",
    title="TCD-TIMIT",
    find=find_tcdtimit,
    example=f"volunteers/{_EXAMPLE}.mp4",
    labels=("speaker", "sex", "camera", "part", "text"),
    ask_at="https://sigmedia.tcd.ie",
    cite="Harte & Gillen, TCD-TIMIT: an audio-visual corpus of continuous speech, IEEE Trans. Multimedia 17(5), 2015",
)
