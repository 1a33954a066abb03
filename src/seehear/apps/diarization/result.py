"""The result of `diarize`: people and their turns, as a table, JSON or RTTM.

RTTM has a line for each turn, which scoring tools of diarization read (NIST 2009).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from seehear.apps.diarization.active_speaker import ActiveSpeakers
from seehear.apps.embeddings import HOW_TO_GET
from seehear.apps.sync.verdict import format_delay
from seehear.clip import FPS
from seehear.media.weights import SFACE, find_weights
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

TURNS_SHOWN = 60


@dataclass(frozen=True)
class SpeechTurn:
    """A segment of one person's speech.

    Attributes:
        person: number, from 0
        tracks: numbers of the face tracks of the person
        start_s, end_s: on the file's clock, seconds
        probability: mean probability over its frames that this person speaks
    """

    person: int
    tracks: tuple[int, ...]
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True, repr=False)
class Diarization(Result):
    """Who speaks when in a video.

    Attributes:
        analysis: the face tracks, and how probably each speaks in each frame
        persons: number of the person of each track
        names: name of each person; ``person 1``, ``person 2``, ... where none is known
        turns: in order of their start
        face_model: name of the model that distinguished people by face; None if they were distinguished by position
        error: why the file could not be used, one sentence; None if it could
        code: the error's stable code
    """

    SHOWN = ("path", "names", "delay_ms")

    analysis: ActiveSpeakers
    persons: list[int]
    names: list[str]
    turns: list[SpeechTurn]
    face_model: str | None = None
    error: str | None = None
    code: str | None = None

    @classmethod
    def failed(cls, path: Path, error: str, code: str | None = None) -> Self:
        """The result of a file that could not be used."""
        return cls(ActiveSpeakers(path, 0.0, 0.0), [], [], [], error=error, code=code)

    @property
    def path(self) -> Path:
        """Of the video."""
        return self.analysis.path

    @property
    def delay_ms(self) -> float:
        """The delay of the audio that was assumed, in ms; positive: late."""
        return self.analysis.delay_ms

    @property
    def identified_by(self) -> str:
        """How people were distinguished, in words."""
        return f"by face ({self.face_model})" if self.face_model else "by place within a shot"

    def to_rttm(self) -> list[str]:
        """The turns as lines of RTTM."""
        name = self.analysis.path.stem
        return [rttm_line(name, turn.start_s, turn.end_s, self.names[turn.person]) for turn in self.turns]

    def to_dict(self, *, frames: bool = False) -> dict[str, Any]:
        """Plain values; with ``frames`` also whether each face speaks in each frame, and how probably."""
        analysis = self.analysis
        if self.error:
            return {"file": str(analysis.path), "error": self.error}
        return {
            "file": str(analysis.path),
            "duration_s": round(analysis.duration_s, 3),
            "delay_ms": analysis.delay_ms,
            "reason": analysis.reason,
            "sound": None if analysis.sound is None else analysis.sound.to_json(),
            "cautions": list(analysis.cautions),
            "detector": analysis.detector,
            "told_apart": "face" if self.face_model else "place",
            "face_model": self.face_model,
            "people": [self._person(number) for number in range(len(self.names))],
            "turns": [
                {
                    "person": self.names[turn.person],
                    "tracks": list(turn.tracks),
                    "start_s": round(turn.start_s, 3),
                    "end_s": round(turn.end_s, 3),
                    "probability": round(turn.probability, 4),
                }
                for turn in self.turns
            ],
            "tracks": [self._track(number, frames) for number in range(len(analysis.tracks))],
            "unseen_s": round(float((analysis.unseen >= 0.5).sum()) / FPS, 2),
        }

    def _person(self, number: int) -> dict[str, Any]:
        own = [turn for turn in self.turns if turn.person == number]
        tracks = [
            track.track for track, person in zip(self.analysis.tracks, self.persons, strict=True) if person == number
        ]
        seconds = sum(turn.end_s - turn.start_s for turn in own)
        return {"person": self.names[number], "tracks": tracks, "turns": len(own), "speaking_s": round(seconds, 2)}

    def _track(self, number: int, frames: bool) -> dict[str, Any]:
        track, speaks = self.analysis.tracks[number], self.analysis.speaks[number]
        entry: dict[str, Any] = {
            "track": track.track,
            "person": self.names[self.persons[number]],
            "start_s": round(track.start / FPS, 3),
            "end_s": round(track.stop / FPS, 3),
            "box": [round(float(edge), 1) for edge in track.boxes.mean(0)],
            "speaking_s": round(float(speaks.sum()) / FPS, 2),
        }
        if frames:
            entry["speaking"] = [bool(now) for now in speaks]
            entry["probability"] = [round(float(p), 3) for p in self.analysis.probabilities[number]]
        return entry

    def to_row(self) -> dict[str, Any]:
        """One line of a CSV table."""
        if self.error:
            return {"file": str(self.path), "people": 0, "turns": 0, "speaking_s": 0.0, "error": self.error}
        seconds = sum(turn.end_s - turn.start_s for turn in self.turns)
        counts = {"people": len(self.names), "turns": len(self.turns), "speaking_s": round(seconds, 2)}
        return {"file": str(self.path), **counts, "error": None}

    def line(self) -> Text:
        """The people and how long each speaks, on one line."""
        from rich.text import Text

        if self.error:
            return Text.assemble((f"{'failed':<12}", "bold red"), self.error)
        if self.analysis.reason:
            return Text(f"{'nobody':<12}{self.analysis.path} ({self.analysis.reason})")
        people = ", ".join(f"{who['person']} {who['speaking_s']:.1f} s" for who in self.to_dict()["people"])
        count = f"{len(self.turns)} turn{'s' * (len(self.turns) != 1)}"
        return Text(f"{count:<12}{self.analysis.path}: {people}")

    def __rich__(self) -> RenderableType:
        """The people, and every turn with its times."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        analysis = self.analysis
        if self.error:
            return self.line()
        if analysis.reason:
            return Text(f"{analysis.path}: nobody speaks: {analysis.reason}")
        people = Table(box=None, padding=(0, 2), pad_edge=False)
        for title in ("who", "speaks", "turns", "track numbers"):
            people.add_column(title, justify="left" if title in ("who", "track numbers") else "right")
        for person in self.to_dict()["people"]:
            tracks = ", ".join(map(str, person["tracks"]))
            people.add_row(Text(person["person"]), f"{person['speaking_s']:.1f} s", str(person["turns"]), tracks)
        turns = Table(box=None, padding=(0, 2), pad_edge=False)
        for title in ("from", "to", "who", "probability"):
            turns.add_column(title, justify="left" if title == "who" else "right")
        for turn in self.turns[:TURNS_SHOWN]:
            name = Text(self.names[turn.person])
            turns.add_row(_clock(turn.start_s), _clock(turn.end_s), name, f"{turn.probability:.2f}")
        notes = [f"and {len(self.turns) - TURNS_SHOWN} more (--json and --rttm have them all)"]
        advice = "" if self.face_model or find_weights(SFACE) else f"; to distinguish them by face, {HOW_TO_GET}"
        return Group(
            people,
            "",
            turns,
            *(notes if len(self.turns) > TURNS_SHOWN else ()),
            Text(f"{_aside(self)}Pauses of up to 0.3 s belong to a turn.", style="dim"),
            Text(f"People are distinguished {self.identified_by}{advice}.", style="dim"),
        )

    def write_video(self, path: str | os.PathLike[str]) -> None:
        """Write an MP4 of the video with a frame around every face, green while it speaks, its name and a bar.

        Raises:
            MediaError: it cannot be written, or would replace the video itself.
        """
        from seehear.apps.diarization.annotate import write_annotated_video

        write_annotated_video(self, Path(path))


