"""IEMOCAP: five sessions of two actors each, improvised and scripted (Busso et al., Lang. Res. & Eval. 42(4), 2008).

Layout: ``Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav``, one file for each turn, its last letter the
sex of the speaker; emotion, valence, activation and dominance in ``Session1/dialog/EmoEvaluation/Ses01F_impro01.txt``;
words in ``Session1/dialog/transcriptions``. Videos of whole dialogues show both actors and have no labels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from seehear.data.datasets import SEXES, Dataset, Source, find_by_name, spoken_words
from seehear.errors import read_text_checked

_EXAMPLE = "Ses01F_impro01_F000"


_EVALUATIONS = Path("dialog", "EmoEvaluation")


_TRANSCRIPTIONS = Path("dialog", "transcriptions")


EMOTIONS = {
    "ang": "angry",
    "dis": "disgust",
    "exc": "excitement",
    "fea": "fear",
    "fru": "frustration",
    "hap": "happy",
    "neu": "neutral",
    "oth": "other",
    "sad": "sad",
    "sur": "surprise",
}


FOUR = {"ang": "angry", "exc": "happy", "hap": "happy", "neu": "neutral", "sad": "sad"}
"""The usual four classes (label ``emotion4``), in which excitement counts as happy."""


_NAME = re.compile(r"(Ses0([1-5])[FM]_(impro|script)\w*)_([FM])(\d{3})")


_NUMBER = r"(\d+(?:\.\d+)?)"


_TURN = re.compile(
    rf"\[{_NUMBER} - {_NUMBER}\]\s+(Ses\w+)\s+([a-z]{{3}})\s+\[{_NUMBER}, {_NUMBER}, {_NUMBER}\]", re.ASCII
)


_TRANSCRIPT_LINE = re.compile(r"(Ses\w+) \[[\d.]+-[\d.]+\]:\s*(.*)", re.ASCII)


_NOISES = re.compile(r"\[[^\]]*\]")  # [LAUGHTER]


@dataclass(frozen=True)
class IemocapDialogue:
    """Labels of the turns of a dialogue.

    Attributes:
        labels: name of each turn -> emotion, emotion4, valence, arousal, dominance, text, if known
        missing: files that do not exist
    """

    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def find_iemocap(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the turns of IEMOCAP in files and folders; whole dialogues have a problem.

    Raises:
        CorpusError: see `find_by_name`
    """
    dialogue_of = cache(read_dialogue)

    def read(path: Path, name: str) -> Source:
        turn = parse_name(path.stem)
        if turn is None:
            return Source(path, name, problem=f"it is not one turn of IEMOCAP, such as {_EXAMPLE}, but something else")
        dialogue = dialogue_of(_session_folder(path), path.stem.rpartition("_")[0])
        remark = f"{' and '.join(dialogue.missing)} not found: labels are missing" if dialogue.missing else ""
        return Source(path, name, turn | dialogue.labels.get(path.stem, {}), remark=remark, recording=path.stem)

    return find_by_name(sources, labels, read, IEMOCAP.title, _EXAMPLE)


def parse_name(stem: str) -> dict[str, str] | None:
    """Return the labels in a file name such as ``Ses01F_impro01_F000``; None if it is not the name of a turn."""
    match = _NAME.fullmatch(stem)
    if not match:
        return None
    _, session, kind, sex, _ = match.groups()
    return {
        "speaker": f"{session}{sex}",
        "session": session,
        "sex": SEXES[sex.lower()],
        "setting": "improvised" if kind == "impro" else "scripted",
    }


def read_dialogue(session: Path, dialogue: str) -> IemocapDialogue:
    """Read ``dialog/EmoEvaluation`` and ``dialog/transcriptions`` of a dialogue."""
    labels: dict[str, dict[str, str]] = {}
    missing = []
    for folder, parse in ((_EVALUATIONS, parse_evaluation), (_TRANSCRIPTIONS, parse_transcription)):
        file = session / folder / f"{dialogue}.txt"
        try:
            text = read_text_checked(file, errors="replace")
        except OSError:
            missing.append(str(folder / file.name))
            continue
        for turn, more in parse(text).items():
            labels.setdefault(turn, {}).update(more)
    return IemocapDialogue(labels, tuple(missing))


def parse_evaluation(text: str) -> dict[str, dict[str, str]]:
    """Return emotion and dimensions (1 to 5) of each turn, from lines ``[6.29 - 8.23] TURN neu [2.5, 2.5, 2.5]``.

    A turn without a majority among its raters (``xxx``) has no emotion.
    """
    turns = {}
    for match in _TURN.finditer(text):
        _, _, turn, code, *numbers = match.groups()
        labels = {name: f"{float(n):g}" for name, n in zip(("valence", "arousal", "dominance"), numbers, strict=True)}
        if code in EMOTIONS:
            labels["emotion"] = EMOTIONS[code]
        if code in FOUR:
            labels["emotion4"] = FOUR[code]
        turns[turn] = labels
    return turns


def parse_transcription(text: str) -> dict[str, dict[str, str]]:
    """Return the words of each turn, from lines ``TURN [006.29-008.23]: Excuse me.``, without noises in brackets."""
    turns = {}
    for line in text.splitlines():
        if (match := _TRANSCRIPT_LINE.fullmatch(line.strip())) and (words := spoken_words(_NOISES.sub(" ", match[2]))):
            turns[match[1]] = {"text": words}
    return turns


def _session_folder(path: Path) -> Path:
    """Return the nearest folder above with evaluations, or the one where the layout has them."""
    above = path.absolute().parents
    return next((folder for folder in above if (folder / _EVALUATIONS).is_dir()), above[min(3, len(above) - 1)])


IEMOCAP = Dataset(
    name="iemocap",
    title="IEMOCAP",
    find=find_iemocap,
    example=f"Session1/sentences/wav/Ses01F_impro01/{_EXAMPLE}.wav",
    labels=(
        "speaker",
        "session",
        "sex",
        "setting",
        "emotion",
        "emotion4",
        "valence",
        "arousal",
        "dominance",
        "text",
    ),
    ask_at="https://sail.usc.edu/iemocap/",
    cite="Busso et al., IEMOCAP: interactive emotional dyadic motion capture database, Lang. Res. & Eval. 42(4), 2008",
)
