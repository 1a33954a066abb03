"""The verb ``seehear match``: which face goes with a voice, and which voice with a face."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from seehear.tools.candidates import Ranking

DEFAULT_MODEL = "match-small"


def match(
    one: Path,
    candidates: list[Path],
    *,
    model: str = DEFAULT_MODEL,
    drawn: bool = False,
    json: bool = False,
    detector: Path | None = None,
) -> int:
    """Which face goes with a voice, or which voice with a face.

    The first file decides: a recording is a voice, and faces are ranked for it; a picture is a face, and voices are
    ranked for it. A video is what the others need it to be. The probabilities take for granted that exactly one of the
    candidates is right; by chance each has 1/N. What is learned is mostly sex and age: two people who share them are
    hard to tell.

    match-small has learned from drawn people only and is no better than guessing on real ones: there the verdict is
    "cannot tell", and there are no probabilities. Train a model on films of real people (seehear pretrain CORPUS RUN
    --preset match-small) and give it with --model. The exit code is 0 when all files could be used (also when the
    verdict is "cannot tell"), 2 when a candidate could not.

    Args:
        one: A recording of a voice, or a picture or video of a face.
        candidates: Pictures or videos of one face each, or recordings of one voice each.
        model: Name or folder of a match model, or hf:owner/name on the Hugging Face hub.
        drawn: The people are drawn, such as those of "seehear avatars".
        json: Print one JSON object instead.
        detector: YuNet's .onnx file; by default the cached one, or fetched.

    Raises:
        SeehearError: the first file cannot be used, or no candidate can.
    """
    from seehear.tools.candidates import rank
    from seehear.training.run import load_identity

    ranking = rank(one, candidates, load_identity(model), detector, drawn=drawn)
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    if json:
        print(json_format.dumps(ranking.to_json(), ensure_ascii=False), flush=True)  # noqa: T201
    elif ranking.ranked:
        _show(out, ranking)
    for failed in ranking.failed:
        err.print(f"seehear: {failed.error}", markup=False, soft_wrap=True)
    return 2 if ranking.failed else 0


def _show(out: Console, ranking: Ranking) -> None:
    """The candidates, the best first."""
    asked = "face" if ranking.asked == "voice" else "voice"
    out.print(Text(f"Which {asked} goes with the {ranking.asked} in {ranking.one}?"), soft_wrap=True)
    if ranking.cannot_tell:
        out.print(Text(f"cannot tell: {ranking.cannot_tell}", style="yellow"), soft_wrap=True)
    titles = ["", "score", asked] if ranking.cannot_tell else ["", "probability", "score", asked]
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for title in titles:
        table.add_column(title, justify="left" if title == asked else "right")
    for place, candidate in enumerate(ranking.ranked, 1):
        likely = [] if candidate.probability is None else [f"{candidate.probability:.3f}"]
        table.add_row(f"{place}.", *likely, f"{candidate.score:+.3f}", Text(str(candidate.path), overflow="fold"))
    out.print(table)
    count = len(ranking.ranked)
    if ranking.cannot_tell:
        out.print(
            "The order is that of the scores and means nothing for real people. --drawn is for drawn ones.", style="dim"
        )
        return
    chance = f"by chance 1/{count} = {1 / count:.3f} each" if count > 1 else "there is no other to choose"
    out.print(f"Probability if exactly one of them is right; {chance}.", style="dim", soft_wrap=True)
