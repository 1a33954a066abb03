"""The verb ``seehear verify``: is it the same voice in two recordings."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seehear.errors import SeehearError

if TYPE_CHECKING:
    from seehear.score_calibration import ScoreCalibration
    from seehear.tools.pair_list import Pair
    from seehear.tools.same_voice import Compared

DEFAULT_MODEL = "match-small"
COLOURS = {"same-speaker": "green", "different-speakers": "red", "cannot-tell": "yellow"}


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
    from seehear.media.sound_part import Wanted
    from seehear.tools.same_voice import compare
    from seehear.training.run import load_identity

    wanted = Wanted.parse(audio_stream)
    loaded = load_identity(model)
    known = _calibration(model, calibration)
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    done = []
    for compared in compare(pairs, loaded, known, wanted):
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


def _pairs(recordings: Sequence[Path], listed: Path | None) -> Sequence[Pair]:
    """What is to be compared.

    Raises:
        SeehearError: neither two recordings nor a list and its folder.
    """
    from seehear.tools.pair_list import Pair, read_pairs

    if listed:
        if len(recordings) != 1 or not recordings[0].is_dir():
            raise SeehearError("--list wants the one folder that its names are in: seehear verify FOLDER --list FILE")
        return read_pairs(listed, recordings[0])
    if len(recordings) != 2:
        raise SeehearError(f"verify compares two recordings, not {len(recordings)}; give two, or many pairs by --list")
    return [Pair(recordings[0], recordings[1])]


def _calibration(model: str, given: Path | None) -> ScoreCalibration | None:
    """How scores are read: as given, else as the model's folder says, else not at all."""
    from seehear.score_calibration import FILE, ScoreCalibration
    from seehear.training.run import find

    if given:
        return ScoreCalibration.read(given)
    folder = find(model)
    return ScoreCalibration.read(folder) if (folder / FILE).is_file() else None


def _show(out: Console, compared: Compared) -> None:
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
    verdict = Text(compared.verdict.words, style=COLOURS[compared.verdict.value])
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


def _show_line(out: Console, compared: Compared) -> None:
    """One pair of many on one line: verdict, score, probability, files."""
    names = f"{compared.pair.one}  {compared.pair.other}"
    if compared.error:
        line = Text.assemble((f"{'failed':<20}", "bold red"), compared.error)
    else:
        probability = "" if compared.probability is None else f"{compared.probability:.3f}"
        verdict = (f"{compared.verdict.words:<20}", COLOURS[compared.verdict.value])
        line = Text.assemble(
            verdict, f"{compared.score:>+7.3f}{probability:>8}  {names}", "  (caution)" * bool(compared.cautions)
        )
    out.print(line, soft_wrap=True)


def _summary(done: Sequence[Compared]) -> str:
    """How many pairs there were, and, where the list says who is who, how many verdicts were wrong."""
    scored = [compared for compared in done if compared.error is None]
    said = f"{len(scored)} of {len(done)} pairs compared."
    told = [one for one in scored if one.pair.target is not None and one.calibration]
    if told:
        wrong = sum((one.verdict.value == "same-speaker") != one.pair.target for one in told)
        said += f" The list says who is who: {wrong} of {len(told)} verdicts are wrong."
    return said
