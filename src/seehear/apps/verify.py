"""verify: is it one voice."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seehear.apps.embeddings import VoiceEmbedding, voice_embedding
from seehear.errors import SeehearError, os_errors_as_user_errors, read_text_checked
from seehear.media.audio_streams import AudioStreamChoice
from seehear.metrics.calibration import ScoreCalibration
from seehear.models.interface import SEGMENT_S, IdentityModel
from seehear.parallel import FileResult, try_file

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


@dataclass(frozen=True)
class VoiceComparison:
    """What became of a pair.

    Attributes:
        pair: the recordings.
        score: how alike the voices are; of most models the cosine, -1 to 1. None where there is an error.
        calibration: how scores are read; None where there is none.
        speech_s: seconds of speech that were heard in each.
        error: the sentence that says why not.
        cautions: why the threshold and the probability may not hold for these two.
    """

    pair: RecordingPair
    score: float | None = None
    calibration: ScoreCalibration | None = None
    speech_s: tuple[float, float] | None = None
    error: str | None = None
    cautions: tuple[str, ...] = ()

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

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints; a pair that could not be compared has the same keys, and ``error``."""
        known, probability = self.calibration, self.probability
        threshold = known.threshold if known else None
        entry: dict[str, Any] = {
            "one": str(self.pair.one),
            "other": str(self.pair.other),
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


def compare_voices(
    pairs: Iterable[RecordingPair],
    model: IdentityModel,
    calibration: ScoreCalibration | None,
    audio_stream: AudioStreamChoice | None = None,
) -> Iterator[VoiceComparison]:
    """Compare pairs one by one; each recording is heard once. One that cannot be is recorded, the rest go on.

    Args:
        pairs: of recordings.
        model: whose voices are compared.
        calibration: how its scores are read; recordings are heard in segments as long as those it was fitted to.
        audio_stream: which sound of each recording; without it see `seehear.media.sound.read_sound`.
    """
    seconds = calibration.seconds if calibration else SEGMENT_S
    wanted = list(pairs)
    hear = partial(voice_embedding, model=model, seconds=seconds, audio_stream=audio_stream)
    heard: dict[Path, FileResult[VoiceEmbedding]] = {}
    for pair in wanted:
        for path in (pair.one, pair.other):
            if path not in heard:
                heard[path] = try_file(path, hear, among_others=len(wanted) > 1)
        one, other = heard[pair.one], heard[pair.other]
        if one.value is None or other.value is None:
            yield VoiceComparison(pair, calibration=calibration, error=one.error or other.error)
            continue
        voices = torch.from_numpy(one.value.embedding)[None], torch.from_numpy(other.value.embedding)[None]
        score = float(model.similarity(*voices))
        speech_s = one.value.speech_s, other.value.speech_s
        mixed = (f"{voice.path.name}: {said}" for voice in (one.value, other.value) for said in voice.cautions)
        cautions = (*mixed, *(_cautions(calibration, one.value, other.value) if calibration else ()))
        yield VoiceComparison(pair, score, calibration, speech_s, cautions=cautions)


def _cautions(known: ScoreCalibration, *voices: VoiceEmbedding) -> Iterator[str]:
    for voice in voices:
        if voice.narrow:
            seems = "such voices seem more alike than they are"
            yield f"{voice.path.name} holds nothing above 4 kHz, like a telephone: {seems}"
        if voice.speech_s < known.seconds:
            less = f"less than the {known.seconds:g} s that was measured with"
            yield f"{voice.path.name} has {voice.speech_s:.1f} s of speech, {less}"


DEFAULT_MODEL = "match-small"


VOICE_VERDICT_STYLES = {"same-speaker": "green", "different-speakers": "red", "cannot-tell": "yellow"}


def verify(
    recordings: list[Path],
    *,
    list: Path | None = None,
    model: str = DEFAULT_MODEL,
    calibration: Path | None = None,
    audio_stream: str | None = None,
    json: bool = False,
) -> int:
    """Is it the same voice in two recordings.

    The score is how alike the mean embeddings of what is spoken in each recording are: the cosine, from -1 to 1. Where
    the model brings a calibration, or one is given, there is also a probability, and a verdict: the more probable
    answer. Each recording should hold one voice. The exit code is 0 when every pair was compared, 2 when one could not
    be.

    Args:
        recordings: Two recordings, or videos with sound; with --list, the one folder that its names are in.
        list: Compare many pairs: a file of lines "A B", or "1 A B" and "0 A B" as VoxCeleb has them, 1 for one speaker.
        model: Name or folder of a match model, or hf:owner/name on the Hugging Face hub.
        calibration: File that "seehear evaluate speaker --calibration" wrote; by default what the model brings.
        audio_stream: Which stream of sound of every recording, from 1, and perhaps which channel: 2 or 2:left; by
            default what a player would choose, or the first that is not silent.
        json: Print one JSON object per pair and line instead.
    """
    pairs = _pairs(recordings, list)
    from seehear.media.audio_streams import AudioStreamChoice
    from seehear.models.store import load_identity_model

    wanted = AudioStreamChoice.parse(audio_stream)
    loaded = load_identity_model(model)
    known = _calibration(model, calibration)
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    done = []
    for compared in compare_voices(pairs, loaded, known, wanted):
        done.append(compared)
        if json:
            print(json_format.dumps(compared.to_json(), ensure_ascii=False), flush=True)  # noqa: T201
        elif list:
            _show_line(out, compared)
    failed = [compared for compared in done if compared.error]
    if not json and list:
        out.print(_summary(done), style="dim", soft_wrap=True)
    elif not json and not failed:
        _show(out, done[0])
    for sentence in dict.fromkeys(str(compared.error) for compared in failed) if json or not list else ():
        err.print(f"seehear: {sentence}", markup=False, soft_wrap=True)
    return 2 if failed else 0


def _pairs(recordings: Sequence[Path], listed: Path | None) -> Sequence[RecordingPair]:
    """What is to be compared.

    Raises:
        SeehearError: neither two recordings nor a list and its folder.
    """

    if listed:
        if len(recordings) != 1 or not recordings[0].is_dir():
            raise SeehearError("--list wants the one folder that its names are in: seehear verify FOLDER --list FILE")
        return read_pairs(listed, recordings[0])
    if len(recordings) != 2:
        raise SeehearError(f"verify compares two recordings, not {len(recordings)}; give two, or many pairs by --list")
    return [RecordingPair(recordings[0], recordings[1])]


def _calibration(model: str, given: Path | None) -> ScoreCalibration | None:
    """How scores are read: as given, else as the model's folder says, else not at all."""
    from seehear.metrics.calibration import CALIBRATION_FILE, ScoreCalibration
    from seehear.models.store import find_model

    if given:
        return ScoreCalibration.read(given)
    folder = find_model(model)
    return ScoreCalibration.read(folder) if (folder / CALIBRATION_FILE).is_file() else None


def _show(out: Console, compared: VoiceComparison) -> None:
    """Everything about one pair, with scales in words."""
    known = compared.calibration
    assert compared.score is not None
    assert compared.speech_s is not None
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    paths = compared.pair.one, compared.pair.other
    for name, path, seconds in zip(("one", "other"), paths, compared.speech_s, strict=True):
        table.add_row(name, Text(f"{path} ({seconds:.1f} s of speech)"))
    verdict = Text(compared.verdict.words, style=VOICE_VERDICT_STYLES[compared.verdict.value])
    table.add_row("verdict", verdict if known else verdict + ": the model brings no calibration; see --calibration")
    table.add_row("score", f"{compared.score:+.3f} (how alike the voices are; of one recording with itself it is 1)")
    if known:
        prior = f"if {100 * known.prior:.0f} % of all pairs are of one speaker"
        table.add_row("probability", f"{compared.probability:.3f} that it is one speaker, {prior}")
        if known.threshold is not None:
            table.add_row("threshold", f"{known.threshold:+.3f}: above it one speaker is more probable than two")
        measured = f", measured on {known.data}" * bool(known.data)
        table.add_row("errors", Text(f"{100 * known.eer:.1f} % of either kind at {known.eer_threshold:+.3f}{measured}"))
    for caution in compared.cautions:
        table.add_row("caution", Text(caution, style="yellow"))
    out.print(table)


def _show_line(out: Console, compared: VoiceComparison) -> None:
    """One pair of many on one line: verdict, score, probability, files."""
    names = f"{compared.pair.one}  {compared.pair.other}"
    if compared.error:
        line = Text.assemble((f"{'failed':<20}", "bold red"), compared.error)
    else:
        probability = "" if compared.probability is None else f"{compared.probability:.3f}"
        verdict = (f"{compared.verdict.words:<20}", VOICE_VERDICT_STYLES[compared.verdict.value])
        line = Text.assemble(
            verdict, f"{compared.score:>+7.3f}{probability:>8}  {names}", "  (caution)" * bool(compared.cautions)
        )
    out.print(line, soft_wrap=True)


def _summary(done: Sequence[VoiceComparison]) -> str:
    """How many pairs there were, and, where the list says who is who, how many verdicts were wrong."""
    scored = [compared for compared in done if compared.error is None]
    said = f"{len(scored)} of {len(done)} pairs compared."
    told = [one for one in scored if one.pair.target is not None and one.calibration]
    if told:
        wrong = sum((one.verdict.value == "same-speaker") != one.pair.target for one in told)
        said += f" The list says who is who: {wrong} of {len(told)} verdicts are wrong."
    return said
