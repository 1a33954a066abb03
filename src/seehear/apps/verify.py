"""`verify`: are two recordings of one voice?

What computes is imported when the functions are called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.clip import SAMPLE_RATE
from seehear.errors import SeehearError, os_errors_as_user_errors, read_text_checked
from seehear.results import Result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import RenderableType
    from rich.text import Text

    from seehear.metrics.calibration import ScoreCalibration
    from seehear.models.interface import IdentityModel

ANSWERS = {"1": True, "0": False}


@dataclass(frozen=True)
class RecordingPair:
    """Two recordings that are compared.

    Attributes:
        one, other: files.
        target: whether they are of one speaker, where a list says so.
    """

    one: Path
    other: Path
    target: bool | None = None


def read_pairs(file: Path, folder: Path) -> list[RecordingPair]:
    """The pairs of a list: lines ``one other``, or ``1 one other`` and ``0 one other`` as VoxCeleb publishes them.

    Args:
        file: the list. Fields stand apart by any blanks, empty lines are passed over.
        folder: which the names are in.

    Raises:
        SeehearError: it cannot be read, has a line of another form, or no line.
    """
    with os_errors_as_user_errors(file):
        text = read_text_checked(file, errors="replace").removeprefix("\ufeff")
    pairs = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        target = ANSWERS.get(fields[0]) if len(fields) == 3 else None
        if fields and (len(fields) not in (2, 3) or (len(fields) == 3 and target is None)):
            raise SeehearError(
                f"line {number} of {file} is not 'one.wav other.wav', nor '1 one.wav other.wav' (or 0): "
                f"{line.strip()[:80]!r}"
            )
        if fields:
            pairs.append(RecordingPair(folder / fields[-2], folder / fields[-1], target))
    if not pairs:
        raise SeehearError(f"{file} has no pair of recordings in it; write a pair a line")
    return pairs


class VoiceVerdict(StrEnum):
    """The answers; the values are those of the JSON output."""

    SAME = "same-speaker"
    DIFFERENT = "different-speakers"
    CANNOT_TELL = "cannot-tell"

    @property
    def words(self) -> str:
        """For people: without the hyphen."""
        return self.value.replace("-", " ")


@dataclass(frozen=True, repr=False)
class VoiceComparison(Result):
    """Two recordings, and whether they are of one voice.

    Attributes:
        pair: the recordings.
        score: similarity of the two voices; of most models the cosine, -1 to 1. None where there is an error.
        calibration: what turns scores into probabilities; None where there is none.
        speech_s: seconds of speech in each recording.
        cautions: why the threshold and the probability may not hold for these two, a sentence each.
        error: why they could not be compared, one sentence; None where they were.
        code: the error's stable code.
    """

    SHOWN = ("one", "other", "verdict", "score", "probability")

    pair: RecordingPair
    score: float | None = None
    calibration: ScoreCalibration | None = None
    speech_s: tuple[float, float] | None = None
    cautions: tuple[str, ...] = ()
    error: str | None = None
    code: str | None = None

    @property
    def one(self) -> str:
        """The first recording."""
        return str(self.pair.one)

    @property
    def other(self) -> str:
        """The second recording."""
        return str(self.pair.other)

    @property
    def probability(self) -> float | None:
        """That it is one speaker, 0 to 1."""
        return None if self.score is None or not self.calibration else self.calibration.probability(self.score)

    @property
    def verdict(self) -> VoiceVerdict:
        """The more probable of the two."""
        if self.probability is None:
            return VoiceVerdict.CANNOT_TELL
        return VoiceVerdict.SAME if self.probability >= 0.5 else VoiceVerdict.DIFFERENT

    def to_dict(self) -> dict[str, Any]:
        """Plain values; a pair that could not be compared has the same keys, and ``error``."""
        known, probability = self.calibration, self.probability
        threshold = known.threshold if known else None
        entry: dict[str, Any] = {
            "one": self.one,
            "other": self.other,
            "verdict": self.verdict.value,
            "score": None if self.score is None else round(self.score, 4),
            "probability": None if probability is None else round(probability, 4),
            "threshold": None if threshold is None else round(threshold, 4),
            "eer": None if not known else round(known.eer, 4),
            "eer_threshold": None if not known else round(known.eer_threshold, 4),
            "measured_on": None if not known else known.data,
            "cautions": list(self.cautions),
            "speech_s": None if self.speech_s is None else [round(seconds, 2) for seconds in self.speech_s],
        }
        if self.pair.target is not None:
            entry["target"] = self.pair.target
        return entry | ({"error": self.error} if self.error else {})

    def line(self) -> Text:
        """Verdict, score, probability and files on one line."""
        from rich.text import Text

        if self.error:
            return Text.assemble((f"{'failed':<20}", "bold red"), self.error)
        probability = "" if self.probability is None else f"{self.probability:.3f}"
        verdict = (f"{self.verdict.words:<20}", VOICE_VERDICT_STYLES[self.verdict.value])
        names = f"{self.one}  {self.other}"
        return Text.assemble(
            verdict, f"{self.score:>+7.3f}{probability:>8}  {names}", "  (caution)" * bool(self.cautions)
        )

    def __rich__(self) -> RenderableType:
        """Everything about the pair, with scales in words."""
        from rich.table import Table
        from rich.text import Text

        known = self.calibration
        if self.score is None or self.speech_s is None:
            return self.line()
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for name, path, seconds in zip(("one", "other"), (self.one, self.other), self.speech_s, strict=True):
            table.add_row(name, Text(f"{path} ({seconds:.1f} s of speech)"))
        verdict = Text(self.verdict.words, style=VOICE_VERDICT_STYLES[self.verdict.value])
        table.add_row("verdict", verdict if known else verdict + ": the model brings no calibration; see --calibration")
        table.add_row("score", f"{self.score:+.3f} (how alike the voices are; of one recording with itself it is 1)")
        if known:
            prior = f"if {100 * known.prior:.0f} % of all pairs are of one speaker"
            table.add_row("probability", f"{self.probability:.3f} that it is one speaker, {prior}")
            if known.threshold is not None:
                table.add_row("threshold", f"{known.threshold:+.3f}: above it one speaker is more probable than two")
            measured = f", measured on {known.data}" * bool(known.data)
            errors = f"{100 * known.eer:.1f} % of either kind at {known.eer_threshold:+.3f}{measured}"
            table.add_row("errors", Text(errors))
        for caution in self.cautions:
            table.add_row("caution", Text(caution, style="yellow"))
        return table


DEFAULT_MODEL = "match-small"


VOICE_VERDICT_STYLES = {"same-speaker": "green", "different-speakers": "red", "cannot-tell": "yellow"}


def verify(
    one: str | os.PathLike[str] | NDArray[np.floating] | NDArray[np.integer],
    other: str | os.PathLike[str] | NDArray[np.floating] | NDArray[np.integer],
    *,
    model: str | Path | IdentityModel = DEFAULT_MODEL,
    calibration: Path | ScoreCalibration | None = None,
    audio_stream: str | None = None,
    sample_rate: int = SAMPLE_RATE,
) -> VoiceComparison:
    """Compare the voices of two recordings: are they of one speaker?

    The score is the similarity of the mean embeddings of the speech in each recording: the cosine, -1 to 1. Where the
    model has a calibration, or one is given, there is also a probability, and a verdict: the more probable answer. Each
    recording should hold one voice.

    Args:
        one: a recording, or a video with sound; or samples, (N,) or (N, channels).
        other: the second recording.
        model: name or folder of a match model, hf:owner/name on the Hugging Face hub, or a loaded model.
        calibration: file that "seehear evaluate speaker --write-calibration" wrote; by default the model's own.
        audio_stream: which stream of every file, from 1, and perhaps which channel: 2 or 2:left; by default the one
            that a player would choose, or the first that is not silent.
        sample_rate: of samples in memory, Hz.

    Raises:
        SeehearError: a file cannot be read or has no speech.
        ModelError: there is no such model, or it has not learned voices.
    """
    from seehear.apps.compare_voices import compare_two
    from seehear.media.audio_streams import AudioStreamChoice

    return compare_two((one, other), model, calibration, AudioStreamChoice.parse(audio_stream), sample_rate)


def verify_pairs(
    pairs: str | os.PathLike[str] | Iterable[tuple[str | os.PathLike[str], str | os.PathLike[str]]],
    folder: str | os.PathLike[str] = ".",
    *,
    model: str | Path | IdentityModel = DEFAULT_MODEL,
    calibration: Path | ScoreCalibration | None = None,
    audio_stream: str | None = None,
) -> Iterator[VoiceComparison]:
    """Compare many pairs of recordings; each recording is read once. One that cannot be read is recorded as an error.

    Args:
        pairs: file of lines "A B", or "1 A B" and "0 A B" as VoxCeleb publishes them, 1 for one speaker; or pairs.
        folder: that the names of the list are in.
        model: see `verify`.
        calibration: see `verify`.
        audio_stream: see `verify`.

    Returns:
        An iterator over the comparisons, in the order of the pairs.

    Raises:
        SeehearError: the list cannot be read.
        ModelError: there is no such model, or it has not learned voices.
    """
    from seehear.apps.compare_voices import compare_voices, find_calibration
    from seehear.media.audio_streams import AudioStreamChoice
    from seehear.models.store import load_identity_model

    root = Path(folder)
    if isinstance(pairs, (str, os.PathLike)):
        if not root.is_dir():
            raise SeehearError(f"{root} is no folder; name the one that the recordings of {pairs} are in")
        listed = read_pairs(Path(pairs), root)
    else:
        listed = [RecordingPair(root / one, root / other) for one, other in pairs]
    loaded = load_identity_model(model)
    return compare_voices(listed, loaded, find_calibration(model, calibration), AudioStreamChoice.parse(audio_stream))


def summarize(comparisons: Sequence[VoiceComparison]) -> str:
    """How many pairs were compared and, where the list says who is who, how many verdicts are wrong."""
    scored = [comparison for comparison in comparisons if comparison.error is None]
    text = f"{len(scored)} of {len(comparisons)} pairs compared."
    known = [comparison for comparison in scored if comparison.pair.target is not None and comparison.calibration]
    if known:
        wrong = sum((comparison.verdict is VoiceVerdict.SAME) != comparison.pair.target for comparison in known)
        text += f" The list says who is who: {wrong} of {len(known)} verdicts are wrong."
    return text