def _aside(result: Diarization) -> str:
    """Notes below the tables."""
    analysis, text = result.analysis, ""
    if analysis.sound and (analysis.sound.of > 1 or analysis.sound.channel):
        text += f"Audio: {analysis.sound}. "
    text += "".join(f"Caution: {caution}. " for caution in analysis.cautions)
    unseen_s = float((analysis.unseen >= 0.5).sum()) / FPS
    if unseen_s >= 0.5:
        text += f"For {unseen_s:.1f} s somebody outside of the frame speaks. "
    if analysis.delay_ms:
        text += f"The sound is about {format_delay(analysis.delay_ms)}, which is allowed for. "
    return text


def _clock(seconds: float) -> str:
    """Minutes, seconds and hundredths."""
    minutes, rest = divmod(round(seconds, 2), 60)
    return f"{int(minutes)}:{rest:05.2f}"


def rttm_line(video: str, start_s: float, stop_s: float, name: str) -> str:
    """One turn: ``SPEAKER video 1 start duration <NA> <NA> name <NA> <NA>``; blanks in names become ``_``."""
    return f"SPEAKER {_word(video)} 1 {start_s:.3f} {stop_s - start_s:.3f} <NA> <NA> {_word(name)} <NA> <NA>"


def _word(text: str) -> str:
    return re.sub(r"\s+", "_", text.strip()) or "_"
