"""tcdtimit, and HTK master label files.

TCD-TIMIT: 62 people read sentences of TIMIT (Harte & Gillen, IEEE Trans. Multimedia 17(5), 2015).

Layout: ``volunteers/01M/Clips/straightcam/sa1.mp4`` (or ``30degcam``), ``lipspeakers/Lipspkr1/...``: 59 volunteers
and 3 lipspeakers. The sentence is in ``sa1.txt`` beside the clip; phonemes, or words, in an HTK label file (``.mlf``)
in any folder above it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from seehear.data.datasets import SEXES, Source, Span, find_by_name, spoken_words, unrecognised_name
from seehear.errors import CorpusError, read_text_checked

HEADER = "#!MLF!#"


UNITS_PER_SECOND = 10_000_000  # times are in 100 ns


def read_mlf(path: Path) -> dict[str, list[Span]]:
    """Labels by the name under which the file has them, such as ``*/01M/sa1.lab``; times 0 where there are none.

    Raises:
        CorpusError: unreadable, or not such a file.
    """
    try:
        return parse_mlf(read_text_checked(path))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path} is not a master label file of HTK ({error}); restore or remove it") from error


def parse_mlf(text: str) -> dict[str, list[Span]]:
    """Parses ``#!MLF!#``, then for each recording ``"name"``, lines ``[start end] label [score]`` and a full stop.

    Raises:
        ValueError: another header, a line of another shape, or a label that belongs to no recording.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != HEADER:
        raise ValueError(f"it does not begin with {HEADER}")
    found: dict[str, list[Span]] = {}
    current: list[Span] | None = None
    for number, line in enumerate(lines[1:], 2):
        stripped = line.strip()
        if stripped == ".":
            current = None
        elif len(stripped) > 1 and stripped[0] == stripped[-1] == '"':
            current = found.setdefault(stripped[1:-1].replace("\\", "/"), [])
        elif stripped:
            if current is None:
                raise ValueError(f"line {number} belongs to no recording")
            current.append(_label(stripped, number))
    return found


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
    """Whole numbers are in 100 ns, as HTK writes them; others in seconds."""
    return int(time) / UNITS_PER_SECOND if time.isdecimal() else float(time)


EXAMPLE = "01M/Clips/straightcam/sa1"


CAMERAS = {"straightcam": "straight", "30degcam": "30 degrees"}


_TEST = "08F 09F 15F 18M 25M 28M 33F 34M 36F 41M 44F 45F 49F 54M 55F 56M 58F"


TEST_SPEAKERS = frozenset(_TEST.split())
"""The 17 volunteers of the speaker-independent test part."""


OUTSIDE_THE_PARTS = frozenset({"27M", "35M", "53M"})  # volunteers with other accents, in neither part


_PHONEMES = """aa ae ah ao aw ax ax-h axr ay b bcl ch cl d dcl dh dx eh el em en eng epi er ey f g gcl h# hh hv ih ix iy
jh k kcl l m n ng nx ow oy p pau pcl q r s sh sil sp t tcl th uh uw ux v vcl w y z zh"""


PHONEMES = frozenset(_PHONEMES.split())


SILENCES = frozenset({"sil", "sp", "pau", "h#", "epi"})


_SPEAKER = re.compile(r"(\d\d)([MF])|(Lipspkr\d)", re.IGNORECASE)


_STEM = re.compile(r"s[aix]\d+", re.IGNORECASE)


_SAMPLES = re.compile(r"\d+\s+\d+\s+")  # TIMIT begins its sentences with their first and last sample


Labels = dict[tuple[str, str], list[Span]]


def find_tcdtimit(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Every TCD-TIMIT clip in files and folders, with speaker, sex, camera, part and, where found, its sentence.

    Raises:
        CorpusError: as `find_by_name`.
    """
    spans_in = cache(_spans_in)

    def read(path: Path, name: str) -> Source:
        speaker = speaker_of(path)
        if speaker is None or not _STEM.fullmatch(path.stem):
            return unrecognised_name(path, name, "TCD-TIMIT", EXAMPLE)
        found = _labels(path, speaker)
        spans: dict[str, list[Span]] = {}
        remarks = []
        for folder in path.absolute().parents[:6]:
            try:
                spans = {kind: known[speaker, path.stem.lower()] for kind, known in spans_in(folder).items()} | spans
            except KeyError:
                continue
            except CorpusError as error:
                remarks.append(str(error))
        if "text" not in found and "words" in spans:
            found["text"] = spoken_words(" ".join(span.text for span in spans["words"]))
        timed = {kind: every for kind, every in spans.items() if any(span.end_s for span in every)}
        recording = f"{speaker}/{path.stem}".lower()
        camera = found.get("camera", "")
        return Source(path, name, found, timed, remark="; ".join(remarks), recording=recording, camera=camera)

    return find_by_name(sources, labels, read, "TCD-TIMIT")


def speaker_of(path: Path | PurePosixPath) -> str | None:
    """The speaker, such as ``01M`` or ``Lipspkr1``, from the nearest folder above that is called so."""
    for folder in path.parents:
        if match := _SPEAKER.fullmatch(folder.name):
            return match[0].capitalize() if match[3] else match[0].upper()
    return None


def _labels(path: Path, speaker: str) -> dict[str, str]:
    """What path and sentence file say."""
    volunteer = not speaker.startswith("Lipspkr")
    labels = {"speaker": speaker, "sex": SEXES[speaker[-1].lower()] if volunteer else "female"}
    if camera := CAMERAS.get(path.parent.name):
        labels["camera"] = camera
    if volunteer and speaker not in OUTSIDE_THE_PARTS:
        labels["part"] = "test" if speaker in TEST_SPEAKERS else "train"
    if text := read_sentence(path.with_suffix(".txt")):
        labels["text"] = text
    return labels


def read_sentence(path: Path) -> str:
    """The words of a sentence file; empty where there is none."""
    try:
        return spoken_words(_SAMPLES.sub("", read_text_checked(path, errors="replace").strip(), count=1))
    except OSError:
        return ""


def _spans_in(folder: Path) -> dict[str, Labels]:
    """``phonemes`` and ``words`` by speaker and sentence, from the label files in a folder, silences left out.

    Raises:
        CorpusError: one of them is broken.
    """
    found: dict[str, Labels] = {}
    for file in sorted(folder.glob("*.mlf")):
        recordings = read_mlf(file)
        phonemes = all(span.text.lower() in PHONEMES for spans in recordings.values() for span in spans)
        known = found.setdefault("phonemes" if phonemes else "words", {})
        for name, spans in recordings.items():
            where = PurePosixPath(name)
            if speaker := speaker_of(where):
                known[speaker, where.stem.lower()] = [span for span in spans if span.text.lower() not in SILENCES]
    return found
